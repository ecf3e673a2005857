//! docker: the credential helper for ECR, and the resolver of the containers.

mod login;
mod logins;
mod obstacles;

use crate::node::{Granted, Node};
use crate::render::dns;
use crate::role::AgentMode;
use crate::state::{
    Action, Contents, DOCKER, File, Keys, Notify, ROOT, Verb, Wanted, nothing_besides,
};
pub use obstacles::{Obstacles, obstacles};
use serde_json::{Map, Value};

/// The file from which docker and Nomad's docker driver read credentials.
pub const CONFIG: &str = "/etc/docker/config.json";

/// The key there that maps hosts to their helpers.
pub const HELPERS: &str = "credHelpers";

/// The helper for each of our hosts: docker puts `docker-credential-` in front of it.
pub const HELPER: &str = "ecr-login";

/// What Nomad makes of something in docker's `config.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    /// Whether Nomad rejects the whole file because of it.
    is_fatal: bool,
    /// The sentence.
    words: String,
}

/// The registries that the helper is for: that of this account first, then those of the settings.
pub fn registries(node: &Node) -> Vec<String> {
    let own = node.instance.region.ecr_registry(&node.instance.account);
    let further = node.settings.ecr.registries.iter().map(|registry| registry.as_str().to_owned());
    std::iter::once(own).chain(further).collect()
}

/// The wanted state of docker: it runs on clients, if the image has it.
pub(super) fn wanted(node: &Node) -> Wanted {
    match node.duty.role().nomad() {
        Some(AgentMode::Client) => Wanted::RunningIfInstalled,
        _ => Wanted::AsItIs,
    }
}

/// `credHelpers` for the registry of this account and those of the settings. The helper is used for these hosts only.
///
/// Never `credsStore` or the driver's `auth.helper`: both use the helper for every image, and pulls from registries other than
/// ECR fail (hashicorp/nomad 4832, awslabs/amazon-ecr-credential-helper README). Nomad reads the file at each pull. It would
/// use a login for one of these hosts before the helper ([`logins`]).
pub fn credential_helpers(node: &Node, _: &Granted) -> Vec<File> {
    let helpers: Map<String, Value> =
        registries(node).into_iter().map(|host| (host, Value::from(HELPER))).collect();
    vec![File {
        path: CONFIG.to_owned(),
        contents: Contents::Keys(Keys {
            ours: Map::from_iter([(HELPERS.to_owned(), Value::Object(helpers))]),
            amend: logins::take_out,
        }),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::nobody(),
    }]
}

/// Containers cannot reach a resolver on the host's loopback, so docker gets the address on the link `cos0`
/// (hashicorp/nomad 12894).
pub fn resolver(node: &Node, _: &Granted) -> Vec<File> {
    if !dns::by_resolved(node) {
        return Vec::new();
    }
    let address = Value::from(node.settings.dns.address.address().to_string());
    vec![File {
        path: "/etc/docker/daemon.json".to_owned(),
        contents: Contents::Keys(Keys {
            ours: Map::from_iter([("dns".to_owned(), Value::from(vec![address]))]),
            amend: nothing_besides,
        }),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::of([Action::unit(Verb::TryRestart, DOCKER)]),
    }]
}

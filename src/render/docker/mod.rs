//! docker: who may pull from ECR, and where containers find a resolver.

mod login;
mod logins;

use crate::node::{Granted, Node};
use crate::render::dns;
use crate::role::AgentMode;
use crate::state::{
    Action, Contents, DOCKER, File, Keys, Notify, ROOT, Verb, Wanted, nothing_besides,
};
use serde_json::{Map, Value};

/// What docker and Nomad's docker driver read for credentials.
pub const CONFIG: &str = "/etc/docker/config.json";

/// The key of the hosts and their helpers there.
pub const HELPERS: &str = "credHelpers";

/// What docker should be doing: tasks run in it on clients, where the image has it.
pub(super) fn wanted(node: &Node) -> Wanted {
    match node.duty.role().nomad() {
        Some(AgentMode::Client) => Wanted::RunningIfInstalled,
        _ => Wanted::AsItIs,
    }
}

/// `credHelpers` for this account's registry and those of the settings: the helper is asked for these hosts alone.
///
/// Never `credsStore`, nor the driver's `auth.helper`: both send every image to the helper, which fails for all but
/// ECR, and so do the pulls (hashicorp/nomad 4832, awslabs/amazon-ecr-credential-helper README). Nomad reads the file
/// at each pull. A login for one of these hosts would be taken before the helper ([`logins`]).
pub fn credential_helpers(node: &Node, _: &Granted) -> Vec<File> {
    let own = node.instance.region.ecr_registry(&node.instance.account);
    let further = node.settings.ecr.registries.iter().map(|registry| registry.as_str().to_owned());
    let helpers: Map<String, Value> =
        std::iter::once(own).chain(further).map(|host| (host, Value::from("ecr-login"))).collect();
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

/// Containers cannot reach a resolver on the host's loopback, so docker is told of the one on the link `cos0`
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

//! `/etc/profile.d/cos.sh`: the environment variables for `consul` and `nomad` in a shell on the node.

use super::ca_trust;
use crate::node::{Granted, Node};
use crate::state::{Contents, Daemon, File, Notify, ROOT};
use std::collections::BTreeMap;

/// Where it is.
pub const PATH: &str = "/etc/profile.d/cos.sh";
const EXPORT: &str = "export ";

/// The variables that are set here, and no others: somebody may have edited the file.
const NAMES: [&str; 4] = ["CONSUL_CACERT", "CONSUL_HTTP_ADDR", "NOMAD_ADDR", "NOMAD_CACERT"];

/// The variables of a shell that reads this file.
pub fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(EXPORT)?.split_once('='));
    let known = lines.filter(|(name, _)| NAMES.contains(name));
    known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The file. Every value in it is a constant, so nothing needs quotes.
pub fn files(node: &Node, _: &Granted) -> Vec<File> {
    let bundle =
        node.host.trust_store.filter(|_| !node.authorities.is_empty()).map(ca_trust::bundle);
    let mut text = String::new();
    for daemon in node.duty.role().daemons() {
        let (address, ca) = match daemon {
            Daemon::Consul => ("CONSUL_HTTP_ADDR", "CONSUL_CACERT"),
            Daemon::Nomad => ("NOMAD_ADDR", "NOMAD_CACERT"),
        };
        text.push_str(&format!("{EXPORT}{address}=http://127.0.0.1:{}\n", daemon.port()));
        if let Some(bundle) = bundle {
            text.push_str(&format!("{EXPORT}{ca}={bundle}\n"));
        }
    }
    vec![File {
        path: PATH.to_owned(),
        contents: Contents::Text(text),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::nobody(),
    }]
}

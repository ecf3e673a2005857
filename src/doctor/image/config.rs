//! No configuration in the image contradicts every role.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::observe::operator_files;
use crate::plan::node::conflicts;
use crate::state::Daemon;
use crate::system::System;
use crate::system::root::FileError;

topics! {
    REMOVE: "image-config-conflict", "remove the key, or move the file out of the directory; the file of a package is moved by `install`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-config",
        "no configuration in the image contradicts a role",
        Impact::Down,
        Page {
            means: "No file in /etc/consul.d and /etc/nomad.d sets a key that the agent decides, such as `server`, `bootstrap_expect` or `data_dir`.",
            matters: "Both daemons merge all files of their directory. The nomad.hcl of HashiCorp's package, for one, forms a cluster of one server.",
            look: &["cos-agent config check", "ls /etc/consul.d /etc/nomad.d"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/configuration",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let mut refused = Vec::new();
    for daemon in Daemon::ALL {
        for file in operator_files(&system.root, daemon)? {
            let judged = conflicts::judge(&file, None, true).refused;
            refused.extend(judged.map(|conflict| conflict.to_string()));
        }
    }
    if refused.is_empty() {
        return Ok(Finding::Pass(String::new()));
    }
    let found = refused.join("; ");
    Ok(Finding::Fail(Problem::new(found, "no key that the agent decides", REMOVE.plain())))
}

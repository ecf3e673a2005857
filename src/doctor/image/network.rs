//! Nomad finds the CNI plugins.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::facts::image::PLUGINS;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::system::System;
use crate::system::root::FileError;

topics! {
    PLUGINS_MISSING: "image-cni-missing",
        "install the CNI plugins (package containernetworking-plugins), then run `cos-agent install` again";
}

/// Where Nomad looks for them (`cni_path`).
const PLACE: &str = "/opt/cni/bin";

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-network",
        "Nomad finds the CNI plugins",
        Impact::Degraded,
        Page {
            means: "/opt/cni/bin has the plugins that Nomad runs for the network mode `bridge`.",
            matters: "Without them no group with `network { mode = \"bridge\" }` starts on a client, and so nothing of Consul service mesh.",
            look: &["ls /opt/cni/bin/"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/networking/cni",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let mut missing = Vec::new();
    for plugin in PLUGINS {
        if system.root.stat_target(format!("{PLACE}/{plugin}"))?.is_none() {
            missing.push(plugin);
        }
    }
    if missing.is_empty() {
        return Ok(Finding::Pass(format!("{} plugins", PLUGINS.len())));
    }
    let found = format!("{PLACE} lacks {}", missing.join(", "));
    Ok(Finding::Fail(Problem::new(found, "the CNI plugins", PLUGINS_MISSING.plain())))
}

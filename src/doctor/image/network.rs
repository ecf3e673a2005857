//! Nomad finds the CNI plugins.

use super::{Check, TIME, or_unknown};
use crate::exit::hint::topics;
use crate::facts::image::PLUGINS;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
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
    about: About {
        id: "image-network",
        title: "Nomad finds the CNI plugins",
        group: Group::Image,
        roles: Role::ALL,
        needs: &[],
        explains: &[],
        impact: Impact::Degraded,
        timeout: TIME,
        page: Page {
            means: "/opt/cni/bin has the plugins that Nomad runs for the network mode `bridge`.",
            matters: "Without them no group with `network { mode = \"bridge\" }` starts on a client, and so nothing of Consul service mesh.",
            look: &["ls /opt/cni/bin/"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/networking/cni",
        },
    },
    probe: |system| Box::pin(async move { or_unknown(look(system)) }),
    changed: None,
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

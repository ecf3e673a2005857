//! The agent starts at boot, and nothing that it starts itself does.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::render::image::{DISABLED, ENABLED};
use crate::system::System;
use crate::system::root::FileError;
use crate::system::systemd::enabled::enabled;

topics! {
    LINKS: "image-units-enabled",
        "run `cos-agent install` again after the last package was installed: a package enables the units that it brings";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-units",
        "the agent is enabled, and no unit is that it starts itself",
        Impact::Down,
        Page {
            means: "cos-agent.service is enabled. consul.service, nomad.service, docker and containerd are not: `apply` starts them at each boot, where they belong.",
            matters: "Without the agent no node configures itself. A daemon that systemd starts before the agent runs with the configuration of another boot, or without any.",
            look: &["systemctl is-enabled cos-agent consul nomad docker docker.socket containerd"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/systemd.preset.html",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let enabled = enabled(&system.root)?;
    let is_enabled = |unit: &&&str| enabled.contains(**unit);
    let missing = ENABLED.iter().filter(|unit| !is_enabled(unit));
    let missing = missing.map(|unit| format!("{unit} is not enabled"));
    let wrong = DISABLED.iter().filter(is_enabled).map(|unit| format!("{unit} is enabled"));
    let found: Vec<String> = missing.chain(wrong).collect();
    if found.is_empty() {
        return Ok(Finding::Pass(format!(
            "of the units of cos-agent, {} start at boot",
            ENABLED.join(" and ")
        )));
    }
    let expected = "cos-agent.service enabled, and the units that it starts disabled";
    Ok(Finding::Fail(Problem::new(found.join("; "), expected, LINKS.plain())))
}

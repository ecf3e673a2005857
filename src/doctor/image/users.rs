//! The users of the daemons exist.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::system::System;
use crate::system::root::FileError;

topics! {
    USERS: "image-users-missing", "run `cos-agent install` again, or `systemd-sysusers cos-agent.conf`";
}

/// The users.
const NAMES: [&str; 2] = ["consul", "nomad"];

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-users",
        "the users of the daemons exist",
        Impact::Down,
        Page {
            means: "/etc/passwd of the image has the users consul and nomad.",
            matters: "consul.service runs as consul, and nomad.service on servers as nomad; without them neither starts.",
            look: &["getent passwd consul nomad"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/sysusers.d.html",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let text = system.root.read("/etc/passwd")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let exists = |name: &str| text.lines().any(|line| line.split(':').next() == Some(name));
    let missing: Vec<&str> = NAMES.into_iter().filter(|name| !exists(name)).collect();
    if missing.is_empty() {
        return Ok(Finding::Pass(NAMES.join(", ")));
    }
    let found = format!("no user {}", missing.join(" and no user "));
    Ok(Finding::Fail(Problem::new(found, "the users consul and nomad", USERS.plain())))
}

//! The clock is set by the time service of EC2.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::system::System;
use crate::system::root::FileError;
use crate::system::systemd::enabled::enabled;

topics! {
    SOURCE: "image-clock-source", "run `cos-agent install` again, which writes the source";
    DISABLED: "image-clock-disabled", "run `systemctl enable chrony` (on Amazon Linux `chronyd`)";
}

/// The address of the service.
const SERVICE: &str = "169.254.169.123";
/// Where its source may stand.
const PLACES: [&str; 4] =
    ["/etc/chrony/sources.d", "/etc/chrony.d", "/etc/chrony/conf.d", "/etc/chrony"];

/// The check.
pub(super) static CHECK: Check = Check {
    about: about(
        "image-clock",
        "chrony runs, and asks the time service of EC2",
        Impact::Degraded,
        Page {
            means: "A file of chrony names 169.254.169.123, and chrony is enabled.",
            matters: "AWS refuses requests of a node whose clock is minutes off. A subnet without internet reaches no other time service.",
            look: &[
                "grep -rs 169.254.169.123 /etc/chrony /etc/chrony.d",
                "systemctl is-enabled chrony",
            ],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configure-ec2-ntp.html",
        },
    ),
    look,
};

fn look(system: &System) -> Result<Finding, FileError> {
    let root = &system.root;
    let mut has_source = false;
    for place in PLACES {
        for name in root.list(place)? {
            let path = std::path::Path::new(place).join(name);
            if root.stat(&path)?.is_some_and(|stat| stat.kind == crate::state::PathKind::File) {
                let text = root.read(&path)?.unwrap_or_default();
                has_source |= String::from_utf8_lossy(&text).lines().any(names_the_service);
            }
        }
    }
    let enabled = enabled(root)?;
    let runs = ["chrony.service", "chronyd.service"].iter().any(|unit| enabled.contains(*unit));
    let expected = format!("chrony enabled, with the source {SERVICE}");
    Ok(match (has_source, runs) {
        (true, true) => Finding::Pass(SERVICE.to_owned()),
        (false, _) => {
            let found = format!("no file of chrony names {SERVICE}");
            Finding::Fail(Problem::new(found, expected, SOURCE.plain()))
        }
        (true, false) => {
            Finding::Fail(Problem::new("chrony is not enabled", expected, DISABLED.plain()))
        }
    })
}

fn names_the_service(line: &str) -> bool {
    let mut words = line.split_whitespace();
    matches!(words.next(), Some("server" | "pool" | "peer")) && words.next() == Some(SERVICE)
}

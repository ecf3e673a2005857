//! Nothing is in the image that `clean` removes.

use super::{Check, about};
use crate::exit::hint::topics;
use crate::gates::{Finding, Impact, Page, Problem};
use crate::observe::leftovers::leftovers;
use crate::state::leftover::Kind;
use crate::system::System;
use crate::system::root::FileError;

topics! {
    CLEAN: "image-not-clean", "run `cos-agent clean` as the last step before the snapshot; `cos-agent clean --plan` lists every path";
}

/// The check of what is of kind `Identity`.
pub(super) static IDENTITY: Check = Check {
    about: about(
        "image-identity",
        "nothing in the image is of one machine",
        Impact::Down,
        Page {
            means: "The image has no machine id, no data of Consul, Nomad or docker, no state of the agent, and no configuration of a node. /etc/machine-id is there and empty.",
            matters: "Every instance would have the identity of the builder: Consul refuses the second node of an id, and a server with old data may form the cluster of another.",
            look: &["cos-agent clean --plan"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/building-shared-amis.html",
        },
    ),
    look: |system| look(system, Kind::Identity),
};

/// The check of what is of kind `Secret`.
pub(super) static SECRETS: Check = Check {
    about: about(
        "image-secrets",
        "the image has no keys and no credentials",
        Impact::Down,
        Page {
            means: "The image has no SSH host keys, no authorized keys, no credentials and no histories of users, and no core dumps.",
            matters: "Who may start the image could log in to every node, or read the secrets of the builder.",
            look: &["cos-agent clean --plan"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/building-shared-amis.html",
        },
    ),
    look: |system| look(system, Kind::Secret),
};

/// The check of what is of kind `Waste`.
pub(super) static WASTE: Check = Check {
    about: about(
        "image-waste",
        "the image has no logs, caches and temporary files",
        Impact::Risk,
        Page {
            means: "/var/log has no file with contents, and /tmp, /var/tmp and the caches of the package manager are empty.",
            matters: "They cost room and time at each boot, tell of the builder, and hide what a node itself logs.",
            look: &["cos-agent clean --plan"],
            fixes: &[TOPICS, super::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/building-shared-amis.html",
        },
    ),
    look: |system| look(system, Kind::Waste),
};

fn look(system: &System, kind: Kind) -> Result<Finding, FileError> {
    let mut all = leftovers(&system.root)?;
    all.retain(|found| found.leftover.kind == kind);
    if all.is_empty() {
        return Ok(Finding::Pass("clean".to_owned()));
    }
    let names: Vec<&str> = all.iter().map(|found| found.leftover.what).collect();
    let evidence =
        all.iter().map(|found| format!("{} ({})", found.words(), found.leftover.harm)).collect();
    let problem = Problem::new(names.join("; "), "none of these", CLEAN.plain());
    Ok(Finding::Fail(problem.with(evidence)))
}

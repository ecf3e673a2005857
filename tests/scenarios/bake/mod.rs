//! The bake: Packer, with the template and the scripts as they are, makes an image of a plain Debian by SSH, in the network of a
//! lab. It is what every node of a lab boots from.
#![allow(dead_code, reason = "the command needs only a part")]

pub(crate) mod build;
pub(crate) mod machine;

use crate::lab::shell;
use crate::lab::tools::{self, Consul};
use crate::lab::{Lab, cgroup};
use build::{Agent, Build};
use machine::{Machine, address};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an image is made by, besides its parts and its programs.
pub(crate) const INPUTS: [&str; 4] = [
    include_str!("mod.rs"),
    include_str!("build.rs"),
    include_str!("machine.rs"),
    include_str!("machine.sh"),
];

/// What an image is made from, made where it is not there yet: `root/`, `debs/` and `pause.tar`.
pub(crate) fn parts() -> PathBuf {
    let output = shell::run(&[tools::here("bake/parts")], "", Duration::from_mins(15));
    assert!(output.is_ok(), "{}", output.stderr);
    PathBuf::from(output.stdout.trim())
}

/// Makes the image, and puts what differs from a plain Debian into this directory.
pub(crate) fn bake(lab: &Lab, consul: Consul, to: &Path) {
    let build = Build::new(lab, consul);
    let machine = Machine::boot(lab, &build.parts, &build.key);
    let host = format!("rehearsal_host={}", address());
    let output = build.packer(&Agent::under_test(), &[], &[&host]);
    assert!(output.is_ok(), "{}{}", output.stdout, output.stderr);
    machine.switch_off();
    machine.take_disk(to);
    cgroup::kill(build.group());
}

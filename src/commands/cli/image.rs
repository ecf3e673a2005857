//! The commands that make an image: `install` and `clean`.

use super::help::{self, usual};
use crate::exit::ExitCode::{Changes, Config, Denied, Done, File, NotYet, Unavailable};
use clap::Args;
use std::path::PathBuf;

/// `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Use DIR, a mounted root file system, in place of `/`.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Only show what would change.
    #[arg(long)]
    pub plan: bool,
    /// With --plan: exit with 2 if there are changes.
    #[arg(long, requires = "plan")]
    pub detailed_exitcode: bool,
    /// The time of the build for the manifest of the image, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub build_time: Option<String>,
}

/// `clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Use DIR, a mounted root file system, in place of `/`.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Only show what would be removed.
    #[arg(long)]
    pub plan: bool,
    /// Also clean a machine that has been a node. Stop Consul, Nomad and the agent's units first.
    #[arg(long, conflicts_with = "plan")]
    pub force: bool,
}

/// A moment as RFC 3339 has it.
fn moment(text: &str) -> Result<String, String> {
    humantime::parse_rfc3339(text)
        .map(|_| text.to_owned())
        .map_err(|_| "expected a time like 2026-01-31T12:00:00Z".to_owned())
}

impl InstallArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "sudo cos-agent install                   make an image of this machine",
                "sudo cos-agent install --plan            what would change",
                "sudo cos-agent install --root /mnt/image of a mounted root file system",
            ],
            "It needs no network and no metadata, and starts nothing. A second run changes nothing. End the build with \
             `cos-agent clean` and `cos-agent doctor --image`.",
            &[
                usual(Done),
                (Changes, "with --plan --detailed-exitcode: there are changes"),
                usual(Unavailable),
                usual(File),
                usual(NotYet),
                usual(Denied),
                (Config, "a program is missing, or a file contradicts every role"),
            ],
        )
    }
}

impl CleanArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "sudo cos-agent clean                     the last step before the snapshot",
                "sudo cos-agent clean --plan              list every path",
            ],
            "It removes identities, keys, credentials, logs, caches and the data of the daemons. It refuses to work on a node, \
             on a machine that has been one, and on a machine on which `cos-agent install` has not run.",
            &[
                usual(Done),
                usual(Unavailable),
                usual(File),
                usual(Denied),
                (Config, "this machine is a node, or not an image"),
            ],
        )
    }
}

//! `doctor` and `explain`.

use super::help::{self, usual};
use crate::exit::ExitCode::{self, Done, Usage};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Ask only these checks or groups, and what they need.
    #[arg(long, value_name = "ID|GROUP", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Do not ask these checks or groups.
    #[arg(long, value_name = "ID|GROUP", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Exit with 1 if there are warnings.
    #[arg(long)]
    pub strict: bool,
    /// Repeat until nothing has failed, for at most this time.
    #[arg(long, value_name = "TIME", value_parser = super::time)]
    pub wait: Option<Duration>,
    /// Repeat after this pause, and print what has changed, until interrupted.
    #[arg(long, value_name = "TIME", value_parser = super::time, num_args = 0..=1, default_missing_value = "5s", conflicts_with = "wait")]
    pub watch: Option<Duration>,
    /// Show every check with what it found.
    #[arg(long)]
    pub all: bool,
    /// Look as cos-agent-diagnose.service does: print the first card and record it for `status`.
    #[arg(long, hide = true, exclusive = true)]
    pub record: bool,
    /// Write the report, configuration, state and journals of this node to a new archive (tar.gz), without secrets; `-` is
    /// standard output.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["wait", "watch", "strict", "all"])]
    pub bundle: Option<PathBuf>,
    /// Check an image before its snapshot instead of a node.
    #[arg(long, conflicts_with_all = ["wait", "watch", "bundle", "record", "only", "skip"])]
    pub image: bool,
    /// With --image: check DIR, a mounted root file system, in place of `/`.
    #[arg(long, value_name = "DIR", requires = "image")]
    pub root: Option<PathBuf>,
    /// Print the JSON schema of `-o json`.
    #[arg(long, exclusive = true)]
    pub schema: bool,
}

impl DoctorArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "sudo cos-agent doctor                    what is wrong, why, and what to type",
                "sudo cos-agent doctor --only consul,dns-consul",
                "sudo cos-agent doctor --wait 5m          until nothing has failed",
                "sudo cos-agent doctor -o json            for programs (cos.doctor/v1)",
                "sudo cos-agent doctor --bundle b.tar.gz  for support, without secrets",
                "sudo cos-agent doctor --image            whether an image may be snapshotted",
            ],
            "It changes nothing, asks nothing outside the VPC, and ends within 10 s. `cos-agent explain ID` shows the page of a \
             check. A bundle is for support: it takes at most 20 s and 5 MiB, and manifest.json in it lists what is missing.",
            &[
                (Done, "nothing has failed; there may be warnings (--bundle: it is written)"),
                (ExitCode::Warned, "with --strict: there are warnings, and nothing has failed"),
                (ExitCode::Changes, "a check failed"),
                (ExitCode::Incomplete, "nothing has failed, and the result of a check is unknown"),
                usual(Usage),
                (ExitCode::Bug, "--bundle: a secret would be in the bundle, so it was not written"),
                usual(ExitCode::File),
                (ExitCode::NotYet, "--wait: a check still fails at the end of the time"),
                usual(ExitCode::Denied),
            ],
        )
    }
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The id of a check or hint; without one, all of them are listed.
    pub id: Option<String>,
}

impl ExplainArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent explain consul-joined",
                "cos-agent explain                        the list",
            ],
            "",
            &[usual(Done), (Usage, "no such check or hint")],
        )
    }
}

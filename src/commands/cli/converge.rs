//! The commands that plan and change this node: `apply`, `plan`, `reform`, and the options that they share.

use super::help::{self, Line, usual};
use super::time;
use crate::exit::ExitCode::{
    Changes, Config, Data, Denied, Done, File, NotYet, Unavailable, Usage,
};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The exit codes of `apply`.
pub(super) const APPLY_CODES: &[Line] = &[
    usual(Done),
    usual(Data),
    usual(Unavailable),
    usual(File),
    usual(NotYet),
    usual(Denied),
    usual(Config),
];

/// Which root directory, and how long to wait.
#[derive(Debug, Args)]
pub struct RootArgs {
    /// Use DIR in place of `/` for settings, binaries and all files; file owners and units stay as they are.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Time limit for the network, metadata and tags.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub timeout: Duration,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Which root directory, and how long to wait.
    #[command(flatten)]
    pub root: RootArgs,
    /// Render and validate, but leave the units alone; the next `apply` does what is left.
    #[arg(long)]
    pub no_start: bool,
    /// Return as soon as the units are queued, without waiting for the join (as cos-agent.service does).
    #[arg(long)]
    pub no_wait: bool,
    /// Keep server data without a record of which instance wrote it: it belongs to this instance.
    #[arg(long, conflicts_with = "discard_data")]
    pub adopt_data: bool,
    /// Move server data without a record of which instance wrote it aside: it came with the image.
    #[arg(long)]
    pub discard_data: bool,
}

impl ApplyArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent apply                          converge, then wait until the node has joined",
                "cos-agent apply --no-wait                what cos-agent.service runs at every boot",
                "cos-agent apply --no-start               render and validate, but leave the units alone",
                "cos-agent apply --root /mnt/image        into another root directory, without being root",
            ],
            "",
            APPLY_CODES,
        )
    }
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which root directory, and how long to wait.
    #[command(flatten)]
    pub root: RootArgs,
    /// Plan for the node of these facts (the output of `cos-agent facts -o json`), without metadata.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Write the files of the node below DIR.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Exit with 2 if there are changes.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

impl PlanArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent plan                           the diff of every file, and the units that would restart",
                "cos-agent plan --detailed-exitcode       exit with 0 if nothing changes, else with 2",
                "cos-agent plan --facts node.json --out tree/",
                "                                         the exact files of another node, offline",
            ],
            "",
            &[&[usual(Done), usual(Changes)], help::after_done(APPLY_CODES)].concat(),
        )
    }
}

/// `reform`.
#[derive(Debug, Args)]
pub struct ReformArgs {
    /// Which servers.
    #[arg(value_parser = ["consul", "nomad"])]
    pub daemon: String,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
    /// Continue although EC2 or a server does not answer: you have checked that those servers are lost.
    #[arg(long)]
    pub assume_lost: bool,
    /// Which root directory, and how long to wait.
    #[command(flatten)]
    pub root: RootArgs,
}

impl ReformArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent reform consul                  on each new Consul server",
                "cos-agent reform nomad --yes             on each new Nomad server, from a script",
            ],
            "Once a cluster has formed, a server without data can only join it. This command asks the other
running servers whether they have a leader. If none has, it sets the cluster's parameter in the
parameter store (/cos/CLUSTER/formed/consul or /cos/CLUSTER/formed/nomad) back to `no`, then runs
`apply`.",
            &[
                usual(Done),
                (Usage, "not confirmed, or not a server of this kind"),
                usual(Data),
                (Unavailable, "metadata, EC2 or the parameter store is unreachable"),
                usual(File),
                (NotYet, "there is a leader, a server does not answer, or the data is not lost"),
                usual(Denied),
                usual(Config),
            ],
        )
    }
}

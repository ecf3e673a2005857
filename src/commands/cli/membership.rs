//! The commands about this node as a member of its cluster: `peers`, `status`, `wait`.

use super::help::{self, usual};
use super::time;
use crate::exit::ExitCode::{Data, Denied, Done, NotYet, Unavailable, Usage};
use crate::role::Role;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// `peers`.
#[derive(Debug, Args)]
pub struct PeersArgs {
    /// Which servers.
    #[arg(value_enum)]
    pub role: Servers,
    /// Time limit for metadata and EC2.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub timeout: Duration,
}

/// The servers of one daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Servers {
    /// The Consul servers.
    ConsulServer,
    /// The Nomad servers.
    NomadServer,
}

impl Servers {
    /// Their role.
    pub fn role(self) -> Role {
        match self {
            Self::ConsulServer => Role::ConsulServer,
            Self::NomadServer => Role::NomadServer,
        }
    }
}

impl PeersArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent peers consul-server",
                "cos-agent peers nomad-server             what Nomad's `retry_join = [\"exec=…\"]` runs",
            ],
            "The list omits this node, unless it is the only server of its cluster.",
            &[
                usual(Done),
                usual(Data),
                (Unavailable, "metadata or EC2 is unreachable"),
                (NotYet, "the credentials of the instance role are not there yet"),
                usual(Denied),
            ],
        )
    }
}

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show where the last boots spent their time instead.
    #[arg(long)]
    pub boots: bool,
}

impl StatusArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent status                         one screen; asks only the local daemons",
                "cos-agent status -o json                 for scripts",
                "cos-agent status --boots                 where the last boots spent their time",
            ],
            "",
            &[(
                Done,
                "done, whatever the status is; scripts that need to know use `cos-agent wait`",
            )],
        )
    }
}

/// `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// What to wait for.
    #[arg(long = "for", value_name = "WHAT", default_value = "ready")]
    pub goal: WaitFor,
    /// Time limit.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub timeout: Duration,
    /// Keep waiting although `apply` failed: somebody may be correcting the tag.
    #[arg(long)]
    pub keep_waiting: bool,
    /// When joined, notify systemd and complete the launch hook (as cos-agent-ready.service does).
    #[arg(long, conflicts_with = "goal")]
    pub launch_hook: bool,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// All gates of the role.
    Ready,
    /// The gates of Consul.
    Consul,
    /// The gates of Nomad.
    Nomad,
}

impl WaitArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent wait --for ready               all gates of this node's role",
                "cos-agent wait --for consul --timeout 30s",
            ],
            "If `apply` failed, the wait ends at once with the error and the exit code of that `apply`.",
            &[
                (Done, "joined"),
                (Usage, "this role has no such gate"),
                (NotYet, "not joined by the deadline; the error names the gate that is closed"),
            ],
        )
    }
}

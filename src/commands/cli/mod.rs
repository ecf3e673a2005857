//! The command line: types only. `commands/` has one file for what each command does.

mod config;
mod converge;
mod doctor;
mod env;
mod help;
mod image;
mod membership;
mod simulate;

use crate::exit::ExitCode;
use clap::{Parser, Subcommand, ValueEnum};
pub use config::{ConfigArgs, ConfigCommand};
pub use converge::{ApplyArgs, PlanArgs, ReformArgs, RootArgs};
pub use doctor::{DoctorArgs, ExplainArgs};
pub use env::EnvArgs;
use help::usual;
pub use image::{CleanArgs, InstallArgs};
pub use membership::{PeersArgs, Servers, StatusArgs, WaitArgs, WaitFor};
pub use simulate::SimulateArgs;
use std::time::Duration;

/// Configures an EC2 instance as a Consul server, Nomad server or Nomad client, from its metadata and tags alone.
#[derive(Debug, Parser)]
#[command(name = "cos-agent", version, propagate_version = true, arg_required_else_help = true, after_help = help::all_exit_codes())]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    // Last on every page; clap's own place for them depends on the number of options of the command.
    /// Increase verbosity (-vv includes libraries).
    #[arg(short, long, global = true, display_order = 901, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print errors only.
    #[arg(short, long, global = true, display_order = 902, conflicts_with = "verbose")]
    pub quiet: bool,
    /// The format of the data on standard output.
    #[arg(
        short,
        long = "output",
        global = true,
        display_order = 903,
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub output: Format,
}

/// The format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs, with a versioned schema.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Converge this machine to its role; a second run changes nothing.
    #[command(after_help = ApplyArgs::help())]
    Apply(ApplyArgs),
    /// Show what `apply` would change, and why.
    #[command(after_help = PlanArgs::help())]
    Plan(PlanArgs),
    /// Find out what is wrong with this node, why, and what to type.
    #[command(after_help = DoctorArgs::help())]
    Doctor(DoctorArgs),
    /// Show the page of a check or hint; without an id, the list.
    #[command(after_help = ExplainArgs::help())]
    Explain(ExplainArgs),
    /// Show what is known of this machine: identity, tags, role, and each setting with its source.
    #[command(after_help = help::page(
        &[
            "cos-agent facts                          for people",
            "cos-agent facts -o json > node.json      for `cos-agent plan --facts`",
        ],
        "",
        &[
            usual(ExitCode::Done),
            usual(ExitCode::Data),
            usual(ExitCode::Unavailable),
            (ExitCode::NotYet, "the credentials of the instance role are not there yet"),
            usual(ExitCode::Denied),
            usual(ExitCode::Config),
        ],
    ))]
    Facts(RootArgs),
    /// Try any role on any Linux machine, with an embedded metadata service and a scratch directory.
    #[command(after_help = SimulateArgs::help())]
    Simulate(Box<SimulateArgs>),
    /// Print the addresses of the servers of this cluster, one per line.
    #[command(after_help = PeersArgs::help())]
    Peers(PeersArgs),
    /// Show what this node is, what was applied, and whether it has joined its cluster.
    #[command(after_help = StatusArgs::help())]
    Status(StatusArgs),
    /// Wait until this node is a member of its cluster.
    #[command(after_help = WaitArgs::help())]
    Wait(WaitArgs),
    /// Keep this node joined to its cluster; cos-agent-watch.service runs this.
    #[command(after_help = help::page(&["cos-agent watch"], "", &[(ExitCode::Done, "stopped by a signal")]))]
    Watch,
    /// Print the environment of the `consul` and `nomad` commands, for this shell.
    #[command(after_help = EnvArgs::help())]
    Env(EnvArgs),
    /// Let new servers form a new cluster after the old cluster and its data are lost.
    #[command(after_help = ReformArgs::help())]
    Reform(ReformArgs),
    /// Make an image of this machine, of which instances start as nodes.
    #[command(after_help = InstallArgs::help())]
    Install(InstallArgs),
    /// Take everything out of an image that is of one machine, before its snapshot.
    #[command(after_help = CleanArgs::help())]
    Clean(CleanArgs),
    /// Check, show or describe the settings.
    #[command(after_help = ConfigArgs::help())]
    Config(ConfigArgs),
    /// Print the completion script of a shell.
    #[command(after_help = help::page(
        &["cos-agent completions bash > /etc/bash_completion.d/cos-agent"],
        "",
        &[usual(ExitCode::Done), (ExitCode::Usage, "no such shell")],
    ))]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the man page.
    #[command(after_help = help::page(
        &["cos-agent man | man -l -", "cos-agent man checks | man -l -"],
        "",
        &[usual(ExitCode::Done), (ExitCode::Usage, "no such page")],
    ))]
    Man {
        /// Another page: `checks` is cos-agent-checks(7), every check of `doctor`.
        page: Option<ManPage>,
    },
    /// Print the version, and the supported versions of Consul and Nomad.
    #[command(after_help = help::page(&["cos-agent version -o json"], "", help::DONE))]
    Version,
}

/// The shells of nodes and laptops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Fish.
    Fish,
    /// Zsh.
    Zsh,
}

/// The man pages besides that of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ManPage {
    /// cos-agent-checks(7).
    Checks,
}

/// `500ms`, `90s`, `5m`, `1h`.
fn time(text: &str) -> Result<Duration, String> {
    crate::text::duration(text, Duration::from_secs(24 * 3600))
        .ok_or_else(|| "expected a time like 500ms, 90s, 5m or 1h, a day at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn times() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("1d"), time("24h"));
        for wrong in ["", "s", "5", "-5s", "25h", "1d 1s", "99999999999999999999s", "5 parsecs"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}

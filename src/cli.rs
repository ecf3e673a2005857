//! The command line: types only. What a command does is in the file of its name in `commands/`.

use crate::facts::settings::Release;
use crate::role::Role;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "Exit codes (sysexits.h):
   0  done
   2  there are changes (plan --detailed-exitcode)
  64  the command line is wrong
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API cannot be reached
  70  a bug
  74  the file system failed
  75  not now, try again
  77  not root, or denied
  78  settings are wrong, a validator refused, or a binary is missing";

macro_rules! help {
    ($examples:literal) => {
        concat!("Examples:\n", $examples)
    };
}

/// Turns an EC2 instance into its COS node: Consul server, Nomad server or Nomad client, from metadata and tags alone.
#[derive(Debug, Parser)]
#[command(name = "cos-agent", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    // Last on every page: their usual place moves with the number of commands.
    /// Say more; twice for what libraries say.
    #[arg(short, long, global = true, display_order = 901, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only what is wrong.
    #[arg(short, long, global = true, display_order = 902, conflicts_with = "verbose")]
    pub quiet: bool,
    /// The form of data on standard output.
    #[arg(
        short,
        long = "output",
        global = true,
        display_order = 903,
        value_name = "FORM",
        default_value = "text"
    )]
    pub output: Format,
}

/// The form of data.
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
    /// Make this machine its node; a second run changes nothing.
    #[command(after_help = help!(
        "  cos-agent apply                          what the boot unit and user data call
  cos-agent apply --no-wait                the same, but not waiting until the node has joined
  cos-agent apply --no-start               render and validate, touch no unit
  cos-agent apply --root /mnt/image        into another root folder, unprivileged

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable; 74 file system;
75 not now; 77 not root; 78 settings wrong, validator refused, binary missing"
    ))]
    Apply(ApplyArgs),
    /// Show what `apply` would change, and why.
    #[command(after_help = help!(
        "  cos-agent plan                           diff of every file, and the units that would restart
  cos-agent plan --detailed-exitcode       0 nothing to do, 2 changes
  cos-agent plan --facts node.json --out tree/
                                           the files of another node, byte for byte, offline

Exit codes: 0 done; 2 changes (with --detailed-exitcode); else those of apply"
    ))]
    Plan(PlanArgs),
    /// Show what this machine is: identity, tags, role, settings with their sources.
    #[command(after_help = help!(
        "  cos-agent facts                          for people
  cos-agent facts -o json > node.json      for `plan --facts`

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable;
75 credentials of the instance role late; 77 denied; 78 settings wrong"
    ))]
    Facts(RootArgs),
    /// Try any role on any Linux machine: an embedded metadata service, the real pipeline, a scratch folder.
    #[command(after_help = help!(
        "  cos-agent simulate                       all six kinds of node, or a question on a terminal
  cos-agent simulate nomad-client --datacenter backoffice
  cos-agent simulate consul-server --servers 5 --tag cos:launch-hook=joined
  cos-agent simulate nomad-server --fault late-tags=3s
  cos-agent simulate nomad-server --tag cos:servers=2       see an error

Faults: empty[=TIME], fresh-401=TIME, garbage[=TIME], hang, html[=TIME], huge[=TIME],
        late-role=TIME, late-tags=TIME, midway-401, off[=TIME], slow=TIME, tags-blank, tags-off[=TIME], truncated,
        unavailable=TIME (503 with Retry-After)

Exit codes: those of apply"
    ))]
    Simulate(Box<SimulateArgs>),
    /// Print the addresses of the servers of this cluster, one a line.
    #[command(after_help = help!(
        "  cos-agent peers consul-server
  cos-agent peers nomad-server             what Nomad's `retry_join = [\"exec=…\"]` runs

This node is left out, unless it is a server that forms its cluster alone.

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata or EC2 unreachable;
75 credentials of the instance role late; 77 denied"
    ))]
    Peers(PeersArgs),
    /// Show who this node is, what was applied, and how its membership stands.
    #[command(after_help = help!(
        "  cos-agent status                         one screen; asks loopback only
  cos-agent status -o json                 for scripts
  cos-agent status --boots                 where the last boots spent their time

Exit codes: 0 done; `wait` is for scripts that need to know"
    ))]
    Status(StatusArgs),
    /// Wait until this node is a member of its cluster.
    #[command(after_help = help!(
        "  cos-agent wait --for ready               all gates of this node's role
  cos-agent wait --for consul --timeout 30s

A failed `apply` ends the wait at once, in its own words.

Exit codes: 0 joined; 75 not by the deadline, with the gate that is closed; 64 no such gate;
else the exit code of the failed apply"
    ))]
    Wait(WaitArgs),
    /// Look after the membership of this node for ever: what cos-agent-watch.service runs.
    #[command(after_help = help!("  cos-agent watch

Exit codes: 0 told to end"))]
    Watch,
    /// Let the servers of a cluster that is lost, data and all, form a new one.
    #[command(after_help = help!(
        "  cos-agent reform consul                  on each new Consul server
  cos-agent reform nomad --yes             on each new Nomad server, from a script

A server that starts empty where a cluster has formed can only join. This asks the other running
servers whether they have a leader, then sets the cluster's parameter, /cos/CLUSTER/formed/consul or
nomad, back to `no`, and applies.

Exit codes: 0 done; 64 not confirmed, or not a server of this kind; 69 EC2 or the parameter store
unreachable; 75 there is a leader, a server does not say, or the data is not lost; 77 denied; else
those of apply"
    ))]
    Reform(ReformArgs),
    /// Check, show or describe the settings.
    #[command(after_help = help!(
        "  cos-agent config check                   all files of this node
  cos-agent config check new.toml          one file
  cos-agent config dump                    merged, each value with its source
  cos-agent config schema                  JSON schema of all settings

Exit codes: 0 done; 74 file system; 78 settings wrong"
    ))]
    Config(ConfigArgs),
    /// Print the completions of a shell.
    #[command(after_help = help!("  cos-agent completions bash > /etc/bash_completion.d/cos-agent

Exit codes: 0 done; 64 no such shell"))]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the man page.
    #[command(after_help = help!("  cos-agent man | man -l -

Exit codes: 0 done"))]
    Man,
    /// Print the version, and the versions of Consul and Nomad that are supported.
    #[command(after_help = help!("  cos-agent version -o json

Exit codes: 0 done"))]
    Version,
}

/// The shells that are found on a node and on a laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Fish.
    Fish,
    /// Zsh.
    Zsh,
}

/// Where `/` is.
#[derive(Debug, Args)]
pub struct RootArgs {
    /// Take DIR for `/`: settings, binaries and all files lie below it; owners and units are left alone.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// How long to wait for the network, metadata and tags.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub timeout: Duration,
}

/// `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Where `/` is.
    #[command(flatten)]
    pub root: RootArgs,
    /// Render and validate, but touch no unit; what has to happen stays due.
    #[arg(long)]
    pub no_start: bool,
    /// Return as soon as the units are enqueued (the form of the boot unit).
    #[arg(long)]
    pub no_wait: bool,
    /// Keep server data that no record speaks of: it is this instance's.
    #[arg(long, conflicts_with = "discard_data")]
    pub adopt_data: bool,
    /// Move server data that no record speaks of aside: it came with an image.
    #[arg(long)]
    pub discard_data: bool,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where `/` is.
    #[command(flatten)]
    pub root: RootArgs,
    /// Plan for the node of these facts (from `facts -o json`), without metadata.
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// Write the node's files below DIR.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Exit with 2 if there is something to do.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// The role; all six kinds of node if there is none.
    pub role: Option<String>,
    /// The Nomad datacenter of a client.
    #[arg(long, value_name = "NAME")]
    pub datacenter: Option<String>,
    /// The cluster.
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub cluster: String,
    /// How many servers form the cluster.
    #[arg(long, value_name = "N", default_value = "3")]
    pub servers: String,
    /// Another tag, or another value; `KEY=` alone takes the tag away.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
    /// User data as EC2 hands it out; it may be packed by gzip or base64.
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// The version of Consul to render for, where the root folder has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.22.7", value_parser = release)]
    pub consul_version: Release,
    /// The version of Nomad to render for, where the root folder has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.10.5", value_parser = release)]
    pub nomad_version: Release,
    /// Make the metadata service misbehave; may be given more than once.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
    /// Into this folder instead of a scratch one; a second run then shows what changes.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// How long the agent waits for metadata and tags.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub timeout: Duration,
    /// Serve metadata at this address until interrupted, and do nothing else.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub serve: Option<std::net::SocketAddr>,
    /// The instance to serve, as JSON; read again whenever the file changes.
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub instance: Option<PathBuf>,
}

/// `peers`.
#[derive(Debug, Args)]
pub struct PeersArgs {
    /// Whose addresses.
    #[arg(value_enum)]
    pub role: Servers,
    /// How long to wait for metadata and EC2.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub timeout: Duration,
}

/// The servers of one daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Servers {
    /// Those of the Consul servers.
    ConsulServer,
    /// Those of the Nomad servers.
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

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Show where the last boots spent their time instead.
    #[arg(long)]
    pub boots: bool,
}

/// `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// What to wait for.
    #[arg(long = "for", value_name = "WHAT", default_value = "ready")]
    pub goal: WaitFor,
    /// How long to wait.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time)]
    pub timeout: Duration,
    /// Wait on when an `apply` failed: somebody may be putting the tag right.
    #[arg(long)]
    pub keep_waiting: bool,
    /// Tell systemd when joined, and complete the launch hook of the Auto Scaling group (the form of the ready unit).
    #[arg(long, conflicts_with = "goal")]
    pub launch_hook: bool,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// All gates of the role.
    Ready,
    /// Consul's.
    Consul,
    /// Nomad's.
    Nomad,
}

/// `reform`.
#[derive(Debug, Args)]
pub struct ReformArgs {
    /// Whose servers.
    #[arg(value_parser = ["consul", "nomad"])]
    pub daemon: String,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
    /// Go on although EC2, or a server that it lists, does not answer: you know that those are lost.
    #[arg(long)]
    pub assume_lost: bool,
    /// Where `/` is.
    #[command(flatten)]
    pub root: RootArgs,
}

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with the settings.
    #[command(subcommand)]
    pub command: ConfigCommand,
    /// Take DIR for `/`.
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check files, by default all of this node.
    #[command(after_help = help!("  cos-agent config check new.toml

Exit codes: 0 all is well; 64 no such file; 78 settings wrong"))]
    Check {
        /// Files to check instead.
        files: Vec<PathBuf>,
    },
    /// Show the merged settings, each with its source.
    #[command(after_help = help!("  cos-agent config dump -o json

Exit codes: 0 done; 78 settings wrong"))]
    Dump,
    /// Print the JSON schema.
    #[command(after_help = help!("  cos-agent config schema > cos-agent.schema.json

Exit codes: 0 done"))]
    Schema,
}

/// `500ms`, `90s`, `5m`, `1h`.
fn time(text: &str) -> Result<Duration, String> {
    crate::text::duration(text, Duration::from_secs(24 * 3600))
        .ok_or_else(|| "expected a time like 500ms, 90s, 5m or 1h, a day at most".to_owned())
}

fn release(text: &str) -> Result<Release, String> {
    Release::try_from(text.to_owned())
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

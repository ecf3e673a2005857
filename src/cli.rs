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
  69  metadata or an API is unreachable
  70  a bug in cos-agent
  74  a file cannot be read or written
  75  not possible now; try again
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing";

macro_rules! help {
    ($examples:literal) => {
        concat!("Examples:\n", $examples)
    };
}

/// Configures an EC2 instance as a Consul server, Nomad server or Nomad client, from its metadata and tags alone.
#[derive(Debug, Parser)]
#[command(name = "cos-agent", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    // Last on every page: their usual place moves with the number of commands.
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
    #[command(after_help = help!(
        "  cos-agent apply                          converge, then wait until the node has joined
  cos-agent apply --no-wait                what cos-agent.service runs at every boot
  cos-agent apply --no-start               render and validate, but leave the units alone
  cos-agent apply --root /mnt/image        into another root directory, without being root

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable; 74 file cannot be
read or written; 75 not possible now; 77 not root; 78 settings wrong, validator failed, or binary
missing"
    ))]
    Apply(ApplyArgs),
    /// Show what `apply` would change, and why.
    #[command(after_help = help!(
        "  cos-agent plan                           the diff of every file, and the units that would restart
  cos-agent plan --detailed-exitcode       exit with 0 if nothing changes, else with 2
  cos-agent plan --facts node.json --out tree/
                                           the exact files of another node, offline

Exit codes: 0 done; 2 changes (with --detailed-exitcode); otherwise those of apply"
    ))]
    Plan(PlanArgs),
    /// Show what is known of this machine: identity, tags, role, and each setting with its source.
    #[command(after_help = help!(
        "  cos-agent facts                          for people
  cos-agent facts -o json > node.json      for `cos-agent plan --facts`

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable;
75 credentials of the instance role late; 77 permission denied; 78 settings wrong"
    ))]
    Facts(RootArgs),
    /// Try any role on any Linux machine, with an embedded metadata service and a scratch directory.
    #[command(after_help = help!(
        "  cos-agent simulate                       the six kinds of node, on one screen
  cos-agent simulate nomad-client --datacenter backoffice
  cos-agent simulate consul-server --servers 5 --tag cos:launch-hook=joined
  cos-agent simulate nomad-server --fault late-tags=3s
  cos-agent simulate nomad-server --tag cos:servers=2       an error

Faults: empty[=TIME], fresh-401=TIME, garbage[=TIME], hang, html[=TIME], huge[=TIME],
        late-role=TIME, late-tags=TIME, midway-401, off[=TIME], slow=TIME, tags-blank,
        tags-off[=TIME], truncated, unavailable=TIME (503 with Retry-After)

Exit codes: those of apply"
    ))]
    Simulate(Box<SimulateArgs>),
    /// Print the addresses of the servers of this cluster, one per line.
    #[command(after_help = help!(
        "  cos-agent peers consul-server
  cos-agent peers nomad-server             what Nomad's `retry_join = [\"exec=…\"]` runs

The list omits this node, unless it is the only server of its cluster.

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata or EC2 unreachable;
75 credentials of the instance role late; 77 permission denied"
    ))]
    Peers(PeersArgs),
    /// Show what this node is, what was applied, and whether it has joined its cluster.
    #[command(after_help = help!(
        "  cos-agent status                         one screen; asks only the local daemons
  cos-agent status -o json                 for scripts
  cos-agent status --boots                 where the last boots spent their time

Exit codes: 0 done, whatever the status is; scripts that need to know use `cos-agent wait`"
    ))]
    Status(StatusArgs),
    /// Wait until this node is a member of its cluster.
    #[command(after_help = help!(
        "  cos-agent wait --for ready               all gates of this node's role
  cos-agent wait --for consul --timeout 30s

If `apply` failed, the wait ends at once and prints the error of that `apply`.

Exit codes: 0 joined; 64 this role has no such gate; 75 not joined by the deadline, with the gate
that is closed; otherwise the exit code of the failed apply"
    ))]
    Wait(WaitArgs),
    /// Keep this node joined to its cluster; cos-agent-watch.service runs this.
    #[command(after_help = help!("  cos-agent watch

Exit codes: 0 stopped by a signal"))]
    Watch,
    /// Let new servers form a new cluster after the old cluster and its data are lost.
    #[command(after_help = help!(
        "  cos-agent reform consul                  on each new Consul server
  cos-agent reform nomad --yes             on each new Nomad server, from a script

Once a cluster has formed, a server without data can only join it. This command asks the other
running servers whether they have a leader. If none has, it sets the cluster's parameter in the
parameter store (/cos/CLUSTER/formed/consul or /cos/CLUSTER/formed/nomad) back to `no`, then runs
`apply`.

Exit codes: 0 done; 64 not confirmed, or not a server of this kind; 69 EC2 or the parameter store
unreachable; 75 there is a leader, a server does not answer, or the data is not lost;
77 permission denied; otherwise those of apply"
    ))]
    Reform(ReformArgs),
    /// Check, show or describe the settings.
    #[command(after_help = help!(
        "  cos-agent config check                   all files of this node
  cos-agent config check new.toml          one file
  cos-agent config dump                    merged, each value with its source
  cos-agent config schema                  JSON schema of all settings

Exit codes: 0 done; 74 file cannot be read; 78 settings wrong"
    ))]
    Config(ConfigArgs),
    /// Print the completion script of a shell.
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
    /// Print the version, and the supported versions of Consul and Nomad.
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

/// `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// consul-server, nomad-server or nomad-client; without it, a summary of the six kinds of node.
    pub role: Option<String>,
    /// The Nomad datacenter of a client.
    #[arg(long, value_name = "NAME")]
    pub datacenter: Option<String>,
    /// The name of the cluster.
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub cluster: String,
    /// How many servers form the cluster.
    #[arg(long, value_name = "N", default_value = "3")]
    pub servers: String,
    /// Set a tag; `KEY=` removes it. May be given more than once.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
    /// The user data of the instance, plain or packed with gzip or base64.
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// The version of Consul to render for, if the root directory has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.22.7", value_parser = release)]
    pub consul_version: Release,
    /// The version of Nomad to render for, if the root directory has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.10.5", value_parser = release)]
    pub nomad_version: Release,
    /// Make the metadata service misbehave (the list is below). May be given more than once.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
    /// Use this directory instead of a scratch one; a second run then shows what changes.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Time limit for metadata and tags.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub timeout: Duration,
    /// Only serve metadata at this address, until interrupted.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub serve: Option<std::net::SocketAddr>,
    /// The instance to serve, as JSON; the file is read again whenever it changes.
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub instance: Option<PathBuf>,
}

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

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with the settings.
    #[command(subcommand)]
    pub command: ConfigCommand,
    /// Use DIR in place of `/`.
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check settings files, by default all files of this node.
    #[command(after_help = help!("  cos-agent config check new.toml

Exit codes: 0 valid; 64 no such file; 78 settings wrong"))]
    Check {
        /// The files to check.
        files: Vec<PathBuf>,
    },
    /// Show the merged settings, each with its source.
    #[command(after_help = help!("  cos-agent config dump -o json

Exit codes: 0 done; 78 settings wrong"))]
    Dump,
    /// Print the JSON schema of all settings.
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

//! PURE: the shared nouns. A node is described by files, folders and units; everything that has to happen besides
//! is an action that a file notifies.

mod observed;

pub use observed::{Data, GuardedFile, Observed, OperatorFile, Seen, Stat};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The daemons that the agent configures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Daemon {
    /// Consul.
    Consul,
    /// Nomad.
    Nomad,
}

impl Daemon {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consul => "consul",
            Self::Nomad => "nomad",
        }
    }

    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Consul => "consul.service",
            Self::Nomad => "nomad.service",
        }
    }

    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Consul => "/usr/bin/consul",
            Self::Nomad => "/usr/bin/nomad",
        }
    }

    /// The folder of its configuration, which it shares with the operator.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Consul => "/etc/consul.d",
            Self::Nomad => "/etc/nomad.d",
        }
    }

    /// Our file in that folder.
    pub fn file(self) -> &'static str {
        match self {
            Self::Consul => "/etc/consul.d/cos.json",
            Self::Nomad => "/etc/nomad.d/cos.json",
        }
    }

    /// The folder of its data.
    pub fn data(self) -> &'static str {
        match self {
            Self::Consul => "/opt/consul/data",
            Self::Nomad => "/opt/nomad/data",
        }
    }

    /// What only a server has in its data.
    pub fn server_data(self) -> &'static str {
        match self {
            Self::Consul => "/opt/consul/data/raft",
            Self::Nomad => "/opt/nomad/data/server/raft",
        }
    }

    /// The port of its HTTP API.
    pub fn port(self) -> u16 {
        match self {
            Self::Consul => 8500,
            Self::Nomad => 4646,
        }
    }
}

/// Whether a name in a directory of data is data: not what a file system makes (`mke2fs(8)`), nor what was moved aside.
pub fn is_data(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name != b"lost+found" && name != b".discarded" && !name.starts_with(b".of-i-")
}

/// Who owns a file: names, because ids differ between images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub user: &'static str,
    /// The group.
    pub group: &'static str,
}

/// root:root.
pub const ROOT: Owner = Owner { user: "root", group: "root" };

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    /// The whole text, ours alone.
    Text(String),
    /// Some keys of a JSON object that belongs to the operator: ours are kept, all others are left as they are.
    Keys(serde_json::Map<String, serde_json::Value>),
}

/// A file of the node.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// The absolute path on the node.
    pub path: String,
    /// What it holds.
    pub contents: Contents,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub owner: Owner,
    /// What has to happen when it changes.
    pub notify: Notify,
}

/// A folder that must be there before a daemon starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// The absolute path on the node.
    pub path: &'static str,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub owner: Owner,
}

/// A directory that holds what a daemon reads or writes. Made by what is put into it; one that is there keeps its mode
/// and owner as far as nobody can write into it who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded {
    /// The absolute path on the node.
    pub path: &'static str,
    /// Who may write into it beside root.
    pub writer: Option<Owner>,
    /// The group that goes on reading it when it is taken from another owner.
    pub readers: &'static str,
    /// Whether the files in it are root's alone too, as a daemon that runs as root reads them.
    pub files: bool,
}

/// Where a directory lies, seen from the one that holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// On the same volume.
    #[default]
    Plain,
    /// It is a mount point.
    Volume,
    /// It is a link to a directory somewhere else.
    Link {
        /// The text of the link.
        target: String,
    },
}

/// What has to happen when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// Nothing: it is read when it is needed.
    Nothing,
    /// These actions.
    Actions(&'static [Action]),
    /// A restart of the daemon, or a reload where only these keys change.
    Daemon {
        /// The daemon that reads the file.
        daemon: Daemon,
        /// The keys that a reload takes.
        reloadable: &'static [ReloadableKey],
    },
}

/// A key that a daemon takes without a restart.
#[derive(Debug, PartialEq, Eq)]
pub struct ReloadableKey {
    /// The top-level key.
    pub key: &'static str,
    /// Where that is documented.
    pub source: &'static str,
}

/// Something that has to happen once, in the order of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Stop a daemon that the role no longer runs.
    Stop(Daemon),
    /// Rebuild the trust store with the tool of the system.
    UpdateTrustStore,
    /// Stop the unit that makes the link of the resolver.
    StopDnsLink,
    /// Read the unit files again.
    DaemonReload,
    /// Have the agent's own unit started at each boot.
    EnableAgent,
    /// Restart systemd-resolved.
    RestartResolved,
    /// Restart dnsmasq.
    RestartDnsmasq,
    /// Restart the unit that makes the link of the resolver.
    RestartDnsLink,
    /// Restart docker, if nothing runs in it and nothing can start meanwhile.
    RestartDocker,
    /// Start docker.
    StartDocker,
    /// Reload a daemon.
    Reload(Daemon),
    /// Restart a daemon.
    Restart(Daemon),
    /// Start a daemon.
    Start(Daemon),
    /// Start the unit that says when this node has joined.
    StartReady,
    /// Start the unit that looks after the membership.
    StartWatch,
}

impl Action {
    /// Whether it is still due after a boot: all others only tell what runs of files that are read when it starts.
    pub fn outlives_a_boot(self) -> bool {
        matches!(self, Self::UpdateTrustStore | Self::EnableAgent)
    }

    /// The unit that it starts, restarts, reloads or stops.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Stop(daemon)
            | Self::Reload(daemon)
            | Self::Restart(daemon)
            | Self::Start(daemon) => Some(daemon.unit()),
            Self::StopDnsLink | Self::RestartDnsLink => Some(DNS_LINK),
            Self::RestartResolved => Some("systemd-resolved.service"),
            Self::RestartDnsmasq => Some("dnsmasq.service"),
            Self::RestartDocker | Self::StartDocker => Some(DOCKER),
            Self::StartReady => Some(READY),
            Self::StartWatch => Some(WATCH),
            Self::UpdateTrustStore | Self::DaemonReload | Self::EnableAgent => None,
        }
    }

    /// The action as people read it.
    pub fn words(self) -> String {
        match self {
            Self::Stop(daemon) => format!("{} stops", daemon.unit()),
            Self::UpdateTrustStore => "the trust store is rebuilt".to_owned(),
            Self::DaemonReload => "systemd reads its units again".to_owned(),
            Self::RestartResolved => "systemd-resolved.service restarts".to_owned(),
            Self::RestartDnsmasq => "dnsmasq.service restarts".to_owned(),
            Self::EnableAgent => "cos-agent.service is enabled".to_owned(),
            Self::StopDnsLink => "cos-dns.service stops".to_owned(),
            Self::RestartDnsLink => "cos-dns.service restarts".to_owned(),
            Self::RestartDocker => "docker.service restarts, unless a container runs".to_owned(),
            Self::StartDocker => format!("{DOCKER} starts"),
            Self::Reload(daemon) => format!("{} reloads", daemon.unit()),
            Self::Restart(daemon) => format!("{} restarts", daemon.unit()),
            Self::Start(daemon) => format!("{} starts", daemon.unit()),
            Self::StartReady => format!("{READY} starts"),
            Self::StartWatch => format!("{WATCH} starts"),
        }
    }
}

/// Everything that this node shall have.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredState {
    /// Its files.
    pub files: Vec<File>,
    /// Its folders.
    pub folders: Vec<Folder>,
    /// The directories around them.
    pub guarded: Vec<Guarded>,
    /// Whether the link of the resolver must be there.
    pub dns_link: bool,
    /// The bundle of the trust store that its authorities go into, if it has some.
    pub trust_bundle: Option<&'static str>,
    /// Its daemons, in the order of their start.
    pub daemons: &'static [Daemon],
    /// Whether they run tasks in docker, which then starts before them.
    pub docker: bool,
}

/// What kind of thing a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, socket, or device.
    Other,
}

/// What a unit is doing, in systemd's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitState {
    /// Running or starting.
    Up,
    /// Asked to start and not started: it waits for a unit that is before it, as the daemons wait for our own.
    Queued,
    /// Not running, failed, or waiting for its next start.
    Down,
    /// Switched off by an operator, for good: systemd refuses to start it.
    Masked,
    /// systemd knows no such unit.
    Unknown,
}

/// The agent itself.
pub const PROGRAM: &str = "/usr/bin/cos-agent";

/// Where the units of ours are.
pub const UNITS: &str = "/etc/systemd/system";

/// A moment on this machine, by the clock of which no jump is heard (`CLOCK_MONOTONIC`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The kernel's id of the boot.
    pub boot: String,
    /// Microseconds since its beginning, as systemd counts them.
    pub micros: u64,
}

/// The unit of docker, which the image brings.
pub const DOCKER: &str = "docker.service";

/// The unit of the agent itself.
pub const AGENT: &str = "cos-agent.service";

/// The unit that is green when this node has joined.
pub const READY: &str = "cos-agent-ready.service";

/// The unit that looks after the membership.
pub const WATCH: &str = "cos-agent-watch.service";

/// The unit that makes the link of the resolver.
pub const DNS_LINK: &str = "cos-dns.service";

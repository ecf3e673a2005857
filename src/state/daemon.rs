//! The daemons, and the paths of their files.

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
    /// Both, in the order in which they start.
    pub const ALL: [Self; 2] = [Self::Consul, Self::Nomad];

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

    /// The daemon of a unit; `None` if the unit is not a daemon's.
    pub fn of_unit(unit: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|daemon| daemon.unit() == unit)
    }

    /// Its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Consul => "/usr/bin/consul",
            Self::Nomad => "/usr/bin/nomad",
        }
    }

    /// The directory of its configuration, which it shares with the operator.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Consul => "/etc/consul.d",
            Self::Nomad => "/etc/nomad.d",
        }
    }

    /// The agent's file in that directory.
    pub fn file(self) -> &'static str {
        match self {
            Self::Consul => "/etc/consul.d/cos.json",
            Self::Nomad => "/etc/nomad.d/cos.json",
        }
    }

    /// The directory of its data.
    pub const fn data(self) -> &'static str {
        match self {
            Self::Consul => "/opt/consul/data",
            Self::Nomad => "/opt/nomad/data",
        }
    }

    /// A path in its data that only a server has.
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

/// Whether an entry of a data directory is data. `lost+found` (`mke2fs(8)`) and data that was moved aside are not.
pub fn is_data(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name != b"lost+found" && name != b".discarded" && !name.starts_with(b".of-i-")
}

//! The only room that touches the machine: files, child processes, HTTP, the clock, the environment; `aws/`, `daemon/` and
//! `systemd/` hold the one client of each.
//!
//! All other rooms get a [`System`] or work on plain values. Clippy enforces this (`disallowed_methods` in
//! `.clippy.toml`); only this room expects the lint.
#![expect(clippy::disallowed_methods, reason = "this room is where the machine is touched")]

pub mod aside;
pub mod aws;
pub mod clock;
pub mod command;
pub mod credential_helper;
pub mod daemon;
pub mod dns;
pub mod docker;
pub mod environment;
pub mod http;
pub mod imds;
pub mod listener;
pub mod machine;
pub mod mounts;
pub mod network;
pub mod reach;
pub mod retry;
pub mod root;
pub mod scratch;
pub mod signal;
pub mod sockets;
pub mod systemd;

use environment::Environment;
use root::Root;
use systemd::services::ServiceManager;

/// The machine as the pipeline sees it: a root directory, the units, and the addresses of the services around it.
///
/// Tests and `simulate` replace only these three; nothing is mocked below them.
pub struct System {
    /// The directory in which absolute paths are resolved.
    pub root: Root,
    /// The units, or `None` if none may be started (`--root`, `--no-start`).
    pub services: Option<Box<dyn ServiceManager>>,
    /// Whether the run changes this node and is recorded in its status. A run into another directory only prepares or
    /// shows something.
    pub keeps_record: bool,
    /// Addresses and switches taken from the process environment.
    pub environment: Environment,
}

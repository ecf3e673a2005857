//! The only room that touches the machine: files, child processes, HTTP, the clock, the environment; `aws/`, `daemon/` and
//! `systemd/` hold the one client of each.
//!
//! Everything else is handed a [`System`] or works on plain values. The border is held by clippy
//! (`disallowed_methods` in `.clippy.toml`); this room alone expects the lint.
#![expect(clippy::disallowed_methods, reason = "this room is where the machine is touched")]

pub mod aws;
pub mod command;
pub mod daemon;
pub mod environment;
pub mod http;
pub mod imds;
pub mod listener;
pub mod network;
pub mod retry;
pub mod root;
pub mod signal;
pub mod systemd;

use environment::Environment;
use root::Root;
use systemd::services::ServiceManager;

/// The machine as the pipeline sees it: a root folder, the units, and the addresses of the services around it.
///
/// These three are also the only seams of the tests and of `simulate`; nothing is mocked below them.
pub struct System {
    /// Where absolute paths lie.
    pub root: Root,
    /// The units, or `None` where none may be started (`--root`, `--no-start`).
    pub services: Option<Box<dyn ServiceManager>>,
    /// Whether the run is one of this node, and goes on its record: a run into another folder prepares or shows something.
    pub keeps_record: bool,
    /// Addresses and switches taken from the process environment.
    pub environment: Environment,
}

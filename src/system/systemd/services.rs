//! Units: what they are doing, and the jobs that may be enqueued.
//!
//! No call here waits for a start. `cos-agent.service` is ordered before the daemons that it starts, so it would wait
//! for itself (systemd.unit(5), `Before=`).

pub use super::recorded::RecordedServices;
pub use super::systemctl::Systemctl;
use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::state::UnitState;
use crate::system::command::CommandError;
use futures_util::future::LocalBoxFuture;
use std::collections::{BTreeMap, BTreeSet};

/// A job for the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Read the unit files again.
    DaemonReload,
    /// Enqueue a start.
    Start,
    /// Enqueue a restart.
    Restart,
    /// Enqueue a reload.
    Reload,
    /// Stop and wait until it is down.
    Stop,
    /// Start it at each boot.
    Enable,
    /// Do not start it at boots.
    Disable,
}

/// A job that was refused.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// `systemctl` did not run to its end.
    #[error("cannot run systemctl")]
    Command(#[from] CommandError),
    /// `systemctl` refused.
    #[error("systemd refused to {job} {unit}: {words}")]
    Refused {
        /// The job as a verb.
        job: &'static str,
        /// The unit, empty for `daemon-reload`.
        unit: String,
        /// What systemd said.
        words: String,
    },
}

topics! {
    UNIT_REFUSED: "unit-job-refused",
        "look at `systemctl status {unit}` and `journalctl -b -u {unit}`; the next run tries again";
    SYSTEMD_REFUSED: "systemd-refused", "look at `journalctl -b _PID=1`; the next run tries again";
    SYSTEMCTL_BROKEN: "systemctl-broken", "run `systemctl status` yourself; the next run tries again";
}

impl ServiceError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Command(error) => error.exit_code(ExitCode::Unavailable),
            Self::Refused { .. } => ExitCode::Unavailable,
        }
    }
}

impl Hint for ServiceError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Command(_) => SYSTEMCTL_BROKEN.plain(),
            Self::Refused { unit, .. } if unit.is_empty() => SYSTEMD_REFUSED.plain(),
            Self::Refused { unit, .. } => UNIT_REFUSED.with(&[("unit", unit)]),
        })
    }
}

/// The service manager. Tests cannot redirect systemd, so this is the one trait with two implementations.
pub trait ServiceManager {
    /// The states of these units.
    fn states<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeMap<String, UnitState>, ServiceError>>;
    /// The files that these units were read from, drop-ins too. The call makes systemd load units that were not loaded yet.
    fn sources<'a>(
        &'a self,
        units: &'a [&'a str],
    ) -> LocalBoxFuture<'a, Result<BTreeSet<String>, ServiceError>>;
    /// When the main process of a unit was started last, in microseconds of `CLOCK_MONOTONIC`; `None` if it never was.
    fn started<'a>(
        &'a self,
        unit: &'a str,
    ) -> LocalBoxFuture<'a, Result<Option<u64>, ServiceError>>;
    /// Hands a job to the manager; `unit` is empty for [`Job::DaemonReload`].
    fn run<'a>(&'a self, job: Job, unit: &'a str) -> LocalBoxFuture<'a, Result<(), ServiceError>>;
}

//! Why a wait ended without its goal, with the exit code and the hint of each reason.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::facts::FREEZE;
use crate::gates::Problem;
use crate::store::status::Failure;
use crate::system::daemon::api::ApiError;
use crate::system::imds::BUG;
use crate::system::retry::Deadline;
use std::time::Duration;

/// Why the wait ended without the goal.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The deadline passed with a gate closed.
    #[error("not joined after {:.0} s: {title}: {found}; expected {expected}", waited.as_secs_f64())]
    Closed {
        /// The gate.
        gate: &'static str,
        /// What is true when the gate is open.
        title: &'static str,
        /// What was found instead.
        found: String,
        /// What was expected.
        expected: String,
        /// What to do.
        hint: Advice,
        /// How long the command waited.
        waited: Duration,
    },
    /// No `apply` has finished in this boot.
    #[error("not joined after {:.0} s: no `apply` has finished in this boot, so the role of this node is unknown", waited.as_secs_f64())]
    NotApplied {
        /// How long the command waited.
        waited: Duration,
    },
    /// No `apply` has finished, because the agent is frozen.
    #[error("not joined after {:.0} s: the agent is frozen by {FREEZE}", waited.as_secs_f64())]
    Frozen {
        /// How long the command waited.
        waited: Duration,
    },
    /// A daemon accepts connections but does not answer.
    #[error("not joined after {:.0} s: a daemon accepts connections on loopback but does not answer", waited.as_secs_f64())]
    Silent {
        /// How long the command waited.
        waited: Duration,
    },
    /// An `apply` failed, and the node cannot join before the cause is fixed.
    #[error("`apply` failed at {}", .0.at)]
    ApplyFailed(Failure),
    /// The role has no such gates.
    #[error("a {role} does not run Nomad, so there is nothing to wait for")]
    NoGates {
        /// The role.
        role: String,
    },
    /// No client could be created.
    #[error("cannot create the client for the daemons")]
    Api(#[from] ApiError),
}

topics! {
    NOT_APPLIED: "apply-unfinished", "look at `systemctl status cos-agent` and `journalctl -b -u cos-agent`";
    FROZEN: "agent-frozen", "remove {file}, then run `systemctl restart cos-agent`";
    DAEMON_SILENT: "daemon-silent", "run `cos-agent status`, which shows the daemon that does not answer";
    NO_GATES: "goal-without-gates", "run `cos-agent wait --for ready` or `--for consul`";
}

impl WaitError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::ApplyFailed(failure) => ExitCode::of(failure.code),
            Self::NoGates { .. } => ExitCode::Usage,
            Self::Closed { .. }
            | Self::NotApplied { .. }
            | Self::Frozen { .. }
            | Self::Silent { .. } => ExitCode::NotYet,
            Self::Api(_) => ExitCode::Unavailable,
        }
    }

    /// The error of a wait that ended at a closed gate.
    pub(super) fn closed(
        gate: &'static str,
        title: &'static str,
        problem: &Problem,
        deadline: Deadline,
    ) -> Self {
        let Problem { found, expected, hint, .. } = problem.clone();
        Self::Closed { gate, title, found, expected, hint, waited: deadline.elapsed() }
    }
}

impl Hint for WaitError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::Closed { hint, .. } => hint.clone(),
            Self::NotApplied { .. } => NOT_APPLIED.plain(),
            Self::Frozen { .. } => FROZEN.with(&[("file", &FREEZE)]),
            Self::Silent { .. } => DAEMON_SILENT.plain(),
            Self::NoGates { .. } => NO_GATES.plain(),
            // The report of the failed run has the hint.
            Self::ApplyFailed(_) => return None,
            Self::Api(_) => BUG.plain(),
        })
    }
}

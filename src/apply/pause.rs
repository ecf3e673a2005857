//! How long systemd waits before it starts a failed `cos-agent.service` again: longer each time, from 10 s to 5 min. A
//! server that waits for its turn to restart tries again every 30 s at the latest.
//!
//! `RestartSteps=` of systemd 254 would do it, but Debian 12 and Amazon Linux 2023 have systemd 252. So the agent writes a
//! drop-in for its own unit to `/run`, which a reboot clears.

use super::ApplyError;
use crate::state::AGENT;
use crate::system::System;
use crate::system::systemd::services::{Job, ServiceManager};

/// The drop-in that holds the current pause.
const DROP_IN: &str = "/run/systemd/system/cos-agent.service.d/50-pause.conf";
/// Seconds of the first pause, as `systemd/cos-agent.service` has it.
const FIRST: u32 = 10;
/// Seconds of the longest one.
const LONGEST: u32 = 300;
/// Seconds of the longest one while other servers cannot do without this one. Their restart or election takes seconds, and
/// servers that were refused together try again together: one gets its turn each time, so the last waits for many rounds.
const LONGEST_FOR_TURN: u32 = 30;

/// When the unit has to start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Not at all: the run succeeded.
    Never,
    /// After a pause.
    Later,
    /// After a short pause, because this server waits for its turn to restart.
    AtItsTurn,
}

impl Next {
    /// When to start again after `apply` failed.
    pub fn after(error: &ApplyError) -> Self {
        match error {
            ApplyError::QuorumAtRisk { .. } => Self::AtItsTurn,
            _ => Self::Later,
        }
    }
}

/// Sets the pause; called before a run ends.
pub async fn set(
    system: &System,
    services: &dyn ServiceManager,
    next: Next,
) -> Result<(), ApplyError> {
    match next {
        Next::Never => reset(system, services).await,
        Next::Later => grow(system, services, LONGEST).await,
        Next::AtItsTurn => grow(system, services, LONGEST_FOR_TURN).await,
    }
}

/// Doubles the pause.
async fn grow(
    system: &System,
    services: &dyn ServiceManager,
    longest: u32,
) -> Result<(), ApplyError> {
    let before = current(system)?;
    let seconds = before.map_or(FIRST, |before| before.saturating_mul(2).clamp(FIRST, longest));
    if before == Some(seconds) {
        return Ok(());
    }
    let text = format!("# Removed once {AGENT} succeeds.\n[Service]\nRestartSec={seconds}s\n");
    system.root.write(DROP_IN, text.as_bytes(), 0o644)?;
    if let Err(error) = services.run(Job::DaemonReload, "").await {
        // systemd has not read the drop-in, so it must not count as the current pause.
        system.root.remove(DROP_IN)?;
        return Err(error.into());
    }
    Ok(())
}

/// Removes the pause.
async fn reset(system: &System, services: &dyn ServiceManager) -> Result<(), ApplyError> {
    if system.root.stat(DROP_IN)?.is_none() {
        return Ok(());
    }
    system.root.remove(DROP_IN)?;
    Ok(services.run(Job::DaemonReload, "").await?)
}

/// The pause in the drop-in, in seconds; `None` if there is no valid one.
fn current(system: &System) -> Result<Option<u32>, ApplyError> {
    let bytes = system.root.read(DROP_IN)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = text.lines().find_map(|line| line.strip_prefix("RestartSec="));
    Ok(value.and_then(|value| value.trim_end_matches('s').parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::environment::Environment;
    use crate::system::root::Root;
    use crate::system::systemd::services::RecordedServices;

    fn system(root: Root) -> System {
        System { root, services: None, keeps_record: false, environment: Environment::default() }
    }

    #[tokio::test]
    async fn a_server_that_waits_for_its_turn_tries_again_after_half_a_minute_at_the_latest() {
        let directory = tempfile::tempdir().unwrap();
        let system = system(Root::at(directory.path()));
        let services = RecordedServices::default();
        let reason = "another server is restarting".to_owned();
        let turn = ApplyError::QuorumAtRisk { unit: "consul.service", verb: "restart", reason };
        let (turn, other) = (Next::after(&turn), Next::after(&ApplyError::NotRoot));
        let mut pauses = Vec::new();
        for next in [turn, turn, turn, turn, other, other, turn] {
            set(&system, &services, next).await.unwrap();
            pauses.push(current(&system).unwrap().unwrap());
        }
        assert_eq!(pauses, [10, 20, 30, 30, 60, 120, 30]);
    }

    #[tokio::test]
    async fn the_pause_doubles_up_to_five_minutes_and_is_forgotten_after_a_success() {
        let directory = tempfile::tempdir().unwrap();
        let system = system(Root::at(directory.path()));
        let services = RecordedServices::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            set(&system, &services, Next::Later).await.unwrap();
            pauses.push(current(&system).unwrap().unwrap());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
        let reload = (Job::DaemonReload, String::new());
        assert_eq!(services.take_jobs(), vec![reload.clone(); 6], "what stays needs no reload");
        set(&system, &services, Next::Never).await.unwrap();
        set(&system, &services, Next::Never).await.unwrap();
        assert_eq!(services.take_jobs(), [reload]);
        for broken in ["", "[Service]\n", "RestartSec=soon\n", "RestartSec=99999999999s\n"] {
            system.root.write(DROP_IN, broken.as_bytes(), 0o644).unwrap();
            set(&system, &services, Next::Later).await.unwrap();
            assert_eq!(current(&system).unwrap(), Some(FIRST), "{broken:?}");
        }
    }
}

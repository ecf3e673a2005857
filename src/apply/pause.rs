//! How long systemd waits before it starts a failed `cos-agent.service` again: longer each time, from 10 s to 5 min.
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

/// Doubles the pause; called before a failed run ends.
pub async fn grow(system: &System, services: &dyn ServiceManager) -> Result<(), ApplyError> {
    let before = current(system)?;
    let seconds = before.map_or(FIRST, |before| before.saturating_mul(2).clamp(FIRST, LONGEST));
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

/// Removes the pause; called after a run that succeeded.
pub async fn reset(system: &System, services: &dyn ServiceManager) -> Result<(), ApplyError> {
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

    #[tokio::test]
    async fn the_pause_doubles_up_to_five_minutes_and_is_forgotten_after_a_success() {
        let directory = tempfile::tempdir().unwrap();
        let system = System {
            root: Root::at(directory.path()),
            services: None,
            keeps_record: false,
            environment: Environment::default(),
        };
        let services = RecordedServices::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            grow(&system, &services).await.unwrap();
            pauses.push(current(&system).unwrap().unwrap());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300, 300]);
        let reload = (Job::DaemonReload, String::new());
        assert_eq!(services.take_jobs(), vec![reload.clone(); 6], "what stays needs no reload");
        reset(&system, &services).await.unwrap();
        reset(&system, &services).await.unwrap();
        assert_eq!(services.take_jobs(), [reload]);
        for broken in ["", "[Service]\n", "RestartSec=soon\n", "RestartSec=99999999999s\n"] {
            system.root.write(DROP_IN, broken.as_bytes(), 0o644).unwrap();
            grow(&system, &services).await.unwrap();
            assert_eq!(current(&system).unwrap(), Some(FIRST), "{broken:?}");
        }
    }
}

//! Nomad's docker driver works on this client.

use super::docker_daemon::{is_absent, settles};
use super::nomad_client_eligible::{HIDDEN, this_client};
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Topic, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::daemon::nomad::{Driver, Registered};
use std::time::Duration;

topics! {
    UNDETECTED: "driver-undetected",
        "run `docker info`: if docker does not answer, correct that first; if it does, Nomad finds it within 30 s, or after \
         `systemctl restart nomad` (tasks go on)";
    UNHEALTHY: "driver-unhealthy",
        "run `docker info` and look at `journalctl -b -u docker -n 50`; Nomad tries docker again every 30 s";
    SOON: "driver-soon", "run `cos-agent doctor` again in 30 s: Nomad tries docker again every 30 s";
}

/// What stands behind the topics of this check.
const FURTHER: &[Topic] = &[HIDDEN];

/// The check. Only docker: every other driver may be absent on purpose.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-drivers",
        title: "Nomad's docker driver works",
        group: Group::Nomad,
        roles: &[Role::NomadClient],
        needs: &["nomad-node-ready"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "The servers have the docker driver of this client as detected and healthy. An image without docker, or a \
                    client whose docker driver is off, is no finding.",
            matters: "Nomad places no docker tasks on a client whose docker driver is not healthy.",
            look: &["nomad node status -self -verbose", "docker info"],
            fixes: &[TOPICS, FURTHER],
            source: "https://developer.hashicorp.com/nomad/docs/drivers/docker",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    if is_absent(&units) {
        return Finding::Pass("no docker driver".to_owned());
    }
    match this_client(machine).await {
        Ok(client) => judge(&client, settles(&units)),
        Err(finding) => finding,
    }
}

/// `settles`: docker or Nomad started so recently that the next look may find docker.
fn judge(client: &Registered, settles: bool) -> Finding {
    let Some(driver) = client.drivers.get("docker") else {
        return Finding::Pass("no docker driver".to_owned());
    };
    let (state, topic) = match driver {
        Driver { detected: true, healthy: true, .. } => {
            return Finding::Pass("docker driver healthy".to_owned());
        }
        Driver { detected: true, .. } => ("unhealthy", UNHEALTHY),
        _ => ("not detected", UNDETECTED),
    };
    let words = driver.health_description.trim();
    let problem = |topic: &Topic| {
        let found = format!("Nomad's docker driver is {state}: {words}");
        Problem::new(found, "detected and healthy", topic.plain())
    };
    if settles { Finding::Waiting(problem(&SOON)) } else { Finding::Fail(problem(&topic)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_detected_and_healthy_or_has_just_started() {
        let client = |detected, healthy| {
            let health_description = "Failed to connect to docker daemon".to_owned();
            let driver = Driver { detected, healthy, health_description };
            Registered { drivers: [("docker".to_owned(), driver)].into(), ..Registered::default() }
        };
        assert!(judge(&client(true, true), false).passes());
        assert!(judge(&Registered::default(), false).passes());
        for (detected, id) in [(true, "driver-unhealthy"), (false, "driver-undetected")] {
            let Finding::Fail(problem) = judge(&client(detected, false), false) else {
                panic!("broken")
            };
            assert_eq!(problem.hint.id, id);
            assert!(problem.found.ends_with(": Failed to connect to docker daemon"));
            assert!(matches!(judge(&client(detected, false), true), Finding::Waiting(_)));
        }
    }
}

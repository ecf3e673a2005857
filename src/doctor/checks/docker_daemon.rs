//! docker answers on its socket.

use super::agent_privileges;
use crate::doctor::Check;
use crate::doctor::machine::{Machine, Units};
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::{DOCKER, Daemon};
use crate::system::docker::{self, DockerError, Info, SOCKET};
use crate::system::systemd::unit_facts::UnitFacts;
use std::path::Path;
use std::time::Duration;

topics! {
    NOT_ACTIVE: "docker-not-active", "run `cos-agent apply`, which starts it; `journalctl -b -u docker -n 50` says why it ended";
    UNREACHABLE: "docker-unreachable",
        "look at `journalctl -b -u docker -n 50` and `systemctl status docker.socket`; `systemctl restart docker` ends the \
         containers, so drain the node first (`nomad node drain -enable -self`)";
    HANGS: "docker-hangs",
        "look at `journalctl -b -u docker -n 50` and `cat /proc/pressure/io`; if it still hangs, drain the node \
         (`nomad node drain -enable -self`), then run `systemctl restart docker`, which ends its containers";
}

/// Longest time for `/_ping` and for `/info`, which counts images and containers.
const PING: Duration = Duration::from_secs(2);
const INFO: Duration = Duration::from_secs(4);
/// So long after a start of docker or Nomad, Nomad may not have looked at docker again: it looks every 30 s.
const SETTLES: Duration = Duration::from_secs(45);

/// The check. docker is asked only while its unit runs, because a connection to the socket would start it.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "docker-daemon",
        title: "docker answers",
        group: Group::Docker,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["nomad-drivers"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(9),
        page: Page {
            means: "docker.service is active, and docker answers `/_ping` and `/info` on its socket. An image without docker is no \
                    finding.",
            matters: "Without docker no docker task starts, and Nomad cannot stop those that run.",
            look: &[
                "systemctl status docker",
                "curl -s --unix-socket /var/run/docker.sock http://docker/info",
            ],
            fixes: &[TOPICS, agent_privileges::TOPICS],
            source: "https://docs.docker.com/reference/api/engine/",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// Whether the image has no docker. Then nothing about it is wrong.
pub(super) fn is_absent(units: &Units) -> bool {
    units.as_ref().is_ok_and(|units| units.get(DOCKER).is_some_and(|unit| unit.load == "not-found"))
}

/// Whether docker or Nomad has just started.
pub(super) fn settles(units: &Units) -> bool {
    let Ok(units) = units else { return false };
    let age = |unit: &str| units.get(unit).and_then(UnitFacts::runs_for);
    [DOCKER, Daemon::Nomad.unit()].into_iter().filter_map(age).any(|age| age < SETTLES)
}

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    if is_absent(&units) {
        return Finding::Pass("docker is not installed".to_owned());
    }
    // Where systemd does not answer, docker is not asked either: it may be down.
    let unit = units.as_ref().as_ref().ok().and_then(|units| units.get(DOCKER));
    if let Some(finding) = not_active(unit) {
        return finding;
    }
    let socket = Path::new(SOCKET);
    let answer = match docker::ping(socket, PING).await {
        Ok(()) => docker::info(socket, INFO).await,
        Err(error) => Err(error),
    };
    judge(&answer)
}

fn not_active(unit: Option<&UnitFacts>) -> Option<Finding> {
    let expected = format!("{DOCKER} is active");
    let problem = |found: String| Problem::new(found, expected, NOT_ACTIVE.plain());
    match unit.map(|unit| (unit.active.as_str(), unit)) {
        Some(("active" | "reloading", _)) => None,
        Some(("activating", unit)) => {
            Some(Finding::Waiting(problem(format!("{DOCKER} is starting ({})", unit.sub))))
        }
        Some((state, _)) => Some(Finding::Fail(problem(format!("{DOCKER} is {state}")))),
        None => Some(Finding::Unknown(problem(format!("systemd did not report {DOCKER}")))),
    }
}

fn judge(answer: &Result<Info, DockerError>) -> Finding {
    let (finding, topic): (fn(Problem) -> Finding, _) = match answer {
        Ok(info) => return Finding::Pass(format!("docker {}", info.server_version)),
        Err(DockerError::Unreachable { is_denied: true, .. }) => {
            (Finding::Unknown, &agent_privileges::NOT_ROOT)
        }
        Err(DockerError::Silent { .. }) => (Finding::Fail, &HANGS),
        Err(_) => (Finding::Fail, &UNREACHABLE),
    };
    let found = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
    finding(Problem::new(found, format!("docker answers at {SOCKET}"), topic.plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(load: &str, active: &str) -> UnitFacts {
        let (load, active) = (load.to_owned(), active.to_owned());
        UnitFacts { load, active, ..UnitFacts::default() }
    }

    #[test]
    fn docker_is_asked_only_while_its_unit_is_active() {
        assert!(not_active(Some(&unit("loaded", "active"))).is_none());
        for state in ["inactive", "failed", "deactivating"] {
            let found = not_active(Some(&unit("loaded", state)));
            assert!(matches!(found, Some(Finding::Fail(_))), "{state}");
        }
        let starts = not_active(Some(&unit("loaded", "activating")));
        assert!(matches!(starts, Some(Finding::Waiting(_))));
        assert!(matches!(not_active(None), Some(Finding::Unknown(_))));
    }

    #[test]
    fn an_image_without_docker_is_known_by_its_units() {
        let of = |load: &str| Units::Ok([(DOCKER.to_owned(), unit(load, "inactive"))].into());
        assert!(is_absent(&of("not-found")) && !is_absent(&of("loaded")));
    }

    #[test]
    fn a_daemon_that_hangs_one_that_is_gone_and_a_denial_have_their_own_advice() {
        let info = Info { server_version: "20.10.24".to_owned() };
        assert_eq!(judge(&Ok(info)), Finding::Pass("docker 20.10.24".to_owned()));
        let silent = DockerError::Silent { path: "/info", after: INFO };
        let Finding::Fail(problem) = judge(&Err(silent)) else { panic!("it hangs") };
        assert_eq!(problem.hint.id, "docker-hangs");
        let unreachable =
            |is_denied| Err(DockerError::Unreachable { words: String::new(), is_denied });
        assert!(matches!(judge(&unreachable(false)), Finding::Fail(_)));
        assert!(matches!(judge(&unreachable(true)), Finding::Unknown(_)));
    }
}

//! Nomad has registered itself in Consul, and its checks there pass.

use super::node_unknown;
use crate::doctor::Check;
use crate::doctor::machine::{Machine, Units};
use crate::exit::hint::topics;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Context, Finding, Group, Impact, Page, Problem};
use crate::role::{AgentMode, Role};
use crate::state::Daemon;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::consul::ServiceCheck;
use crate::system::systemd::unit_facts::UnitFacts;
use std::collections::BTreeSet;
use std::time::Duration;

topics! {
    NOT_REGISTERED: "nomad-not-in-consul",
        "look for `consul` in `journalctl -b -u nomad -n 200`: Nomad may lack a token, or cannot reach 127.0.0.1:8500; it tries \
         again every 30 s";
    SOON: "nomad-in-consul-soon",
        "run `cos-agent doctor` again in a minute: Nomad registers within 30 s, and Consul runs its checks every 10 s";
    CRITICAL: "nomad-check-critical",
        "look at the output of the check in `curl -s http://127.0.0.1:8500/v1/agent/checks` and at \
         `journalctl -b -u nomad -n 50`";
}

/// So long after a start of Nomad or Consul, a service may be missing and a check may not have run.
const SETTLES: Duration = Duration::from_secs(90);
/// How often, and after which pause, a critical check is looked at again: it may have met an election or a busy moment.
const LOOKS: (u32, Duration) = (6, Duration::from_secs(1));

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-consul-link",
        title: "Nomad is registered in Consul",
        group: Group::Nomad,
        roles: Role::WITH_NOMAD,
        needs: &["nomad-agent-api", "consul-agent-api"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "The Consul agent of this node has the service `nomad` (on servers) or `nomad-client`, and none of its checks \
                    stays critical. A configuration without `auto_advertise` is no finding.",
            matters: "Nomad finds its servers through Consul, and a Nomad that cannot register itself cannot register the services \
                      of its tasks.",
            look: &[
                "curl -s http://127.0.0.1:8500/v1/agent/services",
                "curl -s http://127.0.0.1:8500/v1/agent/checks",
            ],
            fixes: &[TOPICS, advice::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/configuration/consul",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some((context, _)) = machine.agents() else { return node_unknown() };
    let link = match context.nomad.in_consul().await {
        Ok(link) => link,
        Err(error) => return silent(Daemon::Nomad, &error),
    };
    if link.auto_advertise == Some(false) {
        return Finding::Pass("Nomad does not advertise itself".to_owned());
    }
    let service = match context.node.role.nomad() {
        Some(AgentMode::Server) => link.server_service_name,
        _ => link.client_service_name,
    };
    let has_settled = !settles(&*machine.units.get().await);
    let mut looks = LOOKS.0;
    loop {
        let (services, checks) = match ask(context).await {
            Ok(answer) => answer,
            Err(error) => return silent(Daemon::Consul, &error),
        };
        let finding = judge(&service, &services, &checks, !has_settled);
        // Consul ran its check in the middle of an election that is over.
        if matches!(finding, Finding::Waiting(_))
            && has_settled
            && matches!(context.nomad.leader().await, Ok(Some(_)))
        {
            return Finding::Pass(registered(&service));
        }
        looks -= 1;
        if matches!(finding, Finding::Warn(_)) && looks > 0 {
            tokio::time::sleep(LOOKS.1).await;
            continue;
        }
        // One of them was restarted after the units were asked.
        let is_trouble = matches!(finding, Finding::Warn(_) | Finding::Fail(_));
        if is_trouble && has_settled && settles(&machine.units_now().await) {
            return judge(&service, &services, &checks, true);
        }
        return finding;
    }
}

async fn ask(context: &Context) -> Result<(BTreeSet<String>, Vec<ServiceCheck>), ApiError> {
    Ok((context.consul.services().await?, context.consul.checks().await?))
}

/// Whether Nomad or Consul has just started.
fn settles(units: &Units) -> bool {
    let Ok(units) = units else { return false };
    let age = |daemon: Daemon| units.get(daemon.unit()).and_then(UnitFacts::runs_for);
    [Daemon::Nomad, Daemon::Consul].into_iter().filter_map(age).any(|age| age < SETTLES)
}

fn judge(
    service: &str,
    services: &BTreeSet<String>,
    checks: &[ServiceCheck],
    settles: bool,
) -> Finding {
    if !services.contains(service) {
        let problem = |hint| {
            let found = format!("the local Consul agent has no service `{service}`");
            Problem::new(found, format!("Nomad has registered `{service}`"), hint)
        };
        return if settles {
            Finding::Waiting(problem(SOON.plain()))
        } else {
            Finding::Fail(problem(NOT_REGISTERED.plain()))
        };
    }
    let critical =
        |check: &&ServiceCheck| check.service_name == service && check.status == "critical";
    let Some(check) = checks.iter().find(critical) else {
        return Finding::Pass(registered(service));
    };
    let problem = |hint| {
        let found = format!("the check `{}` of `{service}` is critical", check.name);
        Problem::new(found, "the checks of Nomad pass", hint)
            .with(check.output.lines().take(1).map(str::to_owned).collect())
    };
    if settles || waits_for_others(&check.output) {
        Finding::Waiting(problem(SOON.plain()))
    } else {
        Finding::Warn(problem(CRITICAL.plain()))
    }
}

fn registered(service: &str) -> String {
    format!("{service} in Consul")
}

/// Whether the agent itself works and only has no leader or no server (`HealthRequest`, `command/agent/agent_endpoint.go`, 1.6.3).
fn waits_for_others(output: &str) -> bool {
    let output = output.to_ascii_lowercase();
    ["no leader", "no cluster leader", "no known servers"]
        .iter()
        .any(|words| output.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nomad_is_registered_and_its_checks_pass() {
        let check = |service: &str, status: &str, output: &str| ServiceCheck {
            name: "Nomad Client HTTP Check".to_owned(),
            status: status.to_owned(),
            output: output.to_owned(),
            service_name: service.to_owned(),
        };
        let own = "nomad-client";
        let judge = |services: &[&str], checks: &[ServiceCheck], settles| {
            let services = services.iter().map(|&name| name.to_owned()).collect();
            judge(own, &services, checks, settles)
        };
        let passing = check(own, "passing", "HTTP GET ...: 200 OK");
        assert!(judge(&[own, "web"], std::slice::from_ref(&passing), false).passes());
        // A task's own trouble.
        let of_task = check("web", "critical", "connection refused");
        assert!(judge(&[own, "web"], &[passing, of_task], false).passes());
        assert!(matches!(judge(&["web"], &[], true), Finding::Waiting(_)));
        let Finding::Fail(missing) = judge(&["web"], &[], false) else { panic!("not there") };
        assert_eq!(missing.hint.id, "nomad-not-in-consul");
        let refused = check(own, "critical", "Get http://x: connection refused\nmore");
        let Finding::Warn(problem) = judge(&[own], std::slice::from_ref(&refused), false) else {
            panic!("critical")
        };
        assert_eq!(problem.evidence, ["Get http://x: connection refused"]);
        assert!(matches!(judge(&[own], &[refused], true), Finding::Waiting(_)));
        let election = check(own, "critical", r#"500: {"server":{"message":"no leader"}}"#);
        assert!(matches!(judge(&[own], &[election], false), Finding::Waiting(_)));
    }
}

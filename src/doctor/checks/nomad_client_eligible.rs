//! The Nomad servers place new tasks on this client.

use super::node_unknown;
use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::daemon::nomad::Registered;
use std::time::Duration;

topics! {
    INELIGIBLE: "client-ineligible",
        "run `nomad node eligibility -enable -self`, unless somebody keeps tasks off this node on purpose";
    DRAINING: "client-draining",
        "let the drain end (`nomad node status -self`), or run `nomad node drain -disable -self`, which also makes the node \
         eligible";
    HIDDEN: "client-hidden",
        "grant `node` read to the anonymous token of Nomad, or run `nomad node status -self` with a token that has it";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "nomad-client-eligible",
        title: "Nomad places new tasks on this client",
        group: Group::Nomad,
        roles: &[Role::NomadClient],
        needs: &["nomad-node-ready"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_millis(8800),
        page: Page {
            means: "The servers have this client as `eligible`, and it does not drain.",
            matters: "An ineligible client keeps its tasks and gets no new ones. A client that drains loses its tasks as well. A \
                      client that drained before a shutdown stays ineligible after its next boot.",
            look: &["nomad node status -self"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/commands/node/eligibility",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    match this_client(machine).await {
        Ok(client) => judge(&client),
        Err(finding) => finding,
    }
}

/// This client as the servers see it.
pub(super) async fn this_client(machine: &Machine) -> Result<Registered, Finding> {
    let Some((_, daemons)) = machine.agents() else { return Err(node_unknown()) };
    match daemons.nomad_client.get().await.as_ref() {
        Ok(Some(client)) => Ok(client.clone()),
        // `nomad-node-ready` saw it a moment ago.
        Ok(None) => Err(Finding::Unknown(Problem::new(
            "the Nomad servers gave no entry of this client",
            "the entry of this client",
            HIDDEN.plain(),
        ))),
        Err(finding) => Err(finding.clone()),
    }
}

fn judge(client: &Registered) -> Finding {
    let last = client
        .last_drain
        .iter()
        .map(|drain| format!("last drain: {} since {}", drain.status, drain.updated_at));
    let (found, hint) = if client.drains() {
        ("this client is draining: its tasks move away, and it gets no new ones", DRAINING)
    } else if client.is_ineligible() {
        ("this client is ineligible: it gets no new tasks", INELIGIBLE)
    } else {
        return Finding::Pass("eligible".to_owned());
    };
    let problem = Problem::new(found, "this client is eligible for new tasks", hint.plain());
    Finding::Fail(problem.with(last.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::daemon::nomad::LastDrain;
    use serde_json::json;

    #[test]
    fn a_client_that_drains_and_one_that_is_ineligible_have_their_own_advice() {
        let client = |eligibility: &str| Registered {
            scheduling_eligibility: eligibility.to_owned(),
            ..Registered::default()
        };
        assert!(judge(&client("eligible")).passes());
        // An agent that says nothing about it.
        assert!(judge(&client("")).passes());
        let Finding::Fail(problem) = judge(&client("ineligible")) else { panic!("ineligible") };
        assert_eq!(problem.hint.id, "client-ineligible");
        assert!(problem.evidence.is_empty());
        let draining = Registered {
            drain_strategy: json!({"Deadline": 1}),
            last_drain: Some(LastDrain {
                status: "draining".to_owned(),
                updated_at: "2026-11-20T14:11:00Z".to_owned(),
                ..LastDrain::default()
            }),
            ..client("ineligible")
        };
        let Finding::Fail(problem) = judge(&draining) else { panic!("it drains") };
        assert_eq!(problem.hint.id, "client-draining");
        assert_eq!(problem.evidence, ["last drain: draining since 2026-11-20T14:11:00Z"]);
    }
}

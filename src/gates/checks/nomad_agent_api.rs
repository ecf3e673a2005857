//! The local Nomad agent answers, and runs with the identity of this node.

use super::{ANSWER, Gate};
use crate::gates::advice::{self, other_configuration, silent, unknown_by_tls};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::nomad::RunsAs;

/// The check.
pub static CHECK: Gate = Check {
    about: About {
        id: "nomad-agent-api",
        title: "the local Nomad agent answers",
        group: Group::Nomad,
        roles: Role::WITH_NOMAD,
        needs: &[],
        explains: &["nomad-consul-link"],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The HTTP API of the Nomad agent on this node answers `/v1/agent/self`, and its name, mode, \
                   datacenter and region are those of this node.",
            matters: "Without its Nomad agent a server does not schedule and a client runs no new tasks.",
            look: &["nomad agent-info", "curl -s http://127.0.0.1:4646/v1/agent/self"],
            fixes: &[advice::TOPICS],
            source: "https://developer.hashicorp.com/nomad/api-docs/agent",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    if let Some(problem) = context.stranger(Daemon::Nomad) {
        return Finding::Fail(problem);
    }
    match context.nomad.runs_as().await {
        Ok(found) => judge(&found, &context.node, context.nomad.api.base()),
        Err(error) if error.wants_https() => Finding::Unknown(unknown_by_tls(Daemon::Nomad)),
        Err(error) => silent(Daemon::Nomad, &error),
    }
}

fn judge(found: &RunsAs, node: &Identity, base: &str) -> Finding {
    let is_server = node.quorum() == Some(Daemon::Nomad);
    let words = |name: &str, server: bool, client: bool| {
        let mode = match (server, client) {
            (true, false) => "a server",
            (false, true) => "a client",
            (true, true) => "a server and a client",
            (false, false) => "neither a server nor a client",
        };
        format!("{name}, {mode}")
    };
    let runs = words(&found.name, found.server.enabled, found.client.enabled);
    let expected = words(&node.instance, is_server, !is_server);
    if runs != expected {
        return Finding::Fail(other_configuration(Daemon::Nomad, &runs, &expected));
    }
    let place =
        |datacenter: &str, region: &str| format!("in datacenter {datacenter} of region {region}");
    let region = node.nomad_region.as_deref().unwrap_or(&found.region);
    let expected = place(node.nomad_datacenter.as_deref().unwrap_or(&found.datacenter), region);
    let runs = place(&found.datacenter, &found.region);
    if runs != expected {
        return Finding::Fail(other_configuration(Daemon::Nomad, &runs, &expected));
    }
    Finding::Pass(format!("answers at {base}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;
    use crate::system::daemon::nomad::Enabled;

    #[test]
    fn an_agent_is_this_instance_and_what_the_node_is() {
        let node = identity(Role::NomadClient, None);
        let right = RunsAs {
            name: node.instance.clone(),
            datacenter: "backoffice".to_owned(),
            region: node.nomad_region.clone().unwrap(),
            server: Enabled { enabled: false },
            client: Enabled { enabled: true },
        };
        let passes = |found: &RunsAs| matches!(judge(found, &node, "x"), Finding::Pass(_));
        assert!(passes(&right));
        let on = Enabled { enabled: true };
        for wrong in [
            RunsAs { name: "i-2".to_owned(), ..right.clone() },
            RunsAs { server: on, ..right.clone() },
            RunsAs { datacenter: "dc1".to_owned(), ..right.clone() },
            RunsAs { region: "global".to_owned(), ..right.clone() },
        ] {
            assert!(!passes(&wrong), "{wrong:?}");
        }
        let older = Identity { nomad_region: None, ..node.clone() };
        let elsewhere = RunsAs { region: "global".to_owned(), ..right };
        assert!(matches!(judge(&elsewhere, &older, "x"), Finding::Pass(_)));
    }
}

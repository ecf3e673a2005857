//! The local Consul agent answers, its Serf status is `alive`, and it runs with the identity of this node.

use super::{ANSWER, Gate};
use crate::exit::hint::topics;
use crate::gates::advice::{self, other_configuration, silent};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::consul::Itself;

topics! {
    HAS_LEFT: "agent-has-left", "if the agent has left the cluster, run `systemctl restart consul`";
}

/// The check.
pub static CHECK: Gate = Check {
    about: About {
        id: "consul-agent-api",
        title: "the local Consul agent answers",
        group: Group::Consul,
        roles: Role::ALL,
        needs: &[],
        explains: &["nomad-joined", "nomad-consul-link", "dns-consul", "net-consul-udp"],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The HTTP API of the Consul agent on this node answers `/v1/agent/self`, its Serf status is \
                   `alive`, and its name, mode and datacenter are those of this node.",
            matters: "Every node is a member of its cluster through its own Consul agent. Without the agent, services \
                   and Nomad are not found.",
            look: &["consul members", "curl -s http://127.0.0.1:8500/v1/agent/self"],
            fixes: &[advice::TOPICS, TOPICS],
            source: "https://developer.hashicorp.com/consul/api-docs/agent",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    if let Some(problem) = context.stranger(Daemon::Consul) {
        return Finding::Fail(problem);
    }
    match context.consul.itself().await {
        Ok(itself) => judge(&itself, &context.node),
        Err(error) => silent(Daemon::Consul, &error),
    }
}

fn judge(itself: &Itself, node: &Identity) -> Finding {
    let mode = |is_server: bool| if is_server { "a server" } else { "a client" };
    let is_server = node.quorum() == Some(Daemon::Consul);
    let expected = format!("{}, {}", node.instance, mode(is_server));
    let found = format!("{}, {}", itself.member.name, mode(itself.config.server));
    if found != expected {
        return Finding::Fail(other_configuration(Daemon::Consul, &found, &expected));
    }
    // The status of an earlier version of the agent has no datacenter.
    if let Some(datacenter) = &node.consul_datacenter
        && !itself.config.datacenter.eq_ignore_ascii_case(datacenter)
    {
        let found = format!("in datacenter {}", itself.config.datacenter);
        let expected = format!("in datacenter {datacenter}");
        return Finding::Fail(other_configuration(Daemon::Consul, &found, &expected));
    }
    if itself.member.is_alive() {
        Finding::Pass(format!("alive at {}", itself.member.addr))
    } else {
        Finding::Fail(Problem::new(
            format!(
                "the Serf status of the local agent is `{}`",
                status_name(itself.member.status)
            ),
            "`alive`",
            HAS_LEFT.plain(),
        ))
    }
}

/// Serf's name of a member's status (`MemberStatus` of hashicorp/serf).
fn status_name(status: u8) -> &'static str {
    match status {
        1 => "alive",
        2 => "leaving",
        3 => "left",
        4 => "failed",
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::identity;
    use crate::system::daemon::consul::{Member, RunsAs};

    fn itself(name: &str, status: u8, server: bool, datacenter: &str) -> Itself {
        Itself {
            member: Member {
                name: name.to_owned(),
                addr: [10, 0, 0, 1].into(),
                status,
                tags: std::collections::BTreeMap::new(),
            },
            config: RunsAs { datacenter: datacenter.to_owned(), server },
        }
    }

    #[test]
    fn an_agent_is_this_instance_alive_and_what_the_node_is() {
        let client = identity(Role::NomadClient, None);
        let server = identity(Role::ConsulServer, Some(3));
        let dc = client.consul_datacenter.as_deref().unwrap();
        for (node, found, passes) in [
            (&client, itself("i-1", 1, false, dc), true),
            (&client, itself("i-1", 3, false, dc), false),
            (&client, itself("i-2", 1, false, dc), false),
            (&client, itself("i-1", 1, true, dc), false),
            (&client, itself("i-1", 1, false, "dc1"), false),
            (&server, itself("i-1", 1, true, dc), true),
            (&server, itself("i-1", 1, false, dc), false),
        ] {
            assert_eq!(matches!(judge(&found, node), Finding::Pass(_)), passes, "{found:?}");
        }
        let older = Identity { consul_datacenter: None, ..client };
        assert!(matches!(judge(&itself("i-1", 1, false, "dc1"), &older), Finding::Pass(_)));
    }
}

//! The local Consul agent knows a live server other than itself.

use super::{ANSWER, Gate};
use crate::exit::hint::topics;
use crate::gates::advice::{self, silent};
use crate::gates::{About, Check, Context, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::daemon::consul::Member;
use crate::text::count;

topics! {
    ALONE: "consul-alone",
        "check that the servers run and that port 8301 (TCP and UDP) is open; `cos-agent peers consul-server` lists the servers";
}

/// The check. An agent that found only itself counts that as a join and never tries again (hashicorp/consul
/// `agent/retry_join.go`).
pub static CHECK: Gate = Check {
    about: About {
        id: "consul-joined",
        title: "Consul sees another live server",
        group: Group::Consul,
        roles: Role::ALL,
        needs: &["consul-agent-api"],
        explains: &["nomad-joined", "nomad-consul-link"],
        impact: Impact::Down,
        timeout: ANSWER,
        page: Page {
            means: "The Consul agent knows a live server other than itself, unless this node is the only server of \
                   its cluster.",
            matters: "An agent that found only itself counts that as a join and never tries again, so it stays alone \
                   until somebody makes it join.",
            look: &["consul members", "cos-agent peers consul-server"],
            fixes: &[advice::TOPICS, TOPICS],
            source: "https://github.com/hashicorp/consul/blob/main/agent/retry_join.go",
        },
    },
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match context.consul.members().await {
        Ok(members) => judge(&members, &context.node),
        Err(error) => silent(Daemon::Consul, &error),
    }
}

fn judge(members: &[Member], node: &Identity) -> Finding {
    let servers = members.iter().filter(|member| member.is_server() && member.is_alive());
    let others = servers.filter(|server| server.name != node.instance).count();
    if others > 0 {
        return Finding::Pass(format!("{} alive", count(others, "other server")));
    }
    if node.consul_servers() == Some(1) {
        return Finding::Pass("this node is the only server of its cluster".to_owned());
    }
    Finding::Waiting(Problem::new(
        format!("no other live server; {}", count(members.len(), "known member")),
        "at least one other live server",
        ALONE.plain(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gates::checks::tests_support::{identity, server};

    #[test]
    fn another_live_server_is_needed() {
        let node = identity(Role::ConsulServer, Some(3));
        let alone = [server(&node.instance, 1)];
        assert!(matches!(judge(&alone, &node), Finding::Waiting(_)));
        assert!(matches!(judge(&alone, &identity(Role::ConsulServer, Some(1))), Finding::Pass(_)));
        let dead = [server(&node.instance, 1), server("i-2", 4)];
        assert!(matches!(judge(&dead, &node), Finding::Waiting(_)));
        let two = [server(&node.instance, 1), server("i-2", 1)];
        assert!(matches!(judge(&two, &node), Finding::Pass(_)));
        assert!(matches!(judge(&[], &identity(Role::NomadClient, None)), Finding::Waiting(_)));
    }
}

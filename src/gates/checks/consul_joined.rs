//! The local Consul agent knows a live server other than itself.

use crate::gates::{Check, Context, Finding, Problem, silent};
use crate::role::Role;
use crate::store::status::Identity;
use crate::system::daemon::consul::Member;

/// The check. An agent that found only itself takes that for a join and never tries again
/// (hashicorp/consul `agent/retry_join.go`).
pub(super) static CHECK: Check = Check {
    id: "consul-joined",
    title: "Consul knows a server besides this node",
    roles: Role::ALL,
    needs: &["consul-agent-api"],
    gate: true,
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match context.consul.members().await {
        Ok(members) => judge(&members, &context.node),
        Err(error) => Finding::Fail(silent("consul.service", &error)),
    }
}

fn judge(members: &[Member], node: &Identity) -> Finding {
    let servers = members.iter().filter(|member| member.is_server() && member.is_alive());
    let others = servers.filter(|server| server.name != node.instance).count();
    if others > 0 {
        return Finding::Pass(format!("{others} other servers are alive"));
    }
    if node.consul_servers() == Some(1) {
        return Finding::Pass("it forms its cluster alone".to_owned());
    }
    Finding::Waiting(Problem::new(
        format!("it sees no live server besides itself among {} members", members.len()),
        "a live server of this cluster",
        "do the servers run, and may this node ask EC2 and reach 8301 by TCP and UDP? `cos-agent peers consul-server`",
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

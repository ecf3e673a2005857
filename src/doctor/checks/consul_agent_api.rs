//! The local Consul agent answers, and is alive to itself.

use crate::doctor::{ALL, Check, Context, Finding, Problem, silent};
use crate::system::consul::Member;

/// The check.
pub(super) static CHECK: Check = Check {
    id: "consul-agent-api",
    title: "the local Consul agent answers",
    roles: ALL,
    needs: &[],
    gate: true,
    probe: |context| Box::pin(probe(context)),
    changed: None,
};

async fn probe(context: &Context) -> Finding {
    match context.consul.itself().await {
        Ok(itself) => judge(&itself, &context.node.instance),
        Err(error) => Finding::Fail(silent("consul.service", &error)),
    }
}

fn judge(itself: &Member, instance: &str) -> Finding {
    if itself.name != instance {
        return Finding::Fail(Problem::new(
            format!("the agent calls itself {}", itself.name),
            format!("this instance is {instance}"),
            "it runs with another configuration: `cos-agent plan`, then `systemctl restart consul`",
        ));
    }
    if itself.is_alive() {
        Finding::Pass(format!("it is alive at {}", itself.addr))
    } else {
        Finding::Fail(Problem::new(
            format!("the agent is not alive to itself (Serf state {})", itself.status),
            "it is a live member of the pool",
            "it left or is leaving: `systemctl restart consul` brings it back",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, status: u8) -> Member {
        Member {
            name: name.to_owned(),
            addr: [10, 0, 0, 1].into(),
            status,
            tags: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn an_agent_is_this_instance_and_alive() {
        assert!(matches!(judge(&member("i-1", 1), "i-1"), Finding::Pass(_)));
        assert!(matches!(judge(&member("i-1", 3), "i-1"), Finding::Fail(_)));
        assert!(matches!(judge(&member("i-2", 1), "i-1"), Finding::Fail(_)));
    }
}

//! EC2 lists the servers of this cluster, as the daemons' own auto-join asks for them.

use crate::doctor::Check;
use crate::doctor::machine::{Machine, Servers};
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::membership::join::discovery::{Found, auto_join_tag};
use crate::role::Role;
use crate::state::Daemon;
use crate::store::status::Identity;
use crate::system::aws::AwsError;
use crate::system::aws::ec2::Peer;
use crate::text::{count, nearest};
use std::time::Duration;

topics! {
    UNTAGGED: "servers-untagged",
        "launch the servers, or set the tag `{tag}` to `{cluster}` in their launch template with `propagate_at_launch = true`; \
         then `cos-agent peers {daemon}-server` lists them";
    FOREIGN: "servers-in-another-vpc",
        "give one of the two clusters another name in `cos:cluster` and `{tag}`: auto-join searches every VPC of the account; \
         or launch this node in the VPC of its servers";
    ALONE: "servers-to-come",
        "wait for the other servers of this cluster to be launched; if they run, check their tag `{tag}` with \
         `cos-agent peers {daemon}-server`";
    DENIED: "discovery-denied",
        "allow `{action}` on `*` in the policy of the role {role}, and in the policy of the VPC endpoint of EC2 if it has one";
    CALLER: "credentials-refused",
        "compare the clock with `timedatectl`; if it is right, attach the instance profile again, because AWS no longer \
         accepts the credentials that it gives";
    REPEAT: "discovery-repeat", "run `cos-agent doctor --only aws-autodiscovery` again";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "aws-autodiscovery",
        title: "EC2 lists the servers of this cluster",
        group: Group::Aws,
        roles: Role::ALL,
        needs: &["role-resolved", "iam-credentials", "aws-endpoint-ec2"],
        explains: &[
            "consul-joined",
            "nomad-joined",
            "boot-phases",
            "nomad-leader",
            "nomad-node-ready",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "EC2 lists running instances of this VPC with the auto-join tags of the daemons of this node: \
                    `cos:consul-server`, and where Nomad runs, `cos:nomad-server`. A server does not count itself.",
            matters: "The daemons find their servers by this call. A node that runs keeps its members, but after its next \
                      boot it stays alone.",
            look: &["cos-agent peers consul-server", "cos-agent peers nomad-server"],
            fixes: &[TOPICS, AwsError::TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/install/cloud-auto-join",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(node) = &machine.node else { return super::broken() };
    match &*machine.aws.servers.get().await {
        Ok(servers) => judge(servers, node),
        Err(error) => {
            let metadata = machine.metadata.get().await;
            let role = metadata.credentials.as_ref().map(|found| found.role.as_str());
            refused(error, role.unwrap_or("ROLE"), machine.record.joined.is_some())
        }
    }
}

fn judge(servers: &Servers, node: &Identity) -> Finding {
    let mut words = Vec::new();
    for daemon in node.role.daemons() {
        let none = Found::default();
        let found = servers.found.get(daemon).unwrap_or(&none);
        let is_server = node.quorum() == Some(*daemon);
        let others = found.peers.iter().filter(|peer| peer.instance != node.instance).count();
        let noun = format!("{}{} server", if is_server { "other " } else { "" }, title(*daemon));
        if others == 0 && !(is_server && node.servers == Some(1)) {
            return missing(*daemon, is_server, found, &servers.tagged, node);
        }
        let foreign = match found.foreign.len() {
            0 => String::new(),
            number => format!(" ({number} in another VPC)"),
        };
        words.push(format!("{}{foreign}", count(others, &noun)));
    }
    Finding::Pass(words.join(", "))
}

fn title(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => "Consul",
        Daemon::Nomad => "Nomad",
    }
}

/// No server of this daemon was found, other than this node.
fn missing(
    daemon: Daemon,
    is_server: bool,
    found: &Found,
    tagged: &[Peer],
    node: &Identity,
) -> Finding {
    let (tag, cluster) = (auto_join_tag(daemon), node.cluster.as_str());
    let (topic, finding): (_, fn(Problem) -> Finding) = match (found.foreign.is_empty(), is_server)
    {
        (false, _) => (FOREIGN, Finding::Fail),
        // The first server of a new cluster is alone for a while.
        (true, true) => (ALONE, Finding::Waiting),
        (true, false) => (UNTAGGED, Finding::Fail),
    };
    let hint = topic.with(&[("tag", &tag), ("cluster", &cluster), ("daemon", &daemon.name())]);
    let who = if is_server { "0 other running instances" } else { "0 running instances" };
    let problem = Problem::new(
        format!("{who} of this VPC have the tag `{tag}` = `{cluster}`"),
        format!("at least one running {} server", title(daemon)),
        hint,
    );
    let of_foreign = found.foreign.iter().map(|peer| {
        format!("{} at {} is in another VPC, {}", peer.instance, peer.address, peer.vpc)
    });
    let evidence = of_foreign.take(3).chain(near_misses(tag, cluster, tagged)).take(3);
    finding(problem.with(evidence.collect()))
}

/// Instances whose value of the tag is nearly the name of the cluster; else the other values that exist.
fn near_misses(tag: &str, cluster: &str, tagged: &[Peer]) -> Vec<String> {
    let others: Vec<(&Peer, &str)> = tagged
        .iter()
        .filter_map(|peer| Some((peer, peer.tags.get(tag)?.as_str())))
        .filter(|(_, value)| *value != cluster)
        .collect();
    let Some(near) = nearest(cluster, others.iter().map(|(_, value)| *value)) else {
        let mut values: Vec<&str> = others.iter().map(|(_, value)| *value).collect();
        values.sort_unstable();
        values.dedup();
        values.truncate(5);
        let words = format!("other values of `{tag}`: {}", values.join(", "));
        return if values.is_empty() { Vec::new() } else { vec![words] };
    };
    let of_near = others.iter().filter(|(_, value)| *value == near);
    of_near
        .map(|(peer, value)| format!("{} at {}: `{tag}` = `{value}`", peer.instance, peer.address))
        .collect()
}

/// EC2 gave no list. A node that has not joined waits for it.
fn refused(error: &AwsError, role: &str, has_joined: bool) -> Finding {
    const EXPECTED: &str = "the servers of this cluster, from EC2";
    let own = || error.hint().unwrap_or_else(|| REPEAT.plain());
    match error {
        AwsError::Denied { action, code, message } => {
            let hint = DENIED.with(&[("action", action), ("role", &role)]);
            let said = message.split(" Encoded authorization failure message").next();
            let problem = Problem::new(format!("{action} is denied: {code}"), EXPECTED, hint);
            Finding::Fail(problem.with(said.map(str::to_owned).into_iter().collect()))
        }
        error if error.is_about_the_caller() => {
            let found = "EC2 refuses the credentials or the signatures of this instance";
            let problem = Problem::new(found, EXPECTED, CALLER.plain());
            Finding::Fail(problem.with(vec![error.trouble()]))
        }
        error if error.is_busy() && !has_joined => {
            Finding::Waiting(Problem::new(error.trouble(), EXPECTED, own()))
        }
        AwsError::Unreachable { .. } | AwsError::Credentials(_) | AwsError::NoCredentials(_) => {
            Finding::Unknown(Problem::new(error.trouble(), EXPECTED, own()))
        }
        _ => Finding::Fail(Problem::new(error.trouble(), EXPECTED, own())),
    }
}

#[cfg(test)]
mod tests;

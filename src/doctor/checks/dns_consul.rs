//! `.consul` resolves: Consul answers, and the resolver of the host asks it.

use crate::doctor::Check;
use crate::doctor::forwarding::{self, Forwarding};
use crate::doctor::machine::Machine;
use crate::doctor::machine::resolvers::{LINK, Resolvers};
use crate::exit::hint::topics;
use crate::facts::host::{self, Resolver};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::render;
use crate::role::Role;
use crate::system::daemon::consul;
use crate::system::dns::{self, Reply};
use crate::system::network;
use crate::system::systemd::link_dns;
use futures_util::future::join_all;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

topics! {
    NO_LEADER: "dns-without-leader", "wait for a leader: `consul operator raft list-peers -stale` on a server shows who may vote";
    NO_ADDRESS: "dns-without-address",
        "wait some seconds after an election; if this lasts, run `consul catalog services -stale`; with ACLs the token \
         `acl.tokens.dns` needs `service_prefix \"\"` and `node_prefix \"\"` read";
    CONSUL_SILENT: "dns-consul-silent",
        "run `ss -ulnp 'sport = :8600'` and `journalctl -b -u consul -g dns -n 20`; no file in /etc/consul.d may set `addresses.dns` \
         to another address than 127.0.0.1";
}

/// The name that every cluster has.
const NAME: &str = "consul.service.consul";
/// Longest time for each answer.
const ANSWER: Duration = Duration::from_millis(1200);
/// A resolver that has just lost Consul tries again after this time.
const PAUSE: Duration = Duration::from_millis(700);
/// Longest time for the leader: without one the agent holds the request.
const LEADER: Duration = Duration::from_secs(1);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "dns-consul",
        title: "names below .consul resolve",
        group: Group::Dns,
        roles: Role::ALL,
        needs: &["consul-agent-api"],
        explains: &[],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(8),
        page: Page {
            means: "Consul answers for `consul.service.consul` at 127.0.0.1:8600, and so does the first DNS server in \
                    /etc/resolv.conf that answers at all: systemd-resolved through the link `cos0`, or dnsmasq.",
            matters: "Programs and tasks find services by these names.",
            look: &[
                "dig @127.0.0.1 -p 8600 consul.service.consul",
                "getent hosts consul.service.consul",
                "resolvectl status cos0",
            ],
            fixes: &[TOPICS, forwarding::resolved::TOPICS, forwarding::dnsmasq::TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/services/discovery/dns-forwarding/enable",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let stages = machine.stages.get().await;
    let forwarder = match &stages.node {
        Some(node) => render::dns::forwarder(node),
        None => match machine.files(host::look).await {
            Some(Ok(host)) => Some(host.resolver).filter(|found| *found != Resolver::Other),
            _ => return super::broken(),
        },
    };
    let Some(forwarder) = forwarder else {
        return Finding::Pass("nothing forwards .consul on this node".to_owned());
    };
    let resolvers = machine.resolvers.get().await;
    let Some(resolvers) = resolvers.as_ref() else { return super::broken() };
    let consul = SocketAddr::from((Ipv4Addr::LOCALHOST, consul::DNS));
    let reply = dns::ask(consul, NAME, ANSWER).await;
    if !reply.has_records() {
        return without_address(&reply, has_leader(machine).await);
    }
    let mut replies = ask_named(resolvers).await;
    if !forwarding::resolves(&replies) {
        // After a restart of Consul or of the resolver the next question gets through.
        tokio::time::sleep(PAUSE).await;
        replies = ask_named(resolvers).await;
    }
    if forwarding::resolves(&replies) {
        return Finding::Pass(format!("{NAME} resolves"));
    }
    let units = machine.units.get().await;
    let link = match forwarder {
        Resolver::Resolved => link_dns::of(&machine.system.environment.path, LINK).await,
        Resolver::Dnsmasq | Resolver::Other => None,
    };
    forwarding::judge(&Forwarding {
        forwarder,
        resolvers,
        replies,
        interfaces: network::interfaces(),
        units: units.as_ref().as_ref().cloned().unwrap_or_default(),
        link,
    })
}

async fn ask_named(resolvers: &Resolvers) -> Vec<(std::net::IpAddr, Reply)> {
    join_all(
        resolvers.named.iter().take(3).map(async |server| {
            (*server, dns::ask(SocketAddr::new(*server, 53), NAME, ANSWER).await)
        }),
    )
    .await
}

async fn has_leader(machine: &Machine) -> bool {
    let Some(context) = &machine.context else { return false };
    let asked = tokio::time::timeout(LEADER, context.consul.leader()).await;
    matches!(asked, Ok(Ok(Some(_))))
}

/// The finding about a Consul that does not know its own servers by name.
fn without_address(reply: &Reply, has_leader: bool) -> Finding {
    let found = format!("Consul does not resolve {NAME} at 127.0.0.1:8600: {reply}");
    let problem = |hint| Problem::new(found, "the addresses of the Consul servers", hint);
    match reply {
        _ if !has_leader => Finding::Waiting(problem(NO_LEADER.plain())),
        reply if reply.is_conclusive() => Finding::Waiting(problem(NO_ADDRESS.plain())),
        _ => Finding::Fail(problem(CONSUL_SILENT.plain())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_leader_nothing_is_wrong_with_dns() {
        let missing = Reply::Answer { code: 3, has_records: false, took: Duration::ZERO };
        let failed = Reply::Answer { code: 2, has_records: false, took: Duration::ZERO };
        for (reply, has_leader, expected) in [
            (&failed, false, "dns-without-leader"),
            (&Reply::Closed, false, "dns-without-leader"),
            (&missing, true, "dns-without-address"),
            (&failed, true, "dns-consul-silent"),
            (&Reply::Silent, true, "dns-consul-silent"),
        ] {
            let finding = without_address(reply, has_leader);
            assert_eq!(finding.problem().unwrap().hint.id, expected, "{reply:?}");
            assert_eq!(matches!(finding, Finding::Fail(_)), expected == "dns-consul-silent");
        }
    }
}

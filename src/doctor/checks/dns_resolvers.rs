//! Every DNS server that this host asks answers.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::doctor::machine::resolvers::{RESOLV_CONF, Resolvers, UPLINK};
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::dns::{self, Reply};
use crate::text::count;
use futures_util::future::join_all;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

topics! {
    NONE_ANSWERS: "dns-servers-silent",
        "look at `iptables -S OUTPUT | grep 53` and `nft list ruleset`; for the server of the VPC (its base address + 2) run \
         `aws ec2 describe-vpc-attribute --attribute enableDnsSupport --vpc-id VPC`; any other server must run and let UDP 53 in";
    ONE_SILENT: "dns-server-silent",
        "start the DNS server at {server}, or remove it from `domain-name-servers` of the VPC's DHCP options and renew the lease with \
         `networkctl renew INTERFACE`";
    TROUBLED: "dns-server-fails",
        "run `dig @{server} {name}`; if it fails there too, correct the server's forwarders or its list of allowed clients";
    NOT_CONFIGURED: "dns-servers-missing",
        "renew the DHCP lease, which names the servers: `networkctl renew INTERFACE` or `dhclient INTERFACE`; then look at \
         `resolvectl dns` and at {file}";
}

/// Longest time for an answer; the question is sent again every half second.
const ANSWER: Duration = Duration::from_secs(3);
/// Most servers that are asked. The C library uses the first three.
const SERVERS: usize = 6;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "dns-resolvers",
        title: "every DNS server of this host answers",
        group: Group::Dns,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "aws-endpoint-ec2",
            "aws-endpoint-ssm",
            "aws-endpoint-ecr",
            "aws-autodiscovery",
            "dns-consul",
            "tags-source",
            "ecr-token",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "Every DNS server in /etc/resolv.conf answers a question for the name of the EC2 endpoint within 3 s. If that is \
                    systemd-resolved on this host, its own servers are asked. That a name does not exist is an answer.",
            matters: "Without DNS a node finds neither AWS nor its servers. If the first of several servers is dead, each lookup \
                      of many programs waits 5 s.",
            look: &["cat /etc/resolv.conf", "resolvectl status", "dig @SERVER ec2.amazonaws.com"],
            fixes: &[TOPICS],
            source: "https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let resolvers = machine.resolvers.get().await;
    let Some(resolvers) = resolvers.as_ref() else { return super::broken() };
    let name = endpoint(machine.node.as_ref().map(|node| node.zone.as_str()));
    let asked =
        resolvers.upstream.iter().take(SERVERS).map(async |server| {
            (*server, dns::ask(SocketAddr::new(*server, 53), &name, ANSWER).await)
        });
    judge(&join_all(asked).await, resolvers, &name)
}

/// The name of the EC2 endpoint in the region of a zone. In a local zone it does not exist, and that is an answer too.
fn endpoint(zone: Option<&str>) -> String {
    let region = zone.map(|zone| zone.trim_end_matches(|char: char| char.is_ascii_lowercase()));
    match region.filter(|region| !region.is_empty()) {
        Some(region) => format!("ec2.{region}.amazonaws.com"),
        None => "ec2.amazonaws.com".to_owned(),
    }
}

fn judge(replies: &[(IpAddr, Reply)], resolvers: &Resolvers, name: &str) -> Finding {
    let is_direct = resolvers.stubs.is_empty();
    let file = if is_direct { RESOLV_CONF } else { UPLINK };
    let evidence: Vec<String> =
        replies.iter().map(|(server, reply)| format!("{server}: {reply}")).take(3).collect();
    let Some((first, _)) = replies.first() else {
        let hint = NOT_CONFIGURED.with(&[("file", &file)]);
        let found = format!("{file} names no DNS server");
        return Finding::Fail(Problem::new(found, "at least one DNS server", hint));
    };
    let expected = "every DNS server answers within 3 s";
    let silent: Vec<&IpAddr> = replies
        .iter()
        .filter(|(_, reply)| !matches!(reply, Reply::Answer { .. }))
        .map(|(server, _)| server)
        .collect();
    if silent.len() == replies.len() {
        let found = match silent.len() {
            1 => format!("the only DNS server, {first}, does not answer"),
            all => format!("none of {} answers", count(all, "DNS server")),
        };
        return Finding::Fail(Problem::new(found, expected, NONE_ANSWERS.plain()).with(evidence));
    }
    if let Some(dead) = silent.first() {
        let found = if *dead == first && is_direct {
            format!("the first DNS server, {dead}, does not answer, so each lookup waits 5 s")
        } else {
            format!("the DNS server {dead} does not answer ({} of {})", silent.len(), replies.len())
        };
        let hint = ONE_SILENT.with(&[("server", dead)]);
        return Finding::Warn(Problem::new(found, expected, hint).with(evidence));
    }
    if let Some((server, reply)) = replies.iter().find(|(_, reply)| !reply.is_conclusive()) {
        let found = format!("the DNS server {server} cannot resolve {name}: {reply}");
        let hint = TROUBLED.with(&[("server", server), ("name", &name)]);
        return Finding::Warn(
            Problem::new(found, "an answer, or that the name does not exist", hint).with(evidence),
        );
    }
    let servers: Vec<String> =
        replies.iter().map(|(server, _)| server.to_string()).take(3).collect();
    let verb = if servers.len() == 1 { "answers" } else { "answer" };
    Finding::Pass(format!("{} {verb}", servers.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u8) -> Reply {
        Reply::Answer { code, has_records: code == 0, took: Duration::from_millis(2) }
    }

    fn id(replies: &[Reply], is_direct: bool) -> String {
        let server = |last: usize| IpAddr::from([10, 0, 0, u8::try_from(last).unwrap() + 2]);
        let replies: Vec<_> =
            replies.iter().enumerate().map(|(at, reply)| (server(at), reply.clone())).collect();
        let stubs = if is_direct { Vec::new() } else { vec![IpAddr::from([127, 0, 0, 53])] };
        match judge(&replies, &Resolvers { stubs, ..Resolvers::default() }, "x") {
            Finding::Pass(words) => words,
            Finding::Warn(problem) => format!("warn {}: {}", problem.hint.id, problem.found),
            Finding::Fail(problem) => format!("fail {}: {}", problem.hint.id, problem.found),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn dead_servers_are_named() {
        use Reply::{Closed, Silent};
        let first = "warn dns-server-silent: the first DNS server, 10.0.0.2, does not answer, so each lookup waits 5 s";
        let one = "warn dns-server-silent: the DNS server 10.0.0.2 does not answer (1 of 2)";
        for (replies, is_direct, expected) in [
            (vec![answer(0)], true, "10.0.0.2 answers"),
            (vec![answer(3), answer(0)], false, "10.0.0.2, 10.0.0.3 answer"),
            (vec![Silent, answer(0)], true, first),
            (vec![Silent, answer(0)], false, one),
            (
                vec![Silent],
                true,
                "fail dns-servers-silent: the only DNS server, 10.0.0.2, does not answer",
            ),
            (vec![Silent, Closed], true, "fail dns-servers-silent: none of 2 DNS servers answers"),
            (vec![], true, "fail dns-servers-missing: /etc/resolv.conf names no DNS server"),
            (
                vec![answer(2)],
                true,
                "warn dns-server-fails: the DNS server 10.0.0.2 cannot resolve x: SERVFAIL after 2 ms",
            ),
        ] {
            assert_eq!(id(&replies, is_direct), expected, "{replies:?}");
        }
    }

    #[test]
    fn the_name_is_that_of_the_region() {
        assert_eq!(endpoint(Some("eu-central-1a")), "ec2.eu-central-1.amazonaws.com");
        assert_eq!(endpoint(None), "ec2.amazonaws.com");
        assert_eq!(endpoint(Some("")), "ec2.amazonaws.com");
    }
}

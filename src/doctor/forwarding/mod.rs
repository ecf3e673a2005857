//! PURE: why the resolver of the host does not resolve `.consul`, while Consul does.

pub(super) mod dnsmasq;
pub(super) mod resolved;

use crate::doctor::machine::resolvers::Resolvers;
use crate::exit::hint::Advice;
use crate::facts::host::Resolver;
use crate::gates::{Finding, Problem};
use crate::system::dns::Reply;
use crate::system::network::Interface;
use crate::system::systemd::link_dns::LinkDns;
use crate::system::systemd::unit_facts::UnitFacts;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What is known of the way from a program of this host to Consul's DNS.
pub(super) struct Forwarding<'a> {
    /// The program that should forward `.consul`.
    pub(super) forwarder: Resolver,
    /// The servers of this host.
    pub(super) resolvers: &'a Resolvers,
    /// What each of the named servers replied.
    pub(super) replies: Vec<(IpAddr, Reply)>,
    /// The addresses of this host.
    pub(super) interfaces: Vec<Interface>,
    /// The units that the agent knows.
    pub(super) units: BTreeMap<String, UnitFacts>,
    /// What systemd-resolved says of the link; `None` if it does not say.
    pub(super) link: Option<LinkDns>,
}

/// Whether programs find an address: the first server that answers decides.
pub(super) fn resolves(replies: &[(IpAddr, Reply)]) -> bool {
    replies
        .iter()
        .find(|(_, reply)| reply.is_conclusive())
        .is_some_and(|(_, reply)| reply.has_records())
}

/// Why they do not.
pub(super) fn judge(seen: &Forwarding<'_>) -> Finding {
    match seen.forwarder {
        Resolver::Resolved => resolved::judge(seen),
        Resolver::Dnsmasq | Resolver::Other => Finding::Fail(dnsmasq::judge(seen)),
    }
}

/// A problem with what each server replied.
fn problem(seen: &Forwarding<'_>, found: String, expected: String, hint: Advice) -> Problem {
    let replied = seen.replies.iter().map(|(server, reply)| format!("{server}: {reply}"));
    Problem::new(found, expected, hint).with(replied.take(3).collect())
}

/// The servers that programs ask.
fn names(seen: &Forwarding<'_>) -> String {
    let named: Vec<String> = seen.resolvers.named.iter().map(ToString::to_string).collect();
    if named.is_empty() { "no server".to_owned() } else { named.join(", ") }
}

/// `; cos-dns.service is inactive`, if it does not run.
fn state(seen: &Forwarding<'_>, unit: &str) -> String {
    let facts = seen.units.get(unit).filter(|facts| facts.active != "active");
    facts.map(|facts| format!("; {unit} is {}", facts.active)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::machine::resolvers::{LINK, RESOLV_CONF, UPLINK};
    use std::time::Duration;

    const STUB: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 53));
    const UPSTREAM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
    const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn answer(code: u8, has_records: bool) -> Reply {
        Reply::Answer { code, has_records, took: Duration::from_millis(1) }
    }

    fn link(is_up: bool) -> Vec<Interface> {
        let address = [169, 254, 53, 53].into();
        vec![Interface { name: LINK.to_owned(), address, is_up, is_running: false }]
    }

    fn told(servers: &str) -> Option<LinkDns> {
        Some(LinkDns { servers: servers.to_owned(), domains: "Link 5 (cos0): ~consul".to_owned() })
    }

    fn id(
        forwarder: Resolver,
        file: &str,
        by_nss: bool,
        replies: &[(IpAddr, Reply)],
        interfaces: Vec<Interface>,
        link: Option<LinkDns>,
    ) -> String {
        let named: Vec<IpAddr> = replies.iter().map(|(server, _)| *server).collect();
        let stubs = named.iter().copied().filter(|server| *server == STUB).collect();
        let resolvers =
            Resolvers { file: file.to_owned(), upstream: Vec::new(), named, stubs, by_nss };
        let (replies, units) = (replies.to_vec(), BTreeMap::new());
        match judge(&Forwarding {
            forwarder,
            resolvers: &resolvers,
            replies,
            interfaces,
            units,
            link,
        }) {
            Finding::Pass(_) => "pass".to_owned(),
            Finding::Warn(problem) => format!("warn {}", problem.hint.id),
            Finding::Fail(problem) => problem.hint.id.to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_break_between_a_program_and_consul_has_its_advice() {
        let (unknown, known) = (answer(3, false), answer(0, true));
        let good = || told("Link 5 (cos0): 127.0.0.1:8600");
        let resolved = |replies: &[(IpAddr, Reply)], interfaces, link| {
            id(
                Resolver::Resolved,
                "/run/systemd/resolve/stub-resolv.conf",
                false,
                replies,
                interfaces,
                link,
            )
        };
        let stub = [(STUB, unknown.clone())];
        assert_eq!(resolved(&stub, vec![], good()), "dns-link-down");
        assert_eq!(resolved(&stub, link(false), good()), "dns-link-down");
        assert_eq!(resolved(&stub, link(true), told("Link 5 (cos0):")), "dns-link-forgotten");
        assert_eq!(resolved(&stub, link(true), good()), "dns-not-forwarded");
        assert_eq!(resolved(&stub, link(true), None), "dns-not-forwarded");
        assert_eq!(resolved(&[(STUB, Reply::Closed)], vec![], None), "dns-resolved-silent");
        assert_eq!(resolved(&[(STUB, Reply::Silent)], link(true), None), "dns-resolved-silent");
        assert_eq!(resolved(&[(STUB, Reply::Silent)], vec![], None), "dns-link-down");
        let second = [(UPSTREAM, unknown.clone()), (STUB, known.clone())];
        assert_eq!(resolved(&second, link(true), good()), "dns-stub-bypassed");
        let dnsmasq = |replies: &[(IpAddr, Reply)]| {
            id(Resolver::Dnsmasq, RESOLV_CONF, false, replies, vec![], None)
        };
        assert_eq!(dnsmasq(&[(UPSTREAM, unknown.clone())]), "dns-dnsmasq-bypassed");
        assert_eq!(dnsmasq(&[(UPSTREAM, unknown.clone()), (LOCAL, known)]), "dns-dnsmasq-bypassed");
        assert_eq!(dnsmasq(&[(LOCAL, Reply::Closed)]), "dns-dnsmasq-silent");
        assert_eq!(dnsmasq(&[(LOCAL, unknown)]), "dns-dnsmasq-not-forwarding");
    }

    #[test]
    fn a_replaced_stub_matters_less_where_the_c_library_asks_resolved() {
        let of = |file: &str, by_nss| {
            id(Resolver::Resolved, file, by_nss, &[(UPSTREAM, answer(3, false))], link(true), None)
        };
        assert_eq!(of(RESOLV_CONF, false), "dns-stub-bypassed");
        assert_eq!(of(RESOLV_CONF, true), "warn dns-stub-bypassed");
        assert_eq!(of(UPLINK, false), "dns-stub-bypassed");
        assert_eq!(of(UPLINK, true), "pass");
    }

    #[test]
    fn the_first_server_that_answers_decides() {
        let known = (STUB, answer(0, true));
        assert!(resolves(&[(UPSTREAM, Reply::Silent), known.clone()]));
        assert!(resolves(&[(UPSTREAM, answer(2, false)), known.clone()]));
        assert!(!resolves(&[(UPSTREAM, answer(3, false)), known]) && !resolves(&[]));
    }
}

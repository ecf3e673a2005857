//! The interface of this node works, and the kernel knows the way to AWS.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::network::{self, Interface};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

topics! {
    NO_ADDRESS: "link-without-address",
        "run `ip -4 address` and look at the DHCP client: `networkctl status` or `journalctl -b -g dhcp -n 30`; `networkctl renew \
         INTERFACE` or `dhclient INTERFACE` asks EC2 for the address again";
    DOWN: "link-down", "run `ip link set {name} up`, then `networkctl status {name}`";
    NO_CARRIER: "link-without-carrier",
        "check in EC2 that the network interface is attached, and look at `journalctl -k -b -g {name}`; stop and start the instance \
         if it is";
    NO_ROUTE: "route-missing",
        "run `ip route`; the default route comes with the DHCP lease, so run `networkctl renew {name}` or `dhclient {name}`";
}

/// Where metadata answers.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "net-link",
        title: "the network interface of this node works",
        group: Group::Network,
        roles: Role::ALL,
        needs: &[],
        explains: &[
            "imds-reachable",
            "dns-resolvers",
            "aws-endpoint-ec2",
            "aws-endpoint-ssm",
            "aws-endpoint-ecr",
            "net-consul-servers",
            "net-nomad-servers",
            "consul-joined",
            "units-state",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "An interface that is up carries the private address of this node. The kernel has a default route, or \
                    other routes to the metadata service and to the DNS servers.",
            matters: "The daemons bind to this address, and the other nodes reach this node at it.",
            look: &["ip -4 address", "ip route", "networkctl status"],
            fixes: &[TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What the kernel says.
struct Seen {
    /// The IPv4 addresses of this host.
    interfaces: Vec<Interface>,
    /// The interface of the default route.
    default: Option<String>,
    /// What this node asks and has no route to.
    unrouted: Vec<IpAddr>,
}

async fn probe(machine: &Machine) -> Finding {
    let resolvers = machine.resolvers.get().await;
    let upstream = resolvers.as_ref().as_ref().map(|found| found.upstream.clone());
    let look = move |_: &_| {
        let asked = upstream.unwrap_or_default().into_iter().chain([METADATA]);
        Seen {
            interfaces: network::interfaces(),
            default: network::default_route(),
            unrouted: asked.filter(|address| !network::routes_to(*address)).collect(),
        }
    };
    let Some(seen) = machine.files(look).await else { return super::broken() };
    judge(&seen, machine.node.as_ref().map(|node| node.address))
}

fn judge(seen: &Seen, own: Option<Ipv4Addr>) -> Finding {
    let link = match own {
        Some(own) => match link(&seen.interfaces, own) {
            Ok(link) => Some(link),
            Err(problem) => return Finding::Fail(problem),
        },
        None => None,
    };
    if let (None, Some(first)) = (&seen.default, seen.unrouted.first()) {
        // IPv6 has a default route of its own, and the node works without.
        if seen.unrouted.iter().any(IpAddr::is_ipv4) {
            let name = link.map_or("INTERFACE", |link| link.name.as_str());
            return Finding::Fail(Problem::new(
                format!("no default route, and no route to {first}"),
                "a default route, or routes to the metadata service and the DNS servers",
                NO_ROUTE.with(&[("name", &name)]),
            ));
        }
    }
    Finding::Pass(match (link, &seen.default) {
        (Some(link), _) => format!("{} {}", link.name, link.address),
        (None, Some(name)) => format!("default route by {name}"),
        (None, None) => "the metadata service is routed".to_owned(),
    })
}

/// The interface that carries the address of this node.
fn link(interfaces: &[Interface], own: Ipv4Addr) -> Result<&Interface, Problem> {
    let carrying = || interfaces.iter().filter(|link| link.address == own);
    if let Some(link) = carrying().find(|link| link.is_up && link.is_running) {
        return Ok(link);
    }
    let expected =
        format!("an interface that is up carries {own}, the private address of this node");
    let Some(link) = carrying().next() else {
        let others = interfaces.iter().filter(|link| !link.address.is_loopback());
        let others: Vec<String> =
            others.map(|link| format!("{} has {}", link.name, link.address)).take(3).collect();
        let found = format!("no interface carries {own}");
        return Err(Problem::new(found, expected, NO_ADDRESS.plain()).with(others));
    };
    let name = [("name", &link.name as &dyn std::fmt::Display)];
    Err(if link.is_up {
        let found = format!("{}, which carries {own}, has no carrier", link.name);
        Problem::new(found, expected, NO_CARRIER.with(&name))
    } else {
        let found = format!("{}, which carries {own}, is down", link.name);
        Problem::new(found, expected, DOWN.with(&name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

    fn seen(address: [u8; 4], is_up: bool, is_running: bool) -> Seen {
        let link = |name: &str, address: [u8; 4]| Interface {
            name: name.to_owned(),
            address: address.into(),
            is_up,
            is_running,
        };
        let interfaces = vec![link("lo", [127, 0, 0, 1]), link("eth0", address)];
        Seen { interfaces, default: Some("eth0".to_owned()), unrouted: Vec::new() }
    }

    #[test]
    fn the_address_is_on_an_interface_that_works() {
        let id = |seen: &Seen| match judge(seen, Some(OWN)) {
            Finding::Pass(words) => words,
            Finding::Fail(problem) => problem.hint.id.to_owned(),
            other => panic!("{other:?}"),
        };
        let own = OWN.octets();
        assert_eq!(id(&seen(own, true, true)), "eth0 10.0.0.4");
        assert_eq!(id(&seen(own, true, false)), "link-without-carrier");
        assert_eq!(id(&seen(own, false, false)), "link-down");
        assert_eq!(id(&seen([10, 0, 0, 9], true, true)), "link-without-address");
        let Finding::Fail(problem) = judge(&seen([10, 0, 0, 9], true, true), Some(OWN)) else {
            panic!()
        };
        assert_eq!(problem.evidence, ["eth0 has 10.0.0.9"]);
    }

    #[test]
    fn a_default_route_may_be_missing_where_nothing_needs_it() {
        let flat = Seen { default: None, ..seen(OWN.octets(), true, true) };
        assert!(judge(&flat, Some(OWN)).passes() && judge(&flat, None).passes());
        let lost = Seen { unrouted: vec![METADATA], ..flat };
        let Finding::Fail(problem) = judge(&lost, Some(OWN)) else { panic!("no way to metadata") };
        assert!(problem.hint.text.contains("networkctl renew eth0"), "{problem:?}");
        let six = Seen { unrouted: vec!["fd00:ec2::253".parse().unwrap()], ..lost };
        assert!(judge(&six, Some(OWN)).passes());
        let routed = Seen { default: Some("eth0".to_owned()), unrouted: vec![METADATA], ..six };
        assert!(judge(&routed, Some(OWN)).passes(), "metadata has a check of its own");
    }
}

//! The security groups of a lab, as rules of its switch: stateful, closed in both directions, with a counter for each rule.

use super::Lab;
use super::net::{AWS, OUTSIDE, REGISTRY, S3};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// A rule as DescribeSecurityGroupRules has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Rule {
    group_id: String,
    is_egress: bool,
    ip_protocol: String,
    from_port: Option<i32>,
    to_port: Option<i32>,
    cidr_ipv4: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_info: Option<Referenced>,
    tags: Vec<Tag>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Referenced {
    group_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

/// Security group → who is in it.
type Members = BTreeMap<String, Vec<Ipv4Addr>>;
/// A direction of a row of the port matrix, and how many packets began by it.
pub(crate) type Counters = BTreeMap<String, u64>;

impl Lab {
    /// Opens what the rules open, between the nodes and what AWS has, and nothing else.
    pub(super) fn open_groups(&self) {
        let (rules, members) = (self.description().rules, self.members());
        let mut chains = [String::new(), String::new()];
        for rule in &rules {
            let verdict = if rule.is_egress { "goto ingress" } else { "accept" };
            if let Some(line) = rule.line(&members, verdict) {
                let _ = writeln!(chains[usize::from(rule.is_egress)], "{line}");
            }
        }
        let [ingress, egress] = chains;
        // AWS has no multicast, and does not filter its resolver (nor metadata and clock, which a lab has elsewhere).
        let text = format!(
            "set refused {{ type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 4096; }}
             chain forwarded {{ type filter hook forward priority 0; policy drop;
               ip daddr 224.0.0.0/4 drop
               ct state established,related accept
               ip daddr {AWS} meta l4proto {{ tcp, udp }} th dport 53 accept
               ip saddr {{ {AWS}, {REGISTRY}, {S3}, {OUTSIDE} }} goto ingress
{egress}               add @refused {{ ip saddr . ip daddr . meta l4proto . th dport }}
             }}
             chain ingress {{
               ip daddr {{ {AWS}, {REGISTRY} }} tcp dport 5000 accept
               ip daddr {{ {S3}, {OUTSIDE} }} accept
{ingress}               add @refused {{ ip saddr . ip daddr . meta l4proto . th dport }}
               drop
             }}"
        );
        self.net.stateful("groups", &text);
    }

    /// Closes a row of the port matrix, also for what is connected.
    pub(crate) fn close_row(&self, row: &str) {
        let members = self.members();
        let rules = self.description().rules;
        let of_row = rules.iter().filter(|rule| rule.name().split(' ').next() == Some(row));
        let lines: Vec<String> = of_row.filter_map(|rule| rule.line(&members, "drop")).collect();
        assert!(!lines.is_empty(), "no row is called {row}");
        let chain = "chain closed { type filter hook forward priority -1; policy accept;";
        self.net.stateful("closed", &format!("{chain}\n{}\n}}", lines.join("\n")));
    }

    /// Opens it again.
    pub(crate) fn open_row(&self) {
        self.net.stateful("closed", "");
    }

    /// The addresses in each security group.
    fn members(&self) -> Members {
        let description = self.description();
        let mut members = Members::new();
        for machine in description.machines {
            for group in machine.groups {
                members.entry(group).or_default().push(machine.address);
            }
        }
        for balancer in description.balancers {
            for group in balancer.groups {
                members.entry(group).or_default().push(balancer.address);
            }
        }
        for group in description.endpoints {
            members.entry(group).or_default().extend([AWS, REGISTRY]);
        }
        members
    }

    /// How many connections, or packets without an answer, began by each row: `gossip-tcp out`, `gossip-tcp in`.
    pub(crate) fn counters(&self) -> Counters {
        let listed = self.net.listed("groups");
        let mut counters = Counters::new();
        for line in listed.lines() {
            let Some((before, comment)) = line.split_once(" comment \"") else { continue };
            let Some((_, after)) = before.split_once("counter packets ") else { continue };
            let packets = after.split(' ').next().and_then(|number| number.parse().ok());
            let name = comment.split('"').next().unwrap().to_owned();
            *counters.entry(name).or_default() += packets.unwrap_or(0_u64);
        }
        counters
    }

    /// What no row lets through, and somebody sent all the same: `10.20.1.10 . 10.20.2.10 . tcp . 8500`.
    pub(crate) fn refused(&self) -> Vec<String> {
        let listed = self.net.listed("groups");
        let Some((_, rest)) = listed.split_once("elements = {") else { return Vec::new() };
        let (all, _) = rest.split_once('}').expect("the end of the set");
        all.split(',').map(|one| one.trim().to_owned()).collect()
    }
}

impl Rule {
    /// The name of its row, and its direction.
    fn name(&self) -> String {
        let name = self.tags.iter().find(|tag| tag.key == "Name").expect("rules have names");
        let (_, row) = name.value.split_once('-').expect("the name of the cluster comes first");
        format!("{row} {}", if self.is_egress { "out" } else { "in" })
    }

    /// The line of nft; `None` if nobody of the lab is at one of its ends.
    fn line(&self, members: &Members, verdict: &str) -> Option<String> {
        let set = |group: &str| {
            let addresses: Vec<String> =
                members.get(group)?.iter().map(ToString::to_string).collect();
            Some(format!("{{ {} }}", addresses.join(", ")))
        };
        let own = set(&self.group_id)?;
        let other = match (&self.referenced_group_info, &self.cidr_ipv4, &self.prefix_list_id) {
            (Some(group), _, _) => set(&group.group_id)?,
            (_, Some(cidr), _) => cidr.clone(),
            (_, _, Some(_)) => S3.to_string(),
            _ => return None,
        };
        let (from, to) = if self.is_egress { (own, other) } else { (other, own) };
        let port = match (self.ip_protocol.as_str(), self.from_port, self.to_port) {
            ("-1", _, _) => String::new(),
            (protocol, Some(first), Some(last)) => format!("{protocol} dport {first}-{last} "),
            other => panic!("expected a protocol with ports, found {other:?}"),
        };
        Some(format!(
            "               ip saddr {from} ip daddr {to} {port}counter {verdict} comment \"{}\"",
            self.name()
        ))
    }
}

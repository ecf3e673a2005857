//! The network of a lab: one switch, a cable to each node, and what can go wrong on the way. No route leads out of it.

use super::shell::{self, fed, line, ok};
use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Where AWS answers; the resolver of the VPC is there too.
pub(crate) const AWS: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
/// Where the registry answers.
pub(crate) const REGISTRY: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 3);

/// Where the internet is: an address of the documentation (RFC 5737), behind the name space `internet`.
pub(crate) const INTERNET: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);
/// All of the internet that a lab has.
pub(crate) const OUTSIDE: &str = "198.51.100.0/24";

/// Where the layers of ECR's images are.
pub(crate) const S3: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 4);

/// The switch of a lab.
#[derive(Debug, Clone)]
pub(crate) struct Net {
    /// The prefix of the names of all network namespaces of the lab.
    pub(crate) prefix: String,
}

impl Net {
    /// Makes the switch, and the cable to AWS.
    pub(crate) fn create(&self) {
        let switch = self.switch();
        line(&format!("ip netns add {switch}"));
        line(&format!("ip -n {switch} link add br0 type bridge"));
        line(&format!("ip -n {switch} link set br0 up"));
        self.plug("aws", "v-aws", &[AWS, REGISTRY, S3]);
    }

    /// Makes a network namespace with a cable to the switch, and these addresses.
    pub(super) fn plug(&self, name: &str, port: &str, addresses: &[Ipv4Addr]) {
        let (switch, netns) = (self.switch(), self.netns(name));
        line(&format!("ip netns add {netns}"));
        line(&format!("ip -n {netns} link set lo up"));
        line(&format!("ip link add eth0 netns {netns} type veth peer name {port} netns {switch}"));
        line(&format!("ip -n {switch} link set {port} master br0 up"));
        for address in addresses {
            line(&format!("ip -n {netns} address add {address}/16 dev eth0"));
        }
        line(&format!("ip -n {netns} link set eth0 up"));
    }

    /// Gives a network namespace a way to the internet, or the internet one to the VPC.
    pub(crate) fn route(&self, name: &str, to: &str) {
        line(&format!("ip -n {} route add {to} dev eth0", self.netns(name)));
    }

    /// The network namespace of a node, or of `aws`.
    pub(crate) fn netns(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The network namespace of the switch.
    pub(crate) fn switch(&self) -> String {
        self.netns("switch")
    }

    /// The port of an address on the switch.
    pub(crate) fn port(address: Ipv4Addr) -> String {
        let [_, _, zone, number] = address.octets();
        format!("v-{zone}-{number}")
    }

    /// Unplugs a cable, or plugs it in.
    pub(crate) fn link(&self, address: Ipv4Addr, is_up: bool) {
        let state = if is_up { "up" } else { "down" };
        line(&format!("ip -n {} link set {} {state}", self.switch(), Self::port(address)));
    }

    /// Splits the nodes of these addresses from all others; AWS is reached from both sides.
    pub(crate) fn partition(&self, addresses: &[Ipv4Addr]) {
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let rules = format!(
            "set part {{ type ipv4_addr; elements = {{ {} }} }}
             chain forwarded {{ type filter hook forward priority 0; policy accept;
               ip saddr 10.20.0.0/24 accept
               ip daddr 10.20.0.0/24 accept
               ip saddr @part ip daddr != @part drop
               ip saddr != @part ip daddr @part drop
             }}",
            list.join(", ")
        );
        self.rules("partition", &rules);
    }

    /// Loses this part of what comes from and goes to an address, in hundredths.
    pub(crate) fn lossy(&self, address: Ipv4Addr, percent: u8) {
        let rules = format!(
            "chain forwarded {{ type filter hook forward priority 0; policy accept;
               ip saddr {address} numgen random mod 100 < {percent} drop
               ip daddr {address} numgen random mod 100 < {percent} drop
             }}"
        );
        self.rules(&format!("lossy_{}", Self::port(address).replace('-', "_")), &rules);
    }

    /// Drops what goes to a TCP port of an address: a missing endpoint, a security group.
    pub(crate) fn black_hole(&self, name: &str, address: Ipv4Addr, port: u16) {
        let rules = format!(
            "chain forwarded {{ type filter hook forward priority 0; policy accept;
               ip daddr {address} tcp dport {port} drop
             }}"
        );
        self.rules(name, &rules);
    }

    /// Drops what one address sends to a TCP port of another.
    pub(crate) fn black_hole_from(&self, from: Ipv4Addr, to: Ipv4Addr, port: u16) {
        let rules = format!(
            "chain forwarded {{ type filter hook forward priority 0; policy accept;
               ip saddr {from} ip daddr {to} tcp dport {port} drop
             }}"
        );
        self.rules(&Self::from_table(from), &rules);
    }

    /// The table of `black_hole_from`.
    pub(crate) fn from_table(from: Ipv4Addr) -> String {
        format!("from_{}", Self::port(from).replace('-', "_"))
    }

    /// Answers for an address whose machine has no power, as EC2's network does: packets to it vanish, and nobody says
    /// that there is no such host.
    pub(crate) fn silent(&self, address: Ipv4Addr) {
        let rules = format!(
            "chain received {{ type filter hook input priority 0; policy accept;
               ip daddr {address} drop
             }}"
        );
        self.rules(&Self::silent_table(address), &rules);
        line(&format!("ip -n {} address add {address}/16 dev br0", self.switch()));
    }

    /// Leaves an address to its machine again.
    pub(crate) fn silent_no_more(&self, address: Ipv4Addr) {
        line(&format!("ip -n {} address delete {address}/16 dev br0", self.switch()));
        self.heal(&Self::silent_table(address));
    }

    fn silent_table(address: Ipv4Addr) -> String {
        format!("silent_{}", Self::port(address).replace('-', "_"))
    }

    /// Takes back what `partition`, `lossy` or `black_hole` did.
    pub(crate) fn heal(&self, name: &str) {
        self.rules(name, "");
    }

    /// Takes back all of it, but cables.
    pub(crate) fn heal_all(&self) {
        ok(&self.inside(&["nft", "flush", "ruleset", "bridge"]));
    }

    /// Sets the rules of a table, at once.
    fn rules(&self, table: &str, rules: &str) {
        let fresh = format!("table bridge {table} {{ }}\ndelete table bridge {table}\n");
        let text = if rules.is_empty() {
            fresh
        } else {
            format!("{fresh}table bridge {table} {{\n{rules}\n}}\n")
        };
        fed(&self.inside(&["nft", "-f", "-"]), &text);
    }

    /// Sets the rules of a table that knows connections: bridged packets pass it like routed ones, because this kernel does not
    /// track those of the family `bridge`.
    pub(super) fn stateful(&self, table: &str, rules: &str) {
        let calls = "/proc/sys/net/bridge/bridge-nf-call-iptables";
        ok(&self.inside(&["sh", "-c", &format!("echo 1 >{calls}")]));
        let text = format!(
            "table ip {table} {{ }}\ndelete table ip {table}\ntable ip {table} {{\n{rules}\n}}\n"
        );
        fed(&self.inside(&["nft", "-f", "-"]), &text);
    }

    /// A table that knows connections, with its counters.
    pub(super) fn listed(&self, table: &str) -> String {
        ok(&self.inside(&["nft", "list", "table", "ip", table]))
    }

    fn inside(&self, words: &[&str]) -> Vec<String> {
        let enter = format!("--net={}", netns_path(&self.switch()).display());
        ["nsenter", &enter].iter().chain(words).map(|word| (*word).to_owned()).collect()
    }
}

/// The file of a network namespace.
pub(crate) fn netns_path(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

/// Starts a program of the host in a network of the lab and in a control group.
pub(crate) fn start_in(netns: &str, group: &str, words: &[String], log: &std::path::Path) {
    let (_, unified) = super::cgroup::hierarchies();
    let procs = unified.join(group).join("cgroup.procs");
    let script = r#"echo $$ >"$1" && shift && exec nsenter "$@""#;
    let mut all = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
    all.push(procs.display().to_string());
    all.push(format!("--net={}", netns_path(netns).display()));
    all.extend(words.iter().cloned());
    shell::start(&all, &[], log);
}

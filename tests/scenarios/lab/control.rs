//! What AWS does wrong, and which names it has: a file that it reads at every request.

use super::aws::Aws;
use super::cgroup;
use super::description::{ACCOUNT, REGION};
use super::net::{AWS, Net, REGISTRY, S3};
use super::node::Node;
use super::registry::layers;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;

/// What AWS does wrong, and which names there are.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Control {
    /// Service, or service and action (`ssm:GetParameter`) → `throttle`, `deny`, `broken`.
    pub(crate) modes: BTreeMap<String, String>,
    /// Address of a caller → the same for it alone.
    #[serde(default)]
    pub(crate) callers: BTreeMap<Ipv4Addr, BTreeMap<String, String>>,
    /// Address of a caller → instances that it is not told of.
    pub(crate) hidden: BTreeMap<Ipv4Addr, Vec<String>>,
    /// How many seconds its clock is ahead of the nodes'.
    #[serde(default)]
    pub(crate) clock: i64,
    /// Name → address.
    pub(crate) names: BTreeMap<String, Ipv4Addr>,
}

impl Aws {
    /// The first state: everything as it should be.
    pub(super) fn first_control(&self) {
        self.save(&Control { names: names(), ..Control::default() });
    }

    /// Every service as it should be.
    pub(crate) fn up(&self) {
        self.change(|control| {
            control.modes.clear();
            control.callers.clear();
            control.hidden.clear();
            control.clock = 0;
        });
        self.net.heal("aws");
        self.signal(Signal::SIGCONT);
    }

    /// A service, or `service:Action`, does something wrong: `throttle`, `deny` or `broken`; `normal` ends it.
    pub(crate) fn mode(&self, service: &str, mode: &str) {
        self.change(|control| drop(control.modes.insert(service.to_owned(), mode.to_owned())));
    }

    /// The same for one caller alone, before what is set for all.
    pub(crate) fn mode_for(&self, caller: Ipv4Addr, service: &str, mode: &str) {
        self.change(|control| {
            let modes = control.callers.entry(caller).or_default();
            modes.insert(service.to_owned(), mode.to_owned());
        });
    }

    /// A service, or `service:Action`, is throttled.
    pub(crate) fn throttle(&self, service: &str) {
        self.mode(service, "throttle");
    }

    /// A service, or `service:Action`, is denied.
    pub(crate) fn deny(&self, service: &str) {
        self.mode(service, "deny");
    }

    /// Packets to the APIs vanish; names still resolve.
    pub(crate) fn black_hole(&self) {
        self.net.black_hole("aws", AWS, 443);
    }

    /// The same for what one caller sends.
    pub(crate) fn black_hole_for(&self, caller: Ipv4Addr) {
        self.net.black_hole_from(caller, AWS, 443);
    }

    /// Its packets arrive again.
    pub(crate) fn reached_by(&self, caller: Ipv4Addr) {
        self.net.heal(&Net::from_table(caller));
    }

    /// The APIs take connections and never answer.
    pub(crate) fn hang(&self) {
        self.signal(Signal::SIGSTOP);
    }

    fn signal(&self, signal: Signal) {
        for process in cgroup::processes(&format!("{}/aws", self.net.prefix)) {
            kill(Pid::from_raw(process), signal).unwrap();
        }
    }

    /// Its clock is so many seconds ahead of the nodes', which is what it calls a signature that has expired.
    pub(crate) fn clock(&self, seconds: i64) {
        self.change(|control| control.clock = seconds);
    }

    /// One caller may do everything again.
    pub(crate) fn normal_for(&self, caller: Ipv4Addr) {
        self.change(|control| drop(control.callers.remove(&caller)));
    }

    /// A caller is not told of an instance.
    pub(crate) fn hide(&self, caller: Ipv4Addr, instance: &str) {
        self.change(|control| {
            control.hidden.entry(caller).or_default().push(instance.to_owned());
        });
    }

    /// Each of these callers is told of itself alone.
    pub(crate) fn each_sees_itself(&self, nodes: &[Node<'_>]) {
        self.change(|control| {
            for caller in nodes {
                let others = nodes.iter().filter(|node| node.id != caller.id);
                control.hidden.insert(caller.address, others.map(|node| node.id.clone()).collect());
            }
        });
    }

    /// Everybody is told of every instance.
    pub(crate) fn hide_nothing(&self) {
        self.change(|control| control.hidden.clear());
    }

    /// Changes what AWS does wrong, and its names.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Control)) {
        let text = fs::read_to_string(self.folder.join("control.json")).unwrap();
        let mut control = serde_json::from_str(&text).unwrap();
        change(&mut control);
        self.save(&control);
    }

    fn save(&self, control: &Control) {
        super::write_whole(
            &self.folder.join("control.json"),
            &serde_json::to_string_pretty(control).unwrap(),
        );
    }
}

/// The names that a node may ask for. `ec2.<region>.api.aws` is not among them: what depends on it is replaced.
fn names() -> BTreeMap<String, Ipv4Addr> {
    let services = ["api.ecr", "autoscaling", "ec2", "secretsmanager", "ssm", "sts"];
    let apis = services.map(|service| (format!("{service}.{REGION}.amazonaws.com"), AWS));
    let registries = [
        (format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"), REGISTRY),
        ("registry.site.internal".to_owned(), REGISTRY),
        (layers(), S3),
    ];
    apis.into_iter().chain(registries).collect()
}

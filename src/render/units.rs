//! The units: the wanted state of each on a node, their files, and the drop-ins that differ by role. The agent owns the unit
//! files, so that a fix reaches every node. Operators change a unit with a drop-in (systemd.unit(5)).

use super::{dns, docker};
use crate::node::{Granted, Node};
use crate::state::{
    self, AGENT, Action, Cause, Contents, DIAGNOSE, DNS_LINK, DNSMASQ, DOCKER, Daemon, File,
    IMAGES, Notify, Origin, READY, RESOLVED, ROOT, Unit, Verb, WATCH, Wanted,
};

/// The search path of the daemons, with all directories in which distributions put docker, the ECR helper and network tools.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A unit, independent of the node.
pub struct Row {
    name: &'static str,
    /// The file in `systemd/`; `None` if the unit comes with the image.
    text: Option<&'static str>,
    origin: Origin,
    wanted: fn(&Node) -> Wanted,
    restarts_with: &'static [Cause],
}

/// A unit of the agent. It runs on every node and restarts when its file changes.
const fn ours(name: &'static str, text: &'static str) -> Row {
    let wanted = |_: &Node| Wanted::Running;
    Row { name, text: Some(text), origin: Origin::Agent, wanted, restarts_with: &[] }
}

/// The unit of a daemon.
const fn daemon(name: &'static str, text: &'static str, wanted: fn(&Node) -> Wanted) -> Row {
    Row { name, text: Some(text), origin: Origin::Shared, wanted, restarts_with: &[] }
}

/// A unit that comes with the image.
const fn images(name: &'static str, wanted: fn(&Node) -> Wanted) -> Row {
    Row { name, text: None, origin: Origin::Image, wanted, restarts_with: &[] }
}

/// Every unit that the agent knows, in the order in which they start.
pub static UNITS: &[Row] = &[
    Row {
        // The image may not have enabled it, and it must start after every reboot.
        wanted: |_| Wanted::Enabled,
        ..ours(AGENT, include_str!("../../systemd/cos-agent.service"))
    },
    images(RESOLVED, |_| Wanted::AsItIs),
    images(DNSMASQ, |_| Wanted::AsItIs),
    Row { wanted: dns::link, ..ours(DNS_LINK, include_str!("../../systemd/cos-dns.service")) },
    images(DOCKER, docker::wanted),
    Row {
        // docker starts it where it is enabled, and no node needs it to join.
        text: Some(include_str!("../../systemd/cos-images.service")),
        ..images(IMAGES, |_| Wanted::AsItIs)
    },
    daemon("consul.service", include_str!("../../systemd/consul.service"), |node| {
        runs(node, Daemon::Consul)
    }),
    daemon("nomad.service", include_str!("../../systemd/nomad.service"), |node| {
        runs(node, Daemon::Nomad)
    }),
    Row {
        restarts_with: &[Cause::Agent, Cause::Role],
        ..ours(READY, include_str!("../../systemd/cos-agent-ready.service"))
    },
    Row {
        restarts_with: &[Cause::Agent],
        ..ours(WATCH, include_str!("../../systemd/cos-agent-watch.service"))
    },
    Row {
        wanted: |_| Wanted::Triggered,
        ..ours(DIAGNOSE, include_str!("../../systemd/cos-agent-diagnose.service"))
    },
    ours("cos-agent-diagnose.path", include_str!("../../systemd/cos-agent-diagnose.path")),
];

/// The unit files of `systemd/`: names and texts.
pub fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    UNITS.iter().filter_map(|row| Some((row.name, row.text?)))
}

/// The names of all units.
pub fn names() -> impl Iterator<Item = &'static str> {
    UNITS.iter().map(|row| row.name)
}

fn runs(node: &Node, daemon: Daemon) -> Wanted {
    if node.duty.role().daemons().contains(&daemon) { Wanted::Running } else { Wanted::Stopped }
}

/// The wanted state of every unit on this node.
pub fn wanted(node: &Node) -> Vec<Unit> {
    let unit = |row: &Row| Unit {
        name: row.name,
        origin: row.origin,
        wanted: (row.wanted)(node),
        restarts_with: row.restarts_with,
    };
    UNITS.iter().map(unit).collect()
}

/// The files of the units of this node.
pub fn files(node: &Node, _: &Granted) -> Vec<File> {
    let file = |row: &Row| {
        let verb = match (row.wanted)(node) {
            Wanted::Running | Wanted::RunningIfInstalled => Some(Verb::Restart),
            Wanted::Enabled => Some(Verb::Enable),
            Wanted::Triggered => None,
            Wanted::Stopped | Wanted::AsItIs => return None,
        };
        let action = verb.map(|verb| Action::unit(verb, row.name));
        Some(File {
            path: format!("{}/{}", state::UNITS, row.name),
            contents: Contents::Text(row.text?.to_owned()),
            mode: 0o644,
            owner: ROOT,
            notify: Notify::of([Action::DaemonReload].into_iter().chain(action)),
        })
    };
    UNITS.iter().filter_map(file).collect()
}

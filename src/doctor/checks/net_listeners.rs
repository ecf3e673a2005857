//! The ports of the daemons belong to the daemons.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::doctor::ports::{Port, planned};
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::Daemon;
use crate::system::environment;
use crate::system::root::Root;
use crate::system::sockets::{self, Holder, Protocol, Socket};
use crate::system::systemd::unit_facts::UnitFacts;
use Protocol::{Tcp, Udp};
use std::collections::BTreeMap;
use std::time::Duration;

topics! {
    TAKEN: "port-taken",
        "run `systemctl status {process}` to see what started it, stop that, then run `systemctl restart {name}`";
    TAKEN_BY_SOCKET: "port-taken-by-socket-unit",
        "run `systemctl list-sockets` to find the socket unit of port {port}, run `systemctl disable --now` with its name, then \
         run `systemctl restart {name}`";
    TAKEN_BY_USER: "port-taken-by-user",
        "run `ss -tulnp 'sport = :{port}'` as root to find the process, stop it, then run `systemctl restart {name}`";
}

/// A daemon that has run for so long has all its ports: without one of them it ends at once.
const SETTLED: Duration = Duration::from_secs(20);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "net-listeners",
        title: "no other program holds a port of the daemons",
        group: Group::Network,
        roles: Role::ALL,
        needs: &[],
        explains: &["units-state", "consul-agent-api", "nomad-agent-api"],
        impact: Impact::Down,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "No process outside consul.service and nomad.service holds a port that these need on this node: 8300, 8301, \
                    8500, 8502, 8503 and 8600 of Consul, 4646 to 4648 of Nomad, depending on the role.",
            matters: "A daemon that cannot bind one of its ports ends at once, and systemd restarts it again and again.",
            look: &["ss -tulnp", "journalctl -b -u consul -g 'address already in use'"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/install/ports",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// A port that is not the daemon's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    port: Port,
    socket: Socket,
    /// The process; `None` if this user may not see it.
    holder: Option<Holder>,
}

async fn probe(machine: &Machine) -> Finding {
    let Some(node) = &machine.node else {
        return Finding::Pass("not known which ports this node needs".to_owned());
    };
    let units = machine.units.get().await;
    let units = units.as_ref().as_ref().cloned().unwrap_or_default();
    let now = environment::moment().micros;
    let stages = machine.stages.get().await;
    let link = stages.node.as_ref().and_then(|node| node.settings.consul_link());
    let all = planned(node.role, node.address, link);
    let mut ports = all.clone();
    // Where the daemon runs well without a port, the operator has moved it.
    ports.retain(|port| !port.is_movable || !is_settled(units.get(port.daemon.unit()), now));
    let Some(taken) = machine.files(move |root| taken(root, &ports, &units)).await else {
        return super::broken();
    };
    judge(&taken, &all)
}

/// Whether a daemon has run for so long that it must have bound all its ports.
fn is_settled(unit: Option<&UnitFacts>, now: u64) -> bool {
    unit.is_some_and(|unit| {
        let ran = Duration::from_micros(now.saturating_sub(unit.started));
        unit.active == "active" && unit.sub == "running" && unit.started > 0 && ran > SETTLED
    })
}

/// The ports that others hold.
fn taken(root: &Root, ports: &[Port], units: &BTreeMap<String, UnitFacts>) -> Vec<Taken> {
    let bound = [Tcp, Udp].map(sockets::bound).concat();
    let main = |daemon: Daemon| units.get(daemon.unit()).map_or(0, |unit| unit.main_pid);
    let own = Daemon::ALL.map(|daemon| sockets::held_by(main(daemon)));
    let mut taken = Vec::new();
    for port in ports {
        let is_here = |socket: &&Socket| {
            socket.protocol == port.protocol
                && socket.local.port() == port.number
                && port.addresses.iter().any(|address| socket.takes(*address))
                && !own.iter().any(|own| own.contains(&socket.inode))
        };
        for socket in bound.iter().filter(is_here) {
            let holder = sockets::holder(socket.inode);
            if is_strange(root, port.daemon, socket, holder.as_ref()) {
                taken.push(Taken { port: port.clone(), socket: socket.clone(), holder });
            }
        }
    }
    taken
}

/// Whether a socket is not the daemon's. The process of a unit that was just restarted is known by its control group.
fn is_strange(root: &Root, daemon: Daemon, socket: &Socket, holder: Option<&Holder>) -> bool {
    match holder {
        Some(holder) => holder.unit.as_deref() != Some(daemon.unit()),
        // It has ended, or this user may not see it. Then only a user who runs no daemon is a stranger.
        None => {
            let user = root.stat_target(daemon.data()).ok().flatten().map(|stat| stat.uid);
            socket.user != 0 && user.is_some_and(|user| user != socket.user)
        }
    }
}

fn judge(taken: &[Taken], ports: &[Port]) -> Finding {
    let Some(Taken { port, socket, holder }) = taken.first() else {
        let mut numbers: Vec<String> = ports.iter().map(|port| port.number.to_string()).collect();
        numbers.dedup();
        return Finding::Pass(format!("no other program holds {}", numbers.join(" ")));
    };
    let (name, unit) = (port.daemon.name(), port.daemon.unit());
    let place = format!("port {}/{}", port.number, port.protocol.name());
    let (by, hint) = match holder {
        Some(holder) => {
            // systemd itself listens for the units of type socket.
            let hint = match holder.process {
                1 => TAKEN_BY_SOCKET.with(&[("port", &port.number), ("name", &name)]),
                _ => TAKEN.with(&[("process", &holder.process), ("name", &name)]),
            };
            (process(holder), hint)
        }
        None => {
            let hint = TAKEN_BY_USER.with(&[("port", &port.number), ("name", &name)]);
            (format!("a program of user ID {}", socket.user), hint)
        }
    };
    let evidence = taken.iter().take(3).map(line).collect();
    let expected = format!("{unit} holds {place}");
    Finding::Fail(
        Problem::new(format!("{place} is held by {by}, not by {unit}"), expected, hint)
            .with(evidence),
    )
}

/// `python3 (process 811, job.service)`.
fn process(holder: &Holder) -> String {
    let unit = holder.unit.as_ref().map(|unit| format!(", {unit}")).unwrap_or_default();
    format!("{} (process {}{unit})", holder.name, holder.process)
}

fn line(Taken { socket, holder, .. }: &Taken) -> String {
    let by = holder.as_ref().map(process).unwrap_or_default();
    format!("{} {} user ID {} {by}", socket.protocol.name(), socket.local, socket.user)
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 4);

    #[test]
    fn the_holder_of_a_port_is_named() {
        let port = planned(Role::NomadClient, OWN, None)
            .into_iter()
            .find(|port| port.number == 8301)
            .unwrap();
        let socket =
            Socket { protocol: Tcp, local: "0.0.0.0:8301".parse().unwrap(), user: 0, inode: 7 };
        let holder = Holder { process: 811, name: "python3".to_owned(), unit: None };
        let taken = Taken { port, socket, holder: Some(holder.clone()) };
        let Finding::Fail(problem) = judge(std::slice::from_ref(&taken), &[]) else {
            panic!("it is taken")
        };
        assert_eq!(
            problem.found,
            "port 8301/tcp is held by python3 (process 811), not by consul.service"
        );
        assert_eq!(problem.evidence, ["tcp 0.0.0.0:8301 user ID 0 python3 (process 811)"]);
        assert!(problem.hint.text.contains("systemctl status 811"), "{}", problem.hint.text);
        let systemd = Holder { process: 1, name: "systemd".to_owned(), ..holder };
        let Finding::Fail(problem) =
            judge(&[Taken { holder: Some(systemd), ..taken.clone() }], &[])
        else {
            panic!("it is taken")
        };
        assert_eq!(problem.hint.id, "port-taken-by-socket-unit");
        let hidden = Taken { holder: None, ..taken };
        let Finding::Fail(problem) = judge(&[hidden], &[]) else { panic!("it is taken") };
        assert!(problem.found.contains("a program of user ID 0"), "{}", problem.found);
        assert!(judge(&[], &planned(Role::NomadClient, OWN, None)).passes());
    }

    #[test]
    fn the_process_of_the_unit_is_no_stranger_whatever_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let socket =
            Socket { protocol: Tcp, local: "10.0.0.4:8301".parse().unwrap(), user: 7, inode: 7 };
        let of = |unit: Option<&str>| {
            let unit = unit.map(str::to_owned);
            let holder = Holder { process: 1, name: "consul".to_owned(), unit };
            is_strange(&root, Daemon::Consul, &socket, Some(&holder))
        };
        assert!(!of(Some("consul.service")) && of(Some("nomad.service")) && of(None));
        assert!(!is_strange(&root, Daemon::Consul, &socket, None), "its user is unknown");
    }

    #[test]
    fn a_daemon_that_runs_well_has_all_its_ports() {
        let unit = |active: &str, started| UnitFacts {
            active: active.to_owned(),
            sub: "running".to_owned(),
            started,
            ..UnitFacts::default()
        };
        let now = 100_000_000;
        assert!(is_settled(Some(&unit("active", 1)), now));
        assert!(!is_settled(Some(&unit("active", 90_000_000)), now));
        assert!(!is_settled(Some(&unit("activating", 1)), now));
        assert!(!is_settled(Some(&unit("active", 0)), now) && !is_settled(None, now));
    }

    #[test]
    fn a_port_of_this_test_is_taken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let addresses = vec![IpAddr::from(Ipv4Addr::LOCALHOST)];
        let port =
            Port { daemon: Daemon::Consul, number, protocol: Tcp, addresses, is_movable: true };
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let found = taken(&root, std::slice::from_ref(&port), &BTreeMap::new());
        assert_eq!(found[0].holder.as_ref().unwrap().process, std::process::id());
        let unit = UnitFacts { main_pid: std::process::id(), ..UnitFacts::default() };
        let units = BTreeMap::from([("consul.service".to_owned(), unit)]);
        assert_eq!(taken(&root, &[port], &units), []);
    }
}

//! The units: the files themselves, and the drop-ins that differ by role. They are ours like every other file, so that what
//! is mended in a unit reaches every node; an operator changes a unit by a drop-in, as systemd.unit(5) means it.

use super::RenderError;
use crate::node::Node;
use crate::role::{AgentMode, Role};
use crate::state::{
    self, AGENT, Action, Contents, Daemon, File, Folder, Guarded, Notify, Owner, READY, ROOT, WATCH,
};

/// The search path of the daemons: where distributions put docker, the ECR helper and the network tools.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The units of ours, as they are in `systemd/`.
pub static UNITS: &[(&str, &str)] = &[
    ("cos-agent.service", include_str!("../../systemd/cos-agent.service")),
    ("cos-agent-ready.service", include_str!("../../systemd/cos-agent-ready.service")),
    ("cos-agent-watch.service", include_str!("../../systemd/cos-agent-watch.service")),
    ("cos-dns.service", include_str!("../../systemd/cos-dns.service")),
    ("consul.service", include_str!("../../systemd/consul.service")),
    ("nomad.service", include_str!("../../systemd/nomad.service")),
];

/// The agent's own units and those of the role's daemons; `cos-dns.service` comes with the resolver.
pub fn files(node: &Node) -> Result<Vec<File>, RenderError> {
    // A node that was made from user data alone comes back after a reboot too.
    let notify = Notify::Actions(&[Action::DaemonReload, Action::EnableAgent]);
    let agent = unit(AGENT).map(|unit| File { notify, ..unit });
    Ok(agent
        .into_iter()
        .chain([READY, WATCH].into_iter().filter_map(unit))
        .chain(node.duty.role().daemons().iter().filter_map(|daemon| unit(daemon.unit())))
        .collect())
}

/// A unit of ours. A daemon runs by its unit, so that of a daemon restarts it.
pub fn unit(name: &str) -> Option<File> {
    let (name, text) = UNITS.iter().find(|(known, _)| *known == name)?;
    let actions: &[Action] = match *name {
        "consul.service" => &[Action::DaemonReload, Action::Restart(Daemon::Consul)],
        "nomad.service" => &[Action::DaemonReload, Action::Restart(Daemon::Nomad)],
        READY => &[Action::DaemonReload, Action::StartReady],
        WATCH => &[Action::DaemonReload, Action::StartWatch],
        _ => &[Action::DaemonReload],
    };
    Some(File {
        path: format!("{}/{name}", state::UNITS),
        contents: Contents::Text((*text).to_owned()),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::Actions(actions),
    })
}

/// A drop-in that restarts its daemon.
pub fn drop_in(daemon: Daemon, text: String) -> File {
    let actions: &[Action] = match daemon {
        Daemon::Consul => &[Action::DaemonReload, Action::Restart(Daemon::Consul)],
        Daemon::Nomad => &[Action::DaemonReload, Action::Restart(Daemon::Nomad)],
    };
    File {
        path: format!("/etc/systemd/system/{}.d/cos.conf", daemon.unit()),
        contents: Contents::Text(text),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::Actions(actions),
    }
}

/// The folder of a daemon's data: the daemon's alone, because Consul's snapshots in it are world-readable.
pub fn data_folder(daemon: Daemon, role: Role) -> Folder {
    let owner = match (daemon, role.nomad()) {
        (Daemon::Consul, _) => Owner { user: "consul", group: "consul" },
        (Daemon::Nomad, Some(AgentMode::Server)) => Owner { user: "nomad", group: "nomad" },
        (Daemon::Nomad, _) => ROOT,
    };
    Folder { path: daemon.data(), mode: 0o700, owner }
}

/// The directories around a daemon's configuration and data. HashiCorp's packages give Consul's to the user `consul`, as
/// which it runs, and `/etc/nomad.d` to `nomad` (their `postinst`); Nomad runs as root on clients, and what root reads
/// there nobody else may write.
pub fn guarded(daemon: Daemon, role: Role) -> [Guarded; 2] {
    let configuration = match (daemon, role.nomad()) {
        (Daemon::Consul, _) => Guarded {
            path: daemon.folder(),
            writer: Some(Owner { user: "consul", group: "consul" }),
            readers: "consul",
            files: false,
        },
        (Daemon::Nomad, Some(AgentMode::Server)) => {
            Guarded { path: daemon.folder(), writer: None, readers: "nomad", files: false }
        }
        (Daemon::Nomad, _) => {
            Guarded { path: daemon.folder(), writer: None, readers: "root", files: true }
        }
    };
    let data = match daemon {
        Daemon::Consul => "/opt/consul",
        Daemon::Nomad => "/opt/nomad",
    };
    [configuration, Guarded { path: data, files: false, ..configuration }]
}

//! Who owns the directories of the daemons.

use crate::role::{AgentMode, Role};
use crate::state::{Daemon, Directory, Guarded, Owner, ROOT};

/// The directory of a daemon's data. Only the daemon may read it, because Consul's snapshots in it are world-readable.
pub fn data(daemon: Daemon, role: Role) -> Directory {
    let owner = match (daemon, role.nomad()) {
        (Daemon::Consul, _) => Owner { user: "consul", group: "consul" },
        (Daemon::Nomad, Some(AgentMode::Server)) => Owner { user: "nomad", group: "nomad" },
        (Daemon::Nomad, _) => ROOT,
    };
    Directory { path: daemon.data(), mode: 0o700, owner }
}

/// The directories around a daemon's configuration and data. HashiCorp's packages (their `postinst`) give those of Consul to
/// the user `consul`, as which it runs, and `/etc/nomad.d` to `nomad`. But Nomad runs as root on clients, so only root may
/// write there.
pub(super) fn guarded(daemon: Daemon, role: Role) -> [Guarded; 2] {
    let configuration = match (daemon, role.nomad()) {
        (Daemon::Consul, _) => Guarded {
            path: daemon.directory(),
            writer: Some(Owner { user: "consul", group: "consul" }),
            readers: "consul",
            files: false,
        },
        (Daemon::Nomad, Some(AgentMode::Server)) => {
            Guarded { path: daemon.directory(), writer: None, readers: "nomad", files: false }
        }
        (Daemon::Nomad, _) => {
            Guarded { path: daemon.directory(), writer: None, readers: "root", files: true }
        }
    };
    let data = match daemon {
        Daemon::Consul => "/opt/consul",
        Daemon::Nomad => "/opt/nomad",
    };
    [configuration, Guarded { path: data, files: false, ..configuration }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_of_configuration_and_of_data_are_both_guarded() {
        for (daemon, role, files) in [
            (Daemon::Consul, Role::ConsulServer, false),
            (Daemon::Nomad, Role::NomadServer, false),
            (Daemon::Nomad, Role::NomadClient, true),
        ] {
            let [configuration, data] = guarded(daemon, role);
            assert_eq!((configuration.path, configuration.files), (daemon.directory(), files));
            let parent = daemon.data().trim_end_matches("/data");
            assert_eq!((data.path, data.files), (parent, false), "{role}");
            assert_eq!(data.writer, configuration.writer);
        }
    }
}

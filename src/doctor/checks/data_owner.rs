//! The data directories belong to the users of their daemons.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Advice, Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::render::data_directory;
use crate::role::Role;
use crate::state::{Daemon, Directory, ROOT, Stat};
use crate::system::root::{FileError, Root, owner_ids};
use std::time::Duration;

topics! {
    OWNER: "data-owner-wrong", "run `chown -R {owner} {path}`, then `systemctl restart {name}`";
    OF_ANOTHER: "data-of-another-user",
        "if somebody changed the owner of this node's data, run `chown -R root:root {path}`; otherwise run `cos-agent apply`, \
         which moves the data aside, because Nomad would run as root what another user may have put there";
    CLOSED: "data-mode-wrong", "run `cos-agent apply`, which sets the mode and the owner of {path}";
    MISSING: "data-missing", "check with `findmnt` and `lsblk` that its volume is mounted; then run `cos-agent apply`";
    UNREADABLE: "data-unreadable", "look at `ls -lad {path}` and `findmnt -T {path}`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "data-owner",
        title: "the daemons own their data",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &["units-state", "consul-agent-api", "nomad-agent-api", "config-drift"],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "/opt/consul/data belongs to consul, and /opt/nomad/data to nomad on servers and to root on clients. The same \
                    is true for the node ID, the Serf snapshots and the Raft data in it.",
            matters: "A daemon that cannot write its data does not start (\"permission denied\"). A command of the daemon that \
                      somebody ran as root leaves such files.",
            look: &["ls -la /opt/consul/data /opt/nomad/data", "journalctl -b -u consul -g denied"],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/consul/docs/agent/config/config-files#data_dir",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What a daemon keeps in its data directory and writes again after a start.
fn own(daemon: Daemon) -> &'static [&'static str] {
    match daemon {
        Daemon::Consul => &[
            "node-id",
            "checks",
            "services",
            "serf",
            "serf/local.snapshot",
            "serf/local.keyring",
            "serf/remote.snapshot",
            "raft",
            "raft/raft.db",
            "raft/snapshots",
            "raft/peers.info",
        ],
        Daemon::Nomad => &[
            "server",
            "server/node-id",
            "server/serf",
            "server/serf/snapshot",
            "server/raft",
            "server/raft/raft.db",
            "server/raft/snapshots",
            "server/keystore",
        ],
    }
}

/// A data directory as it is.
struct Data {
    daemon: Daemon,
    wanted: Directory,
    /// The user and group ID that it should have; `None` if one of them does not exist.
    ids: Option<(u32, u32)>,
    /// What is there.
    stat: Option<Stat>,
    /// The first path in it that belongs to another user, with the ID of that user.
    foreign: Option<(String, u32)>,
}

async fn probe(machine: &Machine) -> Finding {
    let Some(role) = machine.role() else {
        return Finding::Pass("not known which daemons this node runs".to_owned());
    };
    let looked = machine.files(move |root| {
        role.daemons().iter().map(|daemon| look(root, *daemon, role)).collect::<Result<Vec<_>, _>>()
    });
    let data = match looked.await {
        None => return super::broken(),
        Some(Ok(data)) => data,
        Some(Err(error)) => {
            let path = error.path.display();
            let hint = error.hint().unwrap_or_else(|| UNREADABLE.with(&[("path", &path)]));
            let found = format!("{error}: {}", error.source);
            return Finding::Unknown(Problem::new(
                found,
                "data directories that can be read",
                hint,
            ));
        }
    };
    let stages = machine.stages.get().await;
    let recorded = stages.manifest.as_ref().ok().and_then(|manifest| manifest.instance.as_deref());
    if recorded.is_none() || recorded != machine.node.as_ref().map(|node| node.instance.as_str()) {
        return Finding::Pass("no `apply` has finished yet".to_owned());
    }
    let mut findings: Vec<Finding> = data.iter().filter_map(judge).collect();
    findings.sort_by_key(|finding| !matches!(finding, Finding::Fail(_)));
    let words = || {
        let users = data
            .iter()
            .map(|data| format!("{} data of {}", data.daemon.name(), data.wanted.owner.user));
        users.collect::<Vec<_>>().join(", ")
    };
    findings.into_iter().next().unwrap_or_else(|| Finding::Pass(words()))
}

fn look(root: &Root, daemon: Daemon, role: Role) -> Result<Data, FileError> {
    let wanted = data_directory(daemon, role);
    let ids = owner_ids(wanted.owner.user, wanted.owner.group);
    let stat = root.stat_target(wanted.path)?;
    let mut foreign = None;
    // Root can read everything, and its Nomad gives the directories of tasks to their users.
    if let Some((uid, _)) = ids.filter(|(uid, _)| *uid != 0) {
        foreign = own(daemon).iter().find_map(|name| {
            let path = format!("{}/{name}", wanted.path);
            let stat = root.stat(&path).ok()??;
            (stat.uid != uid).then_some((path, stat.uid))
        });
    }
    Ok(Data { daemon, wanted, ids, stat, foreign })
}

/// The finding about one data directory; `None` if it is as it should be. A user that does not exist is the finding of
/// `plan-made`.
fn judge(data: &Data) -> Option<Finding> {
    let Directory { path, mode, owner } = data.wanted;
    let (uid, gid) = data.ids?;
    let names = format!("{}:{}", owner.user, owner.group);
    let expected = format!("{path} with mode {mode:04o} and owner {names} ({uid}:{gid})");
    let problem = |found: String, hint: Advice| Problem::new(found, expected.clone(), hint);
    let Some(stat) = data.stat else {
        let found = format!("{path} does not exist");
        return Some(Finding::Fail(problem(found, MISSING.plain())));
    };
    let name = data.daemon.name();
    if stat.uid != uid {
        let found = format!("{path} belongs to user ID {}, so {name} cannot use it", stat.uid);
        return Some(Finding::Fail(if owner == ROOT {
            let found = format!("{path} belongs to user ID {}, and {name} runs as root", stat.uid);
            problem(found, OF_ANOTHER.with(&[("path", &path)]))
        } else {
            problem(found, OWNER.with(&[("owner", &names), ("path", &path), ("name", &name)]))
        }));
    }
    if let Some((foreign, of)) = &data.foreign {
        let found = format!("{foreign} belongs to user ID {of}, so {name} cannot use it");
        let hint = OWNER.with(&[("owner", &names), ("path", &path), ("name", &name)]);
        return Some(Finding::Fail(problem(found, hint)));
    }
    if (stat.mode, stat.gid) == (mode, gid) {
        return None;
    }
    let found = format!("{path} has mode {:04o} and owner {}:{}", stat.mode, stat.uid, stat.gid);
    let problem = problem(found, CLOSED.with(&[("path", &path)]));
    let is_closed = uid != 0 && stat.mode & 0o700 != 0o700;
    Some(if is_closed { Finding::Fail(problem) } else { Finding::Warn(problem) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PathKind;

    fn data(role: Role, uid: u32, mode: u32) -> Data {
        let daemon = if role == Role::NomadClient { Daemon::Nomad } else { Daemon::Consul };
        let wanted = data_directory(daemon, role);
        let ids = if wanted.owner == ROOT { (0, 0) } else { (900, 900) };
        let kind = PathKind::Directory;
        let stat = Some(Stat { kind, size: 0, mtime_nanos: 0, mode, uid, gid: ids.1 });
        Data { daemon, wanted, ids: Some(ids), stat, foreign: None }
    }

    fn id(finding: Option<Finding>) -> Option<(bool, &'static str)> {
        let finding = finding?;
        let is_failure = matches!(finding, Finding::Fail(_));
        Some((is_failure, finding.problem()?.hint.id))
    }

    #[test]
    fn each_fault_has_its_advice() {
        let server = Role::ConsulServer;
        for (data, expected) in [
            (data(server, 900, 0o700), None),
            (data(server, 0, 0o700), Some((true, "data-owner-wrong"))),
            (data(server, 900, 0o755), Some((false, "data-mode-wrong"))),
            (data(server, 900, 0o000), Some((true, "data-mode-wrong"))),
            (data(Role::NomadClient, 0, 0o700), None),
            (data(Role::NomadClient, 901, 0o700), Some((true, "data-of-another-user"))),
            (Data { ids: None, ..data(server, 0, 0o700) }, None),
            (Data { stat: None, ..data(server, 0, 0) }, Some((true, "data-missing"))),
        ] {
            assert_eq!(id(judge(&data)), expected, "{:?}", data.stat);
        }
    }

    #[test]
    fn a_file_of_another_user_is_named_with_the_command_for_all_of_them() {
        let foreign = Some(("/opt/consul/data/raft/raft.db".to_owned(), 0));
        let data = Data { foreign, ..data(Role::ConsulServer, 900, 0o700) };
        let Some(Finding::Fail(problem)) = judge(&data) else { panic!("it is root's") };
        assert!(problem.found.starts_with("/opt/consul/data/raft/raft.db belongs to user ID 0"));
        assert!(problem.hint.text.contains("`chown -R consul:consul /opt/consul/data`"));
    }
}

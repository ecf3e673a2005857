//! The operator's files in the directories of the daemons do not change what the agent configures.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Advice, Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::observe;
use crate::plan::node::conflicts::{self, Conflict};
use crate::role::Role;
use crate::state::{Daemon, OperatorFile};
use crate::system::root::{FileError, Root};
use crate::text::count;
use std::time::Duration;

topics! {
    DEAD_LINK: "operator-file-link-broken", "remove it with `rm {path}`, then run `systemctl restart {name}`";
    UNREADABLE: "operator-file-unreadable", "look at `ls -la /etc/consul.d /etc/nomad.d`";
    SAID: "operator-file-note",
        "if that is intended, nothing is to do; otherwise correct the file, then run `systemctl restart {name}`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "config-operator",
        title: "no file of the operator changes what the agent configures",
        group: Group::Config,
        roles: Role::ALL,
        needs: &["agent-privileges"],
        explains: &[
            "plan-made",
            "units-state",
            "consul-agent-api",
            "nomad-agent-api",
            "boot-phases",
            "config-valid",
            "config-running",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "No other file in /etc/consul.d and /etc/nomad.d sets a key that the agent owns, or enables the other \
                    mode of Nomad. The packages of HashiCorp ship a nomad.hcl that enables the server and the client mode.",
            matters: "The daemon merges all files of its directory. Such a file can form a second cluster, or move the data, \
                      at the next start of the daemon. `apply` refuses to run while it exists.",
            look: &["ls -la /etc/consul.d /etc/nomad.d", "cos-agent plan"],
            fixes: &[TOPICS, Conflict::TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/configuration#load-order-and-merging",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What is in the directories of the daemons beside the agent's files.
#[derive(Default)]
struct Beside {
    files: Vec<OperatorFile>,
    dead_links: Vec<(Daemon, String)>,
}

async fn probe(machine: &Machine) -> Finding {
    let role = machine.role();
    let daemons = role.map_or(&Daemon::ALL[..], Role::daemons);
    let instance = machine.node.as_ref().map(|node| node.instance.clone());
    let recorded = match &machine.stages.get().await.manifest {
        Ok(manifest) => manifest.instance.clone(),
        Err(_) => None,
    };
    let Some(found) = machine.files(move |root| look(root, daemons)).await else {
        return super::broken();
    };
    match found {
        Ok(beside) => judge(&beside, role, recorded.is_none() || recorded != instance),
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| UNREADABLE.plain());
            let found = format!("{error}: {}", error.source);
            Finding::Unknown(Problem::new(found, "files that can be read", hint))
        }
    }
}

fn look(root: &Root, daemons: &[Daemon]) -> Result<Beside, FileError> {
    let mut beside = Beside::default();
    for daemon in daemons {
        beside.files.extend(observe::operator_files(root, *daemon)?);
        let dead = observe::dead_links(root, *daemon)?;
        beside.dead_links.extend(dead.into_iter().map(|path| (*daemon, path)));
    }
    Ok(beside)
}

/// `is_first`: no `apply` has succeeded on this instance yet, so a file that cannot be parsed counts as dangerous.
fn judge(beside: &Beside, role: Option<Role>, is_first: bool) -> Finding {
    let mut refused: Vec<(String, Advice)> = Vec::new();
    let mut notes: Vec<(String, Advice)> = Vec::new();
    for file in &beside.files {
        let judged = conflicts::judge(file, role, is_first);
        let said = || SAID.with(&[("name", &file.daemon.name())]);
        notes.extend(judged.notes.into_iter().map(|note| (note, said())));
        refused.extend(judged.refused.map(|conflict| {
            let hint = conflict.hint().unwrap_or_else(|| UNREADABLE.plain());
            (conflict.to_string(), hint)
        }));
    }
    refused.extend(beside.dead_links.iter().map(|(daemon, path)| {
        let found = format!(
            "{path} is a broken link, and {} does not start while it exists",
            daemon.unit()
        );
        (found, DEAD_LINK.with(&[("path", path), ("name", &daemon.name())]))
    }));
    let expected = "other files set only keys that the agent does not own";
    if let Some(problem) = problem(refused, expected) {
        return Finding::Fail(problem);
    }
    match problem(notes, expected) {
        Some(problem) => Finding::Warn(problem),
        None => Finding::Pass(count(beside.files.len(), "operator's file")),
    }
}

/// The first as the problem, the others as its evidence.
fn problem(found: Vec<(String, Advice)>, expected: &str) -> Option<Problem> {
    let mut found = found.into_iter();
    let (words, hint) = found.next()?;
    Some(Problem::new(words, expected, hint).with(found.map(|(words, _)| words).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(daemon: Daemon, name: &str, text: &str) -> OperatorFile {
        let path = format!("{}/{name}", daemon.directory());
        OperatorFile { daemon, path, name: name.into(), bytes: text.as_bytes().to_vec() }
    }

    fn judged(files: Vec<OperatorFile>) -> Finding {
        judge(&Beside { files, ..Beside::default() }, Some(Role::NomadClient), false)
    }

    #[test]
    fn a_key_of_ours_fails_with_file_and_key_and_the_others_follow() {
        let packaged = file(Daemon::Nomad, "nomad.hcl", "server {\n  enabled = true\n}\n");
        let other = file(Daemon::Consul, "x.hcl", "retry_join = [\"x\"]\n");
        let Finding::Fail(problem) = judged(vec![packaged, other]) else {
            panic!("both are refused")
        };
        assert!(
            problem.found.starts_with("/etc/nomad.d/nomad.hcl sets `server.enabled`"),
            "{problem:?}"
        );
        assert!(problem.hint.text.contains("mv /etc/nomad.d/nomad.hcl"), "{problem:?}");
        assert!(problem.evidence[0].starts_with("/etc/consul.d/x.hcl sets `retry_join`"));
    }

    #[test]
    fn a_key_with_a_note_warns_and_any_other_key_is_the_operators() {
        let said = file(Daemon::Consul, "x.hcl", "domain = \"corp\"\n");
        let Finding::Warn(problem) = judged(vec![said]) else { panic!("it has a note") };
        assert!(problem.found.contains("sets `domain`"), "{problem:?}");
        let own = file(Daemon::Consul, "x.hcl", "acl {\n  enabled = true\n}\n");
        assert_eq!(judged(vec![own]), Finding::Pass("1 operator's file".to_owned()));
    }

    #[test]
    fn a_broken_link_keeps_its_daemon_down() {
        let dead_links = vec![(Daemon::Consul, "/etc/consul.d/x.hcl".to_owned())];
        let beside = Beside { dead_links, ..Beside::default() };
        let Finding::Fail(problem) = judge(&beside, None, true) else { panic!("it is broken") };
        assert!(problem.hint.text.contains("`rm /etc/consul.d/x.hcl`"), "{problem:?}");
    }
}

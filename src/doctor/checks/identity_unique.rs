//! No other instance uses the ids on this disk.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::error::Error;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::plan::PlanError;
use crate::role::Role;
use crate::state::Daemon;
use crate::system::systemd::journal;
use std::time::Duration;

topics! {
    DISK: "disk-of-another-instance",
        "run `cos-agent apply`, which moves the data of {recorded} aside and keeps it; build images from machines that have \
         never been a node";
    COPIED: "node-id-copied",
        "run `systemctl stop consul && rm /opt/consul/data/node-id && systemctl start consul`: Consul makes a new node ID. If \
         the directory came with the image, build the image again without it";
    SERVER_COPIED: "server-data-copied",
        "check on {member} that the other servers are healthy (`consul operator raft list-peers`), then run here: \
         `systemctl stop consul && mv /opt/consul/data /opt/consul/data.copied && cos-agent apply`; Consul joins without data";
    SHARED: "node-id-shared",
        "find out which of the two is the copy: its disk came from the other. Run `systemctl stop consul && rm \
         /opt/consul/data/node-id && systemctl start consul` on the copy; `journalctl -b -u consul` there says `Failed to join`";
    RESERVED: "node-name-reserved",
        "run `systemctl stop consul`, wait until `consul members` on another node shows this node as `failed` or `left`, then \
         run `systemctl start consul`";
}

/// How far back the journal is read: Consul tries a join again every 30 s, and its catalog every 15 s or later.
const RECENT: Duration = Duration::from_secs(75);

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "identity-unique",
        title: "the ids on this disk are its own",
        group: Group::Role,
        roles: Role::ALL,
        needs: &["imds-identity"],
        explains: &[
            "consul-agent-api",
            "consul-joined",
            "consul-catalog",
            "boot-phases",
            "units-state",
            "plan-made",
            "nomad-agent-api",
        ],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The last `apply` on this disk was made on this instance, server data has an owner on record, and Consul \
                    has not complained in the last 150 s that another member has the same node ID or node name.",
            matters: "Two nodes with one ID push each other out of the catalog, and Consul refuses to join them.",
            look: &[
                "journalctl -b -u consul | grep -E 'conflicting node ID|is reserved by node'",
                "cat /opt/consul/data/node-id",
            ],
            fixes: &[TOPICS, PlanError::TOPICS],
            source: "https://github.com/hashicorp/consul/blob/v1.14.0/agent/consul/merge.go",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(instance) = machine.metadata.get().await.instance() else { return super::broken() };
    let path = &machine.system.environment.path;
    let journal = journal::within(path, Daemon::Consul.unit(), RECENT, Duration::from_secs(2));
    let (stages, lines) = futures_util::future::join(machine.stages.get(), journal).await;
    if let Some(Err(Error::Plan(error @ PlanError::UnrecordedData { .. }))) = &stages.plan {
        let hint = error.hint().unwrap_or_else(|| COPIED.plain());
        return Finding::Fail(Problem::new(error.to_string(), "a record of its owner", hint));
    }
    let recorded = stages.manifest.as_ref().ok().and_then(|found| found.instance.as_deref());
    judge_disk(recorded, &instance.id)
        .or_else(|| judge_journal(&lines, &instance.id, machine.role()))
        .unwrap_or_else(|| Finding::Pass("own ids".to_owned()))
}

fn judge_disk(recorded: Option<&str>, instance: &str) -> Option<Finding> {
    let recorded = recorded.filter(|recorded| *recorded != instance)?;
    Some(Finding::Fail(Problem::new(
        format!("the last `apply` on this disk was made on {recorded}, and this is {instance}"),
        "a disk of this instance",
        DISK.with(&[("recorded", &recorded)]),
    )))
}

/// What Consul says about its ids, as long as no later line shows that it is over. The words are the same from Consul 1.8
/// on (`agent/consul/merge.go`, `agent/consul/state/catalog.go`).
#[derive(Default)]
struct Complaints<'a> {
    /// This agent cannot join, because a member has its node ID.
    own: Option<&'a str>,
    /// This agent cannot join, because two members have one node ID.
    of_others: Option<&'a str>,
    /// This agent is a member, and another one has its node ID.
    seen: Option<&'a str>,
    /// The catalog has this node under another node ID.
    name: Option<&'a str>,
}

fn complaints<'a>(lines: &'a [String], instance: &str) -> Complaints<'a> {
    let reserved = format!("Node name {instance} is reserved by node");
    let mut found = Complaints::default();
    for line in lines {
        let has = |words: &str| line.contains(words);
        if has("Starting Consul agent") {
            found = Complaints::default();
        } else if has("(LAN) joined") || has("Join LAN completed") || has("Join cluster completed")
        {
            found = Complaints { name: found.name, ..Complaints::default() };
        } else if has("Synced node info") {
            found.name = None;
        } else if has(&reserved) {
            found.name = Some(line);
        } else if has("has conflicting node ID") {
            let place = match (has("Failed to join"), has("with this agent's ID")) {
                (true, true) => &mut found.own,
                (true, false) => &mut found.of_others,
                (false, true) => &mut found.seen,
                // Every member sees it when two others clash.
                (false, false) => continue,
            };
            *place = Some(line);
        }
    }
    found
}

fn judge_journal(lines: &[String], instance: &str, role: Option<Role>) -> Option<Finding> {
    const EXPECTED: &str = "a node ID and a node name that no other member has";
    let Complaints { own, of_others, seen, name } = complaints(lines, instance);
    let problem = |found: String, hint, line: &str| {
        Problem::new(found, EXPECTED, hint).with(vec![line.to_owned()])
    };
    if let Some(line) = own {
        let member = quoted(line, "Member '");
        let found = format!("Consul cannot join, because {member} has the node ID of this agent");
        let topic = if role == Some(Role::ConsulServer) { SERVER_COPIED } else { COPIED };
        return Some(Finding::Fail(problem(found, topic.with(&[("member", &member)]), line)));
    }
    if let Some(line) = name {
        let found = "the catalog has this node under another node ID".to_owned();
        return Some(Finding::Fail(problem(found, RESERVED.plain(), line)));
    }
    if let Some(line) = of_others {
        let (first, second) = (quoted(line, "Member '"), quoted(line, "with member '"));
        let found = format!("Consul cannot join, because {first} and {second} have one node ID");
        return Some(Finding::Fail(problem(found, SHARED.plain(), line)));
    }
    let line = seen?;
    let found = format!("{} has the node ID of this agent", quoted(line, "Member '"));
    Some(Finding::Warn(problem(found, SHARED.plain(), line)))
}

/// What follows these words, up to the next quotation mark.
fn quoted<'a>(line: &'a str, after: &str) -> &'a str {
    let rest = line.split_once(after).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split('\'').next()).unwrap_or("another member")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "* Failed to join 10.20.1.11:8301: Member 'i-2' has conflicting node ID 'b2' with this agent's ID";
    const OTHERS: &str = "* Failed to join 10.20.1.11:8301: Member 'i-2' has conflicting node ID 'b2' with member 'i-3'";
    const SEEN: &str = "2026-11-26T08:26:43.123Z [ERROR] agent.client.memberlist.lan: memberlist: Push/Pull with i-9 failed: \
                        Member 'i-2' has conflicting node ID 'b2' with this agent's ID";
    const NAME: &str = "[ERROR] agent.anti_entropy: failed to sync remote state: error=\"rpc error making call: failed \
                        inserting node: Error while renaming Node ID: \\\"b2\\\" (10.0.0.1): Node name i-1 is reserved by \
                        node a1 with name i-1 (10.0.0.1)\"";
    const JOINED: &str = "[INFO]  agent: (LAN) joined: number_of_nodes=3";

    fn judged(lines: &[&str], role: Role) -> Option<Finding> {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        judge_journal(&lines, "i-1", Some(role))
    }

    #[test]
    fn a_disk_of_another_instance_fails_and_one_without_a_record_does_not() {
        assert_eq!(judge_disk(None, "i-1"), None);
        assert_eq!(judge_disk(Some("i-1"), "i-1"), None);
        let Some(Finding::Fail(problem)) = judge_disk(Some("i-0"), "i-1") else { panic!("i-0") };
        assert!(problem.hint.text.contains("the data of i-0 aside"), "{}", problem.hint.text);
    }

    #[test]
    fn each_complaint_has_its_advice_with_the_line_that_proves_it() {
        for (lines, role, expected, named) in [
            (&[OWN][..], Role::NomadClient, "node-id-copied", "i-2"),
            (&[SEEN, OWN, SEEN], Role::ConsulServer, "server-data-copied", "i-2"),
            (&[JOINED, OTHERS], Role::NomadClient, "node-id-shared", "i-2 and i-3"),
            (&[JOINED, NAME], Role::NomadClient, "node-name-reserved", "another node ID"),
        ] {
            let Some(Finding::Fail(problem)) = judged(lines, role) else { panic!("{lines:?}") };
            assert_eq!(problem.hint.id, expected);
            assert!(problem.found.contains(named), "{}", problem.found);
            assert_eq!(problem.evidence.len(), 1);
        }
        let Some(Finding::Warn(seen)) = judged(&[JOINED, SEEN], Role::NomadClient) else {
            panic!("a copy of this node")
        };
        assert!(seen.found.starts_with("i-2 has"), "{}", seen.found);
    }

    #[test]
    fn what_is_over_or_concerns_others_is_no_finding() {
        let of_others = NAME.replace("i-1", "i-7");
        let clash = SEEN.replace("this agent's ID", "member 'i-3'");
        for lines in [
            &[][..],
            &[OWN, JOINED],
            &[OWN, SEEN, OTHERS, "agent: Join cluster completed. Synced with initial agents"],
            &[OWN, NAME, "==> Starting Consul agent..."],
            &[NAME, "[INFO]  agent: Synced node info"],
            &[&of_others, &clash],
        ] {
            assert_eq!(judged(lines, Role::NomadClient), None, "{lines:?}");
        }
    }
}

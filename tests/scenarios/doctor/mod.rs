//! The doctor on the nodes of one living cluster: what it says when nothing is wrong, and about each fault.

pub(crate) mod ask;
mod console;
mod expected;
mod faults;
mod healthy;
mod readonly;

use crate::lab::Lab;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::{self, Transcript};
use crate::lab::wait::until;
use ask::{Said, ask, healed, until_healthy};
use faults::Fault;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The fault whose report is kept, for the page of the doctor.
const SHOWN: &str = "TCP to port 8301 is blocked";

/// What was seen of a fault.
struct Row {
    fault: &'static str,
    first: String,
    cards: usize,
    took: Duration,
    miss: Option<String>,
}

#[test]
fn the_doctor_names_the_cause_of_each_fault_first_and_nothing_where_there_is_none() {
    let mut transcript = Transcript::begin("the doctor names the cause of each fault");
    let lab = Lab::of_terraform();
    lab.start_registries();
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    until("one Nomad cluster", SOON, || lab.is_one_nomad());
    transcript.proved("ten nodes are one cluster");
    lab.everywhere(|node| drop(until_healthy(node)));
    transcript.proved(&healthy::idle(&lab));
    transcript.proved(&healthy::memory_of_roles(&lab));
    transcript.proved(&healthy::under_load(&lab));
    transcript.proved(&healthy::rolling_restart(&lab));
    transcript::keep("doctor-healthy.txt", &ask::text(&lab.node("backoffice")));
    for name in ["consul-1", "nomad-1", "backoffice"] {
        let changes = readonly::changes(&lab.node(name));
        assert!(changes.is_empty(), "the doctor on {name} did\n{}", changes.join("\n"));
    }
    transcript
        .proved("strace saw no call of the doctor that changes a file or signals another process");

    let mut lanes: BTreeMap<&str, Vec<&'static Fault>> = BTreeMap::new();
    let filter = std::env::var("COS_FAULT").unwrap_or_default();
    let chosen = faults::all().into_iter().filter(|fault| fault.name.contains(&filter));
    let (seen, own): (Vec<_>, Vec<_>) = chosen.partition(|fault| fault.is_seen_by_others);
    for fault in own {
        lanes.entry(fault.on).or_default().push(fault);
    }
    let mut rows: Vec<Row> = std::thread::scope(|scope| {
        let lanes: Vec<_> = lanes
            .iter()
            .map(|(name, faults)| {
                let node = lab.node(name);
                scope.spawn(move || {
                    faults.iter().map(|fault| try_out(&node, fault)).collect::<Vec<_>>()
                })
            })
            .collect();
        let ended = lanes.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended
            .flat_map(|rows| rows.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    for fault in seen {
        rows.push(try_out(&lab.node(fault.on), fault));
        lab.everywhere(|node| healed(node).unwrap_or_else(|troubles| panic!("{troubles}")));
    }
    if filter.is_empty() {
        transcript.proved(&two_at_once(&lab.node("backoffice")));
        rows.extend(of_the_cluster(&lab));
    }
    let table = table(&rows);
    transcript::keep("doctor-faults.md", &table);
    transcript.proved(&format!("{} faults\n{table}", rows.len()));
    let misses: Vec<&str> = rows.iter().filter_map(|row| row.miss.as_deref()).collect();
    assert!(
        misses.is_empty(),
        "{} of {} missed\n\n{}",
        misses.len(),
        rows.len(),
        misses.join("\n\n")
    );
    if filter.is_empty() {
        stands_in_the_readme(&rows);
    }
}

/// Breaks a node, asks the doctor once, heals the node, and waits until it is healthy.
fn try_out(node: &Node<'_>, fault: &'static Fault) -> Row {
    fault.break_it(node);
    let said = ask(node);
    let mut row = judge(node, fault.name, &said);
    if fault.name == SHOWN {
        transcript::keep("doctor-broken.txt", &ask::text(node));
    }
    fault.heal(node);
    if let Err(troubles) = healed(node) {
        row.miss = Some(format!("{}: {troubles}", fault.name));
    }
    row
}

/// Two faults that have nothing to do with each other: a card each, that of the greater impact first.
fn two_at_once(node: &Node<'_>) -> String {
    let helper = "/usr/bin/docker-credential-ecr-login";
    node.ok(&["mv", helper, "/usr/bin/away"]);
    node.ok(&["systemctl", "stop", "consul"]);
    let said = ask(node);
    node.ok(&["mv", "/usr/bin/away", helper]);
    node.ok(&["systemctl", "start", "consul"]);
    assert_eq!((said.code, said.causes()), (2, vec!["units-state".into(), "ecr-helper".into()]));
    healed(node).unwrap_or_else(|troubles| panic!("{troubles}"));
    "Consul is stopped and the credential helper is missing: a card each, Consul first".to_owned()
}

/// Faults of the cluster as a whole.
fn of_the_cluster(lab: &Lab) -> Vec<Row> {
    let mut rows = Vec::new();
    lab.aws.clock(600);
    let client = lab.node("backoffice");
    rows.push(judge(&client, "the clock of AWS is ten minutes off", &ask(&client)));
    lab.aws.clock(0);
    let gone = [lab.node("consul-1"), lab.node("consul-2")];
    for node in &gone {
        node.ok(&["systemctl", "stop", "consul"]);
    }
    // Serf calls a silent member failed after some seconds.
    std::thread::sleep(Duration::from_secs(30));
    rows.push(judge(&client, "the quorum of Consul is lost", &ask(&client)));
    for node in &gone {
        node.ok(&["systemctl", "start", "consul"]);
    }
    lab.everywhere(|node| healed(node).unwrap_or_else(|troubles| panic!("{troubles}")));
    rows
}

fn judge(node: &Node<'_>, fault: &'static str, said: &Said) -> Row {
    let expected = expected::of(fault);
    let causes = said.causes();
    let first = causes.first().cloned().unwrap_or_else(|| "nothing".to_owned());
    let fix = said.fix(&first);
    let is_right = expected.first.contains(&first.as_str())
        && causes.len() <= 2
        && said.code == expected.code
        && fix.contains(expected.fix);
    let miss = (!is_right).then(|| {
        let report = ask::text(node);
        format!(
            "{fault} ({}): expected {:?}, code {}, a fix with {:?}; found {causes:?}, code {}, {fix:?}\n{report}",
            node.name, expected.first, expected.code, expected.fix, said.code
        )
    });
    Row { fault, first, cards: causes.len(), took: said.took, miss }
}

fn table(rows: &[Row]) -> String {
    let mut text = "| fault | first card | cards | seconds |\n|---|---|---|---|\n".to_owned();
    for Row { fault, first, cards, took, .. } in rows {
        let _ = writeln!(text, "| {fault} | `{first}` | {cards} | {:.1} |", took.as_secs_f64());
    }
    text
}

/// The page of the doctor shows the same first cards; its seconds are those of some run.
fn stands_in_the_readme(rows: &[Row]) {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doctor/README.md"))
            .unwrap();
    for Row { fault, first, .. } in rows {
        let row = format!("| {fault} | `{first}` |");
        assert!(readme.contains(&row), "src/doctor/README.md does not have `{row}`");
    }
}

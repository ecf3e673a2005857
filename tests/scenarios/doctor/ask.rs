//! What the doctor says on a node.

use crate::lab::node::Node;
use crate::lab::wait::until;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longest time that a run may take, with what a busy machine adds to the ten seconds of the doctor.
const RUN: Duration = Duration::from_secs(25);
/// Longest time until a node is healthy again after a fault.
const HEALED: Duration = Duration::from_secs(90);

/// The kinds of problems, in the order of their cards.
const KINDS: [&str; 4] = ["fail", "waiting", "warn", "unknown"];
/// The codes where something is broken.
pub(crate) const BROKEN: &[i32] = &[2];
/// The code where nothing is broken, although something is to be said.
pub(crate) const WORKS: &[i32] = &[0];
/// The codes where the node waits for others: after two minutes, and for a node that had joined after 20 s, that is a failure.
pub(crate) const WAITS: &[i32] = &[0, 2];

/// A report.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    /// The report as JSON.
    pub(crate) report: Value,
    /// How long the run took, seen from outside.
    pub(crate) took: Duration,
}

impl Said {
    /// The ids of the root causes, the worst first.
    pub(crate) fn causes(&self) -> Vec<String> {
        let causes = self.report["summary"]["root_causes"].as_array();
        causes.into_iter().flatten().map(text_of).collect()
    }

    /// The ids of the checks with this status.
    pub(crate) fn with(&self, status: &str) -> Vec<String> {
        let checks = self.report["checks"].as_array().into_iter().flatten();
        let found = checks.filter(|check| check["status"] == status);
        found.map(|check| format!("{}: {}", check["id"], check["found"])).collect()
    }

    /// What a check says to do.
    pub(crate) fn fix(&self, id: &str) -> String {
        let checks = self.report["checks"].as_array().into_iter().flatten();
        let found = checks.filter(|check| check["id"] == id);
        found.map(|check| check["fix"]["text"].as_str().unwrap_or_default()).collect()
    }

    /// The ids of the cards: every problem that no other explains. Failures come first, each kind in its own order.
    pub(crate) fn cards(&self) -> Vec<String> {
        let (checks, causes) = (self.report["checks"].as_array(), self.causes());
        let place = |id: &str| causes.iter().position(|cause| cause == id);
        let cards = |status: &str| {
            let of_status = checks.into_iter().flatten().filter(|check| check["status"] == status);
            let own = of_status.filter(|check| check["caused_by"] == Value::Array(Vec::new()));
            let mut ids: Vec<String> = own.map(|check| text_of(&check["id"])).collect();
            ids.sort_by_key(|id| place(id));
            ids
        };
        KINDS.map(cards).concat()
    }

    /// What is wrong, for people; nothing where the node is healthy.
    pub(crate) fn troubles(&self) -> Vec<String> {
        KINDS
            .iter()
            .flat_map(|status| {
                self.with(status).into_iter().map(move |found| format!("{status} {found}"))
            })
            .collect()
    }
}

/// Asks the doctor.
pub(crate) fn ask(node: &Node<'_>) -> Said {
    run(node, &["cos-agent", "doctor", "-o", "json"])
}

/// Asks the doctor for one check.
pub(crate) fn ask_only(node: &Node<'_>, id: &str) -> Said {
    run(node, &["cos-agent", "doctor", "-o", "json", "--only", id])
}

fn run(node: &Node<'_>, command: &[&str]) -> Said {
    let started = Instant::now();
    let output = node.run_for(RUN, command);
    let took = started.elapsed();
    let report = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {output:?}", node.name));
    Said { code: output.code.unwrap_or(-1), report, took }
}

/// Asks the doctor, and expects that the first card is of this check, that its fix has these words, that there are at most two
/// cards, and one of these exit codes.
pub(crate) fn expect(node: &Node<'_>, first: &str, codes: &[i32], fix: &str) -> Said {
    let said = ask(node);
    let cards = said.cards();
    let is_first = cards.first().is_some_and(|card| card == first);
    assert!(
        is_first && cards.len() <= 2 && codes.contains(&said.code) && said.fix(first).contains(fix),
        "the doctor on {}: expected {first} first, at most 2 cards, code {codes:?}, a fix with {fix:?}; found {cards:?}, code \
         {}, {:?}\n{}\n\na moment later:\n{}",
        node.name,
        said.code,
        said.fix(first),
        said.troubles().join("\n"),
        text(node)
    );
    said
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The card and the lines that people see.
pub(crate) fn text(node: &Node<'_>) -> String {
    node.run_for(RUN, &["cos-agent", "doctor"]).stdout
}

/// Waits until the doctor finds nothing; what it still finds after a long time.
pub(crate) fn healed(node: &Node<'_>) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let troubles = ask(node).troubles();
        if troubles.is_empty() {
            return Ok(());
        }
        if started.elapsed() > HEALED {
            return Err(format!("{} is not healthy again: {}", node.name, troubles.join("\n")));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Waits until the doctor finds nothing.
pub(crate) fn until_healthy(node: &Node<'_>) -> Said {
    until(&format!("{} is healthy", node.name), HEALED, || {
        let said = ask(node);
        let troubles = said.troubles();
        if said.code == 0 && troubles.is_empty() { Ok(said) } else { Err(troubles.join("\n")) }
    })
}

/// The peak memory of a run of the doctor without its children, in KiB: what its process had when it was last seen.
pub(crate) fn memory(node: &Node<'_>) -> u64 {
    let script = "cos-agent doctor >/dev/null & \
        while seen=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$!/status) && [ -n \"$seen\" ]; do peak=$seen; done; \
        echo $peak";
    let said = node.run_for(RUN, &["sh", "-c", script]).stdout;
    said.trim().parse().unwrap_or_else(|error| panic!("{}: {error}: {said:?}", node.name))
}

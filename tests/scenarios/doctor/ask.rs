//! What the doctor says on a node.

use crate::lab::node::Node;
use crate::lab::wait::until;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Longest time that a run may take, with what a busy machine adds to the ten seconds of the doctor.
const RUN: Duration = Duration::from_secs(25);
/// Longest time until a node is healthy again after a fault.
const HEALED: Duration = Duration::from_secs(90);

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
        causes.into_iter().flatten().map(|id| id.as_str().unwrap_or_default().to_owned()).collect()
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

    /// What is wrong, for people; nothing where the node is healthy.
    pub(crate) fn troubles(&self) -> Vec<String> {
        ["fail", "warn", "unknown", "waiting"]
            .iter()
            .flat_map(|status| {
                self.with(status).into_iter().map(move |found| format!("{status} {found}"))
            })
            .collect()
    }
}

/// Asks the doctor.
pub(crate) fn ask(node: &Node<'_>) -> Said {
    let started = Instant::now();
    let output = node.run_for(RUN, &["cos-agent", "doctor", "-o", "json"]);
    let took = started.elapsed();
    let report = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {output:?}", node.name));
    Said { code: output.code.unwrap_or(-1), report, took }
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

//! The text of `status`.

use super::Screen;
use crate::gates::Finding;
use crate::gates::report::{Asked, Verdict};
use crate::store::boots::Boot;
use crate::store::diagnosis::Diagnosis;
use crate::store::status::{Identity, State, Status};
use crate::system::systemd::unit_report::UnitReport;
use crate::text::count;
use std::fmt::Write;

/// The whole screen.
pub(super) fn screen(screen: &Screen) -> String {
    let record = &screen.record;
    let mut text = match &record.node {
        Some(node) => format!("{}\n", who(node)),
        None => "role unknown: no `apply` has finished in this boot\n".to_owned(),
    };
    let mut line = |name: &str, words: &str| {
        let _ = writeln!(text, "{name:<9} {}", words.trim_end().replace('\n', "\n          "));
    };
    line("applied", &applied(record));
    if let Some(joined) = &record.joined {
        line("joined", joined);
    }
    if let Some(hook) = &record.launch_hook {
        line("hook", hook);
    }
    for unit in &screen.units {
        line("unit", &unit_words(unit));
    }
    if screen.units.is_empty() {
        line("unit", "unknown: systemctl did not answer in time, or cannot be run");
    }
    for pool in &screen.pools {
        line("servers", &pool.words());
    }
    for gate in &screen.gates {
        line("gate", &gate_words(gate));
    }
    if let Some(words) = record.diagnosis.as_ref().and_then(diagnosis_words) {
        line("doctor", &words);
    }
    let watch = &record.watch;
    for words in watch.problems.iter().chain(&watch.notes).chain(&watch.last_join) {
        line("watch", words);
    }
    for words in &record.notes {
        line("note", words);
    }
    if let Some(why) = &record.watch_joins {
        line("note", why);
    }
    if let Some(problem) = &record.problem {
        line(
            "problem",
            &format!(
                "`apply` failed at {1} with exit code {0}\n{2}",
                problem.code, problem.at, problem.report
            ),
        );
    }
    text
}

fn who(node: &Identity) -> String {
    let place = node.nomad_datacenter.as_ref();
    let place = place.map(|datacenter| format!(" in datacenter {datacenter}")).unwrap_or_default();
    let servers = node.servers.map(|servers| format!(", one of {servers}")).unwrap_or_default();
    format!(
        "{} is a {} of {}{place}{servers}, at {} in {}",
        node.instance, node.role, node.cluster, node.address, node.zone
    )
}

fn applied(record: &Status) -> String {
    let when = match (&record.applied, record.changes) {
        (Some(at), 0) => format!("{at}, no changes"),
        (Some(at), changes) => format!("{at}, {}", count(changes, "change")),
        (None, _) => "not yet in this boot".to_owned(),
    };
    match (record.state, &record.reason) {
        (State::Degraded, Some(reason)) => {
            format!("{when}; degraded: {reason}")
        }
        (State::Failed, _) => format!("{when}; the last `apply` failed (see below)"),
        _ => when,
    }
}

/// The causes that the last diagnosis found; `None` if nothing was wrong.
fn diagnosis_words(diagnosis: &Diagnosis) -> Option<String> {
    let (first, others) = diagnosis.causes.split_first()?;
    let also = if others.is_empty() { String::new() } else { format!(", {}", others.join(", ")) };
    Some(format!(
        "{first}{also}, found at {}; `cos-agent doctor` looks again, `cos-agent explain {first}` shows the page",
        diagnosis.at
    ))
}

fn gate_words(gate: &Asked) -> String {
    let id = gate.check.id;
    let state = match gate.is_open() {
        Some(true) => "open",
        Some(false) => "closed",
        None => "unknown",
    };
    match &gate.verdict {
        Verdict::Found(Finding::Pass(words)) => format!("{state:<7} {id}: {words}"),
        Verdict::Found(
            Finding::Waiting(problem)
            | Finding::Warn(problem)
            | Finding::Fail(problem)
            | Finding::Unknown(problem),
        ) => format!(
            "{state:<7} {id}: {}\nexpected {}\nhint: {}",
            problem.found, problem.expected, problem.hint.text
        ),
        Verdict::Blocked { need, is_unknown: false } => {
            format!("{state:<7} {id}: not checked until {need} is open")
        }
        Verdict::Blocked { need, is_unknown: true } => {
            format!("{state:<7} {id}: not checked, because {need} is unknown")
        }
    }
}

fn unit_words(unit: &UnitReport) -> String {
    let mut words = format!("{:<24} {} ({})", unit.id, unit.active, unit.sub);
    if !unit.since.is_empty() {
        let _ = write!(words, " since {}", unit.since);
    }
    if unit.restarts > 0 {
        let _ = write!(words, ", {}", count(unit.restarts, "restart"));
    }
    if let Some(last) = &unit.last_error {
        let _ = write!(words, "\n{last}");
    }
    words
}

/// The phases of one boot, with the time of each.
pub(super) fn boot(boot: &Boot) -> String {
    let mut text = format!("{}  boot {}\n", boot.started, boot.id);
    for phase in &boot.phases {
        let requests = match phase.requests {
            0 => String::new(),
            number => format!(", {}", count(number, "request")),
        };
        let _ = writeln!(
            text,
            "  {:>7} ms  {:<18} {:>7} ms  {}{requests}",
            phase.start_ms, phase.name, phase.duration_ms, phase.result
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    #[test]
    fn the_first_line_says_where_in_nomad_a_node_is() {
        let line = |role: Role, datacenter: Option<&str>, servers| {
            who(&Identity {
                instance: "i-1".to_owned(),
                cluster: "demo".to_owned(),
                role,
                nomad_datacenter: datacenter.map(str::to_owned),
                servers,
                address: std::net::Ipv4Addr::LOCALHOST,
                zone: "eu-central-1a".to_owned(),
                consul_datacenter: None,
                nomad_region: None,
            })
        };
        let place = "at 127.0.0.1 in eu-central-1a";
        for (found, expected) in [
            (line(Role::ConsulServer, None, Some(3)), "demo, one of 3"),
            (
                line(Role::NomadServer, Some("leader"), Some(3)),
                "demo in datacenter leader, one of 3",
            ),
            (line(Role::NomadClient, Some("backoffice"), None), "demo in datacenter backoffice"),
        ] {
            assert!(found.ends_with(&format!(" of {expected}, {place}")), "{found}");
        }
    }
}

//! `status`: one screen for whoever has just logged in. It asks the record of the units, systemd and the daemons on
//! loopback; a daemon has a tenth of a second, so that one that hangs does not hold it up.

use super::output::Output;
use super::{say_if_frozen, system};
use crate::cli::StatusArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::gates::report::{self, Asked};
use crate::gates::{Context, checks};
use crate::membership::join::rejoin::{self, Pool};
use crate::membership::wait::WaitError;
use crate::state::{AGENT, Daemon, READY, WATCH};
use crate::store::boots::{self, Boot};
use crate::store::status::{self, Identity, State, Status};
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::systemd::unit_report::{self, UnitReport};
use crate::text::count;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Longest time for one answer of a daemon.
const ANSWER: Duration = Duration::from_millis(70);

/// What there is to show.
struct Screen {
    record: Status,
    units: Vec<UnitReport>,
    gates: Vec<Asked>,
    pools: Vec<Pool>,
}

pub(super) async fn run(
    args: StatusArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(None, false, environment);
    if args.boots {
        let boots = boots::load(&system.root);
        output.data(
            || boots.boots.iter().map(boot_text).collect(),
            || json!({ "schema": boots::SCHEMA, "boots": boots.boots }),
        )?;
        return Ok(ExitCode::Done);
    }
    say_if_frozen(&system)?;
    let screen = look(&system).await?;
    output.data(|| text(&screen), || as_json(&screen))?;
    Ok(ExitCode::Done)
}

async fn look(system: &System) -> Result<Screen, Error> {
    let record = status::load(&system.root);
    let mut names = vec![AGENT, READY, WATCH, Daemon::Consul.unit()];
    let runs_nomad = record.node.as_ref().is_some_and(|node| node.nomad_datacenter.is_some());
    names.extend(runs_nomad.then_some(Daemon::Nomad.unit()));
    let daemons = async {
        let Some(node) = record.node.clone() else { return Ok((Vec::new(), Vec::new())) };
        let gates = checks::gates(node.role);
        let context = Context::new(node, &system.root, &system.environment, ANSWER)?;
        Ok::<_, WaitError>((report::ask(&context, &gates).await, rejoin::pools(&context).await))
    };
    let (units, daemons) = futures_util::future::join(
        unit_report::describe(&system.environment.path, &names),
        daemons,
    )
    .await;
    let (gates, pools) = daemons?;
    Ok(Screen { record, units, gates, pools })
}

fn text(screen: &Screen) -> String {
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
        match (&gate.verdict, gate.problem()) {
            (_, Some(problem)) => line(
                "gate",
                &format!(
                    "closed  {}: {}\nexpected {}\nhint: {}",
                    gate.check.id, problem.found, problem.expected, problem.hint
                ),
            ),
            (report::Verdict::Found(crate::gates::Finding::Pass(words)), _) => {
                line("gate", &format!("open    {}: {words}", gate.check.id));
            }
            (report::Verdict::Blocked(need), _) => {
                line(
                    "gate",
                    &format!("closed  {}: not checked until {need} is open", gate.check.id),
                );
            }
            _ => {}
        }
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

fn as_json(screen: &Screen) -> Value {
    let gate = |gate: &Asked| {
        json!({
            "id": gate.check.id,
            "open": gate.passed(),
            "found": gate.problem().map(|problem| &problem.found),
            "expected": gate.problem().map(|problem| &problem.expected),
            "hint": gate.problem().map(|problem| &problem.hint),
        })
    };
    let pool = |pool: &Pool| {
        json!({
            "daemon": rejoin::title(pool.daemon),
            "seen": pool.known.len(),
            "expected": pool.expected,
            "leader": pool.has_leader,
        })
    };
    let unit = |unit: &UnitReport| {
        json!({
            "unit": unit.id,
            "active": unit.active,
            "sub": unit.sub,
            "since": unit.since,
            "restarts": unit.restarts,
            "last_error": unit.last_error,
        })
    };
    let mut record = json!(screen.record);
    record["schema"] = json!(status::SCHEMA);
    json!({
        "schema": "cos-agent/status/1",
        "record": record,
        "ready": !screen.gates.is_empty() && screen.gates.iter().all(Asked::passed),
        "units": screen.units.iter().map(unit).collect::<Vec<_>>(),
        "servers": screen.pools.iter().map(pool).collect::<Vec<_>>(),
        "gates": screen.gates.iter().map(gate).collect::<Vec<_>>(),
    })
}

fn boot_text(boot: &Boot) -> String {
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

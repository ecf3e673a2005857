//! The JSON of `status`.

use super::Screen;
use crate::gates::report::Asked;
use crate::membership::join::rejoin::{self, Pool};
use crate::store::status;
use crate::system::systemd::unit_report::UnitReport;
use serde_json::{Value, json};

/// The whole screen.
pub(super) fn screen(screen: &Screen) -> Value {
    let gate = |gate: &Asked| {
        json!({
            "id": gate.check.id,
            "open": gate.is_open(),
            "found": gate.problem().map(|problem| &problem.found),
            "expected": gate.problem().map(|problem| &problem.expected),
            "hint": gate.problem().map(|problem| &problem.hint.text),
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

//! The report for programs: `cos.doctor/v1`. Fields may be added; readers ignore fields that they do not know.

use crate::doctor::{Answer, BUDGET, Diagnosis, Outcome, Report};
use crate::exit::ExitCode;
use crate::gates::{Finding, Problem};
use crate::store::status::Identity;
use serde_json::{Value, json};

/// The report.
pub(super) fn report(report: &Report, diagnosis: &Diagnosis<'_>, code: ExitCode) -> Value {
    let counts = &diagnosis.counts;
    json!({
        "schema": "cos.doctor/v1",
        "tool": { "name": "cos-agent", "version": env!("CARGO_PKG_VERSION") },
        "run": {
            "duration_ms": millis(report.elapsed),
            "budget_ms": millis(BUDGET),
            "complete": report.is_complete,
        },
        "node": report.node.as_ref().map(node),
        "summary": {
            "status": diagnosis.health().name(),
            "exit_code": code as u8,
            "counts": {
                "pass": counts.pass,
                "warn": counts.warn,
                "fail": counts.fail,
                "waiting": counts.waiting,
                "unknown": counts.unknown,
                "not_asked": counts.not_asked,
            },
            "root_causes": diagnosis.root_causes(),
        },
        "checks": report.answers.iter().map(|answer| check(answer, diagnosis)).collect::<Vec<_>>(),
    })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn node(node: &Identity) -> Value {
    json!({
        "instance_id": node.instance,
        "cluster": node.cluster,
        "role": node.role,
        "datacenter": node.nomad_datacenter,
        "availability_zone": node.zone,
        "private_ip": node.address,
    })
}

fn check(answer: &Answer, diagnosis: &Diagnosis<'_>) -> Value {
    let about = answer.about;
    let caused_by: Vec<&str> = diagnosis
        .causes
        .iter()
        .filter(|cause| cause.consequences.contains(&about.id))
        .map(|cause| cause.answer.about.id)
        .collect();
    let mut value = json!({
        "id": about.id,
        "group": about.group.name(),
        "title": about.title,
        "status": status(answer),
        "impact": about.impact.name(),
        "needs": about.needs,
        "duration_ms": millis(answer.elapsed),
        "timeout_ms": millis(about.timeout),
    });
    let more = match &answer.outcome {
        Outcome::NotAsked(because) => json!({ "blocked_by": because }),
        Outcome::Found(Finding::Pass(words)) => json!({ "found": words }),
        Outcome::Found(finding) => {
            let mut fields = finding.problem().map(problem).unwrap_or_default();
            fields["caused_by"] = json!(caused_by);
            fields
        }
    };
    if let (Value::Object(all), Value::Object(more)) = (&mut value, more) {
        all.extend(more);
    }
    value
}

fn problem(problem: &Problem) -> Value {
    json!({
        "found": problem.found,
        "expected": problem.expected,
        "evidence": problem.evidence,
        "fix": { "id": problem.hint.id, "text": problem.hint.text },
    })
}

fn status(answer: &Answer) -> &'static str {
    match &answer.outcome {
        Outcome::NotAsked(_) => "not_asked",
        Outcome::Found(finding) => match finding {
            Finding::Pass(_) => "pass",
            Finding::Waiting(_) => "waiting",
            Finding::Warn(_) => "warn",
            Finding::Fail(_) => "fail",
            Finding::Unknown(_) => "unknown",
        },
    }
}

/// The schema (JSON Schema 2020-12).
pub(super) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer", "minimum": 0 });
    let ids = json!({ "type": "array", "items": { "$ref": "#/$defs/id" } });
    let optional = json!({ "type": ["string", "null"] });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "cos.doctor/v1",
        "type": "object",
        "required": ["schema", "tool", "run", "node", "summary", "checks"],
        "properties": {
            "schema": { "const": "cos.doctor/v1" },
            "tool": { "type": "object", "required": ["name", "version"], "properties": { "name": text, "version": text } },
            "run": {
                "type": "object",
                "required": ["duration_ms", "budget_ms", "complete"],
                "properties": { "duration_ms": number, "budget_ms": number, "complete": { "type": "boolean" } },
            },
            "node": {
                "type": ["object", "null"],
                "required": ["instance_id", "cluster", "role", "datacenter", "availability_zone", "private_ip"],
                "properties": {
                    "instance_id": text, "cluster": text, "datacenter": optional,
                    "role": { "enum": ["consul-server", "nomad-server", "nomad-client"] },
                    "availability_zone": text, "private_ip": text,
                },
            },
            "summary": {
                "type": "object",
                "required": ["status", "exit_code", "counts", "root_causes"],
                "properties": {
                    "status": { "enum": ["healthy", "waiting", "degraded", "unhealthy", "incomplete"] },
                    "exit_code": number,
                    "counts": {
                        "type": "object",
                        "required": ["pass", "warn", "fail", "waiting", "unknown", "not_asked"],
                        "additionalProperties": number,
                    },
                    "root_causes": ids,
                },
            },
            "checks": { "type": "array", "items": { "$ref": "#/$defs/check" } },
        },
        "$defs": {
            "id": { "type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$" },
            "check": {
                "type": "object",
                "required": ["id", "group", "title", "status", "impact", "needs", "duration_ms", "timeout_ms"],
                "properties": {
                    "id": { "$ref": "#/$defs/id" },
                    "group": text,
                    "title": text,
                    "status": { "enum": ["pass", "waiting", "warn", "fail", "unknown", "not_asked"] },
                    "impact": { "enum": ["node-down", "degraded", "risk"] },
                    "needs": ids,
                    "blocked_by": ids,
                    "caused_by": ids,
                    "duration_ms": number,
                    "timeout_ms": number,
                    "found": text,
                    "expected": text,
                    "evidence": { "type": "array", "items": text },
                    "fix": { "type": "object", "required": ["id", "text"], "properties": { "id": { "$ref": "#/$defs/id" }, "text": text } },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests;

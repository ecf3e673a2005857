use super::*;
use crate::doctor::checks::{CHECKS, Entry};
use crate::doctor::image;
use crate::exit::hint::Topic;
use crate::role::Role;
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::root::Root;
use std::time::Duration;

static ADVICE: Topic = Topic { id: "run-it-again", text: "run it again" };

/// A report with a check of each result.
fn every_result() -> Report {
    let problem =
        || Problem::new("found", "expected", ADVICE.plain()).with(vec!["a line".to_owned()]);
    let outcomes = [
        Outcome::Found(Finding::Pass("IMDSv2 3 ms".to_owned())),
        Outcome::Found(Finding::Warn(problem())),
        Outcome::Found(Finding::Fail(problem())),
        Outcome::NotAsked(vec!["imds-reachable"]),
        Outcome::Found(Finding::Waiting(problem())),
        Outcome::Found(Finding::Unknown(problem())),
    ];
    let answers = CHECKS.iter().map(Entry::about).zip(outcomes).map(|(about, outcome)| Answer {
        about,
        outcome,
        elapsed: Duration::from_millis(3),
    });
    let node = Identity {
        instance: "i-0123456789abcdef0".to_owned(),
        cluster: "demo".to_owned(),
        role: Role::NomadClient,
        nomad_datacenter: Some("backoffice".to_owned()),
        servers: None,
        address: "10.0.0.4".parse().unwrap(),
        zone: "eu-central-1a".to_owned(),
        consul_datacenter: Some("eu-central-1".to_owned()),
        nomad_region: None,
    };
    Report {
        node: Some(node),
        answers: answers.collect(),
        elapsed: Duration::from_millis(1500),
        is_complete: true,
    }
}

fn json_of(report: &Report) -> Value {
    super::report(report, &Diagnosis::of(&report.answers), ExitCode::Changes)
}

/// What is wrong with a value by a schema, of which all keywords that [`schema`] uses are understood. Unlike JSON Schema it
/// takes no key that the schema does not name: whatever the report has is described.
fn wrong(value: &Value, schema: &Value, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut unless = |is_right: bool, keyword: &str| {
        if !is_right {
            wrong.push(format!("{path}: {keyword}"));
        }
    };
    let rule = |keyword: &str| schema.get(keyword);
    let mut below = Vec::new();
    for (keyword, expected) in schema.as_object().unwrap() {
        let among = |found: &Value| match expected {
            Value::Array(several) => several.contains(found),
            one => one == found,
        };
        match keyword.as_str() {
            "$schema" | "$id" | "$defs" => {}
            "type" => unless(among(&kind(value)), keyword),
            "const" | "enum" => unless(among(value), keyword),
            "minimum" => unless(value.as_u64() >= expected.as_u64(), keyword),
            "pattern" => {
                assert_eq!(expected, "^[a-z0-9]+(-[a-z0-9]+)*$");
                let is_part = |part: &str| {
                    !part.is_empty()
                        && part
                            .bytes()
                            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                };
                unless(value.as_str().unwrap_or_default().split('-').all(is_part), keyword);
            }
            "required" if value.is_object() => {
                for key in expected.as_array().unwrap() {
                    unless(value.get(key.as_str().unwrap()).is_some(), &format!("no {key}"));
                }
            }
            "required" | "additionalProperties" => {}
            "properties" => {}
            "items" => below.extend(
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|item| (item, expected, "[]".to_owned())),
            ),
            "$ref" => {
                let whole = super::schema();
                let target = whole.pointer(&expected.as_str().unwrap()[1..]).unwrap();
                for problem in self::wrong(value, target, path) {
                    unless(false, &problem);
                }
            }
            other => panic!("the schema uses the keyword {other}, which this test does not know"),
        }
    }
    for (key, item) in value.as_object().into_iter().flatten() {
        let named = rule("properties").and_then(|properties| properties.get(key));
        let is_object = rule("$ref").is_none();
        match named.or(rule("additionalProperties")) {
            Some(schema) => below.push((item, schema, format!(".{key}"))),
            None => unless(!is_object, &format!("{key} is not in the schema")),
        }
    }
    for (item, schema, step) in below {
        wrong.extend(self::wrong(item, schema, &format!("{path}{step}")));
    }
    wrong
}

fn kind(value: &Value) -> Value {
    Value::from(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() || number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}

#[test]
fn a_report_with_every_result_is_as_the_schema_says() {
    let report = every_result();
    let value = json_of(&report);
    assert_eq!(wrong(&value, &schema(), ""), [""; 0], "{value:#}");
    let found: Vec<&str> = value["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["status"].as_str().unwrap())
        .collect();
    assert_eq!(found, ["pass", "warn", "fail", "not_asked", "waiting", "unknown"]);
    let unknown = Report { node: None, answers: Vec::new(), ..report };
    assert_eq!(wrong(&json_of(&unknown), &schema(), ""), [""; 0]);
}

#[test]
fn the_report_of_an_image_is_as_the_schema_says() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::at(directory.path());
    let environment = Environment::default();
    let report = image::examine(&System { root, services: None, keeps_record: false, environment });
    let value = json_of(&report);
    assert_eq!(wrong(&value, &schema(), ""), [""; 0], "{value:#}");
    assert_eq!(value["summary"]["status"], "unhealthy");
}

#[test]
fn a_report_that_differs_is_not_as_the_schema_says() {
    let good = json_of(&every_result());
    for (pointer, value, expected) in [
        ("/schema", json!("cos.doctor/v2"), ".schema: const"),
        ("/run/duration_ms", json!(1.5), ".run.duration_ms: type"),
        ("/run/duration_ms", json!(-1), ".run.duration_ms: minimum"),
        ("/node", json!("i-0"), ".node: type"),
        ("/node", json!({}), ".node: no \"instance_id\""),
        ("/node/role", json!("server"), ".node.role: enum"),
        ("/summary/counts/pass", json!("1"), ".summary.counts.pass: type"),
        (
            "/summary/root_causes/0",
            json!("No Id"),
            ".summary.root_causes[]: .summary.root_causes[]: pattern",
        ),
        ("/checks/0/status", json!("ok"), ".checks[]: .checks[].status: enum"),
        ("/checks/1/fix", json!({"id": "x"}), ".checks[]: .checks[].fix: no \"text\""),
        (
            "/tool",
            json!({"name": "x", "version": "1", "more": 1}),
            ".tool: more is not in the schema",
        ),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(
            wrong(&bad, &schema(), "").contains(&expected.to_owned()),
            "{pointer}: {:?}",
            wrong(&bad, &schema(), "")
        );
    }
}

//! The dashboard of Grafana, which does not run here: a schema of the fields that it uses, and promtool for its queries.

use super::render::render;
use super::{folder, job, promtool, spoilt, tasks, template};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;

/// Names of units that Grafana has: https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
const UNITS: [&str; 8] = ["none", "short", "percent", "percentunit", "bytes", "s", "ms", "reqps"];
/// How many columns a dashboard has.
const COLUMNS: u32 = 24;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema knows more fields than have a rule")]
struct Dashboard {
    uid: String,
    title: String,
    tags: Vec<String>,
    timezone: String,
    #[serde(rename = "schemaVersion")]
    schema_version: u32,
    version: u32,
    editable: bool,
    refresh: String,
    time: Time,
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "any time will do")]
struct Time {
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Panel {
    id: u32,
    r#type: Kind,
    title: String,
    datasource: Source,
    grid_pos: Place,
    field_config: Fields,
    targets: Vec<Target>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Stat,
    Timeseries,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Source {
    r#type: String,
    uid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    defaults: Defaults,
    overrides: [(); 0],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    unit: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Target {
    ref_id: String,
    datasource: Source,
    expr: String,
    legend_format: String,
}

#[test]
fn the_dashboard_is_one_that_grafana_takes() {
    assert_eq!(judged(&text()), Ok(()));
}

#[test]
fn a_spoilt_dashboard_is_refused() {
    for (from, to, words) in [
        ("\"refresh\"", "\"refrsh\"", "unknown field `refrsh`"),
        ("\"schemaVersion\": 39", "\"schemaVersion\": 35", "schemaVersion"),
        ("\"id\": 2,", "\"id\": 1,", "id 1 twice"),
        ("{\"x\": 18, \"y\": 0,", "{\"x\": 19, \"y\": 0,", "beyond column 24"),
        ("{\"x\": 12, \"y\": 4,", "{\"x\": 11, \"y\": 4,", "overlaps"),
        ("\"unit\": \"ms\"", "\"unit\": \"milli\"", "milli"),
        ("max(consul_autopilot", "max((consul_autopilot", "unclosed left parenthesis"),
        ("100 - avg by (node)", "100 - avg by (job)", "does not keep the label node"),
    ] {
        let refused = judged(&spoilt(&text(), from, to)).unwrap_err();
        assert!(refused.contains(words), "{to}: {refused}");
    }
    let refused =
        judged(&text().replace("\"uid\": \"prometheus\"", "\"uid\": \"other\"")).unwrap_err();
    assert!(refused.contains("other"), "{refused}");
}

/// Grafana finds both files by its environment.
#[test]
fn grafana_finds_its_files() {
    let job = job("grafana");
    let environment = &tasks(&job).next().unwrap()["Env"];
    assert_eq!(environment["GF_PATHS_PROVISIONING"], "/local");
    assert_eq!(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], "/local/dashboard.json");
    assert!(template(&job, "local/datasources/prometheus.yml").is_some());
    assert_eq!(template(&job, "local/dashboard.json"), Some(text()));
    // Its delimiters are not those of the template, so Nomad leaves legends alone.
    assert!(!text().contains("[["));
}

fn text() -> String {
    fs::read_to_string(folder().join("dashboard.json")).unwrap()
}

fn judged(text: &str) -> Result<(), String> {
    let dashboard: Dashboard = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let holds = |holds: bool, words: String| if holds { Ok(()) } else { Err(words) };
    holds(!dashboard.uid.is_empty() && !dashboard.title.is_empty(), "no uid or title".to_owned())?;
    let version = dashboard.schema_version;
    holds(version >= 36, format!("schemaVersion {version}: sources have uids from 36 on"))?;
    let source = provisioned();
    let mut ids = BTreeSet::new();
    for (at, panel) in dashboard.panels.iter().enumerate() {
        let Panel { id, title, grid_pos, targets, .. } = panel;
        holds(ids.insert(*id), format!("id {id} twice"))?;
        holds(!title.is_empty(), format!("panel {id} has no title"))?;
        let sources = targets.iter().map(|target| &target.datasource).chain([&panel.datasource]);
        for own in sources {
            holds(*own == source, format!("{title}: {own:?}, Grafana has {source:?}"))?;
        }
        let Place { x, w, h, .. } = grid_pos;
        holds(*w > 0 && *h > 0 && x + w <= COLUMNS, format!("{title}: beyond column {COLUMNS}"))?;
        for other in &dashboard.panels[..at] {
            holds(
                !grid_pos.overlaps(&other.grid_pos),
                format!("{title} overlaps {}", other.title),
            )?;
        }
        let unit = panel.field_config.defaults.unit.as_str();
        holds(UNITS.contains(&unit), format!("{title}: unknown unit {unit}; known: {UNITS:?}"))?;
        let [] = panel.field_config.overrides;
        let names: BTreeSet<&str> = targets.iter().map(|target| target.ref_id.as_str()).collect();
        holds(!names.is_empty() && names.len() == targets.len(), format!("{title}: {names:?}"))?;
        for target in targets {
            holds(
                panel.r#type == Kind::Stat || !target.legend_format.is_empty(),
                format!("{title}: a line without a name"),
            )?;
            for label in labels(&target.legend_format) {
                let kept = target.expr.contains(&format!(" by ({label})"));
                holds(kept, format!("{title}: {} does not keep the label {label}", target.expr))?;
            }
        }
    }
    queries(&dashboard)
}

impl Place {
    fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }
}

/// The source that the job of Grafana provisions.
fn provisioned() -> Source {
    let rendered = render(&template(&job("grafana"), "local/datasources/prometheus.yml").unwrap());
    let value = |key: &str| {
        let (_, after) = rendered.split_once(&format!(" {key}: ")).expect("a key of the source");
        after.split_once(',').unwrap().0.to_owned()
    };
    Source { r#type: value("type"), uid: value("uid") }
}

/// The labels that a legend shows.
fn labels(legend: &str) -> Vec<&str> {
    legend.split("{{").skip(1).map(|part| part.split_once("}}").unwrap().0.trim()).collect()
}

/// Whether Prometheus reads all queries: each is a recording rule for once.
fn queries(dashboard: &Dashboard) -> Result<(), String> {
    let targets = dashboard.panels.iter().flat_map(|panel| &panel.targets);
    let rules = targets.enumerate().map(
        |(number, target)| serde_json::json!({ "record": format!("query_{number}"), "expr": target.expr }),
    );
    let rules: Vec<_> = rules.collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.json");
    // JSON is YAML.
    let whole = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(&file, whole.to_string()).unwrap();
    let said = promtool("rules", &file)?;
    assert!(said.contains(&format!("{} rules found", rules.len())), "{said}");
    Ok(())
}

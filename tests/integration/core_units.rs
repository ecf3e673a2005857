//! What a plan does to units, by what they should be doing and what systemd says that they do.

use cos_agent::plan::manifest::{Manifest, Written};
use cos_agent::plan::{Inputs, Plan};
use cos_agent::state::{
    Action, Bytes, Cause, Contents, DesiredState, Document, File, Identity, Notify, Observed,
    Origin, PathKind, ROOT, ReloadableKey, Seen, Shape, Stat, Unit, UnitState, Verb, Wanted,
};
use serde_json::json;

const UNIT: &str = "cos-example.service";
const FILE: &str = "/etc/cos-example.json";
static RELOADABLE: &[ReloadableKey] = &[ReloadableKey { key: "level", source: "an example" }];

fn unit(wanted: Wanted, origin: Origin) -> Unit {
    Unit { name: UNIT, origin, wanted, restarts_with: &[] }
}

fn is(state: UnitState) -> Observed {
    Observed { units: Some([(UNIT.to_owned(), state)].into()), ..Observed::default() }
}

/// A manifest of a run that wrote a file for the unit.
fn wrote() -> Manifest {
    let notify = vec![Action::unit(Verb::Restart, UNIT)];
    let written = Written { notify, ..Written::default() };
    Manifest { files: [("/etc/gone".to_owned(), written)].into(), ..Manifest::default() }
}

fn plan(unit: Unit, observed: &Observed, manifest: &Manifest) -> Plan {
    let desired = DesiredState { units: vec![unit], ..DesiredState::default() };
    Plan::between(&Inputs { desired: &desired, observed, manifest }).unwrap()
}

fn actions(plan: &Plan) -> Vec<String> {
    plan.actions().map(|planned| planned.action.to_string()).collect()
}

#[test]
fn the_state_of_a_unit_alone_starts_or_stops_it() {
    use UnitState::{Down, Masked, Queued, Unknown, Up};
    let (start, stop) = (Some("start"), Some("stop"));
    for (wanted, origin, down, unknown, queued, up) in [
        (Wanted::Running, Origin::Agent, start, start, None, None),
        (Wanted::Running, Origin::Shared, start, start, None, None),
        (Wanted::RunningIfInstalled, Origin::Image, start, None, None, None),
        (Wanted::Enabled, Origin::Agent, None, None, None, None),
        (Wanted::AsItIs, Origin::Image, None, None, None, None),
        (Wanted::Stopped, Origin::Agent, None, None, stop, stop),
        (Wanted::Stopped, Origin::Shared, None, None, None, None),
        (Wanted::Stopped, Origin::Image, None, None, None, None),
    ] {
        for (state, verb) in
            [(Down, down), (Unknown, unknown), (Queued, queued), (Up, up), (Masked, None)]
        {
            let plan = plan(unit(wanted, origin), &is(state), &Manifest::default());
            let expected: Vec<String> =
                verb.map(|verb| format!("{verb} {UNIT}")).into_iter().collect();
            assert_eq!(actions(&plan), expected, "{wanted:?} {origin:?} {state:?}");
            let is_masked = state == Masked && wanted.runs();
            assert_eq!(plan.masked, if is_masked { vec![UNIT] } else { vec![] });
        }
    }
}

#[test]
fn a_unit_under_a_shared_name_is_stopped_only_by_the_agent_that_wrote_its_files() {
    let stopped = unit(Wanted::Stopped, Origin::Shared);
    assert_eq!(actions(&plan(stopped, &is(UnitState::Up), &wrote())), [format!("stop {UNIT}")]);
    assert!(actions(&plan(stopped, &is(UnitState::Down), &wrote())).is_empty());
    let image = unit(Wanted::Stopped, Origin::Image);
    assert!(actions(&plan(image, &is(UnitState::Up), &wrote())).is_empty());
}

#[test]
fn where_units_cannot_be_asked_for_a_stop_is_noted_if_the_agent_wrote_the_unit() {
    let blind = Observed::default();
    for (origin, manifest, stops) in [
        (Origin::Agent, wrote(), true),
        (Origin::Shared, wrote(), true),
        (Origin::Agent, Manifest::default(), false),
        (Origin::Shared, Manifest::default(), false),
    ] {
        let plan = plan(unit(Wanted::Stopped, origin), &blind, &manifest);
        assert_eq!(actions(&plan) == [format!("stop {UNIT}")], stops, "{origin:?}");
        assert_eq!(plan.during.pending.is_empty(), !stops);
    }
}

/// A plan that changes the file of a unit from one document to another.
fn changed(wanted: Wanted, origin: Origin, observed: Observed, before: &str, after: &str) -> Plan {
    let verb = if origin == Origin::Image { Verb::TryRestart } else { Verb::Restart };
    let value = serde_json::from_str::<serde_json::Value>(after).unwrap();
    let document = Document::of(&value, Shape::Plain);
    let file = File {
        path: FILE.to_owned(),
        contents: Contents::Json(document),
        mode: 0o644,
        owner: ROOT,
        notify: Notify { actions: vec![Action::unit(verb, UNIT)], reloadable: RELOADABLE },
    };
    let stat = Stat { kind: PathKind::File, size: 0, mtime_nanos: 0, mode: 0o644, uid: 0, gid: 0 };
    let seen = Seen { stat, bytes: before.as_bytes().to_vec() };
    let observed = Observed { files: [(FILE.to_owned(), seen)].into(), ..observed };
    let desired = DesiredState {
        files: vec![file],
        units: vec![unit(wanted, origin)],
        ..DesiredState::default()
    };
    let manifest = Manifest::default();
    Plan::between(&Inputs { desired: &desired, observed: &observed, manifest: &manifest }).unwrap()
}

#[test]
fn a_change_touches_a_unit_once_and_by_what_it_does() {
    use UnitState::{Down, Masked, Queued, Unknown, Up};
    let (old, new) = (r#"{"level": 1, "key": 1}"#, r#"{"level": 1, "key": 2}"#);
    for (wanted, origin, state, verb) in [
        (Wanted::Running, Origin::Agent, Up, Some("restart")),
        (Wanted::Running, Origin::Agent, Down, Some("start")),
        (Wanted::Running, Origin::Agent, Unknown, Some("start")),
        (Wanted::Running, Origin::Agent, Queued, Some("start")),
        (Wanted::Running, Origin::Agent, Masked, None),
        (Wanted::RunningIfInstalled, Origin::Image, Up, Some("restart")),
        (Wanted::RunningIfInstalled, Origin::Image, Down, Some("start")),
        (Wanted::RunningIfInstalled, Origin::Image, Unknown, None),
        (Wanted::RunningIfInstalled, Origin::Image, Queued, None),
        (Wanted::AsItIs, Origin::Image, Up, Some("restart")),
        (Wanted::AsItIs, Origin::Image, Down, Some("restart")),
        (Wanted::Stopped, Origin::Shared, Up, None),
        (Wanted::Enabled, Origin::Agent, Up, None),
    ] {
        let plan = changed(wanted, origin, is(state), old, new);
        let expected: Vec<String> = verb.map(|verb| format!("{verb} {UNIT}")).into_iter().collect();
        assert_eq!(actions(&plan), expected, "{wanted:?} {origin:?} {state:?}");
        assert!(plan.actions().all(|planned| planned.is_new));
        let held = usize::from(state == Masked);
        assert_eq!(plan.held.len(), held, "a unit that runs although it is masked restarts later");
        // A unit that does not run is seen to not run; a queued one may start with the old file.
        let is_recorded = !matches!(state, Down | Unknown) && (verb.is_some() || held == 1);
        let is_recorded = is_recorded || wanted == Wanted::AsItIs;
        assert_eq!(!plan.during.pending.is_empty(), is_recorded, "{wanted:?} {state:?}");
    }
}

#[test]
fn keys_that_a_reload_takes_reload_and_all_others_restart() {
    let verb = |before: &str, after: &str| {
        let up = is(UnitState::Up);
        actions(&changed(Wanted::Running, Origin::Agent, up, before, after))
    };
    let reload = [format!("reload {UNIT}")];
    let restart = [format!("restart {UNIT}")];
    assert_eq!(verb(r#"{"level": 1}"#, r#"{"level": 2}"#), reload);
    assert_eq!(verb(r#"{"level": 1}"#, r#"{"level": 2, "key": 1}"#), restart);
    assert_eq!(verb(r#"{"level": 1, "key": 1}"#, r#"{"level": 1}"#), restart);
    assert_eq!(verb(r#"{ "level": 1 }"#, r#"{"level": 1}"#), restart, "nobody knows what changed");
    assert_eq!(verb("nonsense", r#"{"level": 1}"#), restart);
    let down = changed(
        Wanted::Running,
        Origin::Agent,
        is(UnitState::Down),
        r#"{"level": 1}"#,
        r#"{"level": 2}"#,
    );
    assert_eq!(actions(&down), [format!("start {UNIT}")], "a start reads every key");
}

#[test]
fn another_agent_or_role_restarts_what_runs_by_the_old_one() {
    let mut restarted = unit(Wanted::Running, Origin::Agent);
    let identity = |role: &str| Identity {
        instance: Some("i-1".to_owned()),
        role: Some(role.to_owned()),
        ..Identity::default()
    };
    let manifest = Manifest {
        instance: Some("i-1".to_owned()),
        role: Some("nomad-client".to_owned()),
        agent: Some("old".to_owned()),
        ..Manifest::default()
    };
    let planned = |unit: Unit, agent: &str, role: &str, state: UnitState, manifest: &Manifest| {
        let desired =
            DesiredState { units: vec![unit], identity: identity(role), ..DesiredState::default() };
        let observed = Observed { agent: Some(agent.to_owned()), ..is(state) };
        actions(
            &Plan::between(&Inputs { desired: &desired, observed: &observed, manifest }).unwrap(),
        )
    };
    let restart = vec![format!("restart {UNIT}")];
    let up = UnitState::Up;
    for (causes, agent, role) in [
        (&[Cause::Agent][..], true, false),
        (&[Cause::Role], false, true),
        (&[Cause::Agent, Cause::Role], true, true),
        (&[], false, false),
    ] {
        restarted.restarts_with = causes;
        let of = |restarts| if restarts { restart.clone() } else { Vec::new() };
        assert_eq!(planned(restarted, "new", "nomad-client", up, &manifest), of(agent));
        assert_eq!(planned(restarted, "old", "consul-server", up, &manifest), of(role));
        assert!(planned(restarted, "old", "nomad-client", up, &manifest).is_empty());
        assert!(planned(restarted, "new", "consul-server", up, &Manifest::default()).is_empty());
        let down = planned(restarted, "new", "consul-server", UnitState::Down, &manifest);
        assert_eq!(down, [format!("start {UNIT}")], "a start does for all of it");
    }
}

#[test]
fn what_was_due_stays_due_unless_nobody_wants_it() {
    let due = |verb: Verb, unit: &'static str| Manifest {
        pending: vec![Action::unit(verb, unit), Action::DaemonReload],
        ..Manifest::default()
    };
    let running = unit(Wanted::Running, Origin::Agent);
    for (unit, manifest, expected) in [
        (
            running,
            due(Verb::Restart, UNIT),
            vec!["reload the unit files of systemd".to_owned(), format!("restart {UNIT}")],
        ),
        (running, due(Verb::Stop, UNIT), vec!["reload the unit files of systemd".to_owned()]),
        (
            running,
            due(Verb::Restart, "newer.service"),
            vec!["reload the unit files of systemd".to_owned()],
        ),
        (
            unit(Wanted::Stopped, Origin::Image),
            due(Verb::Restart, UNIT),
            vec!["reload the unit files of systemd".to_owned()],
        ),
        (
            unit(Wanted::Enabled, Origin::Agent),
            due(Verb::Restart, UNIT),
            vec!["reload the unit files of systemd".to_owned()],
        ),
        (
            unit(Wanted::Enabled, Origin::Agent),
            due(Verb::Enable, UNIT),
            vec!["reload the unit files of systemd".to_owned(), format!("enable {UNIT}")],
        ),
    ] {
        let plan = plan(unit, &is(UnitState::Up), &manifest);
        assert_eq!(actions(&plan), expected, "{manifest:?}");
        assert!(plan.actions().all(|planned| !planned.is_new));
    }
}

#[test]
fn bytes_that_a_file_has_already_touch_nothing() {
    let text = "{\n  \"level\": 1\n}\n";
    let plan = changed(Wanted::Running, Origin::Agent, is(UnitState::Up), text, text);
    assert!(plan.is_empty(), "{}", plan.summary());
    assert_eq!(Bytes::Open(text.into()).sha256(), plan.after.files[FILE].sha256);
    assert_eq!(json!(plan.after.files[FILE].notify), json!([format!("restart {UNIT}")]));
}

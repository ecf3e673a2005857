//! The core of a plan without a node: any desired state, here that of an image with a secret, against any machine.

use cos_agent::plan::manifest::Manifest;
use cos_agent::plan::{Inputs, Phase, Plan, What};
use cos_agent::state::{
    Action, Contents, DesiredState, File, Notify, Observed, Origin, PathKind, ROOT, Sealed, Seen,
    Stat, Unit, UnitState, Verb, Wanted,
};

const SECRET: &str = "hush-hush";
const KEY: &str = "/etc/consul.d/gossip.key";
const SEED: &str = "/etc/cos-agent/config.toml";
const OLD: &str = "/etc/cos-agent/old";
const UNIT: &str = "cos-image.service";

fn file(path: &str, contents: Contents, notify: Notify) -> File {
    File { path: path.to_owned(), contents, mode: 0o640, owner: ROOT, notify }
}

/// An image: no instance, no role, no daemon.
fn image(secret: &str) -> DesiredState {
    let sealed = Sealed::new(secret.as_bytes().to_vec());
    DesiredState {
        files: vec![
            file(KEY, Contents::Secret(sealed), Notify::of([Action::unit(Verb::Restart, UNIT)])),
            file(SEED, Contents::Seed("# settings\n".to_owned()), Notify::nobody()),
        ],
        units: vec![Unit {
            name: UNIT,
            origin: Origin::Agent,
            wanted: Wanted::Running,
            restarts_with: &[],
        }],
        ..DesiredState::default()
    }
}

fn observed(files: &[(&str, &str)]) -> Observed {
    let stat = Stat { kind: PathKind::File, size: 0, mtime_nanos: 0, mode: 0o640, uid: 0, gid: 0 };
    let seen = |text: &str| Seen { stat, bytes: text.as_bytes().to_vec() };
    Observed {
        files: files.iter().map(|(path, text)| ((*path).to_owned(), seen(text))).collect(),
        units: Some([(UNIT.to_owned(), UnitState::Up)].into()),
        ..Observed::default()
    }
}

fn planned(desired: &DesiredState, observed: &Observed, manifest: &Manifest) -> Plan {
    Plan::between(&Inputs { desired, observed, manifest }).unwrap()
}

/// Everything that anybody gets to see of a plan.
fn shown(plan: &Plan) -> String {
    let json = plan.to_json("an image");
    let manifests = serde_json::json!([plan.during, plan.after]);
    format!("{plan:?}\n{json}\n{}\n{manifests}", plan.to_text())
}

#[test]
fn a_secret_shows_up_nowhere_but_in_its_file() {
    let nothing = Manifest::default();
    let first = planned(&image(SECRET), &observed(&[]), &nothing);
    let written = first.writes().find(|write| write.path == KEY).unwrap();
    assert_eq!(written.bytes.for_their_file(), SECRET.as_bytes());
    let there = observed(&[(KEY, SECRET), (SEED, "")]);
    let changed = planned(&image("hush-more"), &there, &first.after);
    let removed = planned(&DesiredState::default(), &there, &first.after);
    // Whoever edits the file has put the secret into it as well.
    let edited = observed(&[(KEY, "hush-edited")]);
    let restored = planned(&image(SECRET), &edited, &first.after);
    for plan in [&first, &changed, &removed, &restored] {
        let shown = shown(plan);
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("secret, sha256:"), "{shown}");
    }
    assert!(!format!("{there:?} {:?}", image(SECRET)).contains("hush"));
    assert!(first.after.files[KEY].secret);
}

#[test]
fn a_seed_is_written_once_and_is_the_operators_from_then_on() {
    let first = planned(&image(SECRET), &observed(&[]), &Manifest::default());
    assert!(first.writes().any(|write| write.path == SEED));
    let edited = observed(&[(KEY, SECRET), (SEED, "theirs = true\n")]);
    let again = planned(&image(SECRET), &edited, &first.after);
    assert!(again.is_empty(), "{}", again.summary());
    let without = planned(&DesiredState::default(), &edited, &first.after);
    assert!(without.changes().all(|change| change.path() != SEED), "{}", without.summary());
}

#[test]
fn a_removed_file_triggers_what_is_written_down_beside_it() {
    let first = planned(&image(SECRET), &observed(&[]), &Manifest::default());
    let mut without = image(SECRET);
    without.files.retain(|file| file.path == SEED);
    let there = observed(&[(KEY, SECRET), (SEED, "")]);
    let plan = planned(&without, &there, &first.after);
    let actions: Vec<_> = plan.actions().map(|planned| planned.action.clone()).collect();
    assert_eq!(actions, [Action::unit(Verb::Restart, UNIT)]);
}

#[test]
fn steps_come_phase_by_phase() {
    let mut desired = image(SECRET);
    let old = file(OLD, Contents::Text("old".to_owned()), Notify::nobody());
    desired.files.push(old);
    let manifest = planned(&desired, &observed(&[]), &Manifest::default()).after;
    desired.files.retain(|file| file.path == KEY);
    let there = Observed { leftovers: vec![KEY.to_owned()], ..observed(&[(OLD, "old")]) };
    let plan = planned(&desired, &there, &manifest);
    let phases: Vec<Phase> = plan.steps.iter().map(|step| step.phase).collect();
    assert_eq!(phases, [Phase::Disk, Phase::Write, Phase::Remove, Phase::Act]);
    assert!(matches!(plan.steps[3].what, What::Action(_)));
}

use super::*;
use crate::plan::manifest::Written;
use crate::plan::{Ownership, Phase, PlannedAction, Step, What, Write};
use crate::state::{Bytes, PathKind, ROOT, Sealed};
use serde_json::json;

const FILE: &str = "/etc/consul.d/cos.json";
const PROFILE: &str = "/etc/profile.d/cos.sh";

fn write(path: &str, why: Why, before: Option<&str>) -> Write {
    let open = |text: &str| Bytes::Open(text.as_bytes().to_vec());
    Write {
        path: path.to_owned(),
        bytes: open("{\"a\": 1}\n"),
        mode: 0o640,
        ownership: Ownership::Ours { owner: ROOT, ids: Some((0, 900)) },
        before: before.map(open),
        foreign: true,
        keys: None,
        besides: Vec::new(),
        why,
    }
}

fn plan(writes: Vec<Write>) -> Plan {
    let steps = writes.into_iter().map(Change::Write).map(Step::from).collect();
    Plan { steps, ..Plan::default() }
}

fn around(path: &str, mode: u32, gid: u32) -> Around {
    let mtime_nanos = 1_795_374_245_000_000_000;
    let stat = Stat { kind: PathKind::File, size: 9, mtime_nanos, mode, uid: 0, gid };
    let seen = BTreeMap::from([(path.to_owned(), stat)]);
    let files = BTreeMap::from([(path.to_owned(), Written::default())]);
    Around { manifest: Manifest { files, ..Manifest::default() }, seen, ..Around::default() }
}

#[test]
fn an_edit_fails_with_its_time_and_the_lines_that_differ() {
    let edited = write(FILE, Why::EditedByHand, Some("{\"token\": \"hush\"}\n"));
    let profile = write(PROFILE, Why::EditedByHand, Some("x\n"));
    let plan = plan(vec![profile, edited]);
    let Finding::Fail(problem) = judge(&plan, &around(FILE, 0o640, 900)) else { panic!("edited") };
    assert_eq!(
        problem.found,
        "/etc/consul.d/cos.json was edited by hand at 2026-11-22T19:04:05Z; so was 1 other file"
    );
    assert!(
        !problem.evidence.is_empty() && problem.evidence.iter().all(|line| !line.contains("hush"))
    );
    assert!(problem.evidence.iter().any(|line| line.starts_with("+{\"a\": 1}")), "{problem:?}");
}

#[test]
fn an_edit_that_no_daemon_reads_warns_and_so_does_one_of_our_keys() {
    let profile = write(PROFILE, Why::EditedByHand, Some("x\n"));
    assert!(matches!(judge(&plan(vec![profile]), &Around::default()), Finding::Warn(_)));
    let path = "/etc/docker/config.json";
    let ours = json!({"credHelpers": {"r": "ecr-login"}}).as_object().unwrap().clone();
    let keys = Some((serde_json::Map::new(), ours.clone()));
    let docker = Write { keys, ..write(path, Why::Changed, Some("{}")) };
    let mut around = around(path, 0o644, 0);
    let Finding::Warn(problem) = judge(&plan(vec![docker.clone()]), &around) else { panic!() };
    assert!(problem.found.contains("1 change is not applied yet"), "new keys: {problem:?}");
    around.manifest.files.get_mut(path).unwrap().keys = Some(ours);
    let Finding::Warn(problem) = judge(&plan(vec![docker]), &around) else { panic!() };
    assert!(problem.found.contains("was edited by hand"), "{problem:?}");
}

#[test]
fn a_file_that_is_gone_was_removed_and_a_new_one_is_not_applied_yet() {
    let new = || plan(vec![write(FILE, Why::New, None)]);
    let mut around = around(FILE, 0o640, 900);
    around.seen.clear();
    let Finding::Fail(problem) = judge(&new(), &around) else { panic!("it was removed") };
    assert!(problem.found.contains("was removed by hand"), "{problem:?}");
    let Finding::Warn(problem) = judge(&new(), &Around::default()) else { panic!("it is new") };
    assert_eq!(problem.found, "1 change is not applied yet");
    assert!(problem.evidence[0].starts_with("/etc/consul.d/cos.json: new"), "{problem:?}");
}

#[test]
fn what_a_frozen_or_failing_agent_has_not_applied_is_the_finding_of_another_check() {
    let held_up = Some("the agent is frozen");
    let around = Around { held_up, ..Around::default() };
    let words = "1 change is not applied, because the agent is frozen".to_owned();
    assert_eq!(judge(&plan(vec![write(FILE, Why::New, None)]), &around), Finding::Pass(words));
    let edited = plan(vec![write(FILE, Why::EditedByHand, Some("x"))]);
    assert!(matches!(judge(&edited, &around), Finding::Fail(_)));
}

#[test]
fn a_mode_fails_where_it_does_harm() {
    let wrong = || plan(vec![write(FILE, Why::Attributes, Some("{\"a\": 1}\n"))]);
    let Finding::Fail(problem) = judge(&wrong(), &around(FILE, 0o600, 0)) else {
        panic!("unreadable")
    };
    assert!(problem.found.contains("mode 0600 and owner 0:0, so its daemon cannot"), "{problem:?}");
    assert!(matches!(judge(&wrong(), &around(FILE, 0o644, 0)), Finding::Warn(_)));
    let bytes = Bytes::Sealed(Sealed::new(b"hush".to_vec()));
    let secret = plan(vec![Write { bytes, ..write(FILE, Why::Attributes, None) }]);
    assert!(matches!(judge(&secret, &around(FILE, 0o644, 900)), Finding::Fail(_)));
}

#[test]
fn nothing_is_found_before_the_first_apply_and_nothing_is_final_while_one_runs() {
    let edited = || plan(vec![write(FILE, Why::EditedByHand, Some("x"))]);
    let first = Plan { is_first: true, ..edited() };
    assert!(judge(&first, &around(FILE, 0o640, 900)).passes());
    let around = Around { is_applying: true, ..around(FILE, 0o640, 900) };
    assert!(matches!(judge(&edited(), &around), Finding::Waiting(_)));
}

#[test]
fn starts_and_what_is_due_already_belong_to_other_checks() {
    let act = |action: Action| {
        let planned = PlannedAction { action, because: vec!["r".to_owned()], is_new: false };
        Step { phase: Phase::Act, what: What::Action(planned) }
    };
    let restart = Action::restart(Daemon::Consul);
    let start = Action::unit(Verb::Start, "nomad.service");
    let plan = Plan { steps: vec![act(start), act(restart.clone())], ..Plan::default() };
    let Finding::Warn(problem) = judge(&plan, &Around::default()) else { panic!("a restart") };
    assert_eq!(problem.evidence, ["restart consul.service (r)"]);
    let manifest = Manifest { pending: vec![restart], ..Manifest::default() };
    assert!(judge(&plan, &Around { manifest, ..Around::default() }).passes());
}

#[test]
fn what_other_checks_judge_is_left_to_them() {
    let ca = "/usr/local/share/ca-certificates/cos-0123456789abcdef.crt";
    let unit = "/etc/systemd/system/consul.service";
    let plan = plan(vec![write(ca, Why::New, None), write(unit, Why::New, None)]);
    let mut around = around(ca, 0o644, 0);
    around.foreign.insert(unit.to_owned());
    assert_eq!(judge(&plan, &around), Finding::Pass("as applied".to_owned()));
}

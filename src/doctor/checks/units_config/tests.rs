use super::*;

const CONSUL: &str = "consul.service";

fn unit(name: &str, file_state: &str, sub: &str) -> UnitFacts {
    UnitFacts {
        load: "loaded".to_owned(),
        active: "active".to_owned(),
        sub: sub.to_owned(),
        file_state: file_state.to_owned(),
        fragment: format!("{UNITS}/{name}"),
        ..UnitFacts::default()
    }
}

fn healthy() -> Units {
    let unit = |name: &str, file_state, sub| (name.to_owned(), unit(name, file_state, sub));
    BTreeMap::from([unit(AGENT, "enabled", "exited"), unit(CONSUL, "static", "running")])
}

fn around() -> Around {
    Around { role: Some(Role::ConsulServer), is_applied: true, ..Around::default() }
}

/// The finding about a healthy node with one change.
fn judged(change: impl FnOnce(&mut Units, &mut Around)) -> (bool, Option<&'static str>) {
    let (mut units, mut around) = (healthy(), around());
    change(&mut units, &mut around);
    let finding = judge(&units, &around);
    (matches!(finding, Finding::Fail(_)), finding.problem().map(|problem| problem.hint.id))
}

fn drop_in(units: &mut Units, name: &str, path: &str) {
    units.get_mut(name).unwrap().drop_ins.push(path.to_owned());
}

#[test]
fn a_healthy_node_passes_with_our_own_drop_ins_and_those_of_the_distribution() {
    assert_eq!(judged(|_, _| {}), (false, None));
    let (mut units, around) = (healthy(), around());
    for path in [
        "/etc/systemd/system/consul.service.d/cos.conf",
        "/usr/lib/systemd/system/service.d/10-timeout.conf",
    ] {
        drop_in(&mut units, CONSUL, path);
    }
    drop_in(&mut units, AGENT, PAUSE);
    assert_eq!(judge(&units, &around), Finding::Pass("units as written".to_owned()));
    drop_in(&mut units, CONSUL, "/etc/systemd/system/consul.service.d/lab.conf");
    let Finding::Pass(words) = judge(&units, &around) else { panic!("it runs") };
    assert!(words.ends_with("consul.service.d/lab.conf"), "{words}");
}

#[test]
fn an_agent_that_does_not_start_at_boot_fails() {
    for state in ["disabled", "static", "enabled-runtime"] {
        let found = judged(|units, around| {
            around.is_applied = false;
            units.insert(AGENT.to_owned(), unit(AGENT, state, "dead"));
        });
        assert_eq!(found, (true, Some("agent-not-enabled")), "{state}");
    }
    let masked = judged(|units, _| units.get_mut(AGENT).unwrap().load = "masked".to_owned());
    assert_eq!(masked, (false, None), "a mask is what units-state finds");
}

#[test]
fn another_unit_file_fails_once_the_agent_has_written_its_own() {
    let replace = |units: &mut Units| {
        units.get_mut(CONSUL).unwrap().fragment = "/lib/systemd/system/consul.service".to_owned();
    };
    assert_eq!(judged(|units, _| replace(units)), (true, Some("unit-foreign")));
    let before = judged(|units, around| {
        replace(units);
        around.is_applied = false;
    });
    assert_eq!(before, (false, None));
    let linked = judged(|units, around| {
        replace(units);
        around.links.insert(format!("{UNITS}/{CONSUL}"));
    });
    assert_eq!(linked, (false, Some("unit-linked")));
}

#[test]
fn what_the_next_apply_writes_is_left_to_another_check() {
    let reload = |units: &mut Units| units.get_mut(CONSUL).unwrap().needs_reload = true;
    assert_eq!(judged(|units, _| reload(units)), (false, Some("unit-files-changed")));
    let written = judged(|units, around| {
        reload(units);
        around.written.insert(format!("{UNITS}/{CONSUL}"));
    });
    assert_eq!(written, (false, None));
}

#[test]
fn a_daemon_that_is_enabled_or_down_with_a_foreign_drop_in_warns() {
    let enabled = judged(|units, _| {
        drop(units.insert(CONSUL.to_owned(), unit(CONSUL, "enabled", "running")))
    });
    assert_eq!(enabled, (false, Some("daemon-enabled")));
    let path = "/etc/systemd/system/consul.service.d/override.conf";
    let (mut units, mut around) = (healthy(), around());
    drop_in(&mut units, CONSUL, path);
    assert!(foreign_drop_ins(&units, around.role, true).is_empty(), "it runs");
    units.get_mut(CONSUL).unwrap().sub = "auto-restart".to_owned();
    let directory = tempfile::tempdir().unwrap();
    let root = Root::at(directory.path());
    root.write(path, b"[Service]\n# x\nEnvironment=CONSUL_HTTP_TOKEN=hush\n", 0o644).unwrap();
    let foreign = foreign_drop_ins(&units, around.role, true);
    around.drop_ins = foreign.iter().flat_map(|path| settings(&root, path)).collect();
    let Finding::Warn(problem) = judge(&units, &around) else { panic!("it is down") };
    assert!(problem.found.starts_with("consul.service does not run"), "{problem:?}");
    assert!(
        problem.evidence[0].starts_with(path) && !problem.evidence[0].contains("hush"),
        "{problem:?}"
    );
}

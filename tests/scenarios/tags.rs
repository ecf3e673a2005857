//! Tags that are late, gone, missing or at odds: what a node does then, on a real boot.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::managed::changed;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::{leaderless, list, text};
use serde_json::Value;
use std::time::Duration;

const AGENT: &str = "cos-agent.service";
/// A person would wait for two minutes; the tests do not.
const SOONER: &str =
    "[Service]\nExecStart=\nExecStart=/usr/bin/cos-agent apply --no-wait --timeout 10s\n";

#[test]
fn late_tags_are_waited_for_and_nothing_is_decided_before_they_are_all_there() {
    let mut transcript = Transcript::begin("late tags are waited for");
    let lab = Lab::new([servers("consul-server", 1), servers("nomad-server", 1)].concat());
    let (late, roleless) = (lab.node("consul-1"), lab.node("nomad-1"));
    late.metadata(&["late-tags=45s"]);
    roleless.metadata(&["late-role=20s"]);
    lab.boot_all();
    throughout("nothing is decided", roleless.before_age(15.0), || {
        late.has_no_role().and(roleless.has_no_role())
    });
    assert!(roleless.journal(AGENT).contains("for the tags cos:role; found cos:cluster"));
    expect(&late, "tags-required", BROKEN, "cos:role");
    assert!(late.status_text().starts_with("role unknown: no `apply` has finished"));
    transcript.proved("all tags but the role are there, and nothing is decided");
    throughout("nothing is decided", late.before_age(40.0), || late.has_no_role());
    transcript.proved("for 40 s no tag is there, and nothing is decided");

    lab.until_ready();
    for (node, seconds) in [(&late, 35), (&roleless, 10)] {
        let boots = node.ok(&["cos-agent", "status", "--boots", "-o", "json"]);
        let boots: Value = serde_json::from_str(&boots).unwrap();
        let phases = &boots["boots"][0]["phases"];
        let of =
            |name: &str| list(phases).filter(|phase| phase["name"] == name).collect::<Vec<_>>();
        let (gathered, applied) = (of("gather"), of("apply"));
        assert_eq!((gathered.len(), applied.len()), (1, 1), "{phases}");
        assert_eq!((&gathered[0]["result"], &applied[0]["result"]), (&"ok".into(), &"ok".into()));
        assert!(gathered[0]["duration_ms"].as_u64().unwrap() > seconds * 1000, "{phases}");
        for unit in [AGENT, "consul.service"] {
            assert_eq!(node.unit(unit)["NRestarts"], "0", "{}: {unit}", node.name);
        }
    }
    let rendered: Value = serde_json::from_str(&roleless.read("/etc/nomad.d/cos.json")).unwrap();
    assert_eq!(rendered["server"][0]["bootstrap_expect"], 1, "{rendered}");
    transcript.proved("each gathered once, rendered once, and is ready");
}

#[test]
fn wrong_tags_start_nothing_and_putting_them_right_heals() {
    let mut transcript = Transcript::begin("wrong tags start nothing");
    let mut machines =
        [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])]
            .concat();
    machines[1].tags.remove("cos:servers");
    machines[2].tags.insert("cos:nomad-server".to_owned(), "demo".to_owned());
    let lab = Lab::new(machines);
    let (missing, torn) = (lab.node("nomad-1"), lab.node("backoffice"));
    missing.write("/etc/systemd/system/cos-agent.service.d/lab.conf", SOONER);
    lab.boot_all();
    for (node, cause, fix, words) in [
        (
            &missing,
            "tags-required",
            "Key=cos:servers",
            &["s: cos:servers; this instance has", "tag the running instance"],
        ),
        (
            &torn,
            "role-resolved",
            "delete tag `cos:nomad-server`",
            &["tag `cos:nomad-server` = \"demo\" contradicts", "`cos:role` = \"nomad-client\""],
        ),
    ] {
        let name = &node.name;
        until(&format!("{name} fails with 65, and is tried again"), 2 * SOON, || {
            let unit = node.unit_now(AGENT)?;
            let [again, code] = ["NRestarts", "ExecMainStatus"].map(|key| unit[key].clone());
            if again != "0" && code == "65" { Ok(()) } else { Err(format!("{again}, {code}")) }
        });
        node.has_no_role().unwrap();
        assert_eq!(node.unit("consul.service")["ActiveState"], "inactive", "{name}");
        let status = node.status_text();
        // Killed after 20 s, it would end with 124: the wait must not last.
        let for_ready = ["cos-agent", "wait", "--for", "ready", "--timeout", "5m"];
        let wait = node.run_for(Duration::from_secs(20), &for_ready);
        assert_eq!(wait.code, Some(65), "{name}: {wait:?}");
        for words in words {
            assert!(status.contains(words), "{name}: {status}");
            assert!(wait.stderr.contains(words), "{name}: {wait:?}");
        }
        expect(node, cause, BROKEN, fix);
        transcript.proved(&format!(
            "{name}: 65, and again 65; nothing is started; status, wait and doctor say why:\n{}",
            wait.stderr
        ));
    }
    lab.tag(&missing, "cos:servers", Some("1"));
    lab.tag(&torn, "cos:nomad-server", None);
    lab.until_ready();
    for node in [&missing, &torn] {
        assert_eq!(node.status()["record"]["problem"], Value::Null, "{}", node.name);
    }
    transcript.proved("the tags are put right, and both are ready without a person");
}

#[test]
fn a_server_that_lost_its_tags_reboots_on_its_last_good_facts() {
    let mut transcript = Transcript::begin("a server that lost its tags reboots");
    let lab = Lab::new(servers("consul-server", 3));
    lab.up();
    until("one Consul cluster", SOON, || lab.is_one_consul());
    let leader = lab.consul_leader().unwrap().id.clone();
    let (others, mut followers): (Vec<_>, Vec<_>) =
        lab.nodes().into_iter().partition(|node| node.id == leader);
    let node = followers.pop().unwrap();
    let others = [others, followers].concat();
    node.write(&format!("/etc/systemd/system/{AGENT}.d/lab.conf"), SOONER);
    // The watch of a voter writes once more after it has joined.
    until("the founding is on record", 2 * SOON, || {
        let is_there = node.path("/var/lib/cos-agent/formed.json").exists();
        if is_there { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let disk = node.managed();
    node.metadata(&["tags-off"]);
    lab.aws.deny("ec2:DescribeTags");
    let mut after = 0.0;
    let gap = leaderless(&others, || {
        node.reboot();
        after = node.until_ready();
        until("one Consul cluster", SOON, || lab.is_one_consul());
    });
    // Without a quorum they would know none until the node is back.
    assert!(gap.as_secs_f64() < after, "the others knew no leader for {gap:?}");
    transcript.proved(&format!("ready {after:.1} s after power; the others kept their leader"));

    until("the cause is on record", SOON * 2, || {
        let record = &node.status()["record"];
        let (state, report) = (text(&record["state"]), text(&record["problem"]["report"]));
        let words =
            ["metadata has no tags", "ec2:DescribeTags is denied", "instance_metadata_tags"];
        let is_whole = state == "degraded" && words.iter().all(|words| report.contains(words));
        if is_whole { Ok(()) } else { Err(record.to_string()) }
    });
    assert_eq!(node.status()["ready"], true);
    assert!(
        node.status_text()
            .contains("the daemons run with the configuration from before the reboot")
    );
    expect(&node, "tags-source", BROKEN, "instance_metadata_tags");
    let written = changed(&disk, &node.managed());
    assert!(written.is_empty(), "{written:?}");
    transcript.proved("nothing was written; Consul runs as it was; status and doctor say why");

    // The pauses grow, and hold nobody up: consul.service is ordered after the unit that is tried again.
    let pause = until("the pause has grown", SOON * 4, || {
        let unit = node.unit_now(AGENT)?;
        let waits = unit["SubState"] == "auto-restart" && unit["RestartUSec"] != "10s";
        if waits {
            Ok(unit["RestartUSec"].clone())
        } else {
            Err(format!("{} {}", unit["SubState"], unit["RestartUSec"]))
        }
    });
    node.ok(&["systemctl", "restart", "consul.service"]);
    let unit = node.unit(AGENT);
    assert_eq!(
        (unit["SubState"].as_str(), &unit["ExecMainStatus"]),
        ("auto-restart", &"77".to_owned())
    );
    node.until_ready();
    transcript.proved(&format!(
        "it is tried again after {pause}, and Consul is restarted by hand meanwhile"
    ));
    let journal = node.journal(AGENT);
    let boot = journal.rsplit("error: cannot gather the facts about this machine").next().unwrap();
    assert!(boot.contains("error: still: "), "{journal}");
    assert_eq!(boot.matches("hint: ").count(), 1, "said in full more than once: {journal}");
    transcript.proved("what fails again is said in one line");

    node.metadata_on();
    node.ok(&["cos-agent", "apply"]);
    let status = node.status();
    assert_eq!(status["record"]["state"], "applied", "{status}");
    transcript.proved("tags are back, and the next run is on them again");
}

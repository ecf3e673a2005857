//! What carries the tag of the cluster and is no part of it.

use crate::doctor::ask::until_healthy;
use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{list, text};
use serde_json::json;
use std::net::Ipv4Addr;
use std::time::Duration;

#[test]
fn an_instance_of_another_vpc_with_the_same_tag_holds_nobody_up_and_is_named() {
    let mut transcript = Transcript::begin("an instance of another VPC with the same tag");
    let lab = Lab::new(servers("consul-server", 3));
    let mut stray = servers("consul-server", 1).remove(0);
    // The lowest address: Consul, which asks one after the other, dials it first or second.
    stray.address = Ipv4Addr::new(10, 20, 1, 9);
    let stray_id = lab.add_foreign(&stray);
    let filter = json!({ "Filters": [{ "Name": "tag:cos:consul-server", "Values": ["demo"] }] });
    let listed = lab.aws.call("ec2", "describe_instances", &filter);
    assert_eq!(list(&listed["Reservations"]).count(), 4, "{listed}");

    lab.boot_all();
    let after = lab.until_ready();
    let slowest = after.values().copied().fold(0.0, f64::max);
    let dial = Duration::from_secs(10).as_secs_f64();
    transcript
        .proved(&format!("EC2 lists four, three of this VPC; all are ready after {slowest:.1} s"));
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    assert!(slowest < 4.0 * dial, "{after:?}");

    for node in lab.nodes() {
        let output = node.run(&["cos-agent", "peers", "consul-server"]);
        let others = lab.nodes().into_iter().filter(|other| other.id != node.id);
        let mut expected: Vec<_> = others.map(|other| other.address.to_string()).collect();
        expected.sort();
        assert_eq!(output.stdout.lines().collect::<Vec<_>>(), expected, "{output:?}");
        assert!(output.stderr.contains(&stray_id) && output.is_ok(), "{output:?}");
    }
    transcript.proved("`peers` leaves it out, and says so");

    for node in lab.nodes() {
        until(&format!("the status of {} names it", node.name), SOON, || {
            let watch = node.status()["record"]["watch"].clone();
            let named = list(&watch["notes"]).any(|note| {
                let note = text(note);
                note.contains(&stray_id) && note.contains("another VPC")
            });
            if named { Ok(()) } else { Err(watch.to_string()) }
        });
        let status = node.status();
        assert_eq!(status["record"]["watch"]["problems"], json!([]), "{status}");
        let joined = text(&status["record"]["watch"]["last_join"]);
        assert!(!joined.contains(&stray.address.to_string()), "{joined}");
        let members = node.consul("/v1/agent/members").unwrap();
        assert_eq!(list(&members).count(), 3, "{members}");
    }
    let passed = until_healthy(&lab.node("consul-1")).with("pass").join("\n");
    assert!(passed.contains("1 in another VPC"), "{passed}");
    transcript.proved(
        "`status` of each names it as a note, not as a problem, and so does the doctor; no watch tried to join it",
    );
}

//! A node that nobody can log in to says what is wrong with it.

use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use std::fs;
use std::time::Duration;

/// Two minutes after the boot, what the watch and the doctor need, and what a busy machine adds.
const TOLD: Duration = Duration::from_secs(240);

#[test]
fn a_node_that_cannot_join_shows_the_cause_on_its_serial_console() {
    let mut transcript =
        Transcript::begin("a node that cannot join shows the cause on its console");
    let lab = Lab::new([servers("consul-server", 1), clients(&["backoffice"])].concat());
    let (server, client) = (lab.node("consul-1"), lab.node("backoffice"));
    lab.aws.mode_for(client.address, "ec2:DescribeInstances", "deny");
    lab.boot_all();
    server.until_ready();
    let console = || fs::read_to_string(client.folder().join("console.log")).unwrap_or_default();
    let card = until("the console shows the card", TOLD, || {
        let text = console().replace('\r', "");
        match text.find("FAIL  aws-autodiscovery") {
            Some(at) => Ok(text[at..].lines().take(14).collect::<Vec<_>>().join("\n")),
            None => Err(text.lines().rev().take(20).collect::<Vec<_>>().join("\n")),
        }
    });
    assert!(card.contains("ec2:DescribeInstances"), "{card}");
    transcript.proved(&format!("{:.0} s after power:\n{card}", client.age()));
    let diagnosis = client.status()["record"]["diagnosis"].clone();
    assert_eq!(diagnosis["causes"][0], "aws-autodiscovery", "{diagnosis}");
    assert!(client.status_text().contains("\ndoctor    aws-autodiscovery"));
    assert!(client.journal("cos-agent-diagnose.service").contains("FAIL  aws-autodiscovery"));
    transcript.proved("status and journal say the same");
    let said = console().matches("FAIL  aws-autodiscovery").count();
    std::thread::sleep(Duration::from_secs(40));
    assert_eq!(console().matches("FAIL  aws-autodiscovery").count(), said, "it repeats itself");
    transcript.proved("it does not repeat itself before its pause is over");
}

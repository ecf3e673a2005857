//! AWS of the lab is as strict as AWS: what passes here is signed, allowed, and asked in the right place.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use std::time::Duration;

#[test]
fn aws_of_the_lab_refuses_what_aws_refuses() {
    let mut transcript = Transcript::begin("AWS of the lab refuses what AWS refuses");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    lab.hold(&node, "group", "joined");
    assert_eq!(lab.aws.check(&lab, &node.id), "");
    let held = lab.aws.lifecycle(&node.id);
    assert_eq!((&held["state"], &held["heartbeats"]), (&"InService".into(), &1.into()), "{held}");
    transcript.proved("wrong signatures, keys, regions, actions, parameters and hooks are refused");

    node.boot();
    node.until_ready();
    let peers = || node.run(&["cos-agent", "peers", "consul-server", "--timeout", "2s"]);
    for (mode, words) in [("throttle", "RequestLimitExceeded"), ("deny", "UnauthorizedOperation")] {
        lab.aws.mode("ec2", mode);
        let output = peers();
        assert!(output.stderr.contains(words), "{output:?}");
    }
    lab.aws.up();
    for fault in [super::lab::aws::Aws::black_hole, super::lab::aws::Aws::hang] {
        fault(&lab.aws);
        assert!(!peers().is_ok());
        lab.aws.up();
        until("AWS is back", Duration::from_secs(20), || {
            let output = peers();
            if output.is_ok() { Ok(()) } else { Err(output.stderr) }
        });
    }
    let calls = lab.aws.calls();
    assert!(calls.iter().any(|call| call.status == 503 && call.caller == node.address));
    transcript.proved("throttled, denied, unreachable, hanging: the agent says which");
}

//! A metadata service that is late, refuses its own tokens, or has no tags.

use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::aws::Call;
use crate::lab::description::servers;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::{throughout, until};
use crate::lab::whole::text;
use serde_json::Value;

const AGENT: &str = "cos-agent.service";

#[test]
fn metadata_that_is_late_or_has_no_tags_costs_time_alone() {
    let mut transcript = Transcript::begin("metadata that is late or has no tags");
    let lab = Lab::new([servers("consul-server", 3), servers("nomad-server", 1)].concat());
    let [refused, young, tagless] = ["consul-1", "consul-2", "consul-3"].map(|name| lab.node(name));
    let denied = lab.node("nomad-1");
    refused.metadata_gone();
    young.metadata(&["fresh-401=10s"]);
    tagless.metadata(&["tags-off"]);
    denied.metadata(&["tags-off"]);
    lab.aws.mode_for(denied.address, "ec2:DescribeTags", "deny");
    lab.boot_all();

    let name = &denied.name;
    until(&format!("{name} fails with 77, and is tried again"), SOON, || {
        let unit = denied.unit_now(AGENT)?;
        let [again, code] = ["NRestarts", "ExecMainStatus"].map(|key| unit[key].clone());
        if again != "0" && code == "77" { Ok(()) } else { Err(format!("{again}, {code}")) }
    });
    let status = denied.status_text();
    for words in ["ec2:DescribeTags is denied", "instance_metadata_tags = \"enabled\""] {
        assert!(status.contains(words), "{status}");
    }
    let wait = denied.run(&["cos-agent", "wait", "--for", "ready", "--timeout", "5m"]);
    assert_eq!(wait.code, Some(77), "{wait:?}");
    denied.has_no_role().unwrap();
    expect(&denied, "tags-source", BROKEN, "ec2:DescribeTags");
    expect(&refused, "imds-reachable", BROKEN, "169.254.169.254");
    transcript.proved(&format!("no tags, and EC2 denies them: 77, and says why\n{}", wait.stderr));

    throughout("nothing starts without metadata", refused.before_age(30.0), || {
        refused.has_no_role()
    });
    let unit = refused.unit(AGENT);
    assert_eq!((&*unit["ActiveState"], &*unit["NRestarts"]), ("activating", "0"));
    for (node, source) in [(&young, "metadata"), (&tagless, "describe-tags")] {
        until(&format!("{} runs Consul", node.name), SOON, || node.consul("/v1/agent/self"));
        let facts: Value =
            serde_json::from_str(&node.read("/var/lib/cos-agent/facts.json")).unwrap();
        assert_eq!(text(&facts["tags"]["source"]), source, "{}", node.name);
        assert_eq!(node.unit(AGENT)["NRestarts"], "0", "{}", node.name);
    }
    assert!(young.journal(AGENT).contains("401"), "{}", young.journal(AGENT));
    transcript
        .proved("metadata refuses connections for 30 s: the first run waits, and nothing starts");

    refused.metadata_on();
    lab.aws.mode_for(denied.address, "ec2:DescribeTags", "normal");
    lab.until_ready();
    for node in [&refused, &young, &tagless] {
        assert_eq!(node.unit(AGENT)["NRestarts"], "0", "{}", node.name);
    }
    transcript.proved(&until("one Consul cluster", SOON, || lab.is_one_consul()));
    let asked = lab.aws.calls();
    let of = |node: &Node<'_>| asked.iter().filter(|call| is_tags(call, node)).count();
    assert_eq!([of(&refused), of(&young), of(&tagless)], [0, 0, 1]);
    transcript
        .proved("all are ready; EC2 was asked for tags only where metadata had none, and once");
}

fn is_tags(call: &Call, node: &Node<'_>) -> bool {
    call.caller == node.address && call.action == "DescribeTags"
}

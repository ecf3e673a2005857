//! Units are files of ours like all others, and the agent itself is replaced on a node that runs.

use crate::support::node;
use cos_agent::plan::Why;
use cos_agent::render::units;
use node::TestNode;

const CONSUL: &str = "/etc/systemd/system/consul.service";
const KEPT: &str = "/etc/systemd/system/consul.service.before-cos-agent";
const FOREIGN: &str = "[Service]\nExecStart=/opt/hashicorp/consul agent\n";

fn ours() -> &'static str {
    units::texts().find(|(name, _)| *name == "consul.service").unwrap().1
}

#[tokio::test]
async fn a_unit_of_somebody_else_is_kept_beside_ours_and_named() {
    let node = TestNode::new("consul-server").await;
    node.write(CONSUL, FOREIGN);
    let outcome = node.converge().await;
    assert_eq!(node.read(CONSUL), ours());
    assert_eq!(node.read(KEPT), FOREIGN);
    let said = node::changes(&outcome);
    assert!(said.iter().any(|line| line.starts_with(KEPT)), "{said:#?}");
    assert!(node.converge().await.plan.is_empty());
    assert_eq!(node.read(KEPT), FOREIGN, "it is nobody's to remove");
}

#[tokio::test]
async fn a_unit_that_was_edited_is_put_back_and_the_edit_is_kept() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    let edited = ours().replace("RestartSec=5", "RestartSec=1");
    node.write(CONSUL, &edited);
    node.units.take_jobs();
    let outcome = node.converge().await;
    let write = outcome.plan.writes().find(|write| write.path == CONSUL).unwrap();
    assert_eq!(write.why, Why::EditedByHand);
    let kept = node.read(&format!("{CONSUL}.edited"));
    assert_eq!((node.read(CONSUL).as_str(), kept), (ours(), edited));
    assert_eq!(node.units.take_jobs(), ["DaemonReload", "Restart consul.service"]);
}

#[tokio::test]
async fn a_unit_of_an_older_agent_is_rewritten_and_leaves_no_copy() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    let older = "[Unit]\nDescription=of yesterday\n";
    let path = cos_agent::store::MANIFEST.path;
    let digest = |text: &str| cos_agent::plan::sha256(text.as_bytes());
    node.write(CONSUL, older);
    node.write(path, &node.read(path).replace(&digest(ours()), &digest(older)));
    node.converge().await;
    assert_eq!(node.read(CONSUL), ours());
    assert!(!node.has(KEPT));
}

#[tokio::test]
async fn a_masked_unit_is_left_as_the_operator_made_it() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    std::fs::remove_file(node.path(CONSUL)).unwrap();
    std::os::unix::fs::symlink("/dev/null", node.path(CONSUL)).unwrap();
    node.converge().await;
    assert_eq!(std::fs::read_link(node.path(CONSUL)).unwrap().to_str(), Some("/dev/null"));
}

#[tokio::test]
async fn an_agent_that_is_replaced_restarts_its_own_units_alone() {
    let mut node = TestNode::new("nomad-client").await;
    node.install("/usr/bin/cos-agent", "#!/bin/sh\n");
    node.converge().await;
    assert!(node.converge().await.plan.is_empty());
    node.units.take_jobs();
    for version in ["of tomorrow", "of yesterday, once more"] {
        node.install("/usr/bin/cos-agent", &format!("#!/bin/sh\n# {version}\n"));
        let files = || {
            let mut found = node.configuration();
            found.retain(|path, _| !path.starts_with("var/lib/cos-agent"));
            found
        };
        let before = files();
        node.converge().await;
        let own = ["Restart cos-agent-ready.service", "Restart cos-agent-watch.service"];
        assert_eq!(node.units.take_jobs(), own, "{version}");
        assert!(files() == before, "{version}: something was written");
        assert!(node.converge().await.plan.is_empty(), "{version}");
    }
    node.reboot();
    node.converge().await;
    let jobs = node.units.take_jobs();
    assert_eq!(jobs.iter().filter(|job| job.ends_with("cos-agent-watch.service")).count(), 1);
}

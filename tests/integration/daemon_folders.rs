//! What lies beside our files: which of it the daemons load, by the real ones, and what systemd-resolved is told.

use crate::support::{node, programs};
use cos_agent::exit::ExitCode;
use cos_agent::node::Granted;
use cos_agent::pipeline;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::state::Daemon;
use cos_agent::system::retry::Deadline;
use node::{PATIENCE, TestNode};
use std::path::Path;
use std::process::Command;

/// Whether the daemon itself reads a file of this name in its folder: it is one that it cannot read.
fn is_loaded(daemon: Daemon, put: impl Fn(&Path)) -> bool {
    let folder = tempfile::tempdir().unwrap();
    // With less than this it has something else to say.
    let (name, text) = match daemon {
        Daemon::Consul => ("0.json", r#"{"data_dir": "/tmp"}"#),
        Daemon::Nomad => ("0.json", r#"{"data_dir": "/tmp", "client": [{"enabled": true}]}"#),
    };
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut command = match daemon {
        Daemon::Consul => Command::new(programs::consul().path),
        Daemon::Nomad => Command::new(programs::nomad().path),
    };
    match daemon {
        Daemon::Consul => command.arg("validate"),
        Daemon::Nomad => command.args(["config", "validate"]),
    };
    let good = command.arg(folder.path()).output().unwrap();
    assert!(good.status.success(), "{good:?}");
    put(folder.path());
    !command.output().unwrap().status.success()
}

/// Whether the agent reads it.
async fn is_looked_at(daemon: Daemon, put: impl Fn(&Path)) -> bool {
    let node = TestNode::new("nomad-client").await;
    let folder = node.path(daemon.directory());
    std::fs::create_dir_all(&folder).unwrap();
    put(&folder);
    let system = node.system(true);
    let survey = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap();
    match pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse).await {
        Ok(_) => false,
        Err(error) => {
            let report = error.report();
            assert_eq!(error.exit_code(), ExitCode::Config, "{report}");
            assert!(report.contains(daemon.directory()) && !report.contains("hush"), "{report}");
            true
        }
    }
}

/// Text that neither daemon reads, that holds a secret, and that might make a server of a node.
const BROKEN: &str = "encrypt = \"hush\nserver {";

#[tokio::test]
async fn a_file_is_looked_at_if_its_daemon_loads_it() {
    for (name, consul, nomad) in [
        ("x.hcl", true, true),
        ("x.json", true, true),
        (".x.hcl", true, true),
        (".x.json", true, true),
        (".hcl", true, true),
        (".#x.hcl", true, false),
        (".#x.json", true, false),
        ("#x.hcl#", false, false),
        ("#x.hcl", true, true),
        ("x.hcl~", false, false),
        ("x.hcl.bak", false, false),
        ("x.json.rpmsave", false, false),
        ("x.hcl.dpkg-old", false, false),
        ("consul.env", false, false),
        ("license.hclic", false, false),
        ("x.HCL", false, false),
        ("x.Json", false, false),
        ("sub/x.hcl", false, false),
        ("sub.hcl/x.hcl", false, false),
    ] {
        for (daemon, expected) in [(Daemon::Consul, consul), (Daemon::Nomad, nomad)] {
            let put = |folder: &Path| {
                let path = folder.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, BROKEN).unwrap();
            };
            assert_eq!(is_loaded(daemon, put), expected, "{daemon:?} itself: {name}");
            assert_eq!(is_looked_at(daemon, put).await, expected, "{daemon:?}: {name}");
        }
    }
}

#[tokio::test]
async fn consul_goes_by_what_a_link_leads_to_and_nomad_by_its_name() {
    for (link, target, consul, nomad) in [
        ("x.hcl", "y.conf", false, true),
        ("x.conf", "y.hcl", true, false),
        ("x.conf", "y.json", true, false),
        ("x.hcl", "y.hcl", true, true),
        (".#x.hcl", "y.hcl", true, false),
    ] {
        for (daemon, expected) in [(Daemon::Consul, consul), (Daemon::Nomad, nomad)] {
            let put = |folder: &Path| {
                let elsewhere = folder.join("elsewhere");
                std::fs::create_dir(&elsewhere).unwrap();
                std::fs::write(elsewhere.join(target), BROKEN).unwrap();
                std::os::unix::fs::symlink(Path::new("elsewhere").join(target), folder.join(link))
                    .unwrap();
            };
            assert_eq!(is_loaded(daemon, put), expected, "{daemon:?} itself: {link} to {target}");
            assert_eq!(is_looked_at(daemon, put).await, expected, "{daemon:?}: {link} to {target}");
        }
    }
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_said_where_it_keeps_its_daemon_from_starting() {
    for (name, consul, nomad) in [
        (".#x.hcl", true, false),
        ("x.hcl", true, true),
        ("x.json", true, true),
        ("x.bak", true, false),
        ("x.hcl~", true, false),
    ] {
        for (daemon, expected) in [(Daemon::Consul, consul), (Daemon::Nomad, nomad)] {
            let put = |folder: &Path| {
                std::os::unix::fs::symlink("me@host.123:456", folder.join(name)).unwrap();
            };
            assert_eq!(is_loaded(daemon, put), expected, "{daemon:?} itself: {name}");
            let node = TestNode::new("nomad-client").await;
            std::fs::create_dir_all(node.path(daemon.directory())).unwrap();
            put(&node.path(daemon.directory()));
            node.converge().await;
            let words = format!("{}/{name} is a broken link", daemon.directory());
            assert_eq!(node.notes().contains(&words), expected, "{daemon:?}: {}", node.notes());
        }
    }
}

#[tokio::test]
async fn a_drop_in_that_sends_every_name_to_consul_is_said_once() {
    let node = TestNode::new("nomad-client").await;
    let path = "/etc/systemd/resolved.conf.d/consul.conf";
    node.write(path, "[Resolve]\nDNS=127.0.0.1:8600\nDNSSEC=false\nDomains=~consul\n");
    let words = format!("{path} sets DNS=127.0.0.1:8600, so systemd-resolved sends every name");
    let system = node.system(true);
    let survey = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap();
    let plan = pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse)
        .await
        .unwrap();
    assert_eq!(plan.to_text().matches(&words).count(), 1, "{}", plan.to_text());
    for _ in 0..2 {
        node.converge().await;
        assert_eq!(node.notes().matches(&words).count(), 1, "{}", node.notes());
    }
    std::fs::remove_file(node.path(path)).unwrap();
    node.converge().await;
    assert_eq!(node.notes(), "");
}

#[tokio::test]
async fn where_another_resolver_is_in_use_nobody_reads_what_resolved_is_told() {
    let node = TestNode::new("nomad-client").await;
    std::fs::remove_file(node.path("/run/systemd/resolve/stub-resolv.conf")).unwrap();
    node.write("/usr/sbin/dnsmasq", "");
    std::fs::create_dir_all(node.path("/etc/dnsmasq.d")).unwrap();
    node.write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=127.0.0.1:8600\n");
    node.converge().await;
    assert_eq!(node.notes(), "");
}

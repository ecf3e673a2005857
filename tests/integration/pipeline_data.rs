//! Whose data and whose facts: identity across runs, reboots, images and crashes; the operator's files; certificates.

use crate::support::node;
use cos_agent::apply::ApplyError;
use cos_agent::error::Error;
use cos_agent::exit::ExitCode;
use cos_agent::facts::GatherError;
use cos_agent::plan::PlanError;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::plan::node::conflicts::Conflict;
use cos_agent::system::systemd::services::Job;
use node::{PATIENCE, TestNode, actions, changes};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(500);
const OTHER: &str = "i-0fedcba9876543210";
const OWN: &str = "i-0123456789abcdef0";
const CONSUL_RAFT: &str = "/opt/consul/data/raft/raft.db";
const NOMAD_RAFT: &str = "/opt/nomad/data/server/raft/raft.db";

#[tokio::test]
async fn data_of_another_instance_is_moved_aside_and_named() {
    let mut node = TestNode::new("nomad-server").await;
    node.converge().await;
    node.write("/opt/consul/data/node-id", "of the image");
    node.write(NOMAD_RAFT, "of the image");
    node.service.change(|instance| instance.id = OTHER.to_owned());
    node.reboot();
    let outcome = node.converge().await;
    let said = changes(&outcome);
    for daemon in ["consul", "nomad"] {
        let words =
            format!("/opt/{daemon}/data: data of {OWN}, move to /opt/{daemon}/data.of-{OWN}");
        assert!(said.contains(&words), "{said:#?}");
    }
    assert_eq!(node.read(&format!("/opt/consul/data.of-{OWN}/node-id")), "of the image");
    assert!(node.has("/opt/consul/data") && !node.has("/opt/consul/data/node-id"));
    assert!(!node.has(NOMAD_RAFT));
    assert_eq!(node.manifest().instance.as_deref(), Some(OTHER));
    assert!(node.converge().await.plan.is_empty());
}

#[tokio::test]
async fn a_daemon_that_runs_on_anothers_data_is_stopped_and_started() {
    let node = TestNode::new("consul-server").await;
    node.converge().await;
    node.write(CONSUL_RAFT, "of the image");
    node.service.change(|instance| instance.id = OTHER.to_owned());
    node.units.take_jobs();
    // A server that was just stopped cannot be asked how its quorum is.
    node.quorum.answers(404, "");
    let outcome = node.converge().await;
    assert!(actions(&outcome).contains(&"start consul.service".to_owned()));
    let jobs = node.units.take_jobs();
    assert_eq!(jobs, ["Stop consul.service", "Start consul.service"], "{}", outcome.plan.summary());
    assert_eq!(node.quorum.asked(), 0);
}

#[tokio::test]
async fn the_same_instance_keeps_its_data() {
    let mut node = TestNode::new("nomad-server").await;
    node.converge().await;
    node.write(NOMAD_RAFT, "ours");
    node.reboot();
    let outcome = node.converge().await;
    assert_eq!(changes(&outcome), Vec::<String>::new());
    assert_eq!(node.read(NOMAD_RAFT), "ours");
}

#[tokio::test]
async fn server_data_without_a_record_waits_for_a_decision() {
    for (role, raft, aside) in [
        ("consul-server", CONSUL_RAFT, "/opt/consul/data.discarded/raft/raft.db"),
        ("nomad-server", NOMAD_RAFT, "/opt/nomad/data.discarded/server/raft/raft.db"),
    ] {
        for (decision, kept) in [
            (UnrecordedData::Refuse, true),
            (UnrecordedData::Adopt, true),
            (UnrecordedData::Discard, false),
        ] {
            let node = TestNode::new(role).await;
            node.write(raft, "whose?");
            let before = node.configuration();
            let result = node.try_converge(PATIENCE, decision).await;
            if decision == UnrecordedData::Refuse {
                let error = result.err().expect("a refusal");
                assert!(matches!(error, Error::Plan(PlanError::UnrecordedData { .. })));
                assert_eq!(error.exit_code(), ExitCode::Data);
                let hint = error.report();
                assert!(hint.contains("--adopt-data") && hint.contains("--discard-data"));
                assert!(
                    node.configuration() == before && node.units.take_jobs().is_empty(),
                    "{role}"
                );
                continue;
            }
            assert!(result.is_ok(), "{role} {decision:?}");
            assert_eq!((node.has(raft), node.has(aside)), (kept, !kept), "{role} {decision:?}");
            // The decision is remembered.
            assert!(node.converge().await.plan.is_empty(), "{role} {decision:?}");
        }
    }
}

#[tokio::test]
async fn a_clients_data_without_a_record_is_kept() {
    let node = TestNode::new("nomad-client").await;
    node.write("/opt/nomad/data/client/client-id", "keep");
    node.converge().await;
    assert_eq!(node.read("/opt/nomad/data/client/client-id"), "keep");
}

/// A run that ends between the start of the daemons and its own end must not take their data for another's.
#[tokio::test]
async fn data_made_during_a_run_that_failed_is_ours() {
    for (image, decision) in [
        (false, UnrecordedData::Refuse),
        (false, UnrecordedData::Adopt),
        (false, UnrecordedData::Discard),
        (true, UnrecordedData::Refuse),
    ] {
        let mut node = TestNode::new("nomad-server").await;
        if image {
            node.converge().await;
            node.write("/opt/consul/data/node-id", "of the image");
            node.service.change(|instance| instance.id = OTHER.to_owned());
            node.reboot();
        }
        if decision != UnrecordedData::Refuse {
            node.write(NOMAD_RAFT, "of before");
        }
        node.units.refuse_next(Job::Start, "nomad.service");
        let error = node.try_converge(PATIENCE, decision).await.err().expect("a refused start");
        assert!(matches!(error, Error::Apply(ApplyError::Service(_))), "{}", error.report());
        assert_eq!(error.exit_code(), ExitCode::Unavailable);
        assert!(!node.manifest().pending.is_empty());
        node.write("/opt/consul/data/node-id", "of the new Consul");
        node.write(NOMAD_RAFT, "of the new Nomad");
        let outcome = node.converge().await;
        assert_eq!(changes(&outcome), Vec::<String>::new(), "{image} {decision:?}");
        assert_eq!(node.read("/opt/consul/data/node-id"), "of the new Consul");
        assert!(node.units.take_jobs().contains(&"Start nomad.service".to_owned()));
        assert!(node.manifest().pending.is_empty());
    }
}

/// What is wrong is wrong at a reboot too: the last facts are for what is missing.
#[tokio::test]
async fn the_last_facts_do_not_stand_in_for_wrong_ones() {
    let node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.service.change(|instance| {
        instance.tags.insert("cos:datacenter".to_owned(), "leader".to_owned());
    });
    assert!(matches!(node.refused(SHORT).await, Error::Resolve(_)));
}

/// As the `nomad` package ships it.
const PACKAGED: &str = "\
data_dir  = \"/opt/nomad/data\"
bind_addr = \"0.0.0.0\"

server {
  # license_path is required for Nomad Enterprise as of Nomad v1.1.1+
  #license_path = \"/etc/nomad.d/license.hclic\"
  enabled          = true
  bootstrap_expect = 1
}

client {
  enabled = true
  servers = [\"127.0.0.1\"]
}
";

#[tokio::test]
async fn an_operators_file_that_would_win_over_ours_is_refused() {
    let refused = |key| Some(key);
    for (role, path, text, expected) in [
        ("nomad-server", "/etc/nomad.d/nomad.hcl", PACKAGED, refused("data_dir")),
        ("nomad-client", "/etc/nomad.d/nomad.hcl", PACKAGED, refused("data_dir")),
        ("consul-server", "/etc/nomad.d/nomad.hcl", PACKAGED, None),
        (
            "nomad-client",
            "/etc/nomad.d/z.hcl",
            "server { enabled = true }",
            refused("server.enabled"),
        ),
        (
            "nomad-server",
            "/etc/nomad.d/z.hcl",
            "client { enabled = true }",
            refused("client.enabled"),
        ),
        ("nomad-server", "/etc/nomad.d/z.hcl", "client { enabled = false }", None),
        (
            "nomad-client",
            "/etc/nomad.d/z.json",
            "{\"server\":[{\"bootstrap_expect\":1}]}",
            refused("server.bootstrap_expect"),
        ),
        ("nomad-client", "/etc/nomad.d/z.hcl", "server {", refused("")),
        ("nomad-client", "/etc/nomad.d/z.hcl.bak", PACKAGED, None),
        (
            "consul-server",
            "/etc/consul.d/consul.hcl",
            "bootstrap_expect = 1",
            refused("bootstrap_expect"),
        ),
        ("consul-server", "/etc/consul.d/z.json", "{\"retry_join\": []}", refused("retry_join")),
        ("consul-server", "/etc/consul.d/z.json", "{\"encrypt\": \"a2V5\"}", None),
        ("consul-server", "/etc/consul.d/z.json", "no json, but server", refused("")),
    ] {
        let node = TestNode::new(role).await;
        node.write(path, text);
        let before = node.configuration();
        let result = node.try_converge(PATIENCE, UnrecordedData::Refuse).await;
        let Some(key) = expected else {
            assert!(result.is_ok(), "{role} {path} {text}");
            assert_eq!(node.read(path), text);
            continue;
        };
        let error = result.err().unwrap_or_else(|| panic!("{role} takes {path} {text}"));
        match &error {
            Error::Plan(PlanError::Conflict(Conflict::Sets {
                key: found, path: named, ..
            })) => {
                assert_eq!((found.as_str(), named.as_str()), (key, path));
            }
            Error::Plan(PlanError::Conflict(Conflict::Unclear { path: named, .. })) => {
                assert_eq!(("", named.as_str()), (key, path));
            }
            _ => panic!("{role} {path}: {}", error.report()),
        }
        assert_eq!(error.exit_code(), ExitCode::Config);
        assert!(
            node.configuration() == before && node.units.take_jobs().is_empty(),
            "{role} {path}"
        );
    }
}

/// HCL 1 takes hexadecimal numbers, and nobody here follows them.
#[tokio::test]
async fn a_file_that_nobody_can_follow_keeps_no_node_down_that_ran_before() {
    for (text, runs_at_first) in
        [("limits { rpc_max_burst = 0x10 }", true), ("server_x = 0x10", false)]
    {
        let node = TestNode::new("nomad-client").await;
        node.write("/etc/consul.d/own.hcl", text);
        let first = node.try_converge(PATIENCE, UnrecordedData::Refuse).await;
        assert_eq!(first.is_ok(), runs_at_first, "{text}");
        if !runs_at_first {
            node.write("/etc/consul.d/own.hcl", "");
            node.converge().await;
            node.write("/etc/consul.d/own.hcl", text);
        }
        let outcome = node.converge().await;
        let note = &outcome.plan.notes[0];
        assert!(note.starts_with("cannot parse /etc/consul.d/own.hcl (line 1: "), "{note}");
        assert!(node.notes().contains(note), "{}", node.notes());
        node.write("/etc/consul.d/own.hcl", "");
        assert!(node.converge().await.plan.notes.is_empty());
    }
}

fn authority(is_ca: bool) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_private_key_among_the_certificates_stops_everything() {
    let node = TestNode::new("nomad-client").await;
    let (certificate, key) = authority(true);
    node.write("/etc/cos-agent/ca.d/site.pem", &format!("{certificate}{key}"));
    let before = node.configuration();
    let error = node.refused(PATIENCE).await;
    assert!(matches!(error, Error::Gather(GatherError::PrivateKey { .. })), "{}", error.report());
    assert_eq!(error.exit_code(), ExitCode::Config);
    assert!(node.configuration() == before && node.units.take_jobs().is_empty());
}

#[tokio::test]
async fn a_bad_certificate_is_left_out_and_a_good_one_goes_in_and_out_again() {
    let node = TestNode::new("nomad-client").await;
    let (good, _) = authority(true);
    let (leaf, _) = authority(false);
    let certificates =
        [("good", good.as_str()), ("leaf", &leaf), ("cut", &good[..99]), ("no", "x")];
    for (name, text) in certificates {
        node.write(&format!("/etc/cos-agent/ca.d/{name}.pem"), text);
    }
    let outcome = node.converge().await;
    assert!(actions(&outcome).contains(&"update the trust store".to_owned()));
    let trusted = || -> Vec<String> {
        let entries = std::fs::read_dir(node.path("/usr/local/share/ca-certificates")).unwrap();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    };
    assert_eq!(trusted(), [good.replace('\r', "")]);
    std::fs::remove_file(node.path("/etc/cos-agent/ca.d/good.pem")).unwrap();
    let outcome = node.converge().await;
    assert!(trusted().is_empty(), "{}", outcome.plan.summary());
    assert!(actions(&outcome).contains(&"update the trust store".to_owned()));
}

//! docker's files, which are the operator's: our keys come and go, what they replaced is given back, and what keeps Nomad
//! from the credential helper goes or is said.

use crate::support::node;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cos_agent::exit::ExitCode;
use cos_agent::node::Granted;
use cos_agent::pipeline;
use cos_agent::plan::node::UnrecordedData;
use cos_agent::store::MANIFEST;
use cos_agent::system::retry::Deadline;
use node::{PATIENCE, TestNode, changes};
use serde_json::{Value, json};

const CONFIG: &str = "/etc/docker/config.json";
const DAEMON: &str = "/etc/docker/daemon.json";
const OURS: &str = "169.254.53.53";

async fn client() -> TestNode {
    TestNode::new("nomad-client").await
}

fn read(node: &TestNode, path: &str) -> Value {
    serde_json::from_str(&node.read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The host of the node's own registry, as it is rendered.
async fn host() -> String {
    let node = client().await;
    node.converge().await;
    let helpers = read(&node, CONFIG)["credHelpers"].as_object().unwrap().clone();
    assert_eq!(helpers.len(), 1, "{helpers:?}");
    helpers.keys().next().unwrap().clone()
}

/// The plan as `plan` shows it and as JSON.
async fn planned(node: &TestNode) -> (String, Value) {
    let system = node.system(true);
    let survey = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap();
    let plan = pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse)
        .await
        .unwrap();
    (plan.to_text(), plan.to_json(""))
}

#[tokio::test]
async fn an_expired_login_for_our_registry_goes_and_the_plan_says_so() {
    let host = host().await;
    let token = STANDARD.encode("AWS:hush-hush");
    for entry in [host.clone(), format!("https://{host}"), format!("http://{host}/v2/")] {
        let node = client().await;
        let other = json!({"auth": STANDARD.encode("ci:hush-hush")});
        let text =
            json!({"auths": {&entry: {"auth": token}, "r.example": other}, "detachKeys": "ctrl-x"});
        node.write(CONFIG, &text.to_string());
        let (text, json) = planned(&node).await;
        let words = format!("remove the login of AWS for {entry:?}");
        assert!(
            text.contains(&words) && json.to_string().contains("the login of AWS for"),
            "{text}"
        );
        for shown in [&text, &json.to_string()] {
            assert!(!shown.contains(&token) && !shown.contains("hush"), "{shown}");
        }
        let outcome = node.converge().await;
        assert!(changes(&outcome).join("\n").contains(&words), "{:?}", changes(&outcome));
        let left = read(&node, CONFIG);
        assert_eq!(left["auths"], json!({"r.example": other}));
        assert_eq!(left["detachKeys"], "ctrl-x");
        assert!(
            !node.read(MANIFEST.path).contains(&token) && node.notes().is_empty(),
            "{}",
            node.notes()
        );
        assert!(node.converge().await.plan.is_empty());
    }
}

#[tokio::test]
async fn a_login_goes_from_every_registry_that_the_helper_serves_and_whenever_it_comes_back() {
    let node = client().await;
    let further = "999999999999.dkr.ecr.us-east-1.amazonaws.com";
    node.write("/etc/cos-agent/config.toml", &format!("[ecr]\nregistries = [{further:?}]\n"));
    node.converge().await;
    for _ in 0..2 {
        let mut config = read(&node, CONFIG);
        config["auths"] = json!({further: {"auth": STANDARD.encode("AWS:x")}});
        node.write(CONFIG, &config.to_string());
        node.converge().await;
        assert_eq!(read(&node, CONFIG).get("auths"), None);
    }
}

#[tokio::test]
async fn what_else_is_before_the_helper_is_said_once_in_plan_apply_and_status() {
    let host = host().await;
    for (text, words) in [
        (
            json!({"auths": {&host: {"auth": STANDARD.encode("ci:hush")}}}),
            "as the user \"ci\" to the credential helper",
        ),
        (
            json!({"auths": {format!("https://{host}/"): {}}}),
            "without a user to the credential helper",
        ),
        (
            json!({"credsStore": "secretservice"}),
            "runs docker-credential-secretservice for every registry",
        ),
        (json!({"auths": {"r.example": {"auth": "hush"}}}), "Nomad rejects the file"),
    ] {
        let node = client().await;
        node.write(CONFIG, &text.to_string());
        let (shown, json) = planned(&node).await;
        assert_eq!(shown.matches(words).count(), 1, "{shown}");
        assert_eq!(json["notes"].as_array().unwrap().len(), 1, "{json}");
        node.converge().await;
        assert_eq!(node.notes().matches(words).count(), 1, "{}", node.notes());
        assert!(!node.notes().contains("hush") && !shown.contains("hush"), "{shown}");
        for (key, value) in text.as_object().unwrap() {
            assert_eq!(&read(&node, CONFIG)[key], value, "it stays");
        }
        node.write(CONFIG, "{}");
        node.converge().await;
        assert_eq!(node.notes(), "", "what is mended is no longer said");
    }
}

#[tokio::test]
async fn the_operators_resolver_is_given_back_when_ours_goes() {
    for how in ["role", "setting"] {
        let node = client().await;
        node.write(DAEMON, r#"{"dns": ["10.0.0.2", "10.0.0.3"], "live-restore": true}"#);
        node.converge().await;
        assert_eq!(read(&node, DAEMON), json!({"dns": [OURS], "live-restore": true}));
        for _ in 0..2 {
            assert!(node.converge().await.plan.is_empty(), "it stays remembered");
        }
        if how == "role" {
            node.become_role("nomad-server");
        } else {
            node.set("dns", "forwarder", "none");
        }
        node.converge().await;
        let wanted = json!({"dns": ["10.0.0.2", "10.0.0.3"], "live-restore": true});
        assert_eq!(read(&node, DAEMON), wanted, "{how}");
        assert_eq!(changes(&node.converge().await), [""; 0]);
    }
}

#[tokio::test]
async fn another_address_of_ours_does_not_become_the_operators() {
    let node = client().await;
    node.write(DAEMON, r#"{"dns": ["10.0.0.2"]}"#);
    node.converge().await;
    // A run that is stopped between its manifest and its files leaves either of our values.
    node.set("dns", "address", "169.254.9.9");
    let system = node.system(true);
    let survey = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap();
    let plan = pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse)
        .await
        .unwrap();
    node.save_manifest(&plan.during);
    let again = pipeline::plan(&system, &survey.node, &Granted::default(), UnrecordedData::Refuse)
        .await
        .unwrap();
    node.save_manifest(&again.during);
    node.converge().await;
    assert_eq!(read(&node, DAEMON), json!({"dns": ["169.254.9.9"]}));
    node.set("dns", "forwarder", "none");
    node.converge().await;
    assert_eq!(read(&node, DAEMON), json!({"dns": ["10.0.0.2"]}));
}

#[tokio::test]
async fn a_byte_order_mark_is_taken_and_taken_off() {
    let wide: Vec<u8> =
        "\u{feff}{\"live-restore\":true}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (path, key) in [(DAEMON, "dns"), (CONFIG, "credHelpers")] {
        for bytes in [b"\xef\xbb\xbf{\"live-restore\":true}".to_vec(), wide.clone()] {
            let node = client().await;
            node.write(path, "");
            std::fs::write(node.path(path), bytes).unwrap();
            node.converge().await;
            let found = read(&node, path);
            assert!(found["live-restore"] == true && !found[key].is_null(), "{path}: {found}");
        }
        let node = client().await;
        node.converge().await;
        let ours = node.read(path);
        node.write(path, &format!("\u{feff}{ours}"));
        let outcome = node.converge().await;
        assert!(
            changes(&outcome).join("\n").contains("byte order mark"),
            "{:?}",
            changes(&outcome)
        );
        assert_eq!(node.read(path), ours);
        for empty in ["", " \n", "\u{feff}", "\u{feff}\r\n"] {
            node.write(path, empty);
            node.converge().await;
            assert!(!read(&node, path)[key].is_null(), "{path} {empty:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_with_line_and_column_and_not_shown() {
    for path in [DAEMON, CONFIG] {
        for (text, place) in [
            ("{\n  // hush\n  \"a\": 1\n}", "line 2, column 3"),
            ("{\"a\": \"hush\",}", "line 1, column 14"),
            ("\n null", "line 2, column 2: found null"),
            ("[\"hush\"]", "line 1, column 1: found a list"),
            ("\"hush\"", "line 1, column 1: found a string"),
            ("\u{feff}\n[]", "line 2, column 1: found a list"),
            ("{\"a\": \"hush", "line 1, column"),
            ("{} {}", "line 1, column 4"),
        ] {
            let node = client().await;
            node.write(path, text);
            let error = node.refused(PATIENCE).await;
            let report = error.report();
            assert_eq!(error.exit_code(), ExitCode::Config, "{report}");
            assert!(report.contains(path) && report.contains(place), "{text:?}: {report}");
            assert!(!report.contains("hush"), "{report}");
            assert_eq!(node.read(path), text, "nothing is changed");
        }
    }
}

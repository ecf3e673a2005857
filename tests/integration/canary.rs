//! A secret in every place where people put one, and everything that the agent says and writes for others to read.

use crate::support::{binary, programs, root};
use binary::{Node, put};
use std::path::Path;

/// The secret. It looks like none, so that it is the place that tells.
const SECRET: &str = "canary-bird";
/// What everybody may read, or sees in a journal, on a console or in a ticket.
const COMMANDS: [&str; 8] = [
    "plan",
    "plan -o json",
    "facts",
    "facts -o json",
    "config dump",
    "config -o json dump",
    "config check",
    "apply -vv",
];
const SETTINGS: &str = "/etc/cos-agent/config.d/90-site.toml";

/// A text with the secret in it, and where it goes.
type Place = (&'static str, String);

/// Files of the agent that somebody edited, and state that somebody broke.
fn edited() -> Vec<Place> {
    let text = |text: &str| text.replace('@', SECRET);
    vec![
        ("/etc/profile.d/cos.sh", text("export CONSUL_HTTP_TOKEN=@\n@\n")),
        (
            "/etc/systemd/system/nomad.service.d/cos.conf",
            text("[Service]\nEnvironment=NOMAD_TOKEN=@\n"),
        ),
        (
            "/etc/systemd/system/nomad.service",
            text("[Service]\nExecStart=/usr/bin/nomad agent -x @\n"),
        ),
        ("/etc/systemd/system/consul.service", text("@")),
        (
            "/etc/consul.d/cos.json",
            text("{\"node_name\": \"@\", \"encrypt\": \"@\", \"x\": [{\"secret_key\": \"@\"}]}"),
        ),
        ("/etc/nomad.d/cos.json", text("{\"encrypt\": \"@\"")),
        (
            "/etc/docker/config.json",
            text("{\"auths\": {\"r.example\": {\"auth\": \"@\", \"password\": \"@\"}}}"),
        ),
        ("/etc/docker/config.json", text("{\"auths\": {\"@\"")),
        (
            "/etc/docker/daemon.json",
            text("{\"proxies\": {\"http-proxy\": \"http://u:@@proxy\"}, \"dns\": [\"10.0.0.1\"]}")
                .replace(":canary-birdcanary-bird", ":canary-bird@"),
        ),
        ("/var/lib/cos-agent/facts.json", text("{\"token\": \"@\"")),
        ("/var/lib/cos-agent/manifest.json", text("{\"token\": \"@\", \"schema\": 1}")),
        ("/var/lib/cos-agent/formation.json", text("{\"token\": \"@\"}")),
        ("/run/cos-agent/status.json", text("{\"token\": \"@\", \"schema\": \"@\"}")),
        (
            "/etc/cos-agent/ca.d/key.pem",
            text("-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n"),
        ),
        (
            "/etc/cos-agent/ca.d/odd.pem",
            text("-----BEGIN CERTIFICATE-----\n@\n-----END CERTIFICATE-----\n"),
        ),
        ("/etc/cos-agent/ca.d/none.pem", text("@")),
    ]
}

/// Settings that hold a secret, or break beside one.
fn settings() -> Vec<Place> {
    let names = [
        "encrypt",
        "token",
        "api_key",
        "apiKey",
        "secret_key",
        "secret",
        "password",
        "private_key",
        "authorization",
        "x-api-key",
        "secret_access_key",
        "session_token",
        "passphrase",
        "secretID",
    ];
    let named =
        |table: &str, name: &str| (SETTINGS, format!("[{table}]\n\"{name}\" = \"{SECRET}\"\n"));
    let tables =
        ["consul.extra", "nomad.extra", "nomad.extra.keyring.awskms", "consul.extra.acl.tokens"];
    let mut places: Vec<Place> =
        tables.iter().flat_map(|table| names.iter().map(move |name| named(table, name))).collect();
    for text in [
        "[nomad.extra.client.meta]\njoin = \"provider=aws secret_access_key=@\"\n",
        "[consul.extra]\nretry_join_wan = [\"provider=azure secret_access_key=@\"]\n",
        "[nomad.extra.vault]\naddress = \"https://u:@@vault.example\"\n",
        "[[nomad.extra.audit.sink]]\nheaders = [{ Authorization = \"Bearer @\" }]\n",
        "[consul.extra]\nencrypt = [\"@\"]\n",
        "[consul.extra]\nencrypt = \"@\n",
        "[consul]\ntoken = \"@\"\n",
        "token = \"@\"\n= \n",
    ] {
        let text = text
            .replace("@@", &format!("{SECRET}\u{1}"))
            .replace('@', SECRET)
            .replace('\u{1}', "@");
        places.push((SETTINGS, text));
    }
    places
}

/// Files of the operator, which a validator quotes or nobody can follow.
fn operators() -> Vec<Place> {
    let text = |text: &str| text.replace('@', SECRET);
    vec![
        ("/etc/consul.d/own.json", text("{\"acl\": {\"policy_ttl\": \"@\"}}")),
        ("/etc/consul.d/own.hcl", text("acl_ttl = \"@\"\nencrypt = \"@\"\n")),
        ("/etc/consul.d/own.hcl", text("encrypt = \"@\"\nserver = 0x\n")),
        ("/etc/consul.d/own.hcl", text("encrypt = \"@\nserver = true")),
        ("/etc/consul.d/own.json", text("{\"encrypt\": \"@\", \"server\": true}")),
        ("/etc/consul.d/own.json", text("{\"ports\": {\"https\": \"@\"}}")),
        ("/etc/nomad.d/own.hcl", text("client {\n gc_interval = \"@\"\n}\n")),
        (
            "/etc/nomad.d/own.json",
            text("{\"client\": {\"max_kill_timeout\": \"@\", \"cpu_total_compute\": \"@\"}}"),
        ),
        ("/etc/nomad.d/own.hcl", text("vault {\n  token = \"@\"\n  enabled = \"@\"\n}\n")),
    ]
}

/// Everything that is said and written for others to read.
fn everything(node: &Node) -> String {
    let out = tempfile::tempdir().unwrap();
    let with_out = format!("plan --out {}", out.path().display());
    let mut text = String::new();
    for command in COMMANDS.into_iter().chain([with_out.as_str()]) {
        let ran = node.run(command);
        assert!(ran.code.is_some_and(|code| code != 70 && code != 64), "{command}: {}", ran.stderr);
        text.push_str(&format!("$ {command}\n{}{}\n", ran.stdout, ran.stderr));
    }
    for (path, bytes) in root::files(out.path()) {
        text.push_str(&format!("{path}:\n{}\n", String::from_utf8_lossy(&bytes)));
    }
    text
}

fn nothing_shows(places: Vec<Place>, prepare: impl Fn(&Path), each: impl Fn(&Path)) {
    let node = Node::of("nomad-client");
    prepare(node.folder.path());
    let first = node.run("apply --quiet");
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(everything(&node).contains("no changes"), "it is a node like any other");
    for (path, text) in places {
        let full = node.folder.path().join(path.trim_start_matches('/'));
        let before = std::fs::read(&full).ok();
        put(node.folder.path(), path, text.as_bytes());
        each(node.folder.path());
        let said = everything(&node);
        let shown: Vec<&str> = said.lines().filter(|line| line.contains(SECRET)).collect();
        assert!(shown.is_empty(), "{path}: {text}\n{}", shown.join("\n"));
        match before {
            Some(before) => std::fs::write(&full, before).unwrap(),
            None => std::fs::remove_file(&full).unwrap(),
        }
        let again = node.run("apply --quiet");
        assert_eq!(again.code, Some(0), "{path}: {}", again.stderr);
    }
}

#[test]
fn nothing_that_somebody_edited_shows() {
    nothing_shows(edited(), |_| {}, |_| {});
}

#[test]
fn nothing_of_settings_that_hold_a_secret_shows() {
    nothing_shows(settings(), |_| {}, |_| {});
}

#[test]
fn nothing_that_a_validator_quotes_shows() {
    let programs = |folder: &Path| {
        // The programs say their versions themselves.
        std::fs::remove_file(folder.join("usr/lib/cos-agent/config.d/00-simulate.toml")).unwrap();
        root::put_program(folder, "/usr/bin/consul", &programs::consul().path);
        root::put_program(folder, "/usr/bin/nomad", &programs::nomad().path);
    };
    // What is written is validated.
    let unwritten = |folder: &Path| {
        for file in ["etc/consul.d/cos.json", "etc/nomad.d/cos.json"] {
            std::fs::remove_file(folder.join(file)).unwrap();
        }
    };
    nothing_shows(operators(), programs, unwritten);
}

use super::collectors::Collector;
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// A secret for each place where one may be; `@` stands for it. Each holds the word `canary`.
const PLACES: [(&str, &str); 20] = [
    ("/etc/consul.d/cos.json", "{\"log_level\": \"INFO\", \"encrypt\": \"@\"}"),
    ("/etc/consul.d/acl.hcl", "log_level = \"INFO\"\nacl { tokens { agent = \"@\" } }"),
    ("/etc/consul.d/consul.env", "CONSUL_HTTP_TOKEN=@\n"),
    ("/etc/consul.d/broken.json", "{\"secret_key\": \"@\""),
    (
        "/etc/nomad.d/vault.hcl",
        "vault {\n  token = <<EOF\n@\nEOF\n}\ntls { key_file = \"/etc/tls/key.pem\" }",
    ),
    ("/etc/nomad.d/key.pem", "-----BEGIN PRIVATE KEY-----\n@\n-----END PRIVATE KEY-----\n"),
    ("/etc/tls/key.pem", "-----BEGIN EC PRIVATE KEY-----\n@\n-----END EC PRIVATE KEY-----\n"),
    ("/etc/docker/config.json", "{\"auths\": {\"r.example\": {\"auth\": \"@\"}}}"),
    ("/etc/docker/daemon.json", "{\"proxies\": {\"http-proxy\": \"http://user:@@proxy:3128\"}}"),
    ("/etc/cos-agent/config.toml", "[consul.extra.acl.tokens]\ndefault = \"@\"\n"),
    ("/etc/cos-agent/config.d/x.toml", "[nomad.extra.vault]\ntoken = \"\"\"\n@\"\"\"\n"),
    ("/etc/systemd/system/nomad.service.d/x.conf", "[Service]\nEnvironment=\"VAULT_TOKEN=@\"\n"),
    (
        crate::store::FACTS.path,
        "{\"settings\": {\"nomad\": {\"extra\": {\"vault\": {\"token\": \"@\"}}}}}",
    ),
    ("/opt/consul/data/serf/local.keyring", "[\"@\"]"),
    ("/opt/consul/data/acl-tokens.json", "{\"replication\": \"@\"}"),
    ("/opt/consul/data/services/x", "{\"Token\": \"@\", \"Service\": {}}"),
    ("/opt/nomad/data/client/secret-id", "@\n"),
    ("/opt/nomad/data/server/serf.keyring", "[\"@\"]"),
    ("/opt/nomad/data/server/keystore/x.nks.json", "{\"DEK\": \"@\"}"),
    ("/root/.ecr/cache.json", "{\"Registries\": {\"r\": {\"AuthorizationToken\": \"@\"}}}"),
];

fn secret(number: usize) -> String {
    match PLACES[number].0 {
        "/etc/consul.d/cos.json" => STANDARD.encode("a gossip key with canary in it!!"),
        // A password in a URL, and a name of a file, has no slash.
        "/etc/docker/daemon.json" => "Canary08-canary+canary".to_owned(),
        "/etc/docker/config.json" => STANDARD.encode("ci:canary/of+docker"),
        _ => format!("Canary{number:02}/Canary+canary{number:02}"),
    }
}

/// Every secret in every form, as a program may log it.
fn leaks() -> String {
    let mut lines = String::from("INFO started\n");
    for number in 0..PLACES.len() {
        let secret = secret(number);
        let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let hex = hex::encode(&secret);
        let basic = [0, 1, 2].map(|more| STANDARD.encode(format!("{}:{secret}", "u".repeat(more))));
        lines.push_str(&format!(
            "WARN got {secret}, {url}; {hex} {} {}\n",
            hex.to_uppercase(),
            basic.join(" ")
        ));
    }
    lines + "INFO ended\n"
}

fn node(directory: &Path) -> Source {
    let environment = Environment {
        path: "/usr/bin:/bin".to_owned(),
        metadata_endpoint: Some("http://127.0.0.1:1".to_owned()),
        ..Environment::default()
    };
    let root = Root::at(directory);
    for (number, (path, text)) in PLACES.iter().enumerate() {
        root.write(path, text.replacen('@', &secret(number), 1).as_bytes(), 0o600).unwrap();
    }
    for path in ["/proc/net/tcp", "/run/systemd/system/consul.service", "/etc/nomad.d/notes.txt"] {
        root.write(path, leaks().as_bytes(), 0o600).unwrap();
    }
    let status = serde_json::json!({ "problem": { "report": leaks() } }).to_string();
    root.write(crate::store::STATUS.path, status.as_bytes(), 0o600).unwrap();
    root.write(format!("/etc/consul.d/{}.hcl", secret(8)), b"", 0o600).unwrap();
    Source { root, environment }
}

fn findings() -> Findings {
    let json = serde_json::json!({ "evidence": [leaks()] }).to_string();
    Findings { node: None, json, text: leaks() }
}

fn unpacked(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(GzDecoder::new(archive));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let name = entry.path().unwrap().display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name.split_once('/').unwrap().1.to_owned(), text)
    });
    entries.collect()
}

/// The forms of the word that every secret holds, found by what base64 makes of it, whatever stands around it.
fn has_canary(text: &str) -> bool {
    let base64 = ["Y2FuYXJ5", "NhbmFye", "jYW5hcn", "Q2FuYXJ5", "DYW5hcn"];
    let lower = text.to_lowercase();
    base64.iter().any(|form| text.contains(form))
        || lower.contains("canary/")
        || lower.contains("canary+")
        || lower.contains("canary%")
        || lower.contains("63616e617279")
}

#[tokio::test]
async fn no_secret_of_any_place_leaves_the_node_in_any_form() {
    let directory = tempfile::tempdir().unwrap();
    assert!(has_canary(&leaks()));
    let bundle = from(node(directory.path()), findings(), COLLECTORS).await.unwrap();
    let files = unpacked(&bundle.archive);
    for (name, text) in &files {
        assert!(!has_canary(text) && !has_canary(name), "{name}:\n{text}");
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..3], ["doctor.json", "doctor.txt", "manifest.json"]);
    let by_name: BTreeMap<&str, &str> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let facts = format!("state{}", crate::store::FACTS.path);
    for (name, words) in [
        ("doctor.txt", "INFO ended"),
        (facts.as_str(), "\"token\""),
        ("config/etc/consul.d/cos.json", "\"log_level\": \"INFO\""),
        ("config/etc/consul.d/acl.hcl", "log_level = \"INFO\""),
        ("config/etc/docker/daemon.json", "@proxy:3128"),
        ("network/proc/net/tcp", "INFO ended"),
        ("units/etc/systemd/system/nomad.service.d/x.conf", "VAULT_TOKEN="),
    ] {
        assert!(by_name[name].contains(words), "{name}: {}", by_name[name]);
    }
    assert!(
        !names.iter().any(|name| name.contains("/opt/") || name.ends_with(".pem")),
        "{names:?}"
    );
    let manifest: serde_json::Value = serde_json::from_str(by_name["manifest.json"]).unwrap();
    assert!(manifest["secrets"]["unread"][0].as_str().unwrap().contains("metadata"), "{manifest}");
    assert_eq!(manifest["files"].as_array().unwrap().len(), files.len() - 1);
    assert!(bundle.redactions > 4 * PLACES.len() && bundle.archive.len() < 100_000);
}

#[tokio::test]
async fn a_collector_that_smuggles_a_secret_ends_it_all() {
    static SMUGGLER: &[Collector] = &[Collector {
        name: "smuggler",
        what: "a secret",
        collect: |_| {
            Box::pin(async {
                let text = format!("a\n{}\n", STANDARD.encode(format!("x{}", secret(2))));
                vec![Piece::File(Member::whole("smuggler/x.txt", Form::Untouched, text))]
            })
        },
    }];
    let directory = tempfile::tempdir().unwrap();
    let error = from(node(directory.path()), findings(), SMUGGLER).await.unwrap_err();
    assert_eq!(error.exit_code(), crate::exit::ExitCode::Bug);
    let report = error.report();
    assert!(report.contains("smuggler/x.txt") && !has_canary(&report), "{report}");
}

#[tokio::test]
async fn a_collector_that_fails_is_a_line_of_the_manifest() {
    static BROKEN: &[Collector] = &[
        Collector {
            name: "denied",
            what: "nothing",
            collect: |_| Box::pin(async { vec![Piece::failed("/etc/x", "permission denied")] }),
        },
        Collector { name: "dies", what: "nothing", collect: |_| panic!("as it should") },
        Collector {
            name: "works",
            what: "a file",
            collect: |_| {
                Box::pin(async { vec![Piece::File(Member::whole("works/x", Form::Log, "x"))] })
            },
        },
    ];
    let directory = tempfile::tempdir().unwrap();
    let bundle = from(node(directory.path()), findings(), BROKEN).await.unwrap();
    let files = unpacked(&bundle.archive);
    assert_eq!(files.last().unwrap(), &("works/x".to_owned(), "x".to_owned()));
    // The third is metadata.
    assert_eq!(bundle.failures, 3);
    let manifest: serde_json::Value = serde_json::from_str(&files[2].1).unwrap();
    let failed = |number: usize| manifest["collectors"][number]["failed"][0]["why"].as_str();
    assert_eq!(
        (failed(0), failed(1), failed(2)),
        (Some("permission denied"), Some("its thread died"), None)
    );
}

#[test]
fn the_directory_names_the_node_and_the_moment() {
    assert_eq!(directory(None, "2026-11-22T19:04:05Z"), "cos-bundle-unknown-20261122T190405Z");
}

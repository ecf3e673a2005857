//! `cos-agent env`: what a shell has once it has evaluated it, and what is refused.

use crate::support::binary;
use binary::{Node, cos_agent, json, put, run};
use rcgen::{CertificateParams, KeyPair};
use std::path::Path;
use std::process::Command;

/// What an earlier cluster has left in the shell.
const STALE: &str =
    "export NOMAD_ADDR=https://old NOMAD_SKIP_VERIFY=true CONSUL_CAPATH=/old NOMAD_TOKEN=kept";

#[test]
fn on_a_node_a_shell_has_the_variables_of_a_login_shell() {
    let node = Node::of("nomad-client");
    let missing = node.shown("env");
    insta::assert_snapshot!(missing, @r"
exit 64
--- stderr
error: /etc/profile.d/cos.sh does not exist

hint: on a node, run `cos-agent apply` first; elsewhere name the load balancer of the UIs: `cos-agent env --from https://NAME`
");
    assert_eq!(node.run("apply").code, Some(0));
    let exports = node.run("env").stdout;
    let variables = shell(&exports);
    assert_eq!(
        variables,
        [
            "CONSUL_HTTP_ADDR=http://127.0.0.1:8500",
            "NOMAD_ADDR=http://127.0.0.1:4646",
            "NOMAD_TOKEN=kept"
        ]
    );
    let file = std::fs::read_to_string(node.folder.path().join("etc/profile.d/cos.sh")).unwrap();
    for line in file.lines() {
        assert!(exports.contains(line), "{line} is in the file of login shells, not in\n{exports}");
    }
}

#[test]
fn a_shell_gets_what_the_agent_has_written_and_nothing_else() {
    let node = Node::of("consul-server");
    assert_eq!(node.run("apply").code, Some(0));
    let expected = ["CONSUL_HTTP_ADDR=http://127.0.0.1:8500", "NOMAD_TOKEN=kept"];
    assert_eq!(shell(&node.run("env").stdout), expected);
    let file = "etc/profile.d/cos.sh";
    let text = std::fs::read_to_string(node.folder.path().join(file)).unwrap();
    let edited = format!("{text}export A;touch /tmp/never;B=1\nexport NOMAD_TOKEN=other\n");
    put(node.folder.path(), file, edited.as_bytes());
    assert_eq!(shell(&node.run("env").stdout), expected);
}

#[test]
fn elsewhere_a_shell_has_the_load_balancer_and_what_it_trusts() {
    let folder = tempfile::tempdir().unwrap();
    // A path that a shell would split and expand.
    put(folder.path(), "it's $HOME/ui.pem", certificate().as_bytes());
    let file = folder.path().join("it's $HOME/ui.pem");
    let of_file = env(&["--from", "https://ui.example.com/", "--ca-cert", file.to_str().unwrap()]);
    let file = file.display();
    assert_eq!(
        shell(&of_file.stdout),
        [
            format!("CONSUL_CACERT={file}"),
            "CONSUL_HTTP_ADDR=https://ui.example.com:8501".to_owned(),
            "NOMAD_ADDR=https://ui.example.com:4646".to_owned(),
            format!("NOMAD_CACERT={file}"),
            "NOMAD_TOKEN=kept".to_owned(),
        ]
    );
    let directory = folder.path().join("it's $HOME");
    let directory = directory.to_str().unwrap();
    let of_directory =
        env(&["--from", "https://ui.example.com", "--ca-cert", directory, "-o", "json"]);
    let said = json(&of_directory.stdout);
    assert_eq!(said["schema"], "cos-agent/env/1");
    assert_eq!(said["variables"]["NOMAD_CAPATH"], directory);
    assert_eq!(said["variables"]["CONSUL_CAPATH"], directory);
    assert_eq!(said["variables"].get("NOMAD_CACERT"), None);
}

#[test]
fn what_the_clis_would_refuse_is_refused_first() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap().serialize_pem();
    let cut = certificate();
    for (name, bytes, why) in [
        ("nothing.pem", &b""[..], "the file is empty"),
        ("words.pem", b"hello", "no -----BEGIN CERTIFICATE----- found"),
        ("binary.pem", &[0x30, 0x82, 1, 0, 0][..], "expected PEM, found binary data"),
        ("wide.pem", b"\xff\xfe-\0-\0-\0", "expected ASCII, found UTF-16"),
        ("cut.pem", &cut.as_bytes()[..cut.len() / 2], "it has a BEGIN line and no END line"),
        ("key.pem", key.as_bytes(), "it holds a private key"),
        ("body.pem", &pem("hello!"), "its body is not base64"),
        ("inside.pem", &pem("aGVsbG8="), "cannot parse the certificate"),
    ] {
        put(folder.path(), name, bytes);
        refused(&folder.path().join(name), 65, why);
    }
    put(folder.path(), "mixed/below/ui.pem", certificate().as_bytes());
    refused(&folder.path().join("mixed"), 0, "");
    put(folder.path(), "mixed/README", b"what this is");
    refused(&folder.path().join("mixed"), 65, "README: no -----BEGIN CERTIFICATE----- found");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    refused(&folder.path().join("empty"), 65, "the directory is empty");
    refused(&folder.path().join("absent"), 64, "does not exist");
}

fn pem(body: &str) -> Vec<u8> {
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n").into_bytes()
}

/// `env` with this path as `--ca-cert` ends with this code, and says why.
fn refused(path: &Path, code: i32, why: &str) {
    let ran = env(&["--from", "https://ui", "--ca-cert", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(code), "{}: {}", path.display(), ran.stderr);
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
    assert_eq!(ran.stdout.is_empty(), code != 0, "{}", ran.stdout);
    assert!(!ran.stderr.contains("PRIVATE KEY"), "{}", ran.stderr);
}

fn env(args: &[&str]) -> binary::Ran {
    run(cos_agent(&[&["env"], args].concat()))
}

/// A self-signed certificate of a server, which is no authority.
fn certificate() -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["ui.example.com".to_owned()]).unwrap();
    params.self_signed(&key).unwrap().pem()
}

/// The variables for Consul and Nomad of a shell that has evaluated these lines.
fn shell(exports: &str) -> Vec<String> {
    let script = format!("{STALE}\n{exports}env | grep -E '^(CONSUL|NOMAD)_' | sort");
    let ran = Command::new("sh").arg("-c").arg(script).env_clear().output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
}

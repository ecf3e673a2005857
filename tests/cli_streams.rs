//! The binary among others: under systemd, in pipes, on and off terminals, behind proxies, serving metadata.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/binary.rs"]
mod binary;

use binary::{BINARY, Node, cos_agent, json, run};
use cos_agent::simulate::furnish;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

#[test]
fn simulate_shows_all_kinds_of_node_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let ran = run(cos_agent(&["simulate", "--root", root.as_str()]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let nodes: Vec<&str> = ran.stdout.lines().filter(|line| line.contains(" is a ")).collect();
    insta::assert_snapshot!(nodes.join("\n"), @r#"
i-0123456789abcdef0 is a consul-server of demo, one of 3
i-0123456789abcdef1 is a nomad-server of demo, one of 3
i-0123456789abcdef2 is a nomad-client of demo in datacenter backoffice
i-0123456789abcdef3 is a nomad-client of demo in datacenter public-services
i-0123456789abcdef4 is a nomad-client of demo in datacenter private-services
i-0123456789abcdef5 is a nomad-client of demo in datacenter content-connector
"#);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
    let value = json(&run(cos_agent(&["simulate", "-o", "json", "--root", root.as_str()])).stdout);
    assert_eq!(value["nodes"].as_array().unwrap().len(), 6);
}

#[test]
fn simulate_serves_metadata_to_others() {
    let args = ["simulate", "nomad-client", "--serve", "127.0.0.1:0"];
    let mut serving = cos_agent(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let endpoint = line.trim().strip_prefix("AWS_EC2_METADATA_SERVICE_ENDPOINT=").expect("a line");
    let root = tempfile::tempdir().unwrap();
    furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    let folder = root.path().display().to_string();
    let mut command = cos_agent(&["apply", "--root", folder.as_str()]);
    let ran = run({
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
        command
    });
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("is a nomad-client of demo"), "{}", ran.stdout);
}

#[test]
fn under_systemd_every_line_has_a_priority_and_no_colour() {
    let node = Node::of("consul-server");
    let mut good = node.command("apply");
    good.env("JOURNAL_STREAM", "8:1").env("CLICOLOR_FORCE", "1");
    let good = run(good);
    assert_eq!(good.code, Some(0));
    assert!(good.stderr.lines().any(|line| line.starts_with("<6>")), "{}", good.stderr);
    let mut bad = cos_agent(&["simulate", "nomad-clinet", "-v"]);
    bad.env("JOURNAL_STREAM", "8:1").env("CLICOLOR_FORCE", "1");
    let bad = run(bad);
    assert_eq!(bad.code, Some(65));
    assert!(bad.stderr.contains("<3>error: "), "{}", bad.stderr);
    for line in good.stderr.lines().chain(bad.stderr.lines()) {
        let mut start = line.chars();
        let priority = (start.next(), start.next(), start.next());
        assert!(
            matches!(priority, (Some('<'), Some('3' | '4' | '6' | '7'), Some('>'))),
            "{line:?}"
        );
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let args = ["simulate", "consul-server"];
    for (name, value, coloured) in
        [("X", "", false), ("CLICOLOR_FORCE", "1", true), ("NO_COLOR", "1", false)]
    {
        let mut command = cos_agent(&args);
        command.env(name, value);
        let ran = run(command);
        assert_eq!(ran.stdout.contains('\u{1b}'), coloured, "{name}");
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    for args in
        [&["simulate"][..], &["man"], &["completions", "bash"], &["--help"], &["config", "schema"]]
    {
        let mut child =
            cos_agent(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{args:?}: {words}");
        assert!(!words.contains("error") && !words.contains("panicked"), "{args:?}: {words}");
    }
}

#[test]
fn simulate_into_head_ends_with_0() {
    let script = "set -o pipefail; \"$0\" simulate 2>/dev/null | head -1";
    let ran = run({
        let mut bash = Command::new("bash");
        bash.args(["-c", script, BINARY]);
        bash
    });
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_for_metadata() {
    let node = Node::of("nomad-client");
    let mut command = node.command("apply --timeout 5s");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        command.env(name, "http://127.0.0.1:1");
    }
    let ran = run(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

//! The binary among others: under systemd, in pipes, on and off terminals, behind proxies, serving metadata.

use crate::support::binary;
use binary::{BINARY, Node, cos_agent, json, run};
use cos_agent::simulate::furnish;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

#[test]
fn simulate_shows_all_kinds_of_node_on_one_screen() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let simulate = || run(cos_agent(&["simulate", "--root", root.as_str()]));
    let ran = simulate();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let screen = ran.stdout.replace(&root, "DIR");
    assert!(screen.lines().count() <= 24, "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= 100), "{screen}");
    insta::assert_snapshot!(screen, @r#"
A COS has 6 kinds of node. cos-agent reads from the tags of an instance which one to set up:

KIND          DATACENTER         DAEMONS                      FILES  WHAT IT DOES
consul-server -                  Consul server                11     votes in the Consul quorum
nomad-server  leader             Consul client, Nomad server  14     votes in the Nomad quorum
nomad-client  backoffice         Consul client, Nomad client  16     runs the jobs of its datacenter
nomad-client  public-services    Consul client, Nomad client  16     runs the jobs of its datacenter
nomad-client  private-services   Consul client, Nomad client  16     runs the jobs of its datacenter
nomad-client  content-connector  Consul client, Nomad client  16     runs the jobs of its datacenter

All have (* where the contents differ):
  /etc/consul.d/cos.json*, /etc/profile.d/cos.sh*, /etc/systemd/resolved.conf.d/cos.conf,
  /etc/systemd/system/consul.service, /etc/systemd/system/cos-agent-diagnose.path,
  /etc/systemd/system/cos-agent-diagnose.service, /etc/systemd/system/cos-agent-ready.service,
  /etc/systemd/system/cos-agent-watch.service, /etc/systemd/system/cos-agent.service,
  /etc/systemd/system/cos-dns.service, /etc/systemd/system/cos-dns.service.d/cos.conf
nomad-server and nomad-client also have:
  /etc/nomad.d/cos.json*, /etc/systemd/system/nomad.service,
  /etc/systemd/system/nomad.service.d/cos.conf*
nomad-client also has:
  /etc/docker/config.json, /etc/docker/daemon.json

The files are in DIR (100 changes in this run).
Next, one node: cos-agent simulate nomad-client --datacenter backoffice
"#);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6);
    let again = simulate().stdout;
    assert!(again.contains("(0 changes in this run)"), "{again}");
    let value = json(&run(cos_agent(&["simulate", "-o", "json", "--root", root.as_str()])).stdout);
    assert_eq!(value["nodes"].as_array().unwrap().len(), 6);
}

#[test]
fn simulate_shows_the_configurations_of_one_node_first() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display().to_string();
    let ran = run(cos_agent(&["simulate", "nomad-client", "--root", root.as_str()]));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let diffs: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.strip_prefix("+++ b")).collect();
    assert_eq!(diffs[..2], ["/etc/consul.d/cos.json", "/etc/nomad.d/cos.json"]);
    assert_eq!(diffs.len(), 16, "{diffs:?}");
    assert!(ran.stdout.ends_with(&format!("\nThe files are in {root}.\n")), "{}", ran.stdout);
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

/// Runs a command whose standard error is the journal, as far as it can tell (`dev:ino`, systemd.exec(5)).
fn into_the_journal(mut command: Command) -> (Option<i32>, String) {
    let journal = tempfile::NamedTempFile::new().unwrap();
    let file = journal.as_file().metadata().unwrap();
    command
        .env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()))
        .env("CLICOLOR_FORCE", "1");
    let status = command.stderr(journal.reopen().unwrap()).stdout(Stdio::null()).status().unwrap();
    (status.code(), std::fs::read_to_string(journal.path()).unwrap())
}

#[test]
fn in_the_journal_every_line_has_a_priority_and_no_colour() {
    let node = Node::of("consul-server");
    let (code, good) = into_the_journal(node.command("apply"));
    assert_eq!(code, Some(0));
    assert!(good.lines().any(|line| line.starts_with("<6>")), "{good}");
    let (code, bad) = into_the_journal(cos_agent(&["simulate", "nomad-clinet", "-v"]));
    assert_eq!(code, Some(65));
    assert!(bad.contains("<3>error: "), "{bad}");
    for line in good.lines().chain(bad.lines()) {
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
fn a_terminal_that_inherited_the_journals_variable_is_no_journal() {
    let mut command = cos_agent(&["simulate", "nomad-clinet"]);
    command.env("JOURNAL_STREAM", "8:12345");
    assert!(run(command).stderr.starts_with("error: "));
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

//! What the commands print when all is well, as text and as JSON.

use crate::support::binary;
use binary::{Metadata, Node, cos_agent, json, put, run};
use cos_agent::simulate::furnish;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn what_lies_here_and_is_not_used_is_said_once_by_each_command() {
    let metadata = Metadata::of_role("nomad-client", &[]);
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path(), "1.22.7", "1.10.5").unwrap();
    put(folder.path(), "/etc/cos-agent/ca.d/site.der", b"0");
    put(folder.path(), "/etc/docker/config.json", br#"{"credsStore": "pass"}"#);
    let root = folder.path().to_str().unwrap();
    let notes =
        ["not added to the trust store: /etc/cos-agent/ca.d/site.der", "docker-credential-pass"];
    for command in ["plan", "apply", "facts"] {
        let ran = run(metadata.command(&[command, "--root", root]));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        // The facts are of the machine alone, and what is in a file of the operator is the plan's.
        let expected = if command == "facts" { &notes[..1] } else { &notes[..] };
        for note in expected {
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(said.matches(note).count(), 1, "{command}: {said}");
        }
        // What somebody reads is on standard output; `apply` talks.
        let stream = if command == "apply" { &ran.stderr } else { &ran.stdout };
        assert!(stream.contains(expected[0]), "{command}: {stream}");
        let ran = run(metadata.command(&[command, "-o", "json", "--root", root]));
        assert_eq!(
            json(&ran.stdout)["notes"].as_array().unwrap().len(),
            expected.len(),
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn apply() {
    let node = Node::of("consul-server");
    let first = node.shown("apply");
    insta::assert_snapshot!(first, @r#"
exit 0
--- stdout
i-0123456789abcdef0 is a consul-server of demo, one of 3: 12 changes
--- stderr
/usr/bin/consul does not exist, so its new configuration is not validated
/opt/consul/data: directory, 0700 consul:consul
/etc/systemd/system/cos-agent.service: new, 0644 root:root
/etc/systemd/system/cos-dns.service: new, 0644 root:root
/etc/systemd/system/consul.service: new, 0644 root:root
/etc/systemd/system/cos-agent-ready.service: new, 0644 root:root
/etc/systemd/system/cos-agent-watch.service: new, 0644 root:root
/etc/systemd/system/cos-agent-diagnose.service: new, 0644 root:root
/etc/systemd/system/cos-agent-diagnose.path: new, 0644 root:root
/etc/consul.d/cos.json: new, 0640 root:consul
/etc/systemd/system/cos-dns.service.d/cos.conf: new, 0644 root:root
/etc/systemd/resolved.conf.d/cos.conf: new, 0644 root:root
/etc/profile.d/cos.sh: new, 0644 root:root
"#);
    // Below another root there are no units, so nothing is due.
    insta::assert_snapshot!(node.shown("apply --no-wait"), @r#"
exit 0
--- stdout
i-0123456789abcdef0 is a consul-server of demo, one of 3: no changes
"#);
    assert_eq!(node.run("apply --quiet").stderr, "");
}

#[test]
fn apply_as_json() {
    let node = Node::of("consul-server");
    let ran = node.run("apply -o json");
    let value = json(&ran.stdout);
    assert_eq!(value["schema"], "cos-agent/apply/2");
    assert_eq!((&value["state"], &value["reason"]), (&"applied".into(), &Value::Null));
    assert_eq!(value["node"], "i-0123456789abcdef0 is a consul-server of demo, one of 3");
    assert_eq!(value["changes"].as_array().unwrap().len(), 12);
    std::fs::create_dir_all(node.folder.path().join("etc/cos-agent")).unwrap();
    std::fs::write(node.folder.path().join("etc/cos-agent/disabled"), "").unwrap();
    insta::assert_snapshot!(node.shown("apply -o json"), @r#"
exit 0
--- stdout
{
  "schema": "cos-agent/apply/2",
  "state": "frozen"
}
--- stderr
warning: the agent is frozen: /etc/cos-agent/disabled exists, so `apply` changes nothing until you remove it
"#);
    assert_eq!(node.run("apply").code, Some(0));
    insta::assert_snapshot!(node.run("facts").stderr, @r#"warning: the agent is frozen: /etc/cos-agent/disabled exists, so `apply` changes nothing until you remove it"#);
}

#[test]
fn plan() {
    let node = Node::of("consul-server");
    let text = node.shown("plan --detailed-exitcode");
    let summary: String = text
        .lines()
        .take_while(|line| !line.starts_with("---\u{20}a"))
        .map(|line| format!("{line}\n"))
        .collect();
    insta::assert_snapshot!(summary, @r#"
exit 2
--- stdout
i-0123456789abcdef0 is a consul-server of demo, one of 3
note: this version of Consul calls EC2 by its dual-stack name, which VPC endpoints do not have, so cos-agent-watch.service finds the servers and makes Consul join them
+ /opt/consul/data  (directory, 0700 consul:consul)
+ /etc/systemd/system/cos-agent.service  (new, 0644 root:root)
+ /etc/systemd/system/cos-dns.service  (new, 0644 root:root)
+ /etc/systemd/system/consul.service  (new, 0644 root:root)
+ /etc/systemd/system/cos-agent-ready.service  (new, 0644 root:root)
+ /etc/systemd/system/cos-agent-watch.service  (new, 0644 root:root)
+ /etc/systemd/system/cos-agent-diagnose.service  (new, 0644 root:root)
+ /etc/systemd/system/cos-agent-diagnose.path  (new, 0644 root:root)
+ /etc/consul.d/cos.json  (new, 0640 root:consul)
+ /etc/systemd/system/cos-dns.service.d/cos.conf  (new, 0644 root:root)
+ /etc/systemd/resolved.conf.d/cos.conf  (new, 0644 root:root)
+ /etc/profile.d/cos.sh  (new, 0644 root:root)
"#);
    assert!(
        text.contains("\n--- a/etc/consul.d/cos.json\n+++ b/etc/consul.d/cos.json\n@@ -0,0 +1,")
    );
    assert!(text.contains("\n+  \"bootstrap_expect\": 3,\n"), "{text}");
    assert!(!node.folder.path().join("var").exists(), "plan writes nothing");
    assert_eq!(node.run("plan").code, Some(0));
    let value = json(&node.run("plan -o json").stdout);
    assert_eq!(value["schema"], "cos-agent/plan/2");
    assert_eq!(value["changes"][0]["kind"], "make-directory");
    assert_eq!(value["changes"][8]["mode"], "0640");
}

#[test]
fn plan_exits_0_where_nothing_is_left_and_2_where_something_is() {
    let node = Node::of("consul-server");
    assert_eq!(node.run("plan --detailed-exitcode").code, Some(2));
    node.run("apply");
    // Units are asked for by the host alone, so they are not said to be down here.
    let done = node.run("plan --detailed-exitcode");
    assert_eq!(done.code, Some(0), "{}", done.stdout);
    insta::assert_snapshot!(done.stdout, @r#"
i-0123456789abcdef0 is a consul-server of demo, one of 3
note: this version of Consul calls EC2 by its dual-stack name, which VPC endpoints do not have, so cos-agent-watch.service finds the servers and makes Consul join them
no changes: this node matches its configuration
"#);
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(
                    path.strip_prefix(root).unwrap().to_owned(),
                    std::fs::read(&path).unwrap(),
                );
            }
        }
    }
    files
}

#[test]
fn saved_facts_render_the_same_bytes_elsewhere() {
    for role in ["consul-server", "nomad-server", "nomad-client"] {
        let node = Node::of(role);
        let saved = node.run("facts -o json").stdout;
        assert_eq!(json(&saved)["schema"], "cos-agent/facts/1");
        node.run("apply");
        let elsewhere = tempfile::tempdir().unwrap();
        let file = elsewhere.path().join("node.json");
        std::fs::write(&file, saved).unwrap();
        let out = elsewhere.path().join("tree").display().to_string();
        let file = file.display().to_string();
        let ran = run(cos_agent(&["plan", "--facts", file.as_str(), "--out", out.as_str()]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{role}");
        let mut own = files(node.folder.path());
        own.retain(|path, _| path.starts_with("etc"));
        assert_eq!(files(Path::new(&out)), own, "{role}");
    }
}

#[test]
fn facts_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.json").display().to_string();
    let mut text = String::new();
    for bytes in ["{", "{\"schema\": \"cos-agent/facts/1\", \"surprise\": 1}"] {
        std::fs::write(&file, bytes).unwrap();
        let ran = run(cos_agent(&["plan", "--facts", file.as_str()]));
        assert_eq!(ran.code, Some(65));
        text.push_str(&ran.shown(folder.path()));
    }
    insta::assert_snapshot!(text, @r#"
exit 65
--- stderr
error: expected facts in ROOT/node.json: EOF while parsing an object at line 1 column 1

hint: save facts on a node with `cos-agent facts -o json`
exit 65
--- stderr
error: expected facts in ROOT/node.json: unknown field `surprise`, expected one of `schema`, `instance`, `tags`, `host`, `installed`, `authorities`, `settings`, `sources`, `user_data`, `notes`

hint: save facts on a node with `cos-agent facts -o json`
"#);
}

#[test]
fn facts() {
    insta::assert_snapshot!(Node::of("nomad-client").shown("facts"), @r#"
exit 0
--- stdout
i-0123456789abcdef0 is a nomad-client of demo in datacenter backoffice

instance           i-0123456789abcdef0          identity document
region             eu-central-1                 identity document
zone               eu-central-1a                identity document
account            123456789012                 identity document
private address    10.20.1.11                   identity document
type               t3.small                     identity document
image              ami-0123456789abcdef0        identity document
consul             1.22.7                       image, binary or setting
nomad              1.10.5                       image, binary or setting
resolver           resolved                     host
user data          ignored: empty               metadata

tags (Metadata)
  cos:cluster          demo
  cos:datacenter       backoffice
  cos:role             nomad-client
  Name                 (ignored)

settings
ca.certificates = []                                             # default
ca.registries = []                                               # default
cluster.client_datacenters = []                                  # default
consul.http_on_link = false                                      # default
consul.log_level = "info"                                        # default
consul.version = "1.22.7"                                        # /usr/lib/cos-agent/config.d/00-simulate.toml:2
dns.address = "169.254.53.53"                                    # default
dns.forwarder = "auto"                                           # default
ecr.registries = []                                              # default
launch_hook.heartbeat = "300s"                                   # default
nomad.drain_deadline = "60s"                                     # default
nomad.log_level = "info"                                         # default
nomad.reserved.cpu_mhz = 100                                     # default
nomad.reserved.disk_mb = 1024                                    # default
nomad.reserved.memory_mb = 256                                   # default
nomad.reserved.ports = "22,53,4646,8301,8500,8502,8600"          # default
nomad.version = "1.10.5"                                         # /usr/lib/cos-agent/config.d/00-simulate.toml:5
quorum.guard = "on"                                              # default
"#);
}

#[test]
fn config() {
    let node = Node::of("nomad-client");
    let dump = node.run("config dump");
    assert_eq!((dump.code, dump.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(dump.stdout, @r#"
ca.certificates = []                                             # default
ca.registries = []                                               # default
cluster.client_datacenters = []                                  # default
consul.http_on_link = false                                      # default
consul.log_level = "info"                                        # default
consul.version = "1.22.7"                                        # /usr/lib/cos-agent/config.d/00-simulate.toml:2
dns.address = "169.254.53.53"                                    # default
dns.forwarder = "auto"                                           # default
ecr.registries = []                                              # default
launch_hook.heartbeat = "300s"                                   # default
nomad.drain_deadline = "60s"                                     # default
nomad.log_level = "info"                                         # default
nomad.reserved.cpu_mhz = 100                                     # default
nomad.reserved.disk_mb = 1024                                    # default
nomad.reserved.memory_mb = 256                                   # default
nomad.reserved.ports = "22,53,4646,8301,8500,8502,8600"          # default
nomad.version = "1.10.5"                                         # /usr/lib/cos-agent/config.d/00-simulate.toml:5
quorum.guard = "on"                                              # default
"#);
    let value = json(&node.run("config dump -o json").stdout);
    assert_eq!(value["schema"], "cos-agent/config/1");
    assert_eq!(value["sources"]["nomad.version"]["line"], 5);
    insta::assert_snapshot!(node.shown("config check"), @r#"
exit 0
--- stdout
/usr/lib/cos-agent/config.d/00-simulate.toml: ok
"#);
    let schema = json(&node.run("config schema").stdout);
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    assert!(schema["properties"]["nomad"].is_object());
}

#[test]
fn a_run_without_tags_ends_with_their_code_although_others_have_succeeded() {
    let node = Node::of("nomad-client");
    node.run("apply");
    node.metadata.service.change(|instance| instance.tags.retain(|key, _| key == "Name"));
    insta::assert_snapshot!(node.shown("apply --timeout 2s"), @r#"
exit 65
--- stderr
waiting up to N s for the tags cos:cluster, cos:role; found Name
error: cannot gather the facts about this machine
  cause: tags missing after N s: cos:cluster, cos:role; this instance has: Name

hint: add cos:cluster, cos:role to `tag_specifications` of the launch template (resource_type "instance"), or tag the running instance; the agent tries again by itself
"#);
}

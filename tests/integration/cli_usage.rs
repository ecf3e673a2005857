//! Command lines that are wrong, and the version.

use crate::support::binary;
use binary::{cos_agent, run};
use std::path::Path;

fn said(commands: &[&str]) -> String {
    let one = |command: &&str| {
        let args: Vec<&str> = command.split_whitespace().collect();
        format!("$ cos-agent {command}\n{}\n", run(cos_agent(&args)).shown(Path::new("/no/root")))
    };
    commands.iter().map(one).collect()
}

#[test]
fn usage_errors_exit_64_and_say_what_is_meant() {
    let commands = [
        "aply",
        "apply --rot /x",
        "apply --timeout 5",
        "apply --adopt-data --discard-data",
        "apply left over",
        "plan --facts",
        "plan --facts /nowhere/node.json",
        "peers",
        "peers nomad-client",
        "config check /nowhere/config.toml",
        "completions tcsh",
        "version -o yaml",
        "version --quiet --verbose",
        "simulate --datacenter backoffice",
        "simulate nomad-client --tag role",
        "simulate nomad-client --fault late",
        "simulate nomad-client --fault slow=soon",
        "simulate nomad-client --consul-version new",
        "simulate --serve 127.0.0.1:0",
        "simulate --instance x.json",
    ];
    let text = said(&commands);
    assert_eq!(text.matches("exit 64\n--- stderr\n").count(), commands.len(), "{text}");
    insta::assert_snapshot!(text, @r#"
$ cos-agent aply
exit 64
--- stderr
error: unrecognized subcommand 'aply'

  tip: a similar subcommand exists: 'apply'

Usage: cos-agent [OPTIONS] <COMMAND>

For more information, try '--help'.

$ cos-agent apply --rot /x
exit 64
--- stderr
error: unexpected argument '--rot' found

  tip: a similar argument exists: '--root'

Usage: cos-agent apply --root <DIR>

For more information, try '--help'.

$ cos-agent apply --timeout 5
exit 64
--- stderr
error: invalid value '5' for '--timeout <TIME>': expected a time like 500ms, 90s, 5m or 1h, a day at most

For more information, try '--help'.

$ cos-agent apply --adopt-data --discard-data
exit 64
--- stderr
error: the argument '--adopt-data' cannot be used with '--discard-data'

Usage: cos-agent apply --adopt-data

For more information, try '--help'.

$ cos-agent apply left over
exit 64
--- stderr
error: unexpected argument 'left' found

Usage: cos-agent apply [OPTIONS]

For more information, try '--help'.

$ cos-agent plan --facts
exit 64
--- stderr
error: a value is required for '--facts <FILE>' but none was supplied

For more information, try '--help'.

$ cos-agent plan --facts /nowhere/node.json
exit 64
--- stderr
error: /nowhere/node.json does not exist

hint: save facts on a node with `cos-agent facts -o json`

$ cos-agent peers
exit 64
--- stderr
error: the following required arguments were not provided:
  <ROLE>

Usage: cos-agent peers <ROLE>

For more information, try '--help'.

$ cos-agent peers nomad-client
exit 64
--- stderr
error: invalid value 'nomad-client' for '<ROLE>'
  [possible values: consul-server, nomad-server]

  tip: a similar value exists: 'nomad-server'

For more information, try '--help'.

$ cos-agent config check /nowhere/config.toml
exit 64
--- stderr
error: /nowhere/config.toml does not exist

hint: name a file that exists, or none to check the files of this node

$ cos-agent completions tcsh
exit 64
--- stderr
error: invalid value 'tcsh' for '<SHELL>'
  [possible values: bash, fish, zsh]

  tip: a similar value exists: 'zsh'

For more information, try '--help'.

$ cos-agent version -o yaml
exit 64
--- stderr
error: invalid value 'yaml' for '--output <FORMAT>'
  [possible values: text, json]

For more information, try '--help'.

$ cos-agent version --quiet --verbose
exit 64
--- stderr
error: the argument '--quiet' cannot be used with '--verbose...'

Usage: cos-agent version --quiet

For more information, try '--help'.

$ cos-agent simulate --datacenter backoffice
exit 64
--- stderr
error: --datacenter and --tag need a role

hint: name the role: `cos-agent simulate nomad-client --datacenter backoffice`

$ cos-agent simulate nomad-client --tag role
exit 64
--- stderr
error: expected --tag KEY=VALUE, found --tag role

hint: give `--tag KEY=VALUE`, or `--tag KEY=` to remove a tag

$ cos-agent simulate nomad-client --fault late
exit 64
--- stderr
error: unknown fault `late`; valid faults: empty, fresh-401, garbage, hang, html, huge, late-role, late-tags, midway-401, off, slow, tags-blank, tags-off, truncated, unavailable

hint: see the faults in `cos-agent simulate --help`

$ cos-agent simulate nomad-client --fault slow=soon
exit 64
--- stderr
error: invalid fault `slow=soon`: expected a time like 3s or 500ms

hint: see the faults in `cos-agent simulate --help`

$ cos-agent simulate nomad-client --consul-version new
exit 64
--- stderr
error: invalid value 'new' for '--consul-version <VERSION>': expected a version like 1.10.5, found `new`

For more information, try '--help'.

$ cos-agent simulate --serve 127.0.0.1:0
exit 64
--- stderr
error: --serve needs a role or --instance

hint: name the role: `cos-agent simulate consul-server --serve 127.0.0.1:PORT`

$ cos-agent simulate --instance x.json
exit 64
--- stderr
error: the following required arguments were not provided:
  --serve <ADDRESS:PORT>

Usage: cos-agent simulate --serve <ADDRESS:PORT> --instance <FILE> [ROLE]

For more information, try '--help'.
"#);
}

#[test]
fn no_command_at_all_shows_the_help() {
    let ran = run(cos_agent::<&str>(&[]));
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(64), ""));
    assert!(ran.stderr.contains("Commands:\n  apply "), "{}", ran.stderr);
}

#[test]
fn version() {
    insta::assert_snapshot!(said(&["version", "--version", "version -o json"]), @r#"
$ cos-agent version
exit 0
--- stdout
cos-agent 0.1.0
consul 1.8 to 2.1
nomad 1.6 to 2.0

$ cos-agent --version
exit 0
--- stdout
cos-agent 0.1.0

$ cos-agent version -o json
exit 0
--- stdout
{
  "architecture": "x86_64",
  "schema": "cos-agent/version/1",
  "supports": {
    "consul": {
      "from": "1.8",
      "to": "2.1"
    },
    "nomad": {
      "from": "1.6",
      "to": "2.0"
    }
  },
  "version": "0.1.0"
}
"#);
}

//! What the command line says of itself: help, completions, man page.

use crate::support::binary;
use binary::{cos_agent, run};
use clap::CommandFactory;
use cos_agent::commands::cli::Cli;
use std::io::Write;
use std::process::{Command, Stdio};

/// What every page says of the options that all commands share.
const COMMON: [&str; 2] = [
    "\
  -v, --verbose...
          Increase verbosity (-vv includes libraries)

  -q, --quiet
          Print errors only

",
    "\
  -o, --output <FORMAT>
          The format of the data on standard output

          Possible values:
          - text: For people
          - json: For programs, with a versioned schema
          
          [default: text]

  -h, --help
          Print help (see a summary with '-h')

  -V, --version
          Print version

",
];

/// The help of a command, without what is common.
fn help(command: &str) -> String {
    let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    let ran = run(cos_agent(&args));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{command}");
    let mut text = ran.stdout;
    for common in COMMON {
        assert!(text.contains(common), "{command} lacks common options:\n{text}");
        text = text.replace(common, "");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    text
}

#[test]
fn help_of_all() {
    insta::assert_snapshot!(help(""), @r#"
Configures an EC2 instance as a Consul server, Nomad server or Nomad client, from its metadata and
tags alone

Usage: cos-agent [OPTIONS] <COMMAND>

Commands:
  apply        Converge this machine to its role; a second run changes nothing
  plan         Show what `apply` would change, and why
  doctor       Find out what is wrong with this node, why, and what to type
  explain      Show the page of a check or hint; without an id, the list
  facts        Show what is known of this machine: identity, tags, role, and each setting with its
               source
  simulate     Try any role on any Linux machine, with an embedded metadata service and a scratch
               directory
  peers        Print the addresses of the servers of this cluster, one per line
  status       Show what this node is, what was applied, and whether it has joined its cluster
  wait         Wait until this node is a member of its cluster
  watch        Keep this node joined to its cluster; cos-agent-watch.service runs this
  env          Print the environment of the `consul` and `nomad` commands, for this shell
  reform       Let new servers form a new cluster after the old cluster and its data are lost
  install      Make an image of this machine, of which instances start as nodes
  clean        Take everything out of an image that is of one machine, before its snapshot
  config       Check, show or describe the settings
  completions  Print the completion script of a shell
  man          Print the man page
  version      Print the version, and the supported versions of Consul and Nomad
  help         Print this message or the help of the given subcommand(s)

Options:
    Exit codes (sysexits.h):
   0  done
   1  there are warnings (doctor --strict)
   2  there are changes (plan --detailed-exitcode), or a check failed (doctor)
   3  no check failed, and the result of a check is unknown (doctor)
  64  the command line is wrong
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API is unreachable
  70  a bug in cos-agent
  74  a file cannot be read or written
  75  not possible now; try again
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_apply() {
    insta::assert_snapshot!(help("apply"), @r#"
Converge this machine to its role; a second run changes nothing

Usage: cos-agent apply [OPTIONS]

Options:
      --root <DIR>
          Use DIR in place of `/` for settings, binaries and all files; file owners and units stay
          as they are

      --timeout <TIME>
          Time limit for the network, metadata and tags
          
          [default: 120s]

      --no-start
          Render and validate, but leave the units alone; the next `apply` does what is left

      --no-wait
          Return as soon as the units are queued, without waiting for the join (as cos-agent.service
          does)

      --adopt-data
          Keep server data without a record of which instance wrote it: it belongs to this instance

      --discard-data
          Move server data without a record of which instance wrote it aside: it came with the image

    Examples:
  cos-agent apply                          converge, then wait until the node has joined
  cos-agent apply --no-wait                what cos-agent.service runs at every boot
  cos-agent apply --no-start               render and validate, but leave the units alone
  cos-agent apply --root /mnt/image        into another root directory, without being root

Exit codes:
   0  done
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API is unreachable
  74  a file cannot be read or written
  75  not possible now; try again
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_plan() {
    insta::assert_snapshot!(help("plan"), @r#"
Show what `apply` would change, and why

Usage: cos-agent plan [OPTIONS]

Options:
      --root <DIR>
          Use DIR in place of `/` for settings, binaries and all files; file owners and units stay
          as they are

      --timeout <TIME>
          Time limit for the network, metadata and tags
          
          [default: 120s]

      --facts <FILE>
          Plan for the node of these facts (the output of `cos-agent facts -o json`), without
          metadata

      --out <DIR>
          Write the files of the node below DIR

      --detailed-exitcode
          Exit with 2 if there are changes

    Examples:
  cos-agent plan                           the diff of every file, and the units that would restart
  cos-agent plan --detailed-exitcode       exit with 0 if nothing changes, else with 2
  cos-agent plan --facts node.json --out tree/
                                           the exact files of another node, offline

Exit codes:
   0  done
   2  there are changes (plan --detailed-exitcode), or a check failed (doctor)
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API is unreachable
  74  a file cannot be read or written
  75  not possible now; try again
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_facts() {
    insta::assert_snapshot!(help("facts"), @r#"
Show what is known of this machine: identity, tags, role, and each setting with its source

Usage: cos-agent facts [OPTIONS]

Options:
      --root <DIR>
          Use DIR in place of `/` for settings, binaries and all files; file owners and units stay
          as they are

      --timeout <TIME>
          Time limit for the network, metadata and tags
          
          [default: 120s]

    Examples:
  cos-agent facts                          for people
  cos-agent facts -o json > node.json      for `cos-agent plan --facts`

Exit codes:
   0  done
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API is unreachable
  75  the credentials of the instance role are not there yet
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_simulate() {
    insta::assert_snapshot!(help("simulate"), @r#"
Try any role on any Linux machine, with an embedded metadata service and a scratch directory

Usage: cos-agent simulate [OPTIONS] [ROLE]

Arguments:
  [ROLE]
          consul-server, nomad-server or nomad-client; without it, a summary of the six kinds of
          node

Options:
      --datacenter <NAME>
          The Nomad datacenter of a client

      --cluster <NAME>
          The name of the cluster
          
          [default: demo]

      --servers <N>
          How many servers form the cluster
          
          [default: 3]

      --tag <KEY=VALUE>
          Set a tag; `KEY=` removes it. May be given more than once

      --user-data <FILE>
          The user data of the instance, plain or packed with gzip or base64

      --consul-version <VERSION>
          The version of Consul to render for, if the root directory has no binary
          
          [default: 1.22.7]

      --nomad-version <VERSION>
          The version of Nomad to render for, if the root directory has no binary
          
          [default: 1.10.5]

      --fault <FAULT>
          Make the metadata service misbehave (the list is below). May be given more than once

      --root <DIR>
          Use this directory instead of a scratch one; a second run then shows what changes

      --timeout <TIME>
          Time limit for metadata and tags
          
          [default: 10s]

      --serve <ADDRESS:PORT>
          Only serve metadata at this address, until interrupted

      --instance <FILE>
          The instance to serve, as JSON; the file is read again whenever it changes

    Examples:
  cos-agent simulate                       the six kinds of node, on one screen
  cos-agent simulate nomad-client --datacenter backoffice
  cos-agent simulate consul-server --servers 5 --tag cos:launch-hook=joined
  cos-agent simulate nomad-server --fault late-tags=3s
  cos-agent simulate nomad-server --tag cos:servers=2       an error

Faults: empty[=TIME], fresh-401=TIME, garbage[=TIME], hang, html[=TIME], huge[=TIME],
        late-role=TIME, late-tags=TIME, midway-401, off[=TIME], slow=TIME, tags-blank,
        tags-off[=TIME], truncated, unavailable=TIME (503 with Retry-After)

Exit codes:
   0  done
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API is unreachable
  74  a file cannot be read or written
  75  not possible now; try again
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_peers() {
    insta::assert_snapshot!(help("peers"), @r#"
Print the addresses of the servers of this cluster, one per line

Usage: cos-agent peers [OPTIONS] <ROLE>

Arguments:
  <ROLE>
          Which servers

          Possible values:
          - consul-server: The Consul servers
          - nomad-server:  The Nomad servers

Options:
      --timeout <TIME>
          Time limit for metadata and EC2
          
          [default: 60s]

    Examples:
  cos-agent peers consul-server
  cos-agent peers nomad-server             what Nomad's `retry_join = ["exec=…"]` runs

The list omits this node, unless it is the only server of its cluster.

Exit codes:
   0  done
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or EC2 is unreachable
  75  the credentials of the instance role are not there yet
  77  not root, or permission denied
"#);
}

#[test]
fn help_of_reform() {
    insta::assert_snapshot!(help("reform"), @r#"
Let new servers form a new cluster after the old cluster and its data are lost

Usage: cos-agent reform [OPTIONS] <DAEMON>

Arguments:
  <DAEMON>
          Which servers
          
          [possible values: consul, nomad]

Options:
      --yes
          Do not ask for confirmation

      --assume-lost
          Continue although EC2 or a server does not answer: you have checked that those servers are
          lost

      --root <DIR>
          Use DIR in place of `/` for settings, binaries and all files; file owners and units stay
          as they are

      --timeout <TIME>
          Time limit for the network, metadata and tags
          
          [default: 120s]

    Examples:
  cos-agent reform consul                  on each new Consul server
  cos-agent reform nomad --yes             on each new Nomad server, from a script

Once a cluster has formed, a server without data can only join it. This command asks the other
running servers whether they have a leader. If none has, it sets the cluster's parameter in the
parameter store (/cos/CLUSTER/formed/consul or /cos/CLUSTER/formed/nomad) back to `no`, then runs
`apply`.

Exit codes:
   0  done
  64  not confirmed, or not a server of this kind
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata, EC2 or the parameter store is unreachable
  74  a file cannot be read or written
  75  there is a leader, a server does not answer, or the data is not lost
  77  not root, or permission denied
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

#[test]
fn help_of_config() {
    insta::assert_snapshot!(help("config"), @r#"
Check, show or describe the settings

Usage: cos-agent config [OPTIONS] <COMMAND>

Commands:
  check   Check settings files, by default all files of this node
  dump    Show the merged settings, each with its source
  schema  Print the JSON schema of all settings
  help    Print this message or the help of the given subcommand(s)

Options:
      --root <DIR>
          Use DIR in place of `/`

    Examples:
  cos-agent config check                   all files of this node
  cos-agent config check new.toml          one file
  cos-agent config dump                    merged, each value with its source
  cos-agent config schema                  JSON schema of all settings

Exit codes:
   0  done
  64  no such file
  74  a file cannot be read or written
  78  the settings are wrong, a validator failed, or a binary is missing
"#);
}

/// A program that reads a text and must take it.
fn taken_by(program: &str, args: &[&str], text: &str) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(text.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && words.is_empty(), "{program}: {words}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn completions_are_there_for_every_shell_and_bash_takes_its_own() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(cos_agent(&["completions", shell]));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.stdout.contains("detailed-exitcode"), "{shell}: {}", ran.stdout);
        if shell == "bash" {
            taken_by("bash", &["-n"], &ran.stdout);
        }
    }
}

#[test]
fn the_man_page_tells_of_every_command() {
    let ran = run(cos_agent(&["man"]));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("\n.TH cos-agent 1 "), "{}", &ran.stdout[..400]);
    for command in Cli::command().get_subcommands() {
        let section = format!("\n.SH {}\n", command.get_name().to_uppercase());
        assert!(ran.stdout.contains(&section), "{section}");
    }
}

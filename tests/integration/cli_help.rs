//! What the command line says of itself: help, completions, man page.

use crate::support::binary;
use binary::{cos_agent, run};
use clap::CommandFactory;
use cos_agent::cli::Cli;
use std::io::Write;
use std::process::{Command, Stdio};

/// What every page says of the options that all commands share.
const COMMON: [&str; 2] = [
    "\
  -v, --verbose...
          Say more; twice for what libraries say

  -q, --quiet
          Say only what is wrong

",
    "\
  -o, --output <FORM>
          The form of data on standard output

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
Turns an EC2 instance into its COS node: Consul server, Nomad server or Nomad client, from metadata
and tags alone

Usage: cos-agent [OPTIONS] <COMMAND>

Commands:
  apply        Make this machine its node; a second run changes nothing
  plan         Show what `apply` would change, and why
  facts        Show what this machine is: identity, tags, role, settings with their sources
  simulate     Try any role on any Linux machine: an embedded metadata service, the real pipeline, a
               scratch folder
  peers        Print the addresses of the servers of this cluster, one a line
  status       Show who this node is, what was applied, and how its membership stands
  wait         Wait until this node is a member of its cluster
  watch        Look after the membership of this node for ever: what cos-agent-watch.service runs
  reform       Let the servers of a cluster that is lost, data and all, form a new one
  config       Check, show or describe the settings
  completions  Print the completions of a shell
  man          Print the man page
  version      Print the version, and the versions of Consul and Nomad that are supported
  help         Print this message or the help of the given subcommand(s)

Options:
    Exit codes (sysexits.h):
   0  done
   2  there are changes (plan --detailed-exitcode)
  64  the command line is wrong
  65  a tag or other data is wrong, or missing at the deadline
  69  metadata or an API cannot be reached
  70  a bug
  74  the file system failed
  75  not now, try again
  77  not root, or denied
  78  settings are wrong, a validator refused, or a binary is missing
"#);
}

#[test]
fn help_of_apply() {
    insta::assert_snapshot!(help("apply"), @r#"
Make this machine its node; a second run changes nothing

Usage: cos-agent apply [OPTIONS]

Options:
      --root <DIR>
          Take DIR for `/`: settings, binaries and all files lie below it; owners and units are left
          alone

      --timeout <TIME>
          How long to wait for the network, metadata and tags
          
          [default: 120s]

      --no-start
          Render and validate, but touch no unit; what has to happen stays due

      --no-wait
          Return as soon as the units are enqueued (the form of the boot unit)

      --adopt-data
          Keep server data that no record speaks of: it is this instance's

      --discard-data
          Move server data that no record speaks of aside: it came with an image

    Examples:
  cos-agent apply                          what the boot unit and user data call
  cos-agent apply --no-wait                the same, but not waiting until the node has joined
  cos-agent apply --no-start               render and validate, touch no unit
  cos-agent apply --root /mnt/image        into another root folder, unprivileged

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable; 74 file system;
75 not now; 77 not root; 78 settings wrong, validator refused, binary missing
"#);
}

#[test]
fn help_of_plan() {
    insta::assert_snapshot!(help("plan"), @r#"
Show what `apply` would change, and why

Usage: cos-agent plan [OPTIONS]

Options:
      --root <DIR>
          Take DIR for `/`: settings, binaries and all files lie below it; owners and units are left
          alone

      --timeout <TIME>
          How long to wait for the network, metadata and tags
          
          [default: 120s]

      --facts <FILE>
          Plan for the node of these facts (from `facts -o json`), without metadata

      --out <DIR>
          Write the node's files below DIR

      --detailed-exitcode
          Exit with 2 if there is something to do

    Examples:
  cos-agent plan                           diff of every file, and the units that would restart
  cos-agent plan --detailed-exitcode       0 nothing to do, 2 changes
  cos-agent plan --facts node.json --out tree/
                                           the files of another node, byte for byte, offline

Exit codes: 0 done; 2 changes (with --detailed-exitcode); else those of apply
"#);
}

#[test]
fn help_of_facts() {
    insta::assert_snapshot!(help("facts"), @r#"
Show what this machine is: identity, tags, role, settings with their sources

Usage: cos-agent facts [OPTIONS]

Options:
      --root <DIR>
          Take DIR for `/`: settings, binaries and all files lie below it; owners and units are left
          alone

      --timeout <TIME>
          How long to wait for the network, metadata and tags
          
          [default: 120s]

    Examples:
  cos-agent facts                          for people
  cos-agent facts -o json > node.json      for `plan --facts`

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata unreachable;
75 credentials of the instance role late; 77 denied; 78 settings wrong
"#);
}

#[test]
fn help_of_simulate() {
    insta::assert_snapshot!(help("simulate"), @"
    Try any role on any Linux machine: an embedded metadata service, the real pipeline, a scratch folder

    Usage: cos-agent simulate [OPTIONS] [ROLE]

    Arguments:
      [ROLE]
              The role; all six kinds of node if there is none

    Options:
          --datacenter <NAME>
              The Nomad datacenter of a client

          --cluster <NAME>
              The cluster
              
              [default: demo]

          --servers <N>
              How many servers form the cluster
              
              [default: 3]

          --tag <KEY=VALUE>
              Another tag, or another value; `KEY=` alone takes the tag away

          --user-data <FILE>
              User data as EC2 hands it out; it may be packed by gzip or base64

          --consul-version <VERSION>
              The version of Consul to render for, where the root folder has no binary
              
              [default: 1.22.7]

          --nomad-version <VERSION>
              The version of Nomad to render for, where the root folder has no binary
              
              [default: 1.10.5]

          --fault <FAULT>
              Make the metadata service misbehave; may be given more than once

          --root <DIR>
              Into this folder instead of a scratch one; a second run then shows what changes

          --timeout <TIME>
              How long the agent waits for metadata and tags
              
              [default: 10s]

          --serve <ADDRESS:PORT>
              Serve metadata at this address until interrupted, and do nothing else

          --instance <FILE>
              The instance to serve, as JSON; read again whenever the file changes

        Examples:
      cos-agent simulate                       all six kinds of node, or a question on a terminal
      cos-agent simulate nomad-client --datacenter backoffice
      cos-agent simulate consul-server --servers 5 --tag cos:launch-hook=joined
      cos-agent simulate nomad-server --fault late-tags=3s
      cos-agent simulate nomad-server --tag cos:servers=2       see an error

    Faults: empty[=TIME], fresh-401=TIME, garbage[=TIME], hang, html[=TIME], huge[=TIME],
            late-role=TIME, late-tags=TIME, midway-401, off[=TIME], slow=TIME, tags-blank,
            tags-off[=TIME], truncated,
            unavailable=TIME (503 with Retry-After)

    Exit codes: those of apply
    ");
}

#[test]
fn help_of_peers() {
    insta::assert_snapshot!(help("peers"), @r#"
Print the addresses of the servers of this cluster, one a line

Usage: cos-agent peers [OPTIONS] <ROLE>

Arguments:
  <ROLE>
          Whose addresses

          Possible values:
          - consul-server: Those of the Consul servers
          - nomad-server:  Those of the Nomad servers

Options:
      --timeout <TIME>
          How long to wait for metadata and EC2
          
          [default: 60s]

    Examples:
  cos-agent peers consul-server
  cos-agent peers nomad-server             what Nomad's `retry_join = ["exec=…"]` runs

This node is left out, unless it is a server that forms its cluster alone.

Exit codes: 0 done; 65 tag or data wrong or missing; 69 metadata or EC2 unreachable;
75 credentials of the instance role late; 77 denied
"#);
}

#[test]
fn help_of_reform() {
    insta::assert_snapshot!(help("reform"), @r#"
Let the servers of a cluster that is lost, data and all, form a new one

Usage: cos-agent reform [OPTIONS] <DAEMON>

Arguments:
  <DAEMON>
          Whose servers
          
          [possible values: consul, nomad]

Options:
      --yes
          Do not ask

      --assume-lost
          Go on although EC2, or a server that it lists, does not answer: you know that those are
          lost

      --root <DIR>
          Take DIR for `/`: settings, binaries and all files lie below it; owners and units are left
          alone

      --timeout <TIME>
          How long to wait for the network, metadata and tags
          
          [default: 120s]

    Examples:
  cos-agent reform consul                  on each new Consul server
  cos-agent reform nomad --yes             on each new Nomad server, from a script

A server that starts empty where a cluster has formed can only join. This asks the other running
servers whether they have a leader, then sets the cluster's parameter, /cos/CLUSTER/formed/consul or
nomad, back to `no`, and applies.

Exit codes: 0 done; 64 not confirmed, or not a server of this kind; 69 EC2 or the parameter store
unreachable; 75 there is a leader, a server does not say, or the data is not lost; 77 denied; else
those of apply
"#);
}

#[test]
fn help_of_config() {
    insta::assert_snapshot!(help("config"), @r#"
Check, show or describe the settings

Usage: cos-agent config [OPTIONS] <COMMAND>

Commands:
  check   Check files, by default all of this node
  dump    Show the merged settings, each with its source
  schema  Print the JSON schema
  help    Print this message or the help of the given subcommand(s)

Options:
      --root <DIR>
          Take DIR for `/`

    Examples:
  cos-agent config check                   all files of this node
  cos-agent config check new.toml          one file
  cos-agent config dump                    merged, each value with its source
  cos-agent config schema                  JSON schema of all settings

Exit codes: 0 done; 74 file system; 78 settings wrong
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

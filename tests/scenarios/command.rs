//! `tests/lab`: a whole cluster on this machine, to look at and to break.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool for tests drives the machine, and ends where something is not as it should be"
)]

mod bake;
mod lab;
mod measure;
#[path = "../support/terraform.rs"]
mod modules;
#[path = "../support/programs.rs"]
mod programs;
#[path = "../support/packer.rs"]
mod template;

use clap::{Parser, Subcommand, ValueEnum};
use lab::Lab;
use lab::table::{cluster, table};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;

/// A COS of ten nodes on this machine: real systemd, Consul and Nomad; AWS alone is played.
#[derive(Parser)]
#[command(name = "tests/lab")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Makes the lab, switches all nodes on, waits until they are ready.
    Up {
        /// Runs the example jobs too: ingress, ping, metrics, Prometheus.
        #[arg(long)]
        jobs: bool,
    },
    /// Leads a browser of this machine to the pages of Consul, Nomad and Prometheus, until Ctrl-C.
    Open { what: Pages },
    /// A shell on a node, or a command.
    Shell {
        node: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Cuts the power of a node.
    Kill { node: String },
    /// Switches a node on.
    Boot { node: String },
    /// Restarts a node.
    Reboot { node: String },
    /// Unplugs the cable of a node.
    Cut { node: String },
    /// Plugs it in again.
    Heal { node: String },
    /// Sets a tag of an instance, `cos:role=…`; without a value it is taken away.
    Tag { node: String, tag: String },
    /// What AWS does from now on.
    Aws { mode: Mode },
    /// All nodes at a glance.
    Status,
    /// The journal of a node since its boot.
    Logs {
        node: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Times cold boots by the agent against those of the bare daemons, in a lab of its own.
    Measure,
    /// Removes the lab.
    Down,
}

#[derive(Clone, Copy, ValueEnum)]
enum Pages {
    Ui,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Up,
    Down,
    Throttle,
    Deny,
}

/// The prefix of the lab that the command leaves running. Each checkout has one of its own: several people share a
/// machine, and nobody may take down what is somebody else's.
fn prefix() -> String {
    let sum = Sha256::digest(env!("CARGO_MANIFEST_DIR"));
    format!("cos-lab-{:02x}{:02x}", sum[0], sum[1])
}

fn main() -> Result<(), String> {
    let verb = Cli::parse().verb;
    if let Verb::Up { jobs } = verb {
        return up(jobs);
    }
    if let Verb::Measure = verb {
        print!("{}", measure::measure());
        return Ok(());
    }
    if let Verb::Down = verb {
        return Lab::down(&prefix());
    }
    let lab =
        Lab::open(&prefix()).map_err(|error| format!("{error}; `tests/lab up` makes the lab"))?;
    let node = |name: &str| {
        let names: Vec<_> = lab.nodes().into_iter().map(|node| node.machine.name).collect();
        let known = names.iter().any(|found| found == name);
        if known {
            Ok(lab.node(name))
        } else {
            Err(format!("no node `{name}`: {}", names.join(" ")))
        }
    };
    match verb {
        Verb::Up { .. } | Verb::Measure | Verb::Down => {}
        Verb::Shell { node: name, command } => {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let words = if words.is_empty() { &["bash", "-l"][..] } else { &words };
            return Err(node(&name)?.interactive(words)?.exec().to_string());
        }
        Verb::Open { what: Pages::Ui } => open_pages(&lab),
        Verb::Kill { node: name } => node(&name)?.power_cut(),
        Verb::Boot { node: name } => node(&name)?.boot(),
        Verb::Reboot { node: name } => node(&name)?.reboot(),
        Verb::Cut { node: name } => node(&name)?.cut(),
        Verb::Heal { node: name } => node(&name)?.heal(),
        Verb::Tag { node: name, tag } => {
            let (key, value) = tag.split_once('=').ok_or("expected KEY=VALUE or KEY=")?;
            lab.tag(&node(&name)?, key, Some(value).filter(|value| !value.is_empty()));
        }
        Verb::Aws { mode } => match mode {
            Mode::Up => lab.aws.up(),
            Mode::Down => lab.aws.black_hole(),
            Mode::Throttle => lab.aws.throttle("*"),
            Mode::Deny => lab.aws.deny("*"),
        },
        Verb::Status => print!("{}{}", table(&lab, &BTreeMap::new()), cluster(&lab)),
        Verb::Logs { node: name, options } => {
            let journal = node(&name)?.path("/var/log/journal");
            let mut command = lab::shell::clean("journalctl");
            command.arg("-D").arg(journal).args(options);
            return Err(command.exec().to_string());
        }
    }
    Ok(())
}

/// Shows the pages until somebody ends it.
fn open_pages(lab: &Lab) {
    for page in lab.open_pages(true) {
        println!("{:<12} {}", page.name, page.url);
    }
    println!("until Ctrl-C");
    loop {
        std::thread::park();
    }
}

fn up(jobs: bool) -> Result<(), String> {
    if Lab::open(&prefix()).is_ok() {
        return Err("the lab is up already: `tests/lab status`, `tests/lab down`".to_owned());
    }
    let lab = Lab::of_terraform_named(&prefix());
    lab.boot_all();
    let after = lab.until_ready();
    print!("{}{}", table(&lab, &after), cluster(&lab));
    if jobs {
        lab.start_registries();
        lab.node("backoffice").push_images_of_jobs();
        lab.run_jobs();
        print!("{}", where_to_look(&lab));
    }
    lab.leave_running();
    Ok(())
}

/// What runs now, and how to see it.
fn where_to_look(lab: &Lab) -> String {
    let balancer = lab.balancer("-ingress");
    format!(
        "The example jobs run: ingress, ping, metrics, prometheus.\n\
         a request from the internet   nsenter --net=/run/netns/{prefix}-internet curl -s --resolve {name}:443:{address} \\\n\
         {indent}--cacert {certificate} https://{name}/ping\n\
         a job                         tests/lab shell nomad-1 nomad job status ping\n\
         the pages in a browser        tests/lab open ui\n",
        prefix = lab.net.prefix,
        name = balancer.dns_name,
        address = balancer.address,
        certificate = lab.certificate_of(&balancer).display(),
        indent = " ".repeat(32),
    )
}

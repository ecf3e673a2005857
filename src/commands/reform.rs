//! `reform`: lets servers form a new cluster after all old servers were lost. Until then the quorum guard forbids it.

use super::output::{self, Output};
use super::{Units, open};
use crate::commands::cli::ReformArgs;
use crate::error::{Error, InputError};
use crate::exit::ExitCode;
use crate::facts::is_frozen;
use crate::membership::quorum::lost::{self, Unanswered};
use crate::membership::quorum::parameter::{self, Changed};
use crate::node::Node;
use crate::pipeline::{self, Converged, Reformed};
use crate::state::Daemon;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::signal;
use serde_json::json;
use std::io::{BufRead, IsTerminal};

/// The version of the JSON form.
const SCHEMA: &str = "cos-agent/reform/2";

pub(super) async fn run(
    args: ReformArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let daemon = if args.daemon == "consul" { Daemon::Consul } else { Daemon::Nomad };
    let system = open(args.root.root.as_deref(), Units::Manage, environment)?;
    let frozen = || {
        output.data(String::new, || json!({ "schema": SCHEMA, "state": "frozen" }))?;
        Ok(ExitCode::Done)
    };
    if is_frozen(&system.root)? {
        return frozen();
    }
    pipeline::must_be_root(&system)?;
    if !args.yes && !std::io::stdin().is_terminal() {
        return Err(InputError::NoTerminal.into());
    }
    let node = pipeline::survey(&system, Deadline::after(args.root.timeout)).await?.node;
    if node.duty.quorum() != Some(daemon) {
        return Err(InputError::NotAServer { node: node.summary(), daemon: daemon.name() }.into());
    }
    let unanswered = if args.assume_lost { Unanswered::AssumeLost } else { Unanswered::Refuse };
    let assumed = lost::must_be_lost(&system, &node, daemon, unanswered).await?;
    output::report(&losses(&node, daemon, &assumed), system.environment.under_systemd);
    if !args.yes {
        confirm(&node)?;
        // Another server may have come back while the operator was reading.
        lost::must_be_lost(&system, &node, daemon, unanswered).await?;
    }
    let reformed = tokio::select! {
        reformed = pipeline::reform(&system, &node, daemon, args.root.timeout) => reformed?,
        () = signal::end() => return Err(Error::Interrupted),
    };
    let Converged::Done(reformed) = reformed else { return frozen() };
    output.data(|| text(&reformed, daemon), || as_json(&reformed, daemon))?;
    Ok(ExitCode::Done)
}

/// What the operator is about to lose, and what cannot be verified.
fn losses(node: &Node, daemon: Daemon, assumed: &[String]) -> String {
    let lost = match daemon {
        Daemon::Consul => {
            "keys and values, sessions, intentions, prepared queries, ACLs and certificate authority"
        }
        Daemon::Nomad => {
            "jobs, allocations, variables, volumes and ACLs. Clients stop the tasks that it ran"
        }
    };
    let assumed: String = assumed
        .iter()
        .map(|what| {
            format!(
                "\nWarning: {what}. With --assume-lost you state that those servers have no leader."
            )
        })
        .collect();
    format!(
        "The {}s of {} will form a new, empty cluster. This permanently discards what the old cluster stored:\n{lost}.\n\
         Continue only if no server that still has the data will come back. Run this command on each new server.{assumed}",
        node.duty.role(),
        node.cluster
    )
}

fn confirm(node: &Node) -> Result<(), Error> {
    output::report(
        &format!("To continue, type the name of the cluster ({}):", node.cluster),
        false,
    );
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|source| Error::Io { operation: "read the answer", source })?;
    if line.trim() == node.cluster.as_str() {
        return Ok(());
    }
    Err(InputError::NotConfirmed { typed: line.trim().to_owned() }.into())
}

fn text(reformed: &Reformed, daemon: Daemon) -> String {
    let node = &reformed.outcome.node;
    let parameter = parameter::parameter(node, daemon);
    let parameter = match reformed.parameter {
        Changed::Now(_) => format!("set {parameter} to `no`"),
        Changed::Already(_) => format!("{parameter} was `no` already"),
        Changed::NoParameter => format!("{parameter} does not exist; Terraform creates it"),
        Changed::GuardOff => format!("the quorum guard is off, so {parameter} is unchanged"),
    };
    let plan = &reformed.outcome.plan;
    let done = if plan.is_empty() { "no changes on this node".to_owned() } else { plan.summary() };
    format!("{}: may form a new cluster; {parameter}\n{}\n", node.summary(), done.trim_end())
}

fn as_json(reformed: &Reformed, daemon: Daemon) -> serde_json::Value {
    let Reformed { outcome, parameter } = reformed;
    let plan = outcome.plan.to_json(&outcome.summary());
    let state = match parameter {
        Changed::Now(_) => "set",
        Changed::Already(_) => "unchanged",
        Changed::NoParameter => "absent",
        Changed::GuardOff => "off",
    };
    json!({
        "schema": SCHEMA,
        "state": "reformed",
        "daemon": daemon.name(),
        "parameter": { "name": parameter::parameter(&outcome.node, daemon), "state": state },
        "node": plan["node"],
        "changes": plan["changes"],
        "actions": plan["actions"],
    })
}

//! The quorum guard: a server that starts with empty data must not found a second cluster beside, or instead of, the
//! one that its data is lost from.
//!
//! Once a cluster has formed, a server records it in the parameter store. A server that starts empty asks there; if
//! the cluster has formed, it gets no `bootstrap_expect`, and without that it only ever waits to be added by a leader.
//! The answer is remembered for as long as the data is there, so no other `apply` asks the parameter store. Beside it
//! [`super::founding`] compares the parameter once a day, and [`super::watch`] asks EC2 for the servers.

use super::GuardError;
use super::formed::{self, is_no, parameter};
use crate::node::{Formation, Node};
use crate::plan::UnrecordedData;
use crate::plan::identity;
use crate::plan::manifest::Manifest;
use crate::state::Daemon;
use crate::system::System;
use crate::system::api::Api;
use crate::system::aws::AwsError;
use crate::system::retry::Deadline;
use serde_json::Value;
use std::time::Duration;

/// Longest time for one answer of the local agent.
const ANSWER: Duration = Duration::from_secs(10);
/// How much of a value is shown.
const SHOWN: usize = 100;

/// What the parameter store said.
#[derive(Debug)]
pub enum Answer {
    /// The value of the parameter.
    Value(String),
    /// Nothing that could be used, and why: denied, no such parameter, nobody there, or not what the API documents.
    Nothing(String),
    /// It, or metadata, is there, but throttled, broken or late until the deadline.
    Busy(AwsError),
}

/// What a server may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Form a new cluster with the others.
    Form,
    /// Only join the cluster that there is.
    Join,
}

/// What an answer means for a server without data. `None`: whoever decides now, guesses.
pub fn verdict(answer: &Answer, was_join_only: bool) -> Option<Decision> {
    match answer {
        Answer::Value(value) if is_no(value) => Some(Decision::Form),
        Answer::Value(_) => Some(Decision::Join),
        // What was known on this instance once is no guess.
        _ if was_join_only => Some(Decision::Join),
        Answer::Nothing(_) => Some(Decision::Form),
        Answer::Busy(_) => None,
    }
}

/// What was found on this instance in this role before.
pub fn remembered(manifest: &Manifest, node: &Node) -> Formation {
    let same = manifest.instance.as_deref() == Some(&node.instance.id)
        && manifest.role.as_deref() == Some(node.duty.role());
    if same { manifest.formation.clone() } else { Formation::default() }
}

/// Whether AWS may be asked: in a folder that only stands for `/` nothing forms a cluster, unless a test says where
/// the parameter store is.
pub fn may_ask(system: &System) -> bool {
    system.root.is_host() || system.environment.ssm_endpoint.is_some()
}

/// Whether a server will start without a Raft log. Other things in its folder, such as the `lost+found` of a new
/// volume or what it left as a client, do not matter: only the log keeps a server from forming a cluster.
pub fn is_empty(
    system: &System,
    daemon: Daemon,
    manifest: &Manifest,
    node: &Node,
    unrecorded_data: UnrecordedData,
) -> Result<bool, GuardError> {
    match system.root.list(daemon.server_data()) {
        Ok(names) => {
            let moved = identity::is_moved(manifest, &node.instance.id, unrecorded_data);
            Ok(moved || !names.iter().any(|name| identity::is_data(name)))
        }
        // Who may not look into the data, as `plan` without root, cannot say that there is none.
        Err(error) if error.source.kind() == std::io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Asks whether the cluster has formed: silence costs 5 s, throttling up to the deadline.
pub async fn ask(
    system: &System,
    node: &Node,
    daemon: Daemon,
    deadline: Deadline,
) -> Result<Formation, GuardError> {
    let (name, unit) = (parameter(node, daemon), daemon.unit());
    let was_join_only = node.formation.join_only;
    let answer = answer(system, node, &name, deadline).await;
    let unanswered = match &answer {
        Answer::Nothing(why) => Some(why.clone()),
        Answer::Busy(error) => Some(error.trouble()),
        Answer::Value(value) => {
            let value: String = value.chars().take(SHOWN).collect();
            let may = if is_no(&value) {
                format!(": {unit} may found a new cluster")
            } else {
                String::new()
            };
            tracing::info!("{name} is {value:?}{may}");
            None
        }
    };
    let join_only = match (verdict(&answer, was_join_only), answer) {
        (Some(decision), _) => decision == Decision::Join,
        (None, Answer::Busy(source)) => return Err(GuardError::Busy { parameter: name, source }),
        (None, _) => false,
    };
    if let Some(why) = &unanswered {
        tracing::warn!("could not ask whether the cluster has formed, because {why}");
    }
    if join_only {
        tracing::warn!(
            "the cluster {} has formed: {unit} gets no bootstrap_expect and can only join it; where all its servers \
             are lost, run `cos-agent reform {}` on each new one",
            node.cluster,
            daemon.name()
        );
    }
    Ok(Formation { join_only, unanswered })
}

async fn answer(system: &System, node: &Node, name: &str, deadline: Deadline) -> Answer {
    match formed::read(system, node, name, deadline).await {
        Ok(Some(value)) => Answer::Value(value),
        Ok(None) => Answer::Nothing(format!("the parameter store has no {name}")),
        Err(error) if error.is_busy() => Answer::Busy(error),
        // In words without times and numbers: a run that changes nothing writes nothing.
        Err(error) => Answer::Nothing(error.trouble()),
    }
}

/// Refuses to give up what is not lost. The local agent knows. One that does not answer may only be stopped: what its
/// server holds counts then, unless that is a server that could only join and never did.
pub async fn must_be_lost(system: &System, node: &Node, daemon: Daemon) -> Result<(), GuardError> {
    let base = match daemon {
        Daemon::Consul => &system.environment.consul_api,
        Daemon::Nomad => &system.environment.nomad_api,
    };
    let mut silence = None;
    for what in ["leader", "peers"] {
        let asked = async { Api::new(base, ANSWER)?.status_of(what).await };
        match asked.await {
            Ok(Value::String(leader)) if !leader.is_empty() => {
                return Err(GuardError::HasLeader { daemon, leader });
            }
            Ok(Value::Array(peers)) if !peers.is_empty() => {
                let peers =
                    peers.iter().map(|peer| peer.as_str().unwrap_or("?").to_owned()).collect();
                return Err(GuardError::HasData { daemon, peers });
            }
            Ok(_) => {}
            Err(problem) => silence = silence.or(Some(problem)),
        }
    }
    let Some(problem) = silence else { return Ok(()) };
    tracing::warn!("{} does not say whether there is a leader ({problem})", daemon.unit());
    let log = system.root.list(daemon.server_data())?;
    if !node.formation.join_only && log.iter().any(|name| identity::is_data(name)) {
        return Err(GuardError::Silent { daemon });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_given_for_every_answer() {
        let value = |text: &str| Answer::Value(text.to_owned());
        let busy = || Answer::Busy(AwsError::Request("busy".to_owned()));
        let (form, join) = (Some(Decision::Form), Some(Decision::Join));
        for (answer, first, again) in [
            (value("no"), form, form),
            (value(" no\n"), form, form),
            (value("formed 2026-01-01T00:00:00Z by i-1"), join, join),
            (value("yes"), join, join),
            (value("No"), join, join),
            (value("none"), join, join),
            (Answer::Nothing("denied".to_owned()), form, join),
            (busy(), None, join),
        ] {
            assert_eq!(verdict(&answer, false), first, "{answer:?}");
            assert_eq!(verdict(&answer, true), again, "{answer:?}, known before");
        }
    }
}

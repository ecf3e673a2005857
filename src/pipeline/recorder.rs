//! What a run of `apply` records, step by step. A run into another root directory is not about this node and records
//! nothing.

use crate::error::Error;
use crate::node::{self, Duty, Node, auto_join};
use crate::store::boots::{self, Stopwatch};
use crate::store::status::{self, Failure, Identity, State};
use crate::store::sweep_shared;
use crate::system::System;
use crate::system::environment;
use crate::system::root::FileError;

/// Records what the node is. From here on, commands that wait for the join can ask the daemons.
pub(super) async fn known(system: &System, node: &Node) {
    let identity = identity(node);
    if system.keeps_record {
        or_warn(sweep_shared(&system.root).await);
        let known = |status: &mut status::Status| {
            if status.node.as_ref().is_some_and(|before| *before != identity) {
                // A node that has changed its role has to join again.
                status.joined = None;
                status.launch_hook = None;
            }
            status.node = Some(identity.clone());
            status.watch_joins = auto_join::watch_joins(&node.consul, &node.instance.region);
        };
        or_warn(status::update(&system.root, known).await);
    }
}

/// Records and logs notes for people. A note that is on record was logged before, so a node that waits for a person logs it
/// once per boot.
pub(super) async fn noted(system: &System, of_formation: &[String], notes: &[String]) {
    let said = if system.keeps_record { status::load(&system.root).notes } else { Vec::new() };
    for note in notes.iter().filter(|note| !said.contains(note)) {
        tracing::warn!("{note}");
    }
    if system.keeps_record {
        let notes = [of_formation, notes].concat();
        or_warn(status::update(&system.root, |status| status.notes.clone_from(&notes)).await);
    }
}

/// Records that the node is as it should be. `changes`: how many changes the disk needed; `None` if there was nothing to
/// do.
pub(super) async fn applied(system: &System, changes: Option<usize>) {
    if !system.keeps_record {
        return;
    }
    let now = environment::rfc3339_now();
    let applied = |status: &mut status::Status| {
        status.state = State::Applied;
        status.reason = None;
        status.problem = None;
        if changes.is_some() || status.applied.is_none() {
            status.applied = Some(now.clone());
            status.changes = changes.unwrap_or(0);
        }
    };
    or_warn(status::update(&system.root, applied).await);
}

/// Whether an `apply` of this boot has recorded the node already.
pub(super) fn is_known(system: &System) -> bool {
    status::load(&system.root).node.is_some()
}

/// Records that the daemons run as before, although nothing could be applied.
pub(super) async fn resumed(system: &System, node: &Node, notes: &[String], why: &str) {
    known(system, node).await;
    if !system.keeps_record {
        return;
    }
    let reason = format!("{why}; the daemons run with the configuration from before the reboot");
    let changed = |status: &mut status::Status| {
        status.state = State::Degraded;
        status.reason = Some(reason.clone());
        status.notes = notes.to_vec();
    };
    or_warn(status::update(&system.root, changed).await);
}

/// Records that the run failed.
pub(super) async fn failed(system: &System, error: &Error, stopwatch: &mut Stopwatch) {
    if !system.keeps_record {
        return;
    }
    stopwatch.lap("apply", 0, &format!("exit code {}", error.exit_code() as u8));
    let failure = Failure::of(error.exit_code(), &error.report());
    let failed = |status: &mut status::Status| {
        status.state = State::Failed;
        status.problem = Some(failure.clone());
    };
    or_warn(status::update(&system.root, failed).await);
}

/// Saves the times of the first run of a boot, and of each run that changed something or failed.
pub(super) async fn ended(system: &System, stopwatch: Stopwatch, is_news: bool) {
    if system.keeps_record && (is_news || !boots::knows_this_boot(&system.root)) {
        or_warn(stopwatch.save(&system.root).await);
    }
}

/// The part of the node that membership needs.
pub fn identity(node: &Node) -> Identity {
    let (nomad_datacenter, servers) = match &node.duty {
        Duty::ConsulServer { servers } => (None, Some(*servers)),
        Duty::NomadServer { servers, .. } => (Some(node::LEADER.to_owned()), Some(*servers)),
        Duty::NomadClient { datacenter, .. } => (Some(datacenter.as_str().to_owned()), None),
    };
    Identity {
        instance: node.instance.id.clone(),
        cluster: node.cluster.as_str().to_owned(),
        role: node.duty.role(),
        nomad_datacenter,
        servers,
        address: node.instance.private_ip,
        zone: node.instance.zone.clone(),
        consul_datacenter: Some(node.consul_datacenter.as_str().to_owned()),
        nomad_region: Some(node.nomad_region.as_str().to_owned()),
    }
}

/// Only warns if a record cannot be saved, so that a full or broken disk does not hide the result of the run.
fn or_warn(saved: Result<(), FileError>) {
    if let Err(error) = saved {
        tracing::warn!("cannot save the status: {error}: {}", error.source);
    }
}

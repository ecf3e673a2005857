//! Starting what ran before, where no plan can be made or carried out: nothing is written, and nothing that runs is touched.

use super::{ApplyError, memory};
use crate::facts::{self, kept};
use crate::node::{self, Duty, Node};
use crate::plan::identity;
use crate::plan::resume::{self, NotResumed};
use crate::render::dns;
use crate::role::Role;
use crate::state::{DNS_LINK, DOCKER, READY, UnitState, WATCH};
use crate::system::System;
use crate::system::network;
use crate::system::services::{Job, ServiceManager};

/// What came of it.
pub struct Resumed {
    /// What ran before, and runs again.
    pub node: Node,
    /// What was not started, and why, a sentence each.
    pub notes: Vec<String>,
}

/// Starts the daemons of the node on record. `Ok(Err(…))` says which condition is not met; then nothing was started.
pub async fn resume(
    system: &System,
    services: &dyn ServiceManager,
) -> Result<Result<Resumed, NotResumed>, ApplyError> {
    let recorded = kept::remembered(&system.root);
    let manifest = memory::read_manifest(system)?;
    let seen = match &recorded {
        Some(_) => facts::glimpse(system, &resume::TAGS).await,
        None => facts::Glimpse::default(),
    };
    let carries =
        recorded.as_ref().is_some_and(|facts| network::carries(facts.instance.private_ip));
    if let Err(reason) = resume::check(recorded.as_ref(), &manifest, &seen, carries) {
        return Ok(Err(reason));
    }
    // What was resolved once is resolved again, unless this agent refuses what another one took.
    let Some(node) = recorded.and_then(|facts| node::resolve(&facts).ok()) else {
        return Ok(Err(NotResumed::FirstBoot));
    };
    let notes = start(system, services, &node).await?;
    Ok(Ok(Resumed { node, notes }))
}

/// Starts each unit that does not run; what was not started, and why.
async fn start(
    system: &System,
    services: &dyn ServiceManager,
    node: &Node,
) -> Result<Vec<String>, ApplyError> {
    let daemons = Role::of(node).daemons;
    let link = dns::by_resolved(node).then_some(DNS_LINK);
    // It comes by its socket on some images, and with no socket by nobody but the agent.
    let docker = matches!(node.duty, Duty::NomadClient { .. }).then_some(DOCKER);
    let of_daemons = daemons.iter().map(|daemon| daemon.unit());
    let before = link.into_iter().chain(docker);
    let units: Vec<&str> = before.chain(of_daemons).chain([READY, WATCH]).collect();
    let states = services.states(&units).await?;
    let mut notes = Vec::new();
    for unit in units {
        match states.get(unit) {
            Some(UnitState::Up | UnitState::Queued) => continue,
            // Who masks a unit wants it to stay down.
            Some(UnitState::Masked) => {
                notes.push(format!(
                    "{unit} is masked and stays down; `systemctl unmask {unit}` ends that"
                ));
                continue;
            }
            Some(UnitState::Unknown) | None => continue,
            Some(UnitState::Down) => {}
        }
        let server = daemons
            .iter()
            .find(|daemon| daemon.unit() == unit && node.duty.quorum() == Some(**daemon));
        if let Some(daemon) = server
            && !system.root.list(daemon.server_data())?.iter().any(|name| identity::is_data(name))
        {
            notes.push(format!(
                "{unit} is not started: {} is empty, and a server without its Raft data might found a second cluster",
                daemon.server_data()
            ));
            continue;
        }
        services.run(Job::Start, unit).await?;
        tracing::info!("started {unit} as it was");
    }
    Ok(notes)
}

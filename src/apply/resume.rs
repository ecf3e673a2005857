//! Starts the daemons that ran before, when no plan can be made or carried out. It writes nothing and touches no running
//! unit.

use super::{ApplyError, manifest};
use crate::facts::last_good::LAST_GOOD;
use crate::facts::{self, Glimpse};
use crate::node::{self, Node};
use crate::plan::node::resume::{self, NotResumed};
use crate::render::units;
use crate::state::{Daemon, UnitState};
use crate::store::Stored;
use crate::system::System;
use crate::system::network;
use crate::system::systemd::services::{Job, ServiceManager};

/// The result of a resume.
pub struct Resumed {
    /// The node on record, whose daemons run again.
    pub node: Node,
    /// Notes for people on what was not started, and why, one sentence each.
    pub notes: Vec<String>,
    /// Whether systemd refused a start, so that another try may help.
    pub refused: bool,
}

/// Starts the daemons of the node on record. `seen`: what this run has already learnt about the machine. `Ok(Err(…))` names
/// the condition that is not met; then nothing was started.
pub async fn resume(
    system: &System,
    services: &dyn ServiceManager,
    seen: Option<Glimpse>,
) -> Result<Result<Resumed, NotResumed>, ApplyError> {
    let recorded = match LAST_GOOD.load(&system.root)? {
        Stored::Known(facts) => Some(facts),
        Stored::Absent => None,
        Stored::Unusable(_) => return Ok(Err(NotResumed::Record("its facts cannot be read"))),
    };
    let manifest = manifest::load_manifest(system)?;
    let seen = match seen {
        Some(seen) => seen,
        None if recorded.is_some() => facts::glimpse(system, &resume::TAGS).await,
        None => Glimpse::default(),
    };
    let carries =
        recorded.as_ref().is_some_and(|facts| network::carries(facts.instance.private_ip));
    if let Err(reason) = resume::check(recorded.as_ref(), &manifest, &seen, carries) {
        return Ok(Err(reason));
    }
    let Some(node) = recorded.and_then(|facts| node::resolve(&facts).ok()) else {
        return Ok(Err(NotResumed::Record("this agent refuses its facts")));
    };
    start(system, services, node).await.map(Ok)
}

/// Starts each unit that does not run. If systemd refuses one, the others are started all the same.
async fn start(
    system: &System,
    services: &dyn ServiceManager,
    node: Node,
) -> Result<Resumed, ApplyError> {
    let daemons = node.duty.role().daemons();
    let wanted = units::wanted(&node).into_iter().filter(|unit| unit.wanted.runs());
    let units: Vec<&str> = wanted.map(|unit| unit.name).collect();
    let states = services.states(&units).await?;
    let mut resumed = Resumed { node, notes: Vec::new(), refused: false };
    for unit in units {
        match states.get(unit) {
            Some(UnitState::Up | UnitState::Queued | UnitState::Unknown) | None => continue,
            // An operator who masks a unit wants it to stay down.
            Some(UnitState::Masked) => {
                resumed.notes.push(format!(
                    "{unit} is masked, so it was not started; to unmask it, run `systemctl unmask {unit}`"
                ));
                continue;
            }
            Some(UnitState::Down) => {}
        }
        let server = daemons
            .iter()
            .find(|daemon| daemon.unit() == unit && resumed.node.duty.quorum() == Some(**daemon));
        if let Some(daemon) = server
            && let Some(why) = without_log(system, *daemon)
        {
            resumed.notes.push(format!(
                "{unit} was not started: {why}, and a server without its Raft data could form a second cluster"
            ));
            continue;
        }
        match services.run(Job::Start, unit).await {
            Ok(()) => tracing::info!("started {unit} with its last configuration"),
            Err(error) => {
                resumed.refused = true;
                resumed.notes.push(format!("cannot start {unit}: {error}"));
            }
        }
    }
    Ok(resumed)
}

/// Why a server may be without its Raft data; `None` if it has data.
fn without_log(system: &System, daemon: Daemon) -> Option<String> {
    let directory = daemon.server_data();
    match system.root.holds_data(directory) {
        Ok(true) => None,
        Ok(false) => Some(format!("{directory} is empty")),
        Err(error) => Some(format!("{error}: {}", error.source)),
    }
}

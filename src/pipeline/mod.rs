//! The one place where stages meet: `survey` is gather and resolve, `plan` goes on to the plan, `converge` carries it
//! out. A command is a prefix of this and a printer.

mod recorder;

use crate::apply::{self, ApplyError, ToStore, resume};
use crate::error::Error;
use crate::facts::binaries::Versions;
use crate::facts::tags::{TagContract, Tags};
use crate::facts::{self, Contract, FREEZE, Facts, GatherError, Glimpse};
use crate::membership::quorum::GuardError;
use crate::membership::quorum::alone;
use crate::membership::quorum::guard;
use crate::membership::quorum::parameter::{self, Changed};
use crate::node::{self, Granted, Node, tags};
use crate::observe;
use crate::plan;
use crate::plan::Plan;
use crate::plan::manifest::Manifest;
use crate::plan::node::resume::NotResumed;
use crate::plan::node::{NodeInputs, UnrecordedData};
use crate::render;
use crate::role::{self, Role};
use crate::state::{Daemon, DesiredState, Formation, Observed, UnitState};
use crate::store::boots::Stopwatch;
use crate::store::formed;
use crate::system::System;
use crate::system::environment;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use std::time::Duration;

/// What this machine is and shall be.
pub struct Survey {
    /// The facts.
    pub facts: Facts,
    /// The node.
    pub node: Node,
    /// Versions learnt from binaries.
    pub versions: Versions,
}

/// What `apply` came to.
pub struct Outcome {
    /// The node.
    pub node: Node,
    /// What it may do.
    pub granted: Granted,
    /// What was done; nothing where the node was as it shall be.
    pub plan: Plan,
}

impl Outcome {
    /// What the node is and why, in one line.
    pub fn summary(&self) -> String {
        self.granted.summary(&self.node)
    }

    /// Why the run has to be repeated although all of it is done: its server only joins until somebody says whether the
    /// cluster has formed.
    pub fn unanswered(&self) -> Option<GuardError> {
        let daemon = self.node.duty.quorum()?;
        let why = self.granted.formation.unanswered.clone()?;
        Some(GuardError::Unanswered { parameter: parameter::parameter(&self.node, daemon), why })
    }
}

/// Gathers and resolves.
pub async fn survey(system: &System, deadline: Deadline) -> Result<Survey, Error> {
    survey_timed(system, deadline, &mut Stopwatch::start(), &mut None).await
}

async fn survey_timed(
    system: &System,
    deadline: Deadline,
    stopwatch: &mut Stopwatch,
    seen: &mut Option<Glimpse>,
) -> Result<Survey, Error> {
    let contract =
        Contract { tags: tag_contract(), programs: &|tags: &Tags| role::programs(role_tag(tags)) };
    let imds = Imds::new(&system.environment, deadline).map_err(GatherError::from)?;
    let gathered = facts::gather(system, &imds, &contract).await;
    stopwatch.lap("gather", imds.requests(), if gathered.is_ok() { "ok" } else { "failed" });
    let facts::Gathered { facts, versions } = gathered?;
    *seen = Some(Glimpse::of(&facts));
    render::extra::check(&facts.settings)?;
    let node = node::resolve(&facts)?;
    Ok(Survey { facts, node, versions })
}

/// What the pure side knows of tags, for the gathering.
pub fn tag_contract() -> TagContract<'static> {
    TagContract { matters: &tags::matters, missing: &tags::missing }
}

fn role_tag(tags: &Tags) -> Option<Role> {
    tags.values.get(tags::ROLE).and_then(|name| Role::named(name))
}

/// What the quorum guard found before, without asking anybody; nothing where it is off.
pub fn recall(system: &System, node: &Node) -> Result<Granted, Error> {
    recalled(system, node, &apply::load_manifest(system)?)
}

fn recalled(system: &System, node: &Node, manifest: &Manifest) -> Result<Granted, Error> {
    let formation = if parameter::is_off(node) {
        Formation::default()
    } else {
        apply::load_formation(system, manifest, node)?
    };
    Ok(Granted { formation })
}

/// Asks the quorum guard, before anything is rendered. It asks for a server without data,
/// and again for as long as it had no answer.
pub async fn guard(
    system: &System,
    node: &Node,
    unrecorded_data: UnrecordedData,
) -> Result<Granted, Error> {
    let manifest = apply::load_manifest(system)?;
    let mut granted = recalled(system, node, &manifest)?;
    let Some(daemon) = node.duty.quorum().filter(|_| guard::may_ask(system)) else {
        return Ok(granted);
    };
    let is_empty = guard::is_empty(system, daemon, &manifest, node, unrecorded_data)?;
    let may_found = is_empty || granted.formation.unanswered.is_some();
    match (parameter::is_off(node), may_found) {
        (false, true) => {
            granted.formation = guard::ask(system, node, &granted.formation, daemon).await;
        }
        (true, true) => {
            tracing::info!("the quorum guard is off: {} may form a new cluster", daemon.unit());
        }
        (_, false) => {}
    }
    if may_found && !granted.formation.join_only {
        alone::must_be_alone(system, node, daemon).await?;
    }
    Ok(granted)
}

/// Plans for a node on this machine.
pub async fn plan(
    system: &System,
    node: &Node,
    granted: &Granted,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    let desired = render::desired(node, granted)?;
    let manifest = apply::load_manifest(system)?;
    let observed =
        observe::observe(system, &desired, manifest.files.keys().map(String::as_str)).await?;
    planned(node, desired, &observed, &manifest, unrecorded_data)
}

/// Plans for a node as if nothing were there yet: for facts that were saved elsewhere.
pub fn plan_from_nothing(node: &Node, granted: &Granted) -> Result<Plan, Error> {
    let desired = render::desired(node, granted)?;
    // On its first boot nothing runs yet that it starts.
    let started = desired.units.iter().filter(|unit| unit.wanted.runs());
    let units = started.map(|unit| (unit.name.to_owned(), UnitState::Down)).collect();
    let observed = Observed { units: Some(units), ..Observed::default() };
    planned(node, desired, &observed, &Manifest::default(), UnrecordedData::Refuse)
}

fn planned(
    node: &Node,
    desired: DesiredState,
    observed: &Observed,
    manifest: &Manifest,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    let inputs = NodeInputs {
        desired,
        observed,
        manifest,
        role: node.duty.role(),
        instance: &node.instance.id,
        notes: &node.notes,
        unrecorded_data,
    };
    Ok(plan::node::plan(inputs)?)
}

/// The node itself is for root alone.
pub fn must_be_root(system: &System) -> Result<(), Error> {
    if system.root.is_host() && !environment::is_root() {
        return Err(ApplyError::NotRoot.into());
    }
    Ok(())
}

/// Brings the machine to its plan, and puts on record how that went. `None` where the agent is frozen.
pub async fn converge(
    system: &System,
    timeout: Duration,
    unrecorded_data: UnrecordedData,
) -> Result<Option<Outcome>, Error> {
    let mut stopwatch = Stopwatch::start();
    let mut seen = None;
    let result = match facts::is_frozen(&system.root) {
        Ok(true) => Ok(None),
        Ok(false) => {
            must_be_root(system)?;
            let deadline = Deadline::after(timeout);
            changed(system, deadline, unrecorded_data, &mut stopwatch, &mut seen).await
        }
        Err(error) => Err(error.into()),
    };
    let is_news = match &result {
        Ok(None) => {
            let why = format!("the agent is frozen ({FREEZE} exists)");
            // Who stops a daemon of a frozen node wants it to stay down, but for the first run of a boot.
            let again = !recorder::is_known(system) && keep_running(system, &why, seen).await;
            return if again { Err(Error::Frozen) } else { result };
        }
        // Another run is at work, and what it comes to is what counts.
        Err(Error::Apply(ApplyError::Locked { .. })) => return result,
        Ok(Some(outcome)) => !outcome.plan.is_empty(),
        Err(error) => {
            recorder::failed(system, error, &mut stopwatch).await;
            if error.is_before_any_start() {
                keep_running(system, "`apply` failed", seen).await;
            }
            true
        }
    };
    recorder::ended(system, stopwatch, is_news).await;
    result
}

/// What ran before a reboot runs after it, whatever keeps the plan from being made or carried out: the daemons of the
/// node on record are started as they were. Whether it is worth another try.
async fn keep_running(system: &System, why: &str, seen: Option<Glimpse>) -> bool {
    let Some(services) = system.services.as_deref() else { return false };
    match resume::resume(system, services, seen).await {
        Ok(Ok(resumed)) => {
            recorder::resumed(system, &resumed.node, &resumed.notes, why).await;
            resumed.refused
        }
        // That nothing runs yet goes without saying.
        Ok(Err(NotResumed::FirstBoot)) => false,
        Ok(Err(reason)) => {
            tracing::warn!("{why}, and no daemon was started: {reason}");
            matches!(reason, NotResumed::Unknown { .. })
        }
        Err(error) => {
            tracing::error!("{why}, and the daemons could not be started: {error}");
            true
        }
    }
}

async fn changed(
    system: &System,
    deadline: Deadline,
    unrecorded_data: UnrecordedData,
    stopwatch: &mut Stopwatch,
    seen: &mut Option<Glimpse>,
) -> Result<Option<Outcome>, Error> {
    let before = apply::load_manifest(system)?;
    let mut found = survey_timed(system, deadline, stopwatch, seen).await?;
    let (_lock, waited) = apply::lock(system, deadline).await?;
    // Somebody may have frozen the agent while it waited.
    if facts::is_frozen(&system.root)? {
        return Ok(None);
    }
    stopwatch.lap("lock", 0, "ok");
    if waited || apply::load_manifest(system)? != before {
        // Whoever had the lock may have applied tags that are newer than what was read before.
        found = survey_timed(system, deadline, stopwatch, seen).await?;
    }
    let Survey { facts, node, versions } = found;
    let granted = guard(system, &node, unrecorded_data).await?;
    stopwatch.lap("guard", 0, "ok");
    let plan = plan(system, &node, &granted, unrecorded_data).await?;
    stopwatch.lap("plan", 0, "ok");
    recorder::known(system, &node).await;
    let to_store = ToStore { facts: &facts, versions: &versions };
    let ran = apply::apply(system, &node, &plan, &to_store).await?;
    let notes = [plan.notes.as_slice(), &ran.notes].concat();
    recorder::noted(system, &granted.notes(&node), &notes).await;
    if let Some(error) = ran.error {
        return Err(error.into());
    }
    stopwatch.lap("apply", 0, "ok");
    let changes = (!plan.is_empty()).then(|| plan.changes().count());
    recorder::applied(system, changes).await;
    Ok(Some(Outcome { node, granted, plan }))
}

/// What `reform` came to.
pub struct Reformed {
    /// What became of the parameter.
    pub parameter: Changed,
    /// What `apply` did then.
    pub outcome: Outcome,
}

/// Lets a server form a new cluster again: everywhere by the parameter, here by forgetting what was found. `None`
/// where the agent is frozen.
pub async fn reform(
    system: &System,
    node: &Node,
    daemon: Daemon,
    timeout: Duration,
) -> Result<Option<Reformed>, Error> {
    let (name, region) = (parameter::parameter(node, daemon), node.instance.region.to_string());
    let parameter = parameter::release(system, node, daemon, Deadline::after(timeout)).await;
    match &parameter {
        Ok(Changed::NoParameter) => tracing::warn!("the parameter {name} does not exist"),
        Ok(Changed::GuardOff) => {}
        Ok(_) => tracing::info!("{name} is `no`"),
        // The servers of a cluster that is lost cannot wait for it: what is here is done all the same.
        Err(error) => tracing::warn!("cannot set {name} to `no`: {error}"),
    }
    {
        let (_lock, _) = apply::lock(system, Deadline::after(timeout)).await?;
        if facts::is_frozen(&system.root)? {
            return Ok(None);
        }
        apply::reset_formation(system)?;
        formed::FILE.remove(&system.root)?;
    }
    let Some(outcome) = converge(system, timeout, UnrecordedData::Refuse).await? else {
        return Ok(None);
    };
    if let Some(unanswered) = outcome.unanswered() {
        return Err(unanswered.into());
    }
    if outcome.granted.formation.join_only {
        return Err(GuardError::StillFormed { parameter: name, region }.into());
    }
    match parameter {
        Ok(parameter) => Ok(Some(Reformed { parameter, outcome })),
        Err(source) => Err(GuardError::NotSet { parameter: name, region, source }.into()),
    }
}

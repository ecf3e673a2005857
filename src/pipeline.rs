//! The one place where stages meet: `survey` is gather and resolve, `plan` goes on to the plan, `converge` carries it
//! out. A command is a prefix of this and a printer.

use crate::apply::{self, ApplyError, Remember};
use crate::error::Error;
use crate::facts::binaries::Versions;
use crate::facts::tags::{TagContract, Tags};
use crate::facts::{self, Contract, Facts, GatherError};
use crate::membership::GuardError;
use crate::membership::formed::{self, Changed};
use crate::membership::founding;
use crate::membership::guard;
use crate::node::{self, Node, tags};
use crate::observe::{self, Observed};
use crate::plan::manifest::Manifest;
use crate::plan::{Inputs, Plan, PlanError, UnrecordedData};
use crate::record::boots::Stopwatch;
use crate::record::run;
use crate::render;
use crate::role::{self, Role};
use crate::state::Daemon;
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
    /// Why the facts are those of the last boot, if they are.
    pub degraded: Option<String>,
}

/// What `apply` came to.
pub struct Outcome {
    /// The node.
    pub node: Node,
    /// What was done; nothing where the node was as it shall be.
    pub plan: Plan,
    /// Why the facts are those of the last boot, if they are.
    pub degraded: Option<String>,
}

/// Gathers and resolves.
pub async fn survey(system: &System, deadline: Deadline) -> Result<Survey, Error> {
    survey_timed(system, deadline, &mut Stopwatch::start()).await
}

async fn survey_timed(
    system: &System,
    deadline: Deadline,
    stopwatch: &mut Stopwatch,
) -> Result<Survey, Error> {
    let contract =
        Contract { tags: tag_contract(), programs: &|tags: &Tags| role::programs(role_tag(tags)) };
    let imds = Imds::new(&system.environment, deadline).map_err(GatherError::from)?;
    let gathered = facts::gather(system, &imds, &contract).await;
    stopwatch.lap("gather", imds.requests(), if gathered.is_ok() { "ok" } else { "failed" });
    let (facts, versions, degraded) = match gathered {
        Ok(gathered) => (gathered.facts, gathered.versions, None),
        Err(error) => match facts::last_good(system, &error) {
            Some(facts) => {
                let reason = Error::from(error).report();
                tracing::warn!(
                    "going on with the facts of the last boot, because\n{}",
                    reason.trim_end()
                );
                (facts, Versions::default(), Some(reason))
            }
            None => return Err(error.into()),
        },
    };
    render::extra::check(&facts.settings)?;
    let node = node::resolve(&facts)?;
    Ok(Survey { facts, node, versions, degraded })
}

/// What the pure side knows of tags, for the gathering.
pub fn tag_contract() -> TagContract<'static> {
    TagContract { matters: &tags::matters, missing: &tags::missing }
}

fn role_tag(tags: &Tags) -> Option<&str> {
    tags.values.get(tags::ROLE).map(String::as_str)
}

/// What the quorum guard found before, without asking anybody.
pub fn recall(system: &System, node: &mut Node) -> Result<Manifest, Error> {
    let manifest = apply::read_manifest(system)?;
    node.formation = guard::remembered(&manifest, node);
    Ok(manifest)
}

/// Asks the quorum guard, before anything is rendered: what it says is part of the node.
pub async fn guard(
    system: &System,
    node: &mut Node,
    unrecorded_data: UnrecordedData,
    deadline: Deadline,
) -> Result<(), Error> {
    let manifest = recall(system, node)?;
    let is_empty = |daemon| guard::is_empty(system, daemon, &manifest, node, unrecorded_data);
    if let Some(daemon) = node.duty.quorum().filter(|_| guard::may_ask(system))
        && is_empty(daemon)?
    {
        node.formation = guard::ask(system, node, daemon, deadline).await?;
    }
    Ok(())
}

/// Plans for a node on this machine.
pub async fn plan(
    system: &System,
    node: &Node,
    unrecorded_data: UnrecordedData,
) -> Result<Plan, Error> {
    let desired = render::desired(node)?;
    let manifest = apply::read_manifest(system)?;
    let observed = observe::observe(system, &desired, &manifest).await.map_err(PlanError::from)?;
    let (role, instance) = (Role::of(node), node.instance.id.as_str());
    let inputs = Inputs {
        desired: &desired,
        observed: &observed,
        manifest: &manifest,
        role,
        instance,
        formation: &node.formation,
        unrecorded_data,
    };
    Ok(Plan::between(&inputs)?)
}

/// Plans for a node as if nothing were there yet: for facts that were saved elsewhere.
pub fn plan_from_nothing(node: &Node) -> Result<Plan, Error> {
    let desired = render::desired(node)?;
    let inputs = Inputs {
        desired: &desired,
        observed: &Observed::default(),
        manifest: &Manifest::default(),
        role: Role::of(node),
        instance: &node.instance.id,
        formation: &node.formation,
        unrecorded_data: UnrecordedData::Refuse,
    };
    Ok(Plan::between(&inputs)?)
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
    if facts::is_frozen(&system.root)? {
        return Ok(None);
    }
    must_be_root(system)?;
    let mut stopwatch = Stopwatch::start();
    let result = changed(system, Deadline::after(timeout), unrecorded_data, &mut stopwatch).await;
    let is_news = match &result {
        // Another run is at work, and what it comes to is what counts.
        Ok(None) | Err(Error::Apply(ApplyError::Locked { .. })) => return result,
        Ok(Some(outcome)) => !outcome.plan.is_empty(),
        Err(error) => {
            run::failed(system, error, &mut stopwatch).await;
            true
        }
    };
    run::ended(system, stopwatch, is_news).await;
    result
}

async fn changed(
    system: &System,
    deadline: Deadline,
    unrecorded_data: UnrecordedData,
    stopwatch: &mut Stopwatch,
) -> Result<Option<Outcome>, Error> {
    let Survey { facts, mut node, versions, degraded } =
        survey_timed(system, deadline, stopwatch).await?;
    let _lock = apply::lock(system, deadline).await?;
    // Somebody may have frozen the agent while it waited.
    if facts::is_frozen(&system.root)? {
        return Ok(None);
    }
    stopwatch.lap("lock", 0, "ok");
    guard(system, &mut node, unrecorded_data, deadline).await?;
    stopwatch.lap("guard", 0, "ok");
    let plan = plan(system, &node, unrecorded_data).await?;
    stopwatch.lap("plan", 0, "ok");
    run::known(system, &node).await;
    let remember = Remember {
        facts: degraded.is_none().then_some(&facts),
        versions: degraded.is_none().then_some(&versions),
    };
    let ran = apply::apply(system, &node, &plan, &remember).await?;
    run::noted(system, &node, &ran.notes).await;
    if let Some(error) = ran.error {
        return Err(error.into());
    }
    stopwatch.lap("apply", 0, "ok");
    let changes = (!plan.is_empty()).then_some(plan.changes.len());
    run::applied(system, degraded.as_deref(), changes).await;
    Ok(Some(Outcome { node, plan, degraded }))
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
    let (name, region) = (formed::parameter(node, daemon), node.instance.region.to_string());
    let parameter = formed::release(system, node, daemon, Deadline::after(timeout)).await;
    match &parameter {
        Ok(Changed::NoParameter) => tracing::warn!("the parameter store has no {name}"),
        Ok(_) => tracing::info!("{name} is `no`"),
        // The servers of a cluster that is lost cannot wait for it: what is here is done all the same.
        Err(error) => tracing::warn!("{name} could not be set to `no`: {error}"),
    }
    {
        let _lock = apply::lock(system, Deadline::after(timeout)).await?;
        if facts::is_frozen(&system.root)? {
            return Ok(None);
        }
        apply::forget_formation(system)?;
        founding::forget(system)?;
    }
    let Some(outcome) = converge(system, timeout, UnrecordedData::Refuse).await? else {
        return Ok(None);
    };
    if outcome.node.formation.join_only {
        return Err(GuardError::StillFormed { parameter: name, region }.into());
    }
    match parameter {
        Ok(parameter) => Ok(Some(Reformed { parameter, outcome })),
        Err(source) => Err(GuardError::NotSet { parameter: name, region, source }.into()),
    }
}

//! The one place where stages meet: `survey` is gather and resolve, `plan` goes on to the plan, `converge` carries it
//! out. A command is a prefix of this and a printer.

use crate::apply::{self, ApplyError, Remember};
use crate::error::Error;
use crate::facts::binaries::Versions;
use crate::facts::tags::{TagContract, Tags};
use crate::facts::{self, Contract, FREEZE, Facts};
use crate::node::{self, Duty, Node, tags};
use crate::observe::{self, Observed};
use crate::plan::manifest::Manifest;
use crate::plan::{Inputs, Plan, PlanError, UnrecordedData};
use crate::render;
use crate::role::{self, Role};
use crate::system::System;
use crate::system::environment;
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
    let contract =
        Contract { tags: tag_contract(), programs: &|tags: &Tags| role::programs(role_tag(tags)) };
    let (facts, versions, degraded) = match facts::gather(system, deadline, &contract).await {
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
        unrecorded_data: UnrecordedData::Refuse,
    };
    Ok(Plan::between(&inputs)?)
}

/// Brings the machine to its plan. `None` where the agent is frozen.
pub async fn converge(
    system: &System,
    timeout: Duration,
    unrecorded_data: UnrecordedData,
) -> Result<Option<Outcome>, Error> {
    if is_frozen(system)? {
        return Ok(None);
    }
    if system.root.is_host() && !environment::is_root() {
        return Err(ApplyError::NotRoot.into());
    }
    let deadline = Deadline::after(timeout);
    let Survey { facts, node, versions, degraded } = survey(system, deadline).await?;
    let _lock = apply::lock(system, deadline).await?;
    // Somebody may have frozen the agent while it waited.
    if is_frozen(system)? {
        return Ok(None);
    }
    let plan = plan(system, &node, unrecorded_data).await?;
    let remember = Remember {
        facts: degraded.is_none().then_some(&facts),
        versions: degraded.is_none().then_some(&versions),
        status: status(&node, degraded.as_deref()),
    };
    apply::apply(system, &node, &plan, &remember).await?;
    Ok(Some(Outcome { node, plan, degraded }))
}

/// Whether somebody froze the agent during an incident.
pub fn is_frozen(system: &System) -> Result<bool, Error> {
    Ok(system.root.stat(FREEZE)?.is_some())
}

/// Who this node is and how it stands. No times in it: a run that changes nothing writes nothing.
fn status(node: &Node, degraded: Option<&str>) -> serde_json::Value {
    let datacenter = match &node.duty {
        Duty::ConsulServer { .. } => None,
        Duty::NomadServer { .. } => Some(node::LEADER),
        Duty::NomadClient { datacenter, .. } => Some(datacenter.as_str()),
    };
    serde_json::json!({
        "schema": "cos-agent/status/1",
        "state": if degraded.is_some() { "degraded" } else { "applied" },
        "reason": degraded,
        "instance": node.instance.id,
        "cluster": node.cluster,
        "role": node.duty.role(),
        "nomad_datacenter": datacenter,
    })
}

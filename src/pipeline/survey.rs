//! Gathers facts and resolves them: what this machine is, and what it should be.

use crate::error::Error;
use crate::facts::binaries::Versions;
use crate::facts::tags::{TagContract, Tags};
use crate::facts::{self, Contract, Facts, GatherError, Glimpse};
use crate::node::{self, Node, tags};
use crate::render;
use crate::role::{self, Role};
use crate::store::boots::Stopwatch;
use crate::system::System;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;

/// What this machine is and should be.
pub struct Survey {
    /// The facts.
    pub facts: Facts,
    /// What this machine should be.
    pub node: Node,
    /// The versions that the binaries reported.
    pub versions: Versions,
}

/// Gathers the facts and resolves them to a node.
pub async fn survey(system: &System, deadline: Deadline) -> Result<Survey, Error> {
    survey_timed(system, deadline, &mut Stopwatch::start(), &mut None).await
}

/// The same, with the times in `stopwatch`. `seen` gets what was learnt about the machine, even if the survey fails.
pub(super) async fn survey_timed(
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

/// The rules for tags that gathering needs, from the pure rooms.
pub fn tag_contract() -> TagContract<'static> {
    TagContract { matters: &tags::matters, missing: &tags::missing }
}

fn role_tag(tags: &Tags) -> Option<Role> {
    tags.values.get(tags::ROLE).and_then(|name| Role::named(name))
}

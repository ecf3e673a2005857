//! Forms a new cluster in place of one that lost everything.

use super::{Converged, Outcome, converge};
use crate::apply;
use crate::error::Error;
use crate::facts;
use crate::membership::quorum::GuardError;
use crate::membership::quorum::parameter::{self, Changed};
use crate::node::Node;
use crate::plan::node::UnrecordedData;
use crate::state::Daemon;
use crate::store::formed;
use crate::system::System;
use crate::system::retry::Deadline;
use std::time::Duration;

/// The result of `reform`.
pub struct Reformed {
    /// What happened to the parameter.
    pub parameter: Changed,
    /// The result of the `apply` that followed.
    pub outcome: Outcome,
}

/// Lets a server form a new cluster again: for all servers through the parameter, and on this node by removing what the
/// quorum guard found.
pub async fn reform(
    system: &System,
    node: &Node,
    daemon: Daemon,
    timeout: Duration,
) -> Result<Converged<Reformed>, Error> {
    let (name, region) = (parameter::parameter(node, daemon), node.instance.region.to_string());
    let parameter = parameter::release(system, node, daemon, Deadline::after(timeout)).await;
    match &parameter {
        Ok(Changed::NoParameter) => tracing::warn!("the parameter {name} does not exist"),
        Ok(Changed::GuardOff) => {}
        Ok(_) => tracing::info!("{name} is `no`"),
        // The servers of a lost cluster cannot wait for the parameter store, so this node goes on.
        Err(error) => tracing::warn!("cannot set {name} to `no`: {error}"),
    }
    {
        let (_lock, _) = apply::lock(system, Deadline::after(timeout)).await?;
        if facts::is_frozen(&system.root)? {
            return Ok(Converged::Frozen);
        }
        apply::reset_formation(system)?;
        formed::FILE.remove(&system.root)?;
    }
    let outcome = match converge(system, timeout, UnrecordedData::Refuse).await? {
        Converged::Done(outcome) => outcome,
        Converged::Frozen => return Ok(Converged::Frozen),
    };
    if let Some(unanswered) = outcome.unanswered() {
        return Err(unanswered.into());
    }
    if outcome.granted.formation.join_only {
        return Err(GuardError::StillFormed { parameter: name, region }.into());
    }
    match parameter {
        Ok(parameter) => Ok(Converged::Done(Reformed { parameter, outcome })),
        Err(source) => Err(GuardError::NotSet { parameter: name, region, source }.into()),
    }
}

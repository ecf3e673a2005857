//! The one place where stages meet: `survey` gathers and resolves, `plan` goes on to a plan, `converge` carries the plan
//! out. A command is a prefix of this and a printer.

mod clean;
mod converge;
mod grant;
mod install;
mod planning;
mod recorder;
mod reform;
mod survey;

use crate::membership::quorum::{GuardError, parameter};
use crate::node::{Granted, Node};
use crate::plan::Plan;
pub use clean::clean;
pub use converge::{converge, must_be_root};
pub use grant::{guard, recall};
pub use install::{Installation, install, plan_image};
pub use planning::{plan, plan_from_nothing};
pub use recorder::identity;
pub use reform::{Reformed, reform};
pub use survey::{Survey, survey, tag_contract};

/// The result of a run, which a frozen agent does not make.
#[derive(Debug)]
pub enum Converged<T> {
    /// The agent is frozen and changed nothing.
    Frozen,
    /// The run ended with this result.
    Done(T),
}

/// The result of `apply`.
pub struct Outcome {
    /// The node.
    pub node: Node,
    /// What it may do beyond its facts and tags.
    pub granted: Granted,
    /// The plan that was carried out; empty if the node matched its configuration.
    pub plan: Plan,
}

impl Outcome {
    /// What the node is, and whether it can only join, in one line.
    pub fn summary(&self) -> String {
        self.granted.summary(&self.node)
    }

    /// Why the run has to be repeated although everything was done: the server can only join until the quorum guard has an
    /// answer. `None` if the run need not be repeated.
    pub fn unanswered(&self) -> Option<GuardError> {
        let daemon = self.node.duty.quorum()?;
        let why = self.granted.formation.unanswered.clone()?;
        Some(GuardError::Unanswered { parameter: parameter::parameter(&self.node, daemon), why })
    }
}

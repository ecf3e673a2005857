//! The one place where stages meet: `survey` is gather and resolve, `plan` goes on to the plan, `converge` carries it
//! out. A command is a prefix of this and a printer.

mod converge;
mod grant;
mod planning;
mod recorder;
mod reform;
mod survey;

use crate::membership::quorum::{GuardError, parameter};
use crate::node::{Granted, Node};
use crate::plan::Plan;
pub use converge::{converge, must_be_root};
pub use grant::{guard, recall};
pub use planning::{plan, plan_from_nothing};
pub use reform::{Reformed, reform};
pub use survey::{Survey, survey, tag_contract};

/// What came of a run that a frozen agent does not make.
#[derive(Debug)]
pub enum Converged<T> {
    /// The agent is frozen, and changed nothing.
    Frozen,
    /// The run ended with this.
    Done(T),
}

/// What `apply` came to.
pub struct Outcome {
    /// The node.
    pub node: Node,
    /// What it may do.
    pub granted: Granted,
    /// What was done; nothing where the node matched its configuration.
    pub plan: Plan,
}

impl Outcome {
    /// What the node is and why, in one line.
    pub fn summary(&self) -> String {
        self.granted.summary(&self.node)
    }

    /// Why the run has to be repeated although all of it is done: its server can only join until the quorum guard has an
    /// answer.
    pub fn unanswered(&self) -> Option<GuardError> {
        let daemon = self.node.duty.quorum()?;
        let why = self.granted.formation.unanswered.clone()?;
        Some(GuardError::Unanswered { parameter: parameter::parameter(&self.node, daemon), why })
    }
}

//! READ: how far the pipeline of `apply` gets on this machine now: facts, node, plan. It runs on a thread of its own.

use crate::error::Error;
use crate::facts::Facts;
use crate::membership::quorum::parameter;
use crate::node::{self, Granted, Node};
use crate::pipeline::{self, Survey};
use crate::plan::Plan;
use crate::plan::manifest::Manifest;
use crate::plan::node::UnrecordedData;
use crate::store::status::Identity;
use crate::system::System;
use crate::system::aside::aside;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::root::{FileError, Root};
use crate::system::systemd::services::Systemctl;
use std::rc::Rc;
use std::time::Duration;

/// Longest time for the facts. Tags that are missing are waited for until then.
const GATHER: Duration = Duration::from_millis(2500);

/// How far the pipeline gets.
pub struct Stages {
    /// The facts of now, or why there are none.
    pub survey: Result<Facts, Error>,
    /// The node that they describe; without them, the node of the last good facts.
    pub node: Option<Node>,
    /// Whether `node` is that of the last good facts.
    pub is_remembered: bool,
    /// What `apply` would do now to that node, or why it cannot.
    pub plan: Option<Result<Plan, Error>>,
    /// What the last `apply` wrote.
    pub manifest: Result<Manifest, FileError>,
    /// Why this server can only join: the parameter that says whether its cluster has formed, and why it did not answer.
    pub unanswered: Option<(String, String)>,
}

impl Stages {
    /// Who the node is.
    pub fn identity(&self) -> Option<Identity> {
        self.node.as_ref().map(pipeline::identity)
    }
}

/// Runs the stages.
pub(super) async fn run(environment: Environment, last_good: Rc<Option<Facts>>) -> Stages {
    let last_good = last_good.as_ref().clone();
    let ran = aside(async move || through(environment, last_good).await).await;
    ran.unwrap_or_else(|| Stages {
        survey: Err(Error::Interrupted),
        node: None,
        is_remembered: false,
        plan: None,
        manifest: Ok(Manifest::default()),
        unanswered: None,
    })
}

async fn through(environment: Environment, last_good: Option<Facts>) -> Stages {
    let services = Systemctl::new(&environment.path);
    let system = System {
        root: Root::host(),
        services: Some(Box::new(services)),
        keeps_record: false,
        environment,
    };
    let surveyed = pipeline::survey(&system, Deadline::after(GATHER)).await;
    let (survey, now) = match surveyed {
        Ok(Survey { facts, node, .. }) => (Ok(facts), Some(node)),
        Err(error) => (Err(error), None),
    };
    let is_remembered = now.is_none();
    let node = now.or_else(|| node::resolve(&last_good?).ok());
    let (mut plan, mut unanswered) = (None, None);
    if let Some(node) = &node {
        // Without a call to AWS.
        plan = Some(match pipeline::recall(&system, node) {
            Ok(granted) => {
                unanswered = silent_parameter(node, &granted);
                pipeline::plan(&system, node, &granted, UnrecordedData::Refuse).await
            }
            Err(error) => Err(error),
        });
    }
    let manifest = crate::apply::load_manifest(&system);
    let is_remembered = is_remembered && node.is_some();
    Stages { survey, node, is_remembered, plan, manifest, unanswered }
}

/// The parameter that did not answer when the quorum guard asked it, and why.
fn silent_parameter(node: &Node, granted: &Granted) -> Option<(String, String)> {
    let why = granted.formation.unanswered.clone()?;
    Some((parameter::parameter(node, node.duty.quorum()?), why))
}

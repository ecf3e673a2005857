//! READ: what is wrong with this node, and why. It asks checks, each as soon as those that it needs have passed, and divides
//! what they found into causes and consequences. It changes nothing; the ECR helper gets a home directory of its own in `/run` for
//! one run.
//!
//! The checks run on a thread of their own, and the caller keeps the time. So a file system, a socket or a child process
//! that hangs cannot hold the report.

pub mod bundle;
pub mod checks;
mod connectivity;
mod diagnosis;
mod engine;
mod forwarding;
pub mod image;
pub mod machine;
mod ports;
mod selection;

use crate::exit::hint::Topic;
use crate::gates::About;
use crate::store::status::Identity;
use crate::system::aside;
use crate::system::environment::Environment;
pub use diagnosis::{Cause, Counts, Diagnosis, Health, Rank};
pub use engine::{Answer, Outcome};
use machine::Machine;
pub use selection::Selection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

/// Longest time for all checks together.
pub const BUDGET: Duration = Duration::from_secs(10);

/// The advice that belongs to no single check.
pub static GENERAL: &[&[Topic]] = &[engine::TOPICS, checks::TOPICS];

/// A check, as the doctor asks it.
pub type Check = crate::gates::Check<Machine>;

/// What is known of every check before it is asked: those of a node, then those of an image.
pub fn abouts() -> impl Iterator<Item = &'static About> {
    let of_image = image::CHECKS.iter().map(|check| &check.about);
    checks::CHECKS.iter().map(checks::Entry::about).chain(of_image)
}

/// What the doctor saw.
#[derive(Debug, Clone)]
pub struct Report {
    /// Who the node is, as far as anything on it says so.
    pub node: Option<Identity>,
    /// Every check that concerns the node, with its result, in the order of the registry.
    pub answers: Vec<Answer>,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether every check has answered in time.
    pub is_complete: bool,
}

enum Told {
    Node(Box<machine::Known>),
    Answer(Answer),
}

/// Asks the selected checks of this machine. `progress` learns how many have answered, of how many.
pub async fn examine(
    environment: &Environment,
    selection: &Selection,
    mut progress: impl FnMut(usize, usize),
) -> Report {
    let started = Instant::now();
    let (tell, mut told) = unbounded_channel();
    let (environment, chosen) = (environment.clone(), Arc::new(selection.clone()));
    let work = {
        let chosen = Arc::clone(&chosen);
        async move || {
            let machine = Machine::open(environment).await;
            let _ = tell.send(Told::Node(Box::new(machine.known())));
            let entries = chosen.entries(machine.role());
            engine::ask(&machine, &entries, |answer| {
                let _ = tell.send(Told::Answer(answer));
            })
            .await;
        }
    };
    // If the thread does not start, nobody holds the sender, and the channel ends at once.
    drop(aside::start(work));
    let (known, mut answers, is_complete) =
        listen(&mut told, started + BUDGET, &chosen, &mut progress).await;
    let node = known.as_ref().and_then(|known| known.node.clone());
    let role = node.as_ref().map(|node| node.role);
    engine::fill(&mut answers, role, &chosen.entries(role), started.elapsed());
    engine::order(&mut answers);
    if let Some(known) = &known {
        diagnosis::lose_patience(&mut answers, known);
    }
    Report { node, answers, elapsed: started.elapsed(), is_complete }
}

/// Hears answers until the checks end or the time is up.
async fn listen(
    told: &mut UnboundedReceiver<Told>,
    end: Instant,
    selection: &Selection,
    progress: &mut impl FnMut(usize, usize),
) -> (Option<machine::Known>, Vec<Answer>, bool) {
    let (mut known, mut answers, mut all) = (None::<machine::Known>, Vec::new(), 0);
    loop {
        match timeout_at(end, told.recv()).await {
            Ok(Some(Told::Node(node))) => {
                all = selection.entries(node.node.as_ref().map(|node| node.role)).len();
                known = Some(*node);
            }
            Ok(Some(Told::Answer(answer))) => {
                answers.push(answer);
                progress(answers.len(), all);
            }
            Ok(None) => return (known, answers, true),
            Err(_) => return (known, answers, false),
        }
    }
}

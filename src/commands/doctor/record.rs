//! `doctor --record`, which cos-agent-diagnose.service runs: the first card goes to standard output, which is the serial
//! console there, and to the status.

use super::text;
use crate::commands::output::write;
use crate::doctor::{self, Diagnosis, Rank, Selection};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::store::{diagnosis, status};
use crate::system::environment::{self, Environment};
use crate::system::root::Root;
use crate::text::secret::masked;

/// Looks once. A node that is sick is no failure of this command.
pub(super) async fn run(environment: &Environment) -> Result<ExitCode, Error> {
    let root = Root::host();
    // Before the look: a request that comes while it lasts starts another one.
    diagnosis::take_request(&root)?;
    let report = doctor::examine(environment, &Selection::default(), |_, _| {}).await;
    let found = Diagnosis::of(&report.answers);
    let is_known = |cause: &&doctor::Cause<'_>| cause.rank != Rank::Unknown;
    let first = found.causes.iter().find(is_known);
    let card = first.map(|cause| masked(&text::card(cause)).into_owned()).unwrap_or_default();
    if first.is_some() {
        let head = text::head(report.node.as_ref());
        write(&format!("{head}\n{card}{}\n", text::verdict(&report, &found)))?;
    }
    let ids = found.causes.iter().filter(is_known).map(|cause| cause.answer.about.id.to_owned());
    let seen = diagnosis::Diagnosis { at: environment::rfc3339_now(), causes: ids.collect(), card };
    status::update(&root, |status| status.diagnosis = Some(seen.clone())).await?;
    Ok(ExitCode::Done)
}

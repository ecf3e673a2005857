//! `doctor --wait` and `doctor --watch`: the same questions again and again.

use crate::commands::output::write;
use crate::doctor::{self, Diagnosis, Rank, Report, Selection};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::system::environment::{self, Environment};
use crate::system::retry::{Deadline, Retry};
use crate::system::signal;
use std::time::Duration;

/// The first and the longest pause of `--wait`.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// Asks until nothing has failed and nothing is waited for, or until the time is up; the last report.
pub(super) async fn wait(
    environment: &Environment,
    selection: &Selection,
    time: Duration,
) -> Report {
    let mut retry = Retry::new(AGAIN.0, AGAIN.1, Deadline::after(time));
    let mut said = String::new();
    loop {
        let report = doctor::examine(environment, selection, |_, _| {}).await;
        let words = standing_in_the_way(&report);
        if words.is_empty() || retry.pause().await.is_none() {
            return report;
        }
        if words != said {
            tracing::warn!("waiting: {words}");
            said = words;
        }
    }
}

/// Prints the causes whenever they change.
pub(super) async fn watch(
    environment: &Environment,
    selection: &Selection,
    pause: Duration,
) -> Result<ExitCode, Error> {
    let mut said = None;
    let mut code = ExitCode::Done;
    let watching = async {
        loop {
            let report = doctor::examine(environment, selection, |_, _| {}).await;
            let diagnosis = Diagnosis::of(&report.answers);
            code = diagnosis.exit_code(false);
            let words = words(&diagnosis);
            if said.as_ref() != Some(&words) {
                write(&format!("{}  {words}\n", environment::rfc3339_now()))?;
                said = Some(words);
            }
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        ended = watching => ended,
        () = signal::end() => Ok(code),
    }
}

fn words(diagnosis: &Diagnosis<'_>) -> String {
    let of = |cause: &doctor::Cause<'_>| {
        let found = cause.answer.finding().and_then(|finding| finding.problem());
        format!("{}: {}", cause.answer.about.id, found.map_or("", |problem| &problem.found))
    };
    let causes: Vec<String> = diagnosis.causes.iter().map(of).collect();
    format!("{:<10} {}", diagnosis.health().name(), causes.join("; ")).trim_end().to_owned()
}

fn standing_in_the_way(report: &Report) -> String {
    let diagnosis = Diagnosis::of(&report.answers);
    let is_open = |cause: &&doctor::Cause<'_>| cause.rank >= Rank::Waiting;
    let worst = diagnosis.causes.iter().find(is_open).map(|cause| cause.answer);
    let problem = worst.and_then(|answer| Some((answer.about.id, answer.finding()?.problem()?)));
    problem.map(|(id, problem)| format!("{id}: {}", problem.found)).unwrap_or_default()
}

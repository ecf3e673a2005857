//! `doctor`: what is wrong with this node, why, and what to type.

mod bundle;
mod image;
mod json;
mod record;
mod repeat;
mod text;

use super::output::{Output, write};
use crate::commands::cli::DoctorArgs;
use crate::doctor::{self, Diagnosis, Report, Selection};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::system::environment::Environment;
use crate::system::machine;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

/// A run that takes longer says on a terminal how far it is.
const QUIET: Duration = Duration::from_millis(300);

pub(super) async fn run(
    args: DoctorArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    if args.schema {
        write(&format!("{:#}\n", json::schema()))?;
        return Ok(ExitCode::Done);
    }
    // A busy node must not look like metadata or a daemon that does not answer in time.
    machine::run_first();
    if args.record {
        return record::run(&environment).await;
    }
    if args.image {
        return image::run(args.root.as_deref(), environment, output);
    }
    let selection = Selection::of(args.only, args.skip)?;
    if let Some(file) = args.bundle {
        return bundle::run(&file, &environment, &selection, output).await;
    }
    if let Some(pause) = args.watch {
        return repeat::watch(&environment, &selection, pause).await;
    }
    let report = match args.wait {
        Some(time) => repeat::wait(&environment, &selection, time).await,
        None => examine(&environment, &selection).await,
    };
    let diagnosis = Diagnosis::of(&report.answers);
    let mut code = diagnosis.exit_code(args.strict);
    if args.wait.is_some() && code == ExitCode::Changes {
        code = ExitCode::NotYet;
    }
    output.data(
        || text::report(&report, &diagnosis, args.all),
        || json::report(&report, &diagnosis, code),
    )?;
    Ok(code)
}

/// Asks once, with the progress on a terminal.
async fn examine(environment: &Environment, selection: &Selection) -> Report {
    let started = Instant::now();
    let said = Cell::new(false);
    let report = doctor::examine(environment, selection, |done, all| {
        if environment.is_terminal && started.elapsed() > QUIET {
            said.set(true);
            super::output::progress(&format!("asked {done} of {all} checks"));
        }
    })
    .await;
    if said.get() {
        super::output::progress("");
    }
    report
}

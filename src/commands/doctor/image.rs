//! `doctor --image`: whether an image may be snapshotted.

use super::{json, text};
use crate::commands::output::Output;
use crate::commands::{Units, system};
use crate::doctor::{Diagnosis, image};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::gates::Finding;
use crate::system::environment::Environment;
use std::fmt::Write;
use std::path::Path;

pub(super) fn run(
    root: Option<&Path>,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let report = image::examine(&system(root, Units::Leave, environment));
    let diagnosis = Diagnosis::of(&report.answers);
    let code = diagnosis.exit_code(true);
    output.data(|| page(&report, &diagnosis), || json::report(&report, &diagnosis, code))?;
    Ok(code)
}

/// Every check with its result. Whoever builds an image sees all problems at once, with each left-over.
fn page(report: &crate::doctor::Report, diagnosis: &Diagnosis<'_>) -> String {
    let mut page = format!("cos-agent {}   image\n\n", env!("CARGO_PKG_VERSION"));
    for answer in &report.answers {
        let _ = writeln!(page, "{}", text::check_line(answer));
        let problem = answer.finding().and_then(Finding::problem);
        for line in problem.into_iter().flat_map(|problem| &problem.evidence) {
            let _ = writeln!(page, "          {line}");
        }
        if let Some(problem) = problem {
            let _ = writeln!(page, "          -> {}", problem.hint.text);
        }
    }
    let verdict = match diagnosis.causes.len() {
        0 => "this image may be snapshotted".to_owned(),
        number => {
            format!("this image must not be snapshotted: {}", crate::text::count(number, "problem"))
        }
    };
    let _ = writeln!(page, "\n{verdict}");
    page
}

//! `clean`: takes out of an image what is of one machine.

use super::output::Output;
use super::{Units, system};
use crate::commands::cli::CleanArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::observe::leftovers::{Found, leftovers};
use crate::pipeline;
use crate::system::environment::Environment;
use crate::text::shown;
use serde_json::json;
use std::fmt::Write;

pub(super) async fn run(
    args: CleanArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(args.root.as_deref(), Units::Manage, environment);
    let found = if args.plan {
        leftovers(&system.root)?
    } else {
        pipeline::clean(&system, args.force).await?
    };
    output.data(|| text(&found, args.plan), || as_json(&found))?;
    Ok(ExitCode::Done)
}

fn text(found: &[Found], only_shown: bool) -> String {
    if found.is_empty() {
        return "the image is clean\n".to_owned();
    }
    let mut text = String::new();
    for one in found {
        if !only_shown {
            let _ = writeln!(text, "removed {}", one.words());
            continue;
        }
        let _ = writeln!(text, "remove {} ({})", one.leftover.what, one.leftover.harm);
        for path in one.paths() {
            let _ = writeln!(text, "  {}", shown(path.as_os_str()));
        }
    }
    text
}

fn as_json(found: &[Found]) -> serde_json::Value {
    let one = |found: &Found| {
        let paths: Vec<String> = found.paths().map(|path| shown(path.as_os_str())).collect();
        json!({ "what": found.leftover.what, "harm": found.leftover.harm, "paths": paths })
    };
    json!({ "schema": "cos-agent/clean/1", "leftovers": found.iter().map(one).collect::<Vec<_>>() })
}

//! `plan`: all stages before `apply`.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::PlanArgs;
use crate::error::{Error, Given, InputError};
use crate::exit::ExitCode;
use crate::facts::{Facts, SCHEMA};
use crate::node::Granted;
use crate::node::auto_join;
use crate::plan::node::UnrecordedData;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use crate::system::root::{self, NewFile, Root};
use crate::text::secret::masked;
use crate::{node, pipeline};
use std::path::Path;

pub(super) async fn run(
    args: PlanArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = open(args.root.root.as_deref(), Units::Manage, environment)?;
    let node = match &args.facts {
        Some(file) => node::resolve(&read_facts(file)?)?,
        None => pipeline::survey(&system, Deadline::after(args.root.timeout)).await?.node,
    };
    let granted = if args.facts.is_none() {
        match pipeline::guard(&system, &node, UnrecordedData::Refuse).await {
            Ok(granted) => granted,
            // The plan is still useful: it then assumes what the guard found the last time.
            Err(error) => {
                tracing::warn!("`apply` will fail until this is fixed:\n{}", error.report());
                pipeline::recall(&system, &node)?
            }
        }
    } else if args.root.root.is_some() {
        pipeline::recall(&system, &node)?
    } else {
        Granted::default()
    };
    // The facts are of another machine, so the plan must not be compared with the disk of this one.
    let plan = if args.facts.is_some() && args.root.root.is_none() {
        pipeline::plan_from_nothing(&node, &granted)?
    } else {
        pipeline::plan(&system, &node, &granted, UnrecordedData::Refuse).await?
    };
    if let Some(directory) = &args.out {
        write_tree(directory, &node, &granted)?;
    }
    let note = auto_join::watch_joins(&node.consul, &node.instance.region)
        .map_or_else(String::new, |why| format!("note: {why}\n"));
    output.data(
        || format!("{}\n{note}{}", granted.summary(&node), plan.to_text()),
        || plan.to_json(&granted.summary(&node)),
    )?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { ExitCode::Changes } else { ExitCode::Done })
}

/// Reads the output of `facts -o json`.
fn read_facts(file: &Path) -> Result<Facts, Error> {
    let file = file.to_owned();
    let Some(bytes) = root::read_file(&file)? else {
        return Err(InputError::NoFile { file, expected: Given::Facts }.into());
    };
    match Facts::from_json(&bytes) {
        Ok(facts) if facts.schema == SCHEMA => Ok(facts),
        Ok(facts) => Err(InputError::OtherSchema { file, schema: facts.schema }.into()),
        Err(error) => Err(InputError::NotFacts { file, problem: error.to_string() }.into()),
    }
}

fn write_tree(directory: &Path, node: &node::Node, granted: &Granted) -> Result<(), Error> {
    let plan = pipeline::plan_from_nothing(node, granted)?;
    // Secrets are masked: a reader of the tree may not be allowed to read the files of the node.
    let shown = plan.writes().map(|write| match write.bytes.open().map(std::str::from_utf8) {
        None => (write, format!("{:?}\n", write.bytes).into_bytes()),
        Some(Ok(text)) => (write, masked(text).into_owned().into_bytes()),
        Some(Err(_)) => (write, write.bytes.for_their_file().to_vec()),
    });
    let shown: Vec<_> = shown.collect();
    let files: Vec<NewFile<'_>> = shown
        .iter()
        .map(|(write, bytes)| NewFile { path: &write.path, bytes, mode: write.mode, owner: None })
        .collect();
    Ok(Root::at(directory).write_all(&files)?)
}

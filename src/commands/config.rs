//! `config`: the settings without the node.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::{ConfigArgs, ConfigCommand, Format};
use crate::error::{Error, Given, InputError};
use crate::exit::ExitCode;
use crate::facts::settings::{self, Layer, Layers, Settings, Source};
use crate::facts::{self, GatherError};
use crate::observe;
use crate::plan::PlanError;
use crate::plan::node::conflicts;
use crate::render::extra;
use crate::state::Daemon;
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::root;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) fn run(
    args: ConfigArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = open(args.root.as_deref(), Units::Leave, environment)?;
    match args.command {
        ConfigCommand::Check { files } => {
            let layers = if files.is_empty() {
                facts::settings_files(&system.root)?
            } else {
                given(&files)?
            };
            merged(&layers)?;
            let mut names: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
            if files.is_empty() {
                names.extend(operators_files(&system)?);
            }
            output.data(
                || names.iter().map(|name| format!("{name}: ok\n")).collect(),
                || json!({ "schema": "cos-agent/config-check/1", "files": names }),
            )?;
        }
        ConfigCommand::Dump => {
            let merged = merged(&facts::settings_files(&system.root)?)?;
            output.data(
                || table(&merged.settings, &merged.sources),
                || json!({ "schema": "cos-agent/config/1", "settings": merged.settings, "sources": merged.sources }),
            )?;
        }
        ConfigCommand::Schema => {
            let schema = schemars::schema_for!(Settings).to_value();
            Output { format: Format::Json }.data(String::new, || schema)?;
        }
    }
    Ok(ExitCode::Done)
}

/// The merged settings. Refuses secrets, so that they may be shown.
fn merged(layers: &[Layer]) -> Result<Layers, Error> {
    let merged = settings::merge(layers).map_err(GatherError::from)?;
    extra::check(&merged.settings)?;
    Ok(merged)
}

/// Checks the operator's files in the directories of the daemons, so that an image build finds what the first boot would
/// refuse. The role is unknown at that time, so a file must suit every role. Returns the paths.
fn operators_files(system: &System) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for daemon in [Daemon::Consul, Daemon::Nomad] {
        for file in observe::operator_files(&system.root, daemon)? {
            let judged = conflicts::judge(&file, None, true);
            if let Some(conflict) = judged.refused {
                return Err(PlanError::from(conflict).into());
            }
            for warning in judged.notes {
                tracing::warn!("{warning}");
            }
            names.push(file.path);
        }
    }
    Ok(names)
}

fn given(files: &[PathBuf]) -> Result<Vec<Layer>, Error> {
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<Layer, Error> {
    let name = file.display().to_string();
    let bytes = root::read_file(file)?
        .ok_or_else(|| InputError::NoFile { file: file.to_owned(), expected: Given::Settings })?;
    Ok(Layer::of_bytes(name, &bytes).map_err(GatherError::from)?)
}

/// Every setting, its value and where it was set.
pub(super) fn table(settings: &Settings, sources: &BTreeMap<String, Source>) -> String {
    let mut rows = Vec::new();
    flatten(&serde_json::to_value(settings).unwrap_or_default(), "", &mut rows);
    rows.into_iter()
        .map(|(key, value)| {
            let source = sources.get(&key).map_or_else(
                || "default".to_owned(),
                |source| format!("{}:{}", source.name, source.line),
            );
            let key = format!("{key} = {value}");
            format!("{key:<64} # {source}\n")
        })
        .collect()
}

fn flatten(value: &Value, path: &str, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) if !object.is_empty() => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(value, &path, rows);
            }
        }
        Value::Null | Value::Object(_) => {}
        other => rows.push((path.to_owned(), shortened(&other.to_string()))),
    }
}

/// A value for one line. A certificate would fill the screen.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).chain("…".chars()).collect()
    }
}

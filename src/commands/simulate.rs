//! `simulate`: every role on any machine.

use super::output::{self, Output};
use crate::commands::cli::SimulateArgs;
use crate::error::{Error, Given, InputError};
use crate::exit::ExitCode;
use crate::pipeline::Outcome;
use crate::plan::{Plan, What};
use crate::simulate::fault::Fault;
use crate::simulate::instance::Instance;
use crate::simulate::service::Service;
use crate::simulate::{self, NodeKind, Simulation, overview};
use crate::state::Daemon;
use crate::system::environment::{self, Environment};
use crate::system::root;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub(super) async fn run(
    args: SimulateArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let faults =
        args.faults.iter().map(|fault| fault.parse()).collect::<Result<Vec<Fault>, String>>();
    let faults = faults.map_err(InputError::Fault)?;
    if let Some(address) = args.serve {
        return serve(&args, address, faults).await;
    }
    let kinds = kinds(&args)?;
    let base = match &args.root {
        Some(directory) => directory.clone(),
        None => environment::scratch_directory("simulate")
            .map_err(|source| Error::Io { operation: "create a scratch directory", source })?,
    };
    let several = kinds.len() > 1;
    let mut shown = Vec::new();
    for (number, kind) in kinds.iter().enumerate() {
        let root = if several { base.join(kind.name()) } else { base.clone() };
        simulate::furnish(
            &root,
            &args.consul_version.0.to_string(),
            &args.nomad_version.0.to_string(),
        )?;
        let instance = instance(&args, kind, number)?;
        let simulation =
            Simulation { instance, faults: faults.clone(), root: &root, timeout: args.timeout };
        let outcome = simulate::run(simulation, environment.clone()).await?;
        shown.push((kind.clone(), outcome));
    }
    let base = base.display().to_string();
    output.data(|| text(&shown, &base), || as_json(&shown, &base))?;
    Ok(ExitCode::Done)
}

/// The nodes to show: one of the given role, or all kinds.
fn kinds(args: &SimulateArgs) -> Result<Vec<NodeKind>, Error> {
    if let Some(role) = &args.role {
        return Ok(vec![NodeKind::of(role, args.datacenter.as_deref())]);
    }
    if args.datacenter.is_some() || !args.tags.is_empty() {
        return Err(InputError::NoRole.into());
    }
    Ok(NodeKind::all())
}

fn instance(args: &SimulateArgs, kind: &NodeKind, number: usize) -> Result<Instance, Error> {
    let mut tags = kind.tags(&args.cluster, &args.servers);
    for tag in &args.tags {
        match tag.split_once('=') {
            Some((key, "")) => {
                tags.remove(key);
            }
            Some((key, value)) => {
                tags.insert(key.to_owned(), value.to_owned());
            }
            None => return Err(InputError::NotATag(tag.clone()).into()),
        }
    }
    let user_data = match &args.user_data {
        Some(file) => Some(given(file)?),
        None => None,
    };
    Ok(Instance {
        id: format!("i-0123456789abcdef{number}"),
        private_ip: format!("10.20.1.{}", 11 + number),
        tags,
        user_data,
        ..Instance::default()
    })
}

fn given(file: &Path) -> Result<Vec<u8>, Error> {
    let file = file.to_owned();
    root::read_file(&file)?
        .ok_or_else(|| InputError::NoFile { file, expected: Given::Simulated }.into())
}

/// All nodes on one screen, or the whole plan of one.
fn text(shown: &[(NodeKind, Outcome)], base: &str) -> String {
    match shown {
        [(_, outcome)] => {
            let bold = anstyle::Style::new().bold();
            let plan = configurations_first(&outcome.plan).to_text();
            format!("{bold}{}{bold:#}\n{plan}\nThe files are in {base}.\n", outcome.summary())
        }
        _ => overview::text(shown, base),
    }
}

/// The same plan, with the configuration of Consul and of Nomad first, because people look for these.
fn configurations_first(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let files = [Daemon::Consul.file(), Daemon::Nomad.file()];
    let rank = |path: &str| files.iter().position(|file| *file == path).unwrap_or(files.len());
    plan.steps.sort_by_key(|step| match &step.what {
        What::Change(change) => rank(change.path()),
        What::Action(_) => files.len(),
    });
    plan
}

fn as_json(shown: &[(NodeKind, Outcome)], base: &str) -> serde_json::Value {
    let nodes: Vec<_> =
        shown.iter().map(|(_, outcome)| outcome.plan.to_json(&outcome.summary())).collect();
    json!({ "schema": "cos-agent/simulate/1", "root": base, "nodes": nodes })
}

/// Serves metadata for other programs.
async fn serve(
    args: &SimulateArgs,
    address: SocketAddr,
    faults: Vec<Fault>,
) -> Result<ExitCode, Error> {
    let instance = match (&args.instance, &args.role) {
        (Some(file), _) => read_instance(file)?,
        (None, Some(role)) => instance(args, &NodeKind::of(role, args.datacenter.as_deref()), 0)?,
        (None, None) => {
            return Err(InputError::NothingToServe.into());
        }
    };
    let file: Option<PathBuf> = args.instance.clone();
    let service = Service::start_at(address, instance, faults, file)
        .await
        .map_err(|source| Error::Io { operation: "serve the metadata", source })?;
    output::write(&format!("AWS_EC2_METADATA_SERVICE_ENDPOINT={}\n", service.endpoint()))?;
    tokio::select! {
        () = service.forever() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::Done)
}

fn read_instance(file: &Path) -> Result<Instance, Error> {
    let wrong = |error: serde_json::Error| InputError::NotAnInstance {
        file: file.to_owned(),
        problem: error.to_string(),
    };
    Ok(serde_json::from_slice(&given(file)?).map_err(wrong)?)
}

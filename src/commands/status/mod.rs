//! `status`: one screen for a person who has just logged in. It reads the record that the units keep, and asks systemd and
//! the daemons on loopback. A daemon that hangs delays it by less than a tenth of a second.

mod json;
mod text;

use super::output::Output;
use super::{Units, system, warn_if_frozen};
use crate::commands::cli::StatusArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::gates::report::{self, Asked};
use crate::gates::{Context, checks};
use crate::membership::join::rejoin::{self, Pool};
use crate::membership::wait::WaitError;
use crate::state::{AGENT, Daemon, READY, WATCH};
use crate::store::boots;
use crate::store::status::{self, Status};
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::systemd::unit_report::{self, UnitReport};
use serde_json::json;
use std::time::Duration;

/// Longest time for one answer of a daemon.
const ANSWER: Duration = Duration::from_millis(70);

/// What `status` shows.
struct Screen {
    record: Status,
    units: Vec<UnitReport>,
    gates: Vec<Asked>,
    pools: Vec<Pool>,
}

pub(super) async fn run(
    args: StatusArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(None, Units::Leave, environment);
    if args.boots {
        let boots = boots::load(&system.root);
        output.data(
            || boots.boots.iter().map(text::boot).collect(),
            || json!({ "schema": boots::SCHEMA, "boots": boots.boots }),
        )?;
        return Ok(ExitCode::Done);
    }
    warn_if_frozen(&system)?;
    let screen = look(&system).await?;
    output.data(|| text::screen(&screen), || json::screen(&screen))?;
    Ok(ExitCode::Done)
}

async fn look(system: &System) -> Result<Screen, Error> {
    let record = status::load(&system.root);
    let mut names = vec![AGENT, READY, WATCH, Daemon::Consul.unit()];
    let runs_nomad = record.node.as_ref().is_some_and(|node| node.nomad_datacenter.is_some());
    names.extend(runs_nomad.then_some(Daemon::Nomad.unit()));
    let daemons = async {
        let Some(node) = record.node.clone() else { return Ok((Vec::new(), Vec::new())) };
        let gates = checks::gates(node.role);
        let context = Context::new(node, &system.root, &system.environment, ANSWER)?;
        Ok::<_, WaitError>((report::ask(&context, &gates).await, rejoin::pools(&context).await))
    };
    let (units, daemons) = futures_util::future::join(
        unit_report::describe(&system.environment.path, &names),
        daemons,
    )
    .await;
    let (gates, pools) = daemons?;
    Ok(Screen { record, units, gates, pools })
}

//! The commands, one file each: the stages of the pipeline that it runs, and what it prints.

mod apply;
mod clean;
pub mod cli;
mod completions;
mod config;
mod doctor;
mod env;
mod explain;
mod facts;
mod install;
mod man;
pub mod output;
mod peers;
mod plan;
mod reform;
mod simulate;
mod status;
mod version;
mod wait;
mod watch;

use crate::commands::cli::{Cli, Command};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::facts::{FREEZE, is_frozen};
use crate::store::status as stored_status;
use crate::system::System;
use crate::system::environment::Environment;
use crate::system::root::Root;
use crate::system::systemd::services::Systemctl;
use output::Output;
use std::io::ErrorKind;
use std::path::Path;
use tracing::Level;

/// Runs a command.
pub async fn run(cli: Cli, environment: Environment) -> Result<ExitCode, Error> {
    let output = Output { format: cli.output };
    match cli.command {
        Command::Apply(args) => apply::run(args, environment, output).await,
        Command::Plan(args) => plan::run(args, environment, output).await,
        Command::Doctor(args) => doctor::run(args, environment, output).await,
        Command::Explain(args) => explain::run(args, output),
        Command::Facts(args) => facts::run(args, environment, output).await,
        Command::Simulate(args) => simulate::run(*args, environment, output).await,
        Command::Peers(args) => peers::run(args, environment, output).await,
        Command::Status(args) => status::run(args, environment, output).await,
        Command::Wait(args) => wait::run(args, environment, output).await,
        Command::Watch => watch::run(environment).await,
        Command::Env(args) => env::run(args, environment, output),
        Command::Reform(args) => reform::run(args, environment, output).await,
        Command::Install(args) => install::run(args, environment, output).await,
        Command::Clean(args) => clean::run(args, environment, output).await,
        Command::Config(args) => config::run(args, environment, output),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { page } => man::run(page),
        Command::Version => version::run(output),
    }
}

/// How much is logged.
pub fn log_level(cli: &Cli) -> Level {
    match (cli.quiet, cli.verbose) {
        (true, _) => Level::ERROR,
        // A simulation prints the whole plan.
        (false, 0) if matches!(cli.command, Command::Simulate(_)) => Level::WARN,
        // It prints what it finds; the log lines of the stages that it runs are noise there.
        // `--wait` says what it waits for.
        (false, 0) if matches!(&cli.command, Command::Doctor(args) if args.wait.is_none()) => {
            Level::ERROR
        }
        (false, 0) if matches!(cli.command, Command::Doctor(_)) => Level::WARN,
        (false, 0) if fails_again(&cli.command) => Level::WARN,
        (false, 0) => Level::INFO,
        (false, 1) => Level::DEBUG,
        (false, _) => Level::TRACE,
    }
}

/// Whether this is the boot unit, after a run that failed and logged why. A retry that fails in the same way for hours must not
/// flood the serial console; a different failure is still logged in full.
fn fails_again(command: &Command) -> bool {
    let Command::Apply(args) = command else { return false };
    args.no_wait && args.root.root.is_none() && stored_status::load(&Root::host()).problem.is_some()
}

/// What a command does with the units of this machine. `--root DIR` has no units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Units {
    /// Starts, stops and restarts them.
    Manage,
    /// Changes none.
    Leave,
}

/// The machine that a command works on. Warns when the agent is frozen there.
fn open(root: Option<&Path>, units: Units, environment: Environment) -> Result<System, Error> {
    let system = system(root, units, environment);
    warn_if_frozen(&system)?;
    Ok(system)
}

/// As [`open`], without a look at the machine.
fn system(root: Option<&Path>, units: Units, environment: Environment) -> System {
    let (root, services) = match (root, units) {
        (Some(directory), _) => (Root::at(directory), None),
        (None, Units::Leave) => (Root::host(), None),
        (None, Units::Manage) => {
            (Root::host(), Some(Box::new(Systemctl::new(&environment.path)) as Box<_>))
        }
    };
    let keeps_record = root.is_host();
    System { root, services, keeps_record, environment }
}

/// Warns when the agent is frozen. A caller that is not root (Nomad runs `peers` as user `nomad`) may be denied the stat.
/// It counts as not frozen, because it cannot change anything.
fn warn_if_frozen(system: &System) -> Result<(), Error> {
    let frozen = match is_frozen(&system.root) {
        Err(error) if error.source.kind() == ErrorKind::PermissionDenied => false,
        found => found?,
    };
    if frozen {
        tracing::warn!(
            "the agent is frozen: {FREEZE} exists, so `apply` changes nothing until you remove it"
        );
    }
    Ok(())
}

//! `completions`: for the shell.

use crate::cli::Cli;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::output;
use clap::CommandFactory;

pub(super) fn run(shell: clap_complete::Shell) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cos-agent", &mut script);
    output::write(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}

//! `completions`: the completion script of a shell.

use super::output;
use crate::commands::cli::{Cli, Shell};
use crate::error::Error;
use crate::exit::ExitCode;
use clap::CommandFactory;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

pub(super) fn run(shell: Shell) -> Result<ExitCode, Error> {
    output::write(&script(shell))?;
    Ok(ExitCode::Done)
}

/// The completion script of a shell.
pub(super) fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    let mut command = Cli::command();
    match shell {
        Shell::Bash => generate(Bash, &mut command, "cos-agent", &mut script),
        Shell::Fish => generate(Fish, &mut command, "cos-agent", &mut script),
        Shell::Zsh => generate(Zsh, &mut command, "cos-agent", &mut script),
    }
    String::from_utf8_lossy(&script).into_owned()
}

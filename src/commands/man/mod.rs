//! `man`: one page for all commands, and one for all checks.

mod checks;

use super::output;
use crate::commands::cli::{Cli, ManPage};
use crate::error::Error;
use crate::exit::ExitCode;
use clap::CommandFactory;

pub(super) fn run(page: Option<ManPage>) -> Result<ExitCode, Error> {
    output::write(&text(page)?)?;
    Ok(ExitCode::Done)
}

/// A page in the format of man(7).
pub(super) fn text(page: Option<ManPage>) -> Result<String, Error> {
    match page {
        None => program().map_err(Error::Output),
        Some(ManPage::Checks) => Ok(checks::page()),
    }
}

fn program() -> Result<String, std::io::Error> {
    let command = Cli::command();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page)?;
    for sub in command.get_subcommands() {
        let man = clap_mangen::Man::new(sub.clone());
        let name = sub.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH {name}\n").as_bytes());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        man.render_extra_section(&mut page)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

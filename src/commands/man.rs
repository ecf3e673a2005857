//! `man`: one man page for all commands.

use super::output;
use crate::commands::cli::Cli;
use crate::error::Error;
use crate::exit::ExitCode;
use clap::CommandFactory;

pub(super) fn run() -> Result<ExitCode, Error> {
    let command = Cli::command();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page).map_err(Error::Output)?;
    for sub in command.get_subcommands() {
        let man = clap_mangen::Man::new(sub.clone());
        let name = sub.get_name().to_uppercase();
        page.extend_from_slice(format!(".SH {name}\n").as_bytes());
        man.render_description_section(&mut page).map_err(Error::Output)?;
        man.render_options_section(&mut page).map_err(Error::Output)?;
        man.render_extra_section(&mut page).map_err(Error::Output)?;
    }
    output::write(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::Done)
}

//! `config`.

use super::help::{self, usual};
use crate::exit::ExitCode::{Config, Done, File, Usage};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do with the settings.
    #[command(subcommand)]
    pub command: ConfigCommand,
    /// Use DIR in place of `/`.
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
}

impl ConfigArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent config check                   all files of this node",
                "cos-agent config check new.toml          one file",
                "cos-agent config dump                    merged, each value with its source",
                "cos-agent config schema                  JSON schema of all settings",
            ],
            "",
            &[usual(Done), (Usage, "no such file"), usual(File), usual(Config)],
        )
    }
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check settings files, by default all files of this node.
    #[command(after_help = help::page(
        &["cos-agent config check new.toml"],
        "",
        &[(Done, "valid"), (Usage, "no such file"), usual(File), usual(Config)],
    ))]
    Check {
        /// The files to check.
        files: Vec<PathBuf>,
    },
    /// Show the merged settings, each with its source.
    #[command(after_help = help::page(
        &["cos-agent config dump -o json"],
        "",
        &[usual(Done), usual(File), usual(Config)],
    ))]
    Dump,
    /// Print the JSON schema of all settings.
    #[command(after_help = help::page(
        &["cos-agent config schema > cos-agent.schema.json"],
        "",
        help::DONE,
    ))]
    Schema,
}

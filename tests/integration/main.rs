//! Integration tests, a module a topic: the pipeline in process, the binary on its command line, and their daemons.
//!
//! All of them are one program and run at the same time, so a test changes nothing that the process has once: no variable of
//! its environment, no umask, no working directory, no limit and no namespace. What needs that does it in a child process. Whatever
//! listens does so at a port or an address of its own.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails, and its helpers with it"
)]

mod another_root;
mod aws_errors;
mod canary;
mod cli_commands;
mod cli_disk;
mod cli_env;
mod cli_errors;
mod cli_help;
mod cli_settings;
mod cli_streams;
mod cli_usage;
mod contract;
mod core;
mod core_units;
mod crash;
mod daemon_api;
mod daemon_folders;
mod describe_tags;
mod discovery;
mod docker_files;
mod errors;
mod golden;
mod guard;
mod hcl;
mod identity;
mod image;
mod image_check;
mod jobs;
mod launch_hook;
mod metadata_faults;
mod metadata_network;
mod operator_files;
mod packer;
mod packer_get;
mod paths;
mod pipeline;
mod pipeline_again;
mod pipeline_data;
mod pipeline_docker;
mod pipeline_quorum;
mod pipeline_units;
mod properties;
mod reform;
mod resume;
mod state_files;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod terraform;
mod terraform_alarms;
mod terraform_choices;
mod terraform_cos;
mod terraform_modules;
mod terraform_scan;
mod terraform_ways_in;
mod trust;
mod turns;
mod units;
mod user_data;
mod validators;
mod volumes;
mod wait;

//! Scenarios: whole clusters of real systemd, Consul and Nomad, and what happens to them. Nothing is played but AWS.
//!
//! Each makes a lab of its own (see README.md), so several run at a time. What is missing on this machine is named and
//! fails the test. Transcripts, and the logs of what failed, are in `target/scenarios`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test drives the machine, and ends where something is not as it should be"
)]

mod asking;
mod aws;
mod bake;
mod boot;
mod clones;
mod cuts;
mod discovery;
mod doctor;
mod ec2;
mod exec;
mod faults;
mod fleet;
mod foreign;
mod freeze;
mod hook;
mod image;
mod images;
mod jobs;
mod lab;
mod metadata;
mod migration;
#[path = "../support/terraform.rs"]
mod modules;
mod names;
mod network;
mod obstacles;
mod order;
mod packer;
mod power;
#[path = "../support/programs.rs"]
mod programs;
mod quorum;
mod resume;
mod tags;
#[path = "../support/packer.rs"]
mod template;
mod terraform;
mod upgrade;
mod user_data;
mod vm;

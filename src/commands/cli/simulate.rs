//! `simulate`.

use super::converge::APPLY_CODES;
use super::{help, time};
use crate::facts::settings::Release;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// consul-server, nomad-server or nomad-client; without it, a summary of the six kinds of node.
    pub role: Option<String>,
    /// The Nomad datacenter of a client.
    #[arg(long, value_name = "NAME")]
    pub datacenter: Option<String>,
    /// The name of the cluster.
    #[arg(long, value_name = "NAME", default_value = "demo")]
    pub cluster: String,
    /// How many servers form the cluster.
    #[arg(long, value_name = "N", default_value = "3")]
    pub servers: String,
    /// Set a tag; `KEY=` removes it. May be given more than once.
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
    /// The user data of the instance, plain or packed with gzip or base64.
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// The version of Consul to render for, if the root directory has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.22.7", value_parser = release)]
    pub consul_version: Release,
    /// The version of Nomad to render for, if the root directory has no binary.
    #[arg(long, value_name = "VERSION", default_value = "1.10.5", value_parser = release)]
    pub nomad_version: Release,
    /// Make the metadata service misbehave (the list is below). May be given more than once.
    #[arg(long = "fault", value_name = "FAULT")]
    pub faults: Vec<String>,
    /// Use this directory instead of a scratch one; a second run then shows what changes.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Time limit for metadata and tags.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub timeout: Duration,
    /// Only serve metadata at this address, until interrupted.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub serve: Option<std::net::SocketAddr>,
    /// The instance to serve, as JSON; the file is read again whenever it changes.
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub instance: Option<PathBuf>,
}

impl SimulateArgs {
    /// The help below the options.
    pub(super) fn help() -> String {
        help::page(
            &[
                "cos-agent simulate                       the six kinds of node, on one screen",
                "cos-agent simulate nomad-client --datacenter backoffice",
                "cos-agent simulate consul-server --servers 5 --tag cos:launch-hook=joined",
                "cos-agent simulate nomad-server --fault late-tags=3s",
                "cos-agent simulate nomad-server --tag cos:servers=2       an error",
            ],
            "Faults: empty[=TIME], fresh-401=TIME, garbage[=TIME], hang, html[=TIME], huge[=TIME],
        late-role=TIME, late-tags=TIME, midway-401, off[=TIME], slow=TIME, tags-blank,
        tags-off[=TIME], truncated, unavailable=TIME (503 with Retry-After)",
            APPLY_CODES,
        )
    }
}

fn release(text: &str) -> Result<Release, String> {
    Release::try_from(text.to_owned())
}

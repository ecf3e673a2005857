//! `peers`: the servers of this cluster, for people and for Nomad's `exec=`. Writes nothing, and prints nothing but
//! addresses.

use super::{say_if_frozen, system};
use crate::cli::PeersArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::facts::{self, tags as tag_reading};
use crate::node::tags;
use crate::output::Output;
use crate::pipeline;
use crate::system::aws::AwsError;
use crate::system::ec2::{self, Peer};
use crate::system::environment::Environment;
use crate::system::imds::{Imds, ImdsError};
use crate::system::retry::Deadline;
use serde_json::json;

pub(super) async fn run(
    args: PeersArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(None, false, environment);
    say_if_frozen(&system)?;
    let imds = Imds::new(&system.environment, Deadline::after(args.timeout))
        .map_err(facts::GatherError::from)?;
    let (instance, found) = facts::identify(&system, &imds, &pipeline::tag_contract()).await?;
    tags::check_spelling(&found.values)?;
    let value = |key| found.values.get(key).map(String::as_str).unwrap_or_default();
    let key = if args.role == "consul-server" { tags::CONSUL_SERVER } else { tags::NOMAD_SERVER };
    let client = tag_reading::connect(&system, &imds, &instance).await?;
    let vpc = vpc(&imds).await.map_err(AwsError::from)?;
    let mut peers = ec2::describe_peers(&client, &vpc, key, value(tags::CLUSTER)).await?;
    // An agent that finds only itself takes that for a join and never tries again (hashicorp/nomad retry_join.go).
    let alone = value(tags::ROLE) == args.role && value(tags::SERVERS) == "1";
    peers.retain(|peer| alone || peer.instance != instance.id);
    output.data(|| lines(&peers), || as_json(&args.role, &peers))?;
    Ok(ExitCode::Done)
}

/// The VPC of the first interface.
async fn vpc(imds: &Imds) -> Result<String, ImdsError> {
    let missing = |path: &str| ImdsError::Status { path: path.to_owned(), status: 404 };
    let mac = imds.text("meta-data/mac").await?.ok_or_else(|| missing("meta-data/mac"))?;
    let path = format!("meta-data/network/interfaces/macs/{}/vpc-id", mac.trim());
    let vpc = imds.text(&path).await?.ok_or_else(|| missing(&path))?;
    Ok(vpc.trim().to_owned())
}

fn lines(peers: &[Peer]) -> String {
    peers.iter().map(|peer| format!("{}\n", peer.address)).collect()
}

fn as_json(role: &str, peers: &[Peer]) -> serde_json::Value {
    let peers: Vec<_> = peers
        .iter()
        .map(|peer| json!({ "instance": peer.instance, "address": peer.address.to_string() }))
        .collect();
    json!({ "schema": "cos-agent/peers/1", "role": role, "peers": peers })
}

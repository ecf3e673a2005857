//! `peers`: the addresses of the servers of this cluster, for people and for Nomad's `exec=`. It changes nothing.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::PeersArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::facts;
use crate::membership::join::discovery;
use crate::node::tags;
use crate::pipeline;
use crate::state::Daemon;
use crate::system::aws::ec2::Peer;
use crate::system::environment::Environment;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use serde_json::json;

pub(super) async fn run(
    args: PeersArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = open(None, Units::Leave, environment)?;
    let imds = Imds::new(&system.environment, Deadline::after(args.timeout))
        .map_err(facts::GatherError::from)?;
    let (instance, found) = facts::identify(&system, &imds, &pipeline::tag_contract()).await?;
    tags::check_spelling(&found.values)?;
    // `apply` refuses blanks around a value, but daemons that run already must still find each other.
    let value = |key| found.values.get(key).map(|value| value.trim()).unwrap_or_default();
    let role = args.role.role();
    let daemon = role.quorum().unwrap_or(Daemon::Nomad);
    let asked = discovery::find(&system, &imds, &instance, daemon, value(tags::CLUSTER)).await?;
    let mut peers = asked.peers;
    for peer in &asked.foreign {
        tracing::warn!("{}", discovery::foreign_words(peer));
    }
    // A Nomad agent that finds only itself counts that as a join, and never tries again (hashicorp/nomad retry_join.go).
    let alone = value(tags::ROLE) == role.name() && value(tags::SERVERS) == "1";
    peers.retain(|peer| alone || peer.instance != instance.id);
    output.data(|| lines(&peers), || as_json(role.name(), &peers))?;
    Ok(ExitCode::Done)
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

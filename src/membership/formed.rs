//! The parameter that says whether a cluster has formed, `/cos/<cluster>/formed/consul` or `…/nomad`: read, recorded,
//! and set back. Terraform makes it with the value `no` and leaves it alone from then on.

use crate::node::Node;
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::{AwsError, Client, Endpoint};
use crate::system::environment;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use crate::system::ssm;
use std::time::Duration;

/// What Terraform makes the parameters with.
const NOT_FORMED: &str = "no";
/// Longest time that silence may cost a boot.
const SILENCE: Duration = Duration::from_secs(5);
/// Longest time that metadata may be silent, or without a role. A question takes 2 s more at most, so that `SILENCE` is
/// kept. Metadata that is busy and credentials that are late have until the deadline.
const CREDENTIALS: Duration = Duration::from_secs(3);

/// Whether a value says that it has not.
pub(super) fn is_no(value: &str) -> bool {
    value.trim() == NOT_FORMED
}

/// The parameter of a cluster.
pub fn parameter(node: &Node, daemon: Daemon) -> String {
    format!("/cos/{}/formed/{}", node.cluster, daemon.name())
}

/// What the parameter says, `None` where there is none. Somebody who is there but cannot answer is asked until the
/// deadline; silence is given up after 5 s.
pub(super) async fn read(
    system: &System,
    node: &Node,
    name: &str,
    deadline: Deadline,
) -> Result<Option<String>, AwsError> {
    ssm::get_parameter(&connect(system, node, deadline).await?, name).await
}

/// A client for the parameter store of the node's region, or where the environment redirects it.
async fn connect(system: &System, node: &Node, patience: Deadline) -> Result<Client, AwsError> {
    let (region, environment) = (&node.instance.region, &system.environment);
    let url = match &environment.ssm_endpoint {
        Some(url) => url.clone(),
        None => region.endpoint("ssm", environment.use_fips),
    };
    let endpoint = Endpoint { url, region: region.to_string(), service: "ssm" };
    let imds = Imds::new(environment, Deadline::after(CREDENTIALS))?.patient(patience);
    let client = Client::connect(&imds, endpoint).await?;
    Ok(client.until(Deadline::after(SILENCE), patience))
}

/// What came of a change of the parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is this now.
    Now(String),
    /// It was this already, which means the same.
    Already(String),
    /// There is none, and making it is Terraform's business.
    NoParameter,
}

/// Records that the cluster of a daemon has formed. For a server that sees a leader and is one of its peers; what is
/// recorded already stays as it is.
pub async fn record(system: &System, node: &Node, daemon: Daemon) -> Result<Changed, AwsError> {
    let formed = format!("formed {} by {}", environment::rfc3339_now(), node.instance.id);
    change(system, node, daemon, formed, Deadline::after(Duration::from_secs(30))).await
}

/// Records that it has not: its servers may form a new one.
pub async fn release(
    system: &System,
    node: &Node,
    daemon: Daemon,
    deadline: Deadline,
) -> Result<Changed, AwsError> {
    change(system, node, daemon, NOT_FORMED.to_owned(), deadline).await
}

async fn change(
    system: &System,
    node: &Node,
    daemon: Daemon,
    wanted: String,
    patience: Deadline,
) -> Result<Changed, AwsError> {
    let name = parameter(node, daemon);
    let client = connect(system, node, patience).await?;
    let Some(found) = ssm::get_parameter(&client, &name).await? else {
        return Ok(Changed::NoParameter);
    };
    if is_no(&found) == is_no(&wanted) {
        return Ok(Changed::Already(found));
    }
    ssm::put_parameter(&client, &name, &wanted).await?;
    Ok(Changed::Now(wanted))
}

//! The parameter that says whether a cluster has formed, `/cos/<cluster>/formed/consul` or `…/nomad`: read, recorded,
//! and set back. Terraform creates it with the value `no` and does not change it afterwards.

use crate::facts::settings::Guard;
use crate::node::Node;
use crate::state::Daemon;
use crate::system::System;
use crate::system::aws::ssm::{self, Parameter};
use crate::system::aws::{AwsError, Client, Service};
use crate::system::environment;
use crate::system::imds::Imds;
use crate::system::retry::Deadline;
use std::time::Duration;

/// The value with which Terraform creates the parameters.
const NOT_FORMED: &str = "no";
/// Longest time for the request at boot, with credentials, connection and every retry. The boot then goes on without an
/// answer and asks again later.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How much earlier the retries end, so that the error can name the cause.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Longest time that the metadata service may be silent, or without a role.
const METADATA_SILENCE: Duration = Duration::from_secs(3);
/// Longest time that the parameter store may be silent before a change.
const STORE_SILENCE: Duration = Duration::from_secs(5);

/// Whether the cluster of a server has formed, as far as it is known.
///
/// A value comes only from an answer of the parameter store: there is no default, and every unexpected answer is
/// [`Formed::Unknown`]. Only the first two let a server without data form a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formed {
    /// The parameter says `no`.
    No,
    /// The store says that there is no such parameter.
    NoParameter,
    /// The parameter has this other value.
    Yes(String),
    /// There was no usable answer; the reason: denied, throttled, broken, silent, late, or not what the API documents.
    /// Without times and counts, so that the same problem always has the same words.
    Unknown(String),
}

impl From<Result<Parameter, AwsError>> for Formed {
    fn from(answer: Result<Parameter, AwsError>) -> Self {
        match answer {
            Ok(Parameter::Value(value)) if is_no(&value) => Self::No,
            Ok(Parameter::Value(value)) => Self::Yes(value),
            Ok(Parameter::Absent) => Self::NoParameter,
            Err(error) => Self::Unknown(error.trouble()),
        }
    }
}

/// Whether a value means that the cluster has not formed.
fn is_no(value: &str) -> bool {
    value.trim() == NOT_FORMED
}

/// Whether the settings switch the quorum guard off.
pub fn is_off(node: &Node) -> bool {
    node.settings.quorum.guard == Guard::Off
}

/// The parameter of a cluster.
pub fn parameter(node: &Node, daemon: Daemon) -> String {
    format!("/cos/{}/formed/{}", node.cluster, daemon.name())
}

/// Asks whether the cluster has formed, for 5 s at most.
pub(super) async fn ask(system: &System, node: &Node, daemon: Daemon) -> Formed {
    let whole = Deadline::after(QUESTION_TIMEOUT.saturating_sub(LAST_WORD));
    let asked = async {
        let client = connect(system, node, whole).await?;
        ssm::get_parameter(&client.until(whole, whole), &parameter(node, daemon)).await
    };
    match tokio::time::timeout(QUESTION_TIMEOUT, asked).await {
        Ok(answer) => Formed::from(answer),
        // A metadata answer that stalls can take longer than the retries may.
        Err(_) => Formed::Unknown(
            "the metadata service did not return the credentials of the instance role in time"
                .to_owned(),
        ),
    }
}

/// A client for the parameter store of the node's region.
async fn connect(system: &System, node: &Node, patience: Deadline) -> Result<Client, AwsError> {
    let environment = &system.environment;
    let imds = Imds::new(environment, Deadline::after(METADATA_SILENCE))?.patient(patience);
    Client::of(Service::Ssm, &imds, environment, &node.instance.region).await
}

/// The result of a change of the parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It was set to this value.
    Now(String),
    /// It had this value already, which means the same, so it was not changed.
    Already(String),
    /// It does not exist, and only Terraform creates it.
    NoParameter,
    /// The quorum guard is off, so it was not changed.
    GuardOff,
}

/// Records that the cluster of a daemon has formed. Call it only on a server that has a leader and is one of its peers.
/// An existing record is not changed.
pub async fn record(system: &System, node: &Node, daemon: Daemon) -> Result<Changed, AwsError> {
    let formed = format!("formed {} by {}", environment::rfc3339_now(), node.instance.id);
    change(system, node, daemon, formed, Deadline::after(Duration::from_secs(30))).await
}

/// Sets the parameter to `no`, so that its servers may form a new cluster.
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
    if is_off(node) {
        return Ok(Changed::GuardOff);
    }
    let name = parameter(node, daemon);
    let client = connect(system, node, patience).await?;
    let client = client.until(Deadline::after(STORE_SILENCE), patience);
    let found = match ssm::get_parameter(&client, &name).await? {
        Parameter::Value(found) => found,
        Parameter::Absent => return Ok(Changed::NoParameter),
    };
    if is_no(&found) == is_no(&wanted) {
        return Ok(Changed::Already(found));
    }
    ssm::put_parameter(&client, &name, &wanted).await?;
    Ok(Changed::Now(wanted))
}

//! The parameter that says whether a cluster has formed, `/cos/<cluster>/formed/consul` or `…/nomad`: read, recorded,
//! and set back. Terraform makes it with the value `no` and leaves it alone from then on.

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

/// What Terraform makes the parameters with.
const NOT_FORMED: &str = "no";
/// Longest time for the whole question of a boot: credentials, connection, answer, and every retry. The boot then goes on
/// without an answer, and asks again later.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// What the question leaves of that time, so that it ends in the words of what was in the way.
const LAST_WORD: Duration = Duration::from_millis(500);
/// Longest time that the metadata service may be silent, or without a role.
const METADATA_SILENCE: Duration = Duration::from_secs(3);
/// Longest time that the parameter store may be silent where it is to be changed.
const STORE_SILENCE: Duration = Duration::from_secs(5);

/// What is known of whether the cluster of a server has formed.
///
/// A value of this type comes from an answer of the parameter store alone; there is no default, and every answer that
/// was not expected is [`Formed::Unknown`]. Only the first two let an empty server found a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formed {
    /// The parameter says `no`.
    No,
    /// The store says that there is no such parameter.
    NoParameter,
    /// The parameter says something else, and what.
    Yes(String),
    /// There was no such answer, and why: denied, throttled, broken, silent, late, or not what the API documents. In
    /// words without times and numbers, so that the same trouble has the same words each time.
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

/// Whether a value says that it has not.
fn is_no(value: &str) -> bool {
    value.trim() == NOT_FORMED
}

/// Whether nobody is asked, because the settings say so.
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
        // An answer of metadata that stalls can last for longer than all others together.
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

/// What came of a change of the parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It is this now.
    Now(String),
    /// It was this already, which means the same.
    Already(String),
    /// There is none, and making it is Terraform's business.
    NoParameter,
    /// Nobody reads it, because the quorum guard is off; it was not touched.
    GuardOff,
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

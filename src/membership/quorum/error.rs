//! Why the quorum guard stops a server, with the exit code and the hint of each reason.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::state::Daemon;
use crate::system::aws::AwsError;
use crate::system::root::FileError;

/// Why the quorum guard stops a server.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The data could not be read.
    #[error("cannot read the data of this server")]
    File(#[from] FileError),
    /// The node is configured and started, but its server may only join until the parameter can be read.
    #[error("cannot read {parameter}, so this server may only join: {why}")]
    Unanswered {
        /// The parameter.
        parameter: String,
        /// Why it cannot be read.
        why: String,
    },
    /// This server would form a cluster alone, but the tags of other servers say that it is one of several.
    #[error(
        "`cos:servers` is `1` on this server, but other servers of {cluster} are running: {}",
        differing.join(", ")
    )]
    ServersDiffer {
        /// The cluster.
        cluster: String,
        /// Each of them, with what its tag says.
        differing: Vec<String>,
    },
    /// The cluster has a leader.
    #[error(
        "the cluster has a leader, {leader}{}, so there is nothing to reform",
        told_by.as_ref().map(|name| format!(" (according to {name})")).unwrap_or_default()
    )]
    HasLeader {
        /// The daemon.
        daemon: Daemon,
        /// The leader's address.
        leader: String,
        /// The other server that reported it; `None` if it was this one.
        told_by: Option<String>,
    },
    /// EC2 did not list the other servers.
    #[error("cannot ask EC2 for the other {} servers, which may have a leader", daemon.name())]
    NotListed {
        /// The daemon.
        daemon: Daemon,
        /// Why.
        source: AwsError,
    },
    /// Other servers run, but do not answer whether they have a leader.
    #[error("{}", silent.join("; "))]
    OthersSilent {
        /// The daemon.
        daemon: Daemon,
        /// Each of them, with the reason.
        silent: Vec<String>,
    },
    /// This server has Raft data with peers, so the cluster may come back.
    #[error("this server has the Raft data of the cluster of {}, so that cluster is not lost yet", peers.join(", "))]
    HasData {
        /// The daemon.
        daemon: Daemon,
        /// The addresses of its voters.
        peers: Vec<String>,
    },
    /// The agent does not run, and its data may be the last of the cluster.
    #[error("this server has Raft data, and {} does not report of which cluster, so that cluster is not lost yet", daemon.unit())]
    Silent {
        /// The daemon.
        daemon: Daemon,
    },
    /// The parameter still says that the cluster has formed, and this server has no data.
    #[error(
        "{parameter} still says that the cluster has formed, so this server, which has no data, may only join"
    )]
    StillFormed {
        /// The parameter.
        parameter: String,
        /// The region.
        region: String,
    },
    /// The local part is done, but the parameter could not be set.
    #[error("this server may form a new cluster, but cannot set {parameter} to `no`")]
    NotSet {
        /// The parameter.
        parameter: String,
        /// The region.
        region: String,
        /// Why.
        source: AwsError,
    },
}

topics! {
    UNANSWERED: "quorum-parameter-unread",
        "the node is configured and its daemons start; the next `apply` asks again, and cos-agent.service runs it by itself. \
         `aws ssm get-parameter --name {parameter}` shows the parameter; a site without a parameter store sets \
         `[quorum] guard = \"off\"`";
    SERVERS_DIFFER: "servers-tag-differs",
        "give all servers of the cluster the same `cos:servers`, in the launch template and on the instances (`aws ec2 \
         create-tags`), or terminate those that do not belong to it: this server would form a cluster of its own at once. The \
         next run reads the tags again";
    NOT_LISTED_DENIED: "reform-servers-denied",
        "nothing was changed. Allow `ec2:DescribeInstances` in the policy of the instance role. If you know that all other \
         servers are lost, run this again with `--assume-lost`";
    NOT_LISTED: "reform-servers-unknown",
        "nothing was changed. Run this again when EC2 answers. If you know that all other servers are lost, add \
         `--assume-lost`";
    OTHERS_SILENT: "reform-servers-silent",
        "nothing was changed. Check {unit} there (`systemctl status {daemon}`), or terminate instances that are lost. If you \
         know that no other server has a leader, run this again with `--assume-lost`";
    HAS_LEADER: "reform-with-leader",
        "nothing was changed. If this server does not join, look at `journalctl -u {unit}`; `reform` is for clusters that are \
         lost";
    HAS_DATA: "reform-with-data",
        "nothing was changed. Start the other servers; if most of them are gone, recover with {raft}/peers.json (HashiCorp's \
         \"outage recovery\"). To give up the data anyway: stop {unit}, move {data} away, and run this again";
    SILENT: "reform-agent-stopped",
        "nothing was changed. Start {unit} first, or move {data} away, and run this again";
    STILL_FORMED: "quorum-parameter-formed",
        "`aws ssm put-parameter --name {parameter} --value no --overwrite --region {region}`, then run this again";
    NOT_SET: "quorum-parameter-unset",
        "`aws ssm put-parameter --name {parameter} --value no --overwrite --region {region}`, or allow the instance role \
         `ssm:GetParameter` and `ssm:PutParameter` for it and run this again";
}

impl GuardError {
    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::File(error) => error.exit_code(),
            Self::Unanswered { .. }
            | Self::HasLeader { .. }
            | Self::OthersSilent { .. }
            | Self::HasData { .. }
            | Self::Silent { .. }
            | Self::StillFormed { .. } => ExitCode::NotYet,
            Self::ServersDiffer { .. } => ExitCode::Data,
            Self::NotListed { source, .. } | Self::NotSet { source, .. } => source.exit_code(),
        }
    }
}

impl Hint for GuardError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::File(_) => return None,
            Self::Unanswered { parameter, .. } => UNANSWERED.with(&[("parameter", parameter)]),
            Self::ServersDiffer { .. } => SERVERS_DIFFER.plain(),
            // This advice replaces that of the AWS error, which does not name the alternative.
            Self::NotListed { source: AwsError::Denied { .. }, .. } => {
                NOT_LISTED_DENIED.plain().conclusive()
            }
            Self::NotListed { .. } => NOT_LISTED.plain().conclusive(),
            Self::OthersSilent { daemon, .. } => {
                OTHERS_SILENT.with(&[("unit", &daemon.unit()), ("daemon", &daemon.name())])
            }
            Self::HasLeader { daemon, .. } => HAS_LEADER.with(&[("unit", &daemon.unit())]),
            Self::HasData { daemon, .. } => HAS_DATA.with(&[
                ("raft", &daemon.server_data()),
                ("unit", &daemon.unit()),
                ("data", &daemon.data()),
            ]),
            Self::Silent { daemon } => {
                SILENT.with(&[("unit", &daemon.unit()), ("data", &daemon.data())])
            }
            Self::StillFormed { parameter, region } => {
                STILL_FORMED.with(&[("parameter", parameter), ("region", region)])
            }
            Self::NotSet { parameter, region, .. } => {
                NOT_SET.with(&[("parameter", parameter), ("region", region)]).conclusive()
            }
        })
    }
}

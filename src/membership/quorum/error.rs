//! Why the quorum guard does not let a server go on, with the exit code and the way out of each.

use crate::exit::ExitCode;
use crate::state::Daemon;
use crate::system::aws::AwsError;
use crate::system::root::FileError;

/// Why the quorum guard does not let a server go on.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The data could not be looked at.
    #[error("the data cannot be looked at")]
    File(#[from] FileError),
    /// The node is configured and started, but its server only joins until somebody answers.
    #[error("{parameter} could not be read, so this server only joins: {why}")]
    Unanswered {
        /// The parameter.
        parameter: String,
        /// What was in the way.
        why: String,
    },
    /// A server that would found a cluster alone is one of several by the tags of the others.
    #[error(
        "`cos:servers` is `1` here, and of the other running servers of {cluster} {}",
        differing.join(", ")
    )]
    ServersDiffer {
        /// The cluster.
        cluster: String,
        /// Each of them, with what its tag says.
        differing: Vec<String>,
    },
    /// The cluster lives.
    #[error(
        "the cluster has a leader, {leader}{}: there is nothing to reform",
        told_by.as_ref().map(|name| format!(", says {name}")).unwrap_or_default()
    )]
    HasLeader {
        /// The daemon.
        daemon: Daemon,
        /// The leader's address.
        leader: String,
        /// The other server that says so; this one where there is none.
        told_by: Option<String>,
    },
    /// Nobody knows whether there are other servers.
    #[error("cannot ask EC2 for the other servers of {}, which may have a leader", daemon.name())]
    NotListed {
        /// The daemon.
        daemon: Daemon,
        /// Why.
        source: AwsError,
    },
    /// Other servers run, and do not say whether they have a leader.
    #[error("{}", silent.join("; "))]
    OthersSilent {
        /// The daemon.
        daemon: Daemon,
        /// Each of them, with what was in the way.
        silent: Vec<String>,
    },
    /// The cluster may come back.
    #[error("this server holds the Raft data of a cluster of {}: nothing is lost yet", peers.join(", "))]
    HasData {
        /// The daemon.
        daemon: Daemon,
        /// The addresses of its voters.
        peers: Vec<String>,
    },
    /// The agent does not run, and what it holds may be all that is left.
    #[error("this server holds Raft data, and {} does not say of which cluster: nothing is lost yet", daemon.unit())]
    Silent {
        /// The daemon.
        daemon: Daemon,
    },
    /// The parameter was not set, and this server, which is empty, still reads it.
    #[error(
        "{parameter} still says that the cluster has formed, so this server, which has no data, can only join"
    )]
    StillFormed {
        /// The parameter.
        parameter: String,
        /// The region.
        region: String,
    },
    /// The local part is done, the parameter could not be set.
    #[error("this server may form a cluster again, but {parameter} could not be set to `no`")]
    NotSet {
        /// The parameter.
        parameter: String,
        /// The region.
        region: String,
        /// Why.
        source: AwsError,
    },
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

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Unanswered { parameter, .. } => format!(
                "the node is configured and its daemons start; the next `apply` asks again, and cos-agent.service starts it by itself. \
                 `aws ssm get-parameter --name {parameter}` shows what the store says; a site without a parameter store sets \
                 `[quorum] guard = \"off\"`"
            ),
            Self::ServersDiffer { .. } => {
                "this server would found a cluster of its own at once. Give all servers of the cluster the same `cos:servers`, \
                 in the launch template and on the instances (`aws ec2 create-tags`), or terminate those that do not belong to it; \
                 the next run reads the tags again"
                    .to_owned()
            }
            Self::NotListed { source, .. } => format!(
                "nothing was changed. {}. If you know that all other servers are lost, say so with `--assume-lost`",
                if matches!(source, AwsError::Denied { .. }) {
                    "Allow the instance role `ec2:DescribeInstances`"
                } else {
                    "Run this again when EC2 answers"
                }
            ),
            Self::OthersSilent { daemon, .. } => format!(
                "nothing was changed. Look at {} there (`systemctl status {}`), or terminate instances that are lost. If you know \
                 that no other server has a leader, say so with `--assume-lost`",
                daemon.unit(),
                daemon.name()
            ),
            Self::HasLeader { daemon, .. } => format!(
                "nothing was changed. A server that does not join is a matter for `journalctl -u {}`, not for reform",
                daemon.unit()
            ),
            Self::HasData { daemon, .. } => format!(
                "nothing was changed. Start the other servers; if most of them are gone, recover with {}/peers.json \
                 (HashiCorp's \"outage recovery\"). To give the data up all the same: stop {}, move {} away, and run this again",
                daemon.server_data(),
                daemon.unit(),
                daemon.data()
            ),
            Self::Silent { daemon } => format!(
                "nothing was changed. Start {} first, or move {} away, and run this again",
                daemon.unit(),
                daemon.data()
            ),
            Self::StillFormed { parameter, region } => {
                format!("{}, then run this again", by_hand(parameter, region))
            }
            Self::NotSet { parameter, region, .. } => format!(
                "{}, or allow the instance role `ssm:GetParameter` and `ssm:PutParameter` for it and run this again",
                by_hand(parameter, region)
            ),
        })
    }
}

/// The same from anywhere.
fn by_hand(parameter: &str, region: &str) -> String {
    format!("`aws ssm put-parameter --name {parameter} --value no --overwrite --region {region}`")
}

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
    /// The parameter store is throttled or broken.
    #[error(
        "{parameter} could not be read, and whether the cluster has formed is nothing to guess"
    )]
    Busy {
        /// The parameter.
        parameter: String,
        /// What it said.
        source: AwsError,
    },
    /// The cluster lives.
    #[error("the cluster has a leader, {leader}: there is nothing to reform")]
    HasLeader {
        /// The daemon.
        daemon: Daemon,
        /// The leader's address.
        leader: String,
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
            Self::Busy { .. }
            | Self::HasLeader { .. }
            | Self::HasData { .. }
            | Self::Silent { .. }
            | Self::StillFormed { .. } => ExitCode::NotYet,
            Self::NotSet { source: AwsError::Denied { .. }, .. } => ExitCode::Denied,
            Self::NotSet { .. } => ExitCode::Unavailable,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Busy { parameter, .. } => format!(
                "nothing was changed, and the next run asks again; if it lasts, look at `aws ssm get-parameter --name {parameter}` \
                 and at the throttling of the account's GetParameter"
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

//! `/run/cos-agent/status.json`: who this node is and in which state. Four units write it, each its own fields:
//! `apply` what it did to the node, `ready` when the node joined, `watch` what is wrong with its membership, `diagnose` the cause.

use super::diagnosis::Diagnosis;
use super::{STATUS, StateFile};
use crate::exit::ExitCode;
use crate::role::Role;
use crate::state::Daemon;
use crate::system::environment;
use crate::system::root::{FileError, Root};
use crate::text::secret::masked;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The version of its format.
pub const SCHEMA: &str = "cos-agent/status-record/1";
/// Where it is kept.
pub static FILE: StateFile<Status> = StateFile::of(&STATUS);
/// How much of a report is kept, in characters.
const REPORT: usize = 4000;

/// How the last `apply` ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No `apply` has finished in this boot.
    #[default]
    Unknown,
    /// The node is configured as its tags say.
    Applied,
    /// The node is configured with the last good facts, those of an earlier boot.
    Degraded,
    /// It failed; `problem` says why.
    Failed,
}

/// Who the node is, as far as its membership needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The instance id, which is its name in Consul and Nomad.
    pub instance: String,
    /// The cluster.
    pub cluster: String,
    /// The role.
    pub role: Role,
    /// Nomad's datacenter; `None` if the node does not run Nomad.
    pub nomad_datacenter: Option<String>,
    /// How many servers of its own kind form the cluster; `None` if the node is not a server.
    pub servers: Option<u8>,
    /// The private address.
    pub address: Ipv4Addr,
    /// The availability zone.
    pub zone: String,
    /// Consul's datacenter; `None` in the status of an earlier agent.
    #[serde(default)]
    pub consul_datacenter: Option<String>,
    /// Nomad's region; `None` in the status of an earlier agent.
    #[serde(default)]
    pub nomad_region: Option<String>,
}

/// A failure, in the words and with the code of the command that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// The error, its causes and the hint.
    pub report: String,
    /// When, by RFC 3339.
    pub at: String,
}

/// What the watch sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// What is wrong with the membership, a sentence each.
    pub problems: Vec<String>,
    /// What is worth knowing but is not a problem.
    pub notes: Vec<String>,
    /// Since when there are problems, by RFC 3339; `None` if there are none.
    #[serde(default)]
    pub since: Option<String>,
    /// The last join that the watch made, and when.
    pub last_join: Option<String>,
}

/// The state of this node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// How the last `apply` ended.
    pub state: State,
    /// Who the node is, once its tags are known.
    pub node: Option<Identity>,
    /// Why the watch makes Consul join; `None` if Consul finds its servers by itself.
    pub watch_joins: Option<String>,
    /// Why it is degraded.
    pub reason: Option<String>,
    /// Notes of the last `apply`.
    pub notes: Vec<String>,
    /// When an `apply` last changed something, by RFC 3339.
    pub applied: Option<String>,
    /// How many changes and actions that were.
    pub changes: usize,
    /// Why the last `apply` failed.
    pub problem: Option<Failure>,
    /// When all gates were open for the first time in this boot.
    pub joined: Option<String>,
    /// What became of the launch hook.
    pub launch_hook: Option<String>,
    /// What the watch sees.
    pub watch: Watch,
    /// What the last diagnosis found.
    pub diagnosis: Option<Diagnosis>,
}

impl Identity {
    /// The daemon in whose quorum it votes.
    pub fn quorum(&self) -> Option<Daemon> {
        self.role.quorum()
    }

    /// How many Consul servers form the cluster; `None` if this node is not one.
    pub fn consul_servers(&self) -> Option<u8> {
        self.servers.filter(|_| self.quorum() == Some(Daemon::Consul))
    }

    /// How many Nomad servers form the cluster; `None` if this node is not one.
    pub fn nomad_servers(&self) -> Option<u8> {
        self.servers.filter(|_| self.quorum() == Some(Daemon::Nomad))
    }
}

impl Status {
    /// For how long the watch has seen problems; what was before the node joined does not count. `None` if there are none, or
    /// if nothing says since when.
    pub fn troubled(&self) -> Option<Duration> {
        let troubled = environment::since(self.watch.since.as_deref()?)?;
        let joined = self.joined.as_deref().and_then(environment::since);
        Some(joined.map_or(troubled, |joined| troubled.min(joined)))
    }
}

impl Failure {
    /// The failure of a command, with its report masked and cut.
    pub fn of(code: ExitCode, report: &str) -> Self {
        // Masked before it is cut, because the part that is cut off may identify a secret.
        let report: String = masked(report).chars().take(REPORT).collect();
        Self { code: code as u8, report, at: environment::rfc3339_now() }
    }
}

impl Failure {
    /// Whether another failure is the same: equal code and words, except for times and counts.
    pub fn is_like(&self, other: &Self) -> bool {
        let words = |report: &str| report.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        self.code == other.code && words(&self.report) == words(&other.report)
    }
}

/// The status; the default, which says nothing, if there is none or it cannot be used.
pub fn load(root: &Root) -> Status {
    FILE.known(root).unwrap_or_default()
}

/// Changes the status. An unchanged status is neither locked nor saved.
pub async fn update(root: &Root, change: impl Fn(&mut Status)) -> Result<(), FileError> {
    let is_same = |status: &Status| {
        let mut changed = status.clone();
        change(&mut changed);
        changed == *status
    };
    if FILE.known(root).as_ref().is_some_and(is_same) {
        return Ok(());
    }
    let _lock = super::lock(root).await?;
    let mut status = load(root);
    change(&mut status);
    FILE.save(root, &status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_writer_keeps_the_fields_of_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        assert_eq!(load(&root), Status::default(), "no status says nothing");
        update(&root, |status| status.state = State::Applied).await.unwrap();
        update(&root, |status| status.watch.problems.push("Consul hangs".to_owned()))
            .await
            .unwrap();
        update(&root, |status| status.joined = Some("now".to_owned())).await.unwrap();
        let status = load(&root);
        assert_eq!(status.state, State::Applied);
        assert_eq!(status.watch.problems, ["Consul hangs"]);
        assert_eq!(status.joined.as_deref(), Some("now"));
    }

    #[test]
    fn a_failure_quotes_no_values_and_is_short() {
        let report = "error: x\n  got unconvertible type 'string', value: 'hush'\n  and value: 'hush2', more";
        let failure = Failure::of(ExitCode::Config, report);
        assert!(
            !failure.report.contains("hush") && failure.report.ends_with("', more"),
            "{failure:?}"
        );
        assert_eq!(Failure::of(ExitCode::Config, &"x".repeat(100_000)).report.len(), REPORT);
    }

    #[tokio::test]
    async fn a_broken_status_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        for broken in
            ["", "{", "[]", "{\"schema\":\"cos-agent/status-record/9\"}", "{\"schema\":1}"]
        {
            root.write(STATUS.path, broken.as_bytes(), 0o644).unwrap();
            assert_eq!(load(&root), Status::default(), "{broken:?}");
            update(&root, |status| status.state = State::Failed).await.unwrap();
            assert_eq!(load(&root).state, State::Failed, "{broken:?}");
        }
    }
}

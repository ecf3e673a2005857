//! What is wrong with a command line, or with a file that it names.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::facts::{FREEZE, SCHEMA};
use std::path::PathBuf;

/// Why a command cannot run as it was typed.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file that the command line names is missing.
    #[error("{} does not exist", file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
        /// What the file should hold.
        expected: Given,
    },
    /// A file that should hold facts and does not.
    #[error("expected facts in {}: {problem}", file.display())]
    NotFacts {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        problem: String,
    },
    /// Facts with another schema.
    #[error("expected facts of the form {SCHEMA:?} in {}, found {schema:?}", file.display())]
    OtherSchema {
        /// The file.
        file: PathBuf,
        /// The schema found.
        schema: String,
    },
    /// A file for `simulate --instance` that does not describe an instance.
    #[error("expected an instance in {}: {problem}", file.display())]
    NotAnInstance {
        /// The file.
        file: PathBuf,
        /// What the parser says.
        problem: String,
    },
    /// `simulate` in a directory whose agent is frozen.
    #[error("the agent is frozen in this root directory")]
    FrozenRoot,
    /// `reform` without a terminal and without `--yes`.
    #[error("stdin is not a terminal, so `reform` cannot ask for confirmation")]
    NoTerminal,
    /// `reform` on a node that is not a server of this daemon.
    #[error("{node}, not a {daemon}-server")]
    NotAServer {
        /// The node, as a sentence.
        node: String,
        /// `consul` or `nomad`.
        daemon: &'static str,
    },
    /// The name that was typed is not the name of the cluster.
    #[error("`{typed}` is not the name of the cluster")]
    NotConfirmed {
        /// What was typed.
        typed: String,
    },
    /// A fault that `simulate` does not know.
    #[error("{0}")]
    Fault(String),
    /// Options of `simulate` for one node, without the role of that node.
    #[error("--datacenter and --tag need a role")]
    NoRole,
    /// A tag without `=`.
    #[error("expected --tag KEY=VALUE, found --tag {0}")]
    NotATag(String),
    /// An id or group that neither a check nor a hint has.
    #[error("unknown check `{id}`{}", near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
    UnknownId {
        /// The id that was typed.
        id: String,
        /// The nearest id.
        near: Option<String>,
    },
    /// `doctor --bundle` with a file that exists.
    #[error("cannot write {}: the file exists", file.display())]
    FileExists {
        /// The file.
        file: PathBuf,
    },
    /// `doctor --bundle` with a file in a directory that does not exist.
    #[error("cannot write {}: {} is not a directory", file.display(), directory.display())]
    NoDirectory {
        /// The file.
        file: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// `doctor --bundle -` on a terminal.
    #[error("a bundle is binary, and stdout is a terminal")]
    BinaryToTerminal,
    /// `env` without `--from` on a machine that is not a node.
    #[error("{} does not exist", file.display())]
    NotANode {
        /// The file that `apply` writes on a node.
        file: PathBuf,
    },
    /// A file or directory of `env --ca-cert` that the CLIs would refuse.
    #[error("expected certificates in {}: {problem}", file.display())]
    NotCertificates {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// `simulate --serve` without an instance to serve.
    #[error("--serve needs a role or --instance")]
    NothingToServe,
}

/// What a file on the command line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// Facts that `cos-agent facts -o json` printed.
    Facts,
    /// Settings of the agent.
    Settings,
    /// User data, or an instance of `simulate`.
    Simulated,
    /// Certificates for the CLIs of Consul and Nomad.
    Certificates,
}

topics! {
    FACTS: "facts-file", "save facts on a node with `cos-agent facts -o json`";
    SETTINGS: "settings-file", "name a file that exists, or none to check the files of this node";
    FILE: "input-file", "name a file that exists";
    INSTANCE: "instance-file", "describe the instance as {\"id\": \"i-…\", \"tags\": {…}}";
    FROZEN_ROOT: "frozen-root", "remove {file} there";
    YES: "confirmation-without-terminal", "add --yes where a script has made the decision";
    ON_A_SERVER: "reform-on-another-node", "run `cos-agent reform {daemon}` on each {daemon}-server";
    NOT_CONFIRMED: "confirmation-wrong", "nothing was changed; run it again and type the name exactly";
    FAULTS: "simulate-fault", "see the faults in `cos-agent simulate --help`";
    ROLE: "simulate-role", "name the role: `cos-agent simulate nomad-client --datacenter backoffice`";
    TAG: "simulate-tag", "give `--tag KEY=VALUE`, or `--tag KEY=` to remove a tag";
    IDS: "unknown-id", "run `cos-agent explain`, which lists all ids; `cos-agent doctor` shows the groups";
    ANOTHER_FILE: "bundle-file-exists", "name another file, or remove this one";
    DIRECTORY: "bundle-directory-missing", "create it with `mkdir -p {directory}`, or name a file in another directory";
    TO_A_FILE: "bundle-to-terminal", "name a file: `cos-agent doctor --bundle cos-bundle.tar.gz`";
    NOT_A_NODE: "env-not-a-node",
        "on a node, run `cos-agent apply` first; elsewhere name the load balancer of the UIs: `cos-agent env --from https://NAME`";
    CERTIFICATES: "env-ca-cert",
        "give the certificate of the authority, or the self-signed certificate itself, as PEM; never the private key. \
         `openssl s_client -connect NAME:4646 -showcerts </dev/null` shows what the load balancer sends";
    SERVE: "simulate-serve", "name the role: `cos-agent simulate consul-server --serve 127.0.0.1:1338`";
}

impl InputError {
    /// The exit code of this failure: [`ExitCode::Usage`] for a command line, [`ExitCode::Data`] for the contents of a file.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotFacts { .. }
            | Self::OtherSchema { .. }
            | Self::NotAnInstance { .. }
            | Self::NotCertificates { .. } => ExitCode::Data,
            Self::FrozenRoot => ExitCode::NotYet,
            Self::NoFile { .. }
            | Self::NoTerminal
            | Self::NotAServer { .. }
            | Self::NotConfirmed { .. }
            | Self::Fault(_)
            | Self::NoRole
            | Self::NotATag(_)
            | Self::UnknownId { .. }
            | Self::FileExists { .. }
            | Self::NoDirectory { .. }
            | Self::BinaryToTerminal
            | Self::NotANode { .. }
            | Self::NothingToServe => ExitCode::Usage,
        }
    }
}

impl Hint for InputError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::NotFacts { .. }
            | Self::OtherSchema { .. }
            | Self::NoFile { expected: Given::Facts, .. } => FACTS.plain(),
            Self::NoFile { expected: Given::Settings, .. } => SETTINGS.plain(),
            Self::NoFile { expected: Given::Simulated, .. } => FILE.plain(),
            Self::NotAnInstance { .. } => INSTANCE.plain(),
            Self::FrozenRoot => FROZEN_ROOT.with(&[("file", &FREEZE)]),
            Self::NoTerminal => YES.plain(),
            Self::NotAServer { daemon, .. } => ON_A_SERVER.with(&[("daemon", daemon)]),
            Self::NotConfirmed { .. } => NOT_CONFIRMED.plain(),
            Self::Fault(_) => FAULTS.plain(),
            Self::NoRole => ROLE.plain(),
            Self::NotATag(_) => TAG.plain(),
            Self::UnknownId { .. } => IDS.plain(),
            Self::FileExists { .. } => ANOTHER_FILE.plain(),
            Self::NoDirectory { directory, .. } => {
                DIRECTORY.with(&[("directory", &directory.display())])
            }
            Self::BinaryToTerminal => TO_A_FILE.plain(),
            Self::NotANode { .. } => NOT_A_NODE.plain(),
            Self::NotCertificates { .. } | Self::NoFile { expected: Given::Certificates, .. } => {
                CERTIFICATES.plain()
            }
            Self::NothingToServe => SERVE.plain(),
        })
    }
}

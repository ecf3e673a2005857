//! Why the metadata service gave no answer, with the exit code and the hint of each failure.

use crate::exit::ExitCode;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use std::time::Duration;

/// Why the metadata service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ImdsError {
    /// 403: `HttpEndpoint=disabled`, or a firewall of the instance.
    #[error("the metadata service at {endpoint} answered 403: it is disabled for this instance")]
    Disabled {
        /// The endpoint asked.
        endpoint: String,
    },
    /// The token path does not exist: no IMDSv2 is at this address.
    #[error("no IMDSv2 at {endpoint}: PUT /latest/api/token answered {status}")]
    NoTokens {
        /// The endpoint asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// A status that the service does not document.
    #[error("`{path}` answered {status}, expected 200 or 404")]
    Status {
        /// The path below `/latest/`.
        path: String,
        /// The status.
        status: u16,
    },
    /// The deadline passed.
    #[error("no answer for `{path}` from {endpoint} after {attempts} attempts in {:.1} s; last failure: {last}", elapsed.as_secs_f64())]
    Deadline {
        /// The path below `/latest/`.
        path: String,
        /// The endpoint asked.
        endpoint: String,
        /// How often it was tried.
        attempts: u32,
        /// How long it was tried.
        elapsed: Duration,
        /// What went wrong the last time.
        last: LastFailure,
        /// Whether the service answered at all, although throttled, broken or late.
        answered: bool,
    },
    /// A 200 whose body is not a value of this service.
    #[error("`{path}` answered 200 with {problem}")]
    Body {
        /// The path below `/latest/`.
        path: String,
        /// What is wrong with the body.
        problem: BodyProblem,
    },
    /// The HTTP client could not be created.
    #[error("cannot create the HTTP client for the metadata service")]
    Client(#[source] reqwest::Error),
}

/// Why the last attempt before the deadline failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LastFailure {
    /// The service did not answer within the limit of one attempt.
    #[error("timed out")]
    TimedOut,
    /// The network is not up yet.
    #[error("no route yet")]
    NoRoute,
    /// The connection failed, in the system's words.
    #[error("{0}")]
    Connection(String),
    /// The service answered that another attempt may help.
    #[error("status {0}")]
    Status(u16),
    /// 401 although the token was new.
    #[error("status 401 for a fresh token")]
    TokenRefused,
    /// 401 for the request of a token.
    #[error("status 401 for the token request")]
    TokenDenied,
    /// A token that is not valid in a header.
    #[error("the token is not ASCII text")]
    TokenUnusable,
    /// The connection ended before the answer did.
    #[error("the answer was cut off")]
    CutOff,
}

topics! {
    DISABLED: "metadata-disabled",
        "set `metadata_options { http_endpoint = \"enabled\" }` in the launch template (for a running instance: `aws ec2 \
         modify-instance-metadata-options --instance-id ID --http-endpoint enabled`), and look for a firewall on the instance";
    WITHOUT_TOKENS: "metadata-without-tokens",
        "the address answers but is not the EC2 metadata service: unset AWS_EC2_METADATA_SERVICE_ENDPOINT; on a machine that \
         is not an EC2 instance, try `cos-agent simulate`";
    SILENT: "metadata-silent",
        "the address accepts connections but does not answer: in a container, raise `http_put_response_hop_limit` to 2; \
         otherwise check linklocal_allowance_exceeded in `ethtool -S`";
    BUSY: "metadata-busy",
        "the service throttles or is not ready, and the agent tries again by itself; if it lasts, look for a program on this \
         instance that queries the metadata without a pause";
    UNREACHABLE: "metadata-unreachable",
        "check the network (`ip address; ip route get 169.254.169.254`); on a machine that is not an EC2 instance, try \
         `cos-agent simulate`";
    /// For answers that EC2 never gives.
    FOREIGN: "metadata-foreign",
        "look for a proxy or a redirect of port 80: something other than the EC2 metadata service answers at this address";
    /// For failures that only a bug in this program can cause.
    BUG: "agent-bug", "this is a bug in cos-agent: report it with this error and the output of `cos-agent version`";
}

impl ImdsError {
    /// The error for a body that is not a value of this service.
    pub(super) fn body(path: &str, problem: BodyProblem) -> Self {
        Self::Body { path: path.to_owned(), problem }
    }

    /// The exit code of this failure.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Body { .. } => ExitCode::Data,
            Self::Client(_) => ExitCode::Bug,
            Self::Disabled { .. }
            | Self::NoTokens { .. }
            | Self::Status { .. }
            | Self::Deadline { .. } => ExitCode::Unavailable,
        }
    }

    /// The failure without times and counts, so that the same problem always has the same words.
    pub fn trouble(&self) -> String {
        match self {
            Self::Deadline { path, endpoint, last, .. } => {
                format!("no answer for `{path}` from {endpoint}: {last}")
            }
            Self::Client(error) => format!("{self}: {error}"),
            _ => self.to_string(),
        }
    }
}

impl Hint for ImdsError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        let topic = match self {
            Self::Disabled { .. } => DISABLED,
            Self::NoTokens { .. } => WITHOUT_TOKENS,
            Self::Deadline { last, .. } => match last {
                LastFailure::TimedOut => SILENT,
                LastFailure::Status(_) | LastFailure::TokenRefused | LastFailure::TokenDenied => {
                    BUSY
                }
                LastFailure::NoRoute
                | LastFailure::Connection(_)
                | LastFailure::TokenUnusable
                | LastFailure::CutOff => UNREACHABLE,
            },
            Self::Status { .. } | Self::Body { .. } => FOREIGN,
            Self::Client(_) => BUG,
        };
        Some(topic.plain())
    }
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyProblem {
    /// Zero bytes, or only white space.
    #[error("an empty body")]
    Empty,
    /// Bytes that are not UTF-8 text.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// A web page, as a proxy or captive portal sends it.
    #[error("an HTML page, which is never a metadata value")]
    Html,
    /// More bytes than any value has.
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

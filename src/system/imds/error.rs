//! Every way in which the metadata service gives no answer.

use crate::exit::ExitCode;
use std::time::Duration;

/// Why the metadata service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ImdsError {
    /// 403: `HttpEndpoint=disabled`, or a firewall of the instance.
    #[error("the metadata service at {endpoint} answers 403: it is switched off for this instance")]
    Disabled {
        /// The endpoint asked.
        endpoint: String,
    },
    /// The token path does not exist: no IMDSv2 is at this address.
    #[error("no IMDSv2 at {endpoint}: PUT /latest/api/token answers {status}")]
    NoTokens {
        /// The endpoint asked.
        endpoint: String,
        /// The status.
        status: u16,
    },
    /// A status that the service does not document.
    #[error("`{path}` answers {status}, expected 200 or 404")]
    Status {
        /// The path below `/latest/`.
        path: String,
        /// The status.
        status: u16,
    },
    /// The deadline passed.
    #[error("`{path}` had no answer from {endpoint} after {attempts} attempts in {:.1} s; the last: {last}", elapsed.as_secs_f64())]
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
        last: String,
        /// Whether somebody was there, only throttled, broken or late.
        answered: bool,
    },
    /// 200, but no value of this service.
    #[error("`{path}` answers 200 with {problem}")]
    Body {
        /// The path below `/latest/`.
        path: String,
        /// What is wrong with the body.
        problem: BodyProblem,
    },
    /// The HTTP client could not be made.
    #[error("cannot make the HTTP client for metadata")]
    Client(#[source] reqwest::Error),
}

impl ImdsError {
    /// The exit code of every command that this failure ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Body { .. } => ExitCode::Data,
            Self::Disabled { .. }
            | Self::NoTokens { .. }
            | Self::Status { .. }
            | Self::Deadline { .. }
            | Self::Client(_) => ExitCode::Unavailable,
        }
    }

    /// A body that is no value of this service.
    pub(super) fn body(path: &str, problem: BodyProblem) -> Self {
        Self::Body { path: path.to_owned(), problem }
    }

    /// What is in the way, without times and numbers: the same words for the same trouble.
    pub fn trouble(&self) -> String {
        match self {
            Self::Deadline { path, endpoint, last, .. } => {
                format!("`{path}` has no answer from {endpoint}: {last}")
            }
            Self::Client(error) => format!("{self}: {error}"),
            _ => self.to_string(),
        }
    }
}

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyProblem {
    /// Zero bytes, or only white space.
    #[error("an empty body")]
    Empty,
    /// Bytes that are no text.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// A web page: a proxy or captive portal stands in the way.
    #[error("an HTML page, which no metadata value is")]
    Html,
    /// More than any value has.
    #[error("more than {0} bytes")]
    TooLarge(usize),
}

//! Why AWS gave no answer, and the words for it.

use super::{CREDENTIALS, refusal};
use crate::exit::ExitCode;
use crate::system::imds::ImdsError;
use std::time::Duration;

/// Why AWS gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The instance has no role, or its credentials never came.
    #[error("the instance metadata holds no role credentials (`{0}` answers 404)")]
    NoCredentials(&'static str),
    /// The instance has a role, but its credentials did not come in time.
    #[error(
        "the credentials of the role {role} are not available yet (`{CREDENTIALS}{role}` answers 404)"
    )]
    LateCredentials {
        /// The role.
        role: String,
    },
    /// The role exists but hands out no credentials; EC2 says why.
    #[error("EC2 refuses credentials for the instance role: {code}: {message}")]
    BadCredentials {
        /// EC2's code, such as `AssumeRoleUnauthorizedAccess`.
        code: String,
        /// EC2's words.
        message: String,
    },
    /// The credentials could not be fetched.
    #[error("cannot fetch the role credentials")]
    Credentials(#[from] ImdsError),
    /// The role may not do this.
    #[error("{action} is denied: {code}: {message}")]
    Denied {
        /// The IAM action, such as `ec2:DescribeTags`.
        action: String,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// AWS refused the request for another reason.
    #[error("{action} failed with status {status}: {code}: {message}")]
    Rejected {
        /// The IAM action.
        action: String,
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// No answer by the deadline.
    #[error("no usable answer to {action} from {url} after {attempts} attempts in {:.1} s; last failure: {last}", elapsed.as_secs_f64())]
    Unreachable {
        /// The IAM action.
        action: String,
        /// The endpoint.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// How long it was tried.
        elapsed: Duration,
        /// What went wrong the last time.
        last: String,
        /// Whether AWS was reached, although it throttled or failed.
        answered: bool,
    },
    /// An answer that is not what the API documents.
    #[error("{action}: the answer is not what the API documents: {problem}")]
    Malformed {
        /// The IAM action.
        action: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The request could not be made or signed.
    #[error("cannot create the request: {0}")]
    Request(String),
}

impl AwsError {
    /// The exit code of every command that this failure ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            // A role that exists gets its credentials soon, so the next run can succeed without a change.
            Self::LateCredentials { .. } => ExitCode::NotYet,
            Self::NoCredentials(_) | Self::BadCredentials { .. } => ExitCode::Data,
            Self::Credentials(error) => error.exit_code(),
            Self::Denied { .. } => ExitCode::Denied,
            Self::Rejected { .. }
            | Self::Unreachable { .. }
            | Self::Malformed { .. }
            | Self::Request(_) => ExitCode::Unavailable,
        }
    }

    /// Whether AWS was reached but throttled the call or failed.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Unreachable { answered: true, .. })
    }

    /// Whether AWS refused the signature or the credentials: they are seconds old, they are no longer valid, or the clock
    /// of this instance is wrong.
    pub fn is_about_the_caller(&self) -> bool {
        let Self::Unreachable { last, answered: true, .. } = self else { return false };
        last.rsplit(' ').next().is_some_and(refusal::is_about_the_caller)
    }

    /// What failed and what to do about it, without times and counts. The same problem always has the same words, so
    /// that a caller that retries for hours logs it once.
    pub fn trouble(&self) -> String {
        match self {
            Self::Denied { action, code, message } => {
                // EC2 adds a blob that differs each time.
                let message = message.split(" Encoded authorization failure message").next();
                let message = message.unwrap_or_default();
                format!(
                    "{action} is denied: {code}: {message}; allow `{action}` in the policy of the instance role"
                )
            }
            Self::Unreachable { action, url, last, answered: true, .. } => {
                format!("{url} gives no usable answer to {action}: {last}")
            }
            Self::Unreachable { action, url, last, .. } => {
                let service = action.split(':').next().unwrap_or_default();
                format!(
                    "{url} gives no usable answer to {action}: {last}; a subnet without internet needs the VPC endpoint `{service}`"
                )
            }
            Self::Credentials(error) => format!("{self}: {}", error.trouble()),
            _ => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_has_the_same_words() {
        let unreachable = |attempts, answered, last: &str| AwsError::Unreachable {
            action: "ec2:DescribeInstances".to_owned(),
            url: "https://ec2".to_owned(),
            attempts,
            elapsed: Duration::from_secs(u64::from(attempts)),
            last: last.to_owned(),
            answered,
        };
        let silent = unreachable(6, false, "timed out").trouble();
        assert_eq!(silent, unreachable(7, false, "timed out").trouble());
        assert!(
            silent.ends_with("timed out; a subnet without internet needs the VPC endpoint `ec2`")
        );
        let throttled = unreachable(6, true, "status 503 RequestLimitExceeded").trouble();
        assert!(throttled.ends_with("RequestLimitExceeded"), "{throttled}");
        for (last, expected) in [
            ("status 503 RequestLimitExceeded", false),
            ("status 400 RequestExpired", true),
            ("status 401 AuthFailure", true),
            ("timed out", false),
        ] {
            assert_eq!(unreachable(1, true, last).is_about_the_caller(), expected, "{last}");
        }
        let denied = |blob: &str| AwsError::Denied {
            action: "ec2:DescribeInstances".to_owned(),
            code: "UnauthorizedOperation".to_owned(),
            message: format!("You may not. Encoded authorization failure message: {blob}"),
        };
        assert_eq!(denied("a").trouble(), denied("b").trouble());
        assert!(denied("a").trouble().contains("UnauthorizedOperation: You may not.; allow `ec2:"));
    }
}

//! What to do when AWS gave no answer.

use super::AwsError;
use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::system::imds::BUG;

topics! {
    NO_ROLE: "role-missing", "attach an instance profile to this instance, and name it in the launch template";
    ROLE_LATE: "role-credentials-late",
        "wait a few minutes after a role was attached, then run this again; if it lasts, attach the instance profile again";
    ROLE_REFUSED: "role-refused", "check that the trust policy of the role allows ec2.amazonaws.com to assume it";
    ACTION_DENIED: "action-denied", "allow `{action}` in the policy of the instance role";
    ACTION_REJECTED: "action-rejected", "check the clock of this instance (`timedatectl`) and the policies of the account";
    AWS_BUSY: "aws-busy", "wait: AWS is there but throttles the account or has a failure; the next run tries again";
    AWS_UNREACHABLE: "aws-unreachable",
        "give the subnet a route to {url}; a subnet without internet needs the VPC endpoint `{service}`";
    AWS_FOREIGN: "aws-foreign", "look for a proxy between this instance and AWS that answers in the place of `{action}`";
}

impl Hint for AwsError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(match self {
            Self::NoCredentials(_) => NO_ROLE.plain(),
            Self::LateCredentials { .. } => ROLE_LATE.plain(),
            Self::BadCredentials { .. } => ROLE_REFUSED.plain(),
            // The error of the metadata service has its own hint.
            Self::Credentials(_) => return None,
            Self::Denied { action, .. } => ACTION_DENIED.with(&[("action", action)]),
            Self::Rejected { .. } => ACTION_REJECTED.plain(),
            Self::Unreachable { answered: true, .. } => AWS_BUSY.plain(),
            Self::Unreachable { url, action, .. } => {
                let service = action.split(':').next().unwrap_or_default();
                AWS_UNREACHABLE.with(&[("url", url), ("service", &service)])
            }
            Self::Malformed { action, .. } => AWS_FOREIGN.with(&[("action", action)]),
            Self::Request(_) => BUG.plain(),
        })
    }
}

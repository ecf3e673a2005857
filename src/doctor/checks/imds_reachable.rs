//! The metadata service gives a token and answers.

use crate::doctor::Check;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::imds::ImdsError;
use std::time::Duration;

topics! {
    LOOK: "metadata-look", "run `ip route get 169.254.169.254` and `iptables -S OUTPUT | grep 169.254`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "imds-reachable",
        title: "the metadata service of EC2 answers",
        group: Group::Metadata,
        roles: Role::ALL,
        needs: &[],
        explains: &["role-resolved", "tags-required", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "The metadata service at 169.254.169.254 gives a token (IMDSv2) and answers a request.",
            matters: "The tags in metadata say what the node is, and the credentials of its role come from there. A node that \
                      runs keeps running for a while, but it cannot join again, and registry logins end with the credentials.",
            look: &[
                "curl -sX PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'",
                "ip route get 169.254.169.254",
            ],
            fixes: &[TOPICS, ImdsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let metadata = machine.metadata.get().await;
            judge(&metadata.document, metadata.elapsed)
        })
    },
    changed: None,
};

fn judge(answer: &Result<Option<String>, ImdsError>, elapsed: Duration) -> Finding {
    match answer {
        Ok(_) => Finding::Pass(format!("IMDSv2 {} ms", elapsed.as_millis())),
        Err(error) => Finding::Fail(Problem::new(
            error.trouble(),
            "the metadata service answers",
            error.hint().unwrap_or_else(|| LOOK.plain()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_is_off_is_a_failure_with_the_hint_of_the_error() {
        assert!(judge(&Ok(None), Duration::from_millis(2)).passes());
        let off = ImdsError::Status { path: "x".to_owned(), status: 500 };
        let expected = off.hint();
        let Finding::Fail(problem) = judge(&Err(off), Duration::ZERO) else { panic!("it is off") };
        assert_eq!(Some(problem.hint), expected);
    }
}

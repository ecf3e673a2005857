//! On servers, answers of the metadata service reach the host and nothing behind it.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::aws::AwsError;
use crate::system::aws::ec2::Description;
use std::time::Duration;

topics! {
    TOO_FAR: "hop-limit-high",
        "run `aws ec2 modify-instance-metadata-options --instance-id {instance} --http-put-response-hop-limit 1`, and set \
         `http_put_response_hop_limit = 1` in the launch template of the servers";
    UNREAD: "hop-limit-unread", "run `cos-agent doctor --only imds-hop-limit` again";
}

/// The check. Containers of a client may need a limit of 2, so it concerns servers alone.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "imds-hop-limit",
        title: "the hop limit of metadata on servers is 1",
        group: Group::Metadata,
        roles: &[Role::ConsulServer, Role::NomadServer],
        needs: &["aws-autodiscovery"],
        explains: &[],
        impact: Impact::Risk,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "EC2 gives the answers of the metadata service a hop limit (HttpPutResponseHopLimit) of 1, so they do not \
                    leave the host.",
            matters: "With a limit of 2 or more, a container or a forwarded request can read the credentials of the instance \
                      role, which may write the parameter of the quorum guard.",
            look: &[
                "aws ec2 describe-instances --instance-ids INSTANCE --query 'Reservations[].Instances[].MetadataOptions'",
            ],
            fixes: &[TOPICS, AwsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-existing-instances.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let instance = machine.node.as_ref().map_or("INSTANCE", |node| &node.instance);
    judge(&*machine.aws.instance.get().await, instance)
}

fn judge(answer: &Result<Option<Description>, AwsError>, instance: &str) -> Finding {
    match answer {
        Ok(Some(Description { hop_limit: Some(limit @ 2..) })) => {
            let found = format!("the hop limit of the metadata service is {limit}");
            let hint = TOO_FAR.with(&[("instance", &instance)]);
            Finding::Warn(Problem::new(found, "a hop limit of 1 on servers", hint))
        }
        Ok(Some(Description { hop_limit: Some(limit) })) => {
            Finding::Pass(format!("hop limit {limit}"))
        }
        Ok(_) => Finding::Pass(String::new()),
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| UNREAD.plain());
            Finding::Unknown(Problem::new(error.trouble(), "the hop limit, from EC2", hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hops_are_a_warning_and_silence_is_none() {
        let of = |hop_limit| judge(&Ok(Some(Description { hop_limit })), "i-1");
        assert_eq!(of(Some(1)), Finding::Pass("hop limit 1".to_owned()));
        assert_eq!(of(None), Finding::Pass(String::new()));
        assert_eq!(judge(&Ok(None), "i-1"), Finding::Pass(String::new()));
        for limit in [2, 64] {
            let Finding::Warn(problem) = of(Some(limit)) else { panic!("{limit} hops") };
            assert!(problem.hint.text.contains("--instance-id i-1 "), "{}", problem.hint.text);
        }
        let busy = AwsError::NoCredentials("x");
        assert!(matches!(judge(&Err(busy), "i-1"), Finding::Unknown(_)));
    }
}

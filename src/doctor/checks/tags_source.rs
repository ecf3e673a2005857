//! The tags of the instance can be read.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::error::Error;
use crate::exit::hint::{Hint, topics};
use crate::facts::GatherError;
use crate::facts::tags::TagSource;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::imds::ImdsError;
use std::time::Duration;

topics! {
    OFF: "tags-off",
        "run `aws ec2 modify-instance-metadata-options --instance-id {instance} --instance-metadata-tags enabled`, and set \
         `instance_metadata_tags = \"enabled\"` in the launch template";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "tags-source",
        title: "the tags are in metadata",
        group: Group::Role,
        roles: Role::ALL,
        needs: &["imds-reachable"],
        explains: &["tags-required", "role-resolved", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The tags of the instance are in metadata (InstanceMetadataTags), or EC2 gives them (ec2:DescribeTags).",
            matters: "The tags alone say what the node is. Where they are not in metadata, each boot needs EC2, its endpoint \
                      and a permission, and takes some seconds longer.",
            look: &[
                "cos-agent facts",
                "aws ec2 describe-tags --filters Name=resource-id,Values=INSTANCE",
            ],
            fixes: &[TOPICS, GatherError::TOPICS, ImdsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let metadata = machine.metadata.get().await;
    match &metadata.tags {
        Ok(Some(_)) => Finding::Pass("tags in metadata".to_owned()),
        Ok(None) => {
            let instance = metadata.instance().map_or_else(|| "ID".to_owned(), |found| found.id);
            let stages = machine.stages.get().await;
            judge(stages.survey.as_ref().map(|facts| facts.tags.source), &instance)
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| OFF.with(&[("instance", &"ID")]));
            Finding::Unknown(Problem::new(error.trouble(), "the tags of this instance", hint))
        }
    }
}

/// Metadata lists no tags. What the survey made of that.
fn judge(survey: Result<TagSource, &Error>, instance: &str) -> Finding {
    let off = OFF.with(&[("instance", &instance)]);
    let problem = |error: &Error| {
        let hint = error.advice().unwrap_or_else(|| off.clone());
        Problem::new(error.causes(), "tags in metadata, or from ec2:DescribeTags", hint)
    };
    match survey {
        // They came a moment later.
        Ok(TagSource::Metadata) => Finding::Pass("tags in metadata".to_owned()),
        Err(error @ Error::Gather(GatherError::NoTags { source })) if source.is_busy() => {
            Finding::Unknown(problem(error))
        }
        Err(error @ Error::Gather(GatherError::NoTags { .. })) => Finding::Fail(problem(error)),
        // The survey ended before it came to the tags.
        Err(
            error @ (Error::Interrupted
            | Error::Gather(
                GatherError::Metadata(_)
                | GatherError::NoDocument
                | GatherError::Instance(_)
                | GatherError::Settings(_)
                | GatherError::File(_),
            )),
        ) => Finding::Unknown(problem(error)),
        Ok(TagSource::DescribeTags) | Err(_) => Finding::Warn(Problem::new(
            "metadata lists no tags, so each boot asks EC2 for them (ec2:DescribeTags)",
            "tags in metadata",
            off,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::aws::AwsError;

    fn no_tags(answered: bool) -> Error {
        let (action, url, last) = ("ec2:DescribeTags".to_owned(), String::new(), String::new());
        let source = AwsError::Unreachable {
            action,
            url,
            attempts: 1,
            elapsed: Duration::ZERO,
            last,
            answered,
        };
        GatherError::NoTags { source }.into()
    }

    #[test]
    fn ec2_helps_out_and_without_it_there_are_no_tags() {
        assert!(matches!(judge(Ok(TagSource::Metadata), "i-1"), Finding::Pass(_)));
        let Finding::Warn(off) = judge(Ok(TagSource::DescribeTags), "i-1") else { panic!("off") };
        assert!(off.hint.text.contains("--instance-id i-1 "), "{}", off.hint.text);
        let Finding::Fail(none) = judge(Err(&no_tags(false)), "i-1") else { panic!("no tags") };
        assert_eq!(none.hint.id, "tags-unavailable");
        assert!(matches!(judge(Err(&no_tags(true)), "i-1"), Finding::Unknown(_)), "throttled");
        let missing = GatherError::TagsMissing {
            missing: vec!["cos:role"],
            found: String::new(),
            waited: Duration::ZERO,
        };
        assert!(matches!(judge(Err(&missing.into()), "i-1"), Finding::Warn(_)), "EC2 answered");
        let unread = GatherError::NoDocument.into();
        assert!(matches!(judge(Err(&unread), "i-1"), Finding::Unknown(_)));
    }
}

//! The tags that say what the node is are there, under their exact names.

use crate::doctor::Check;
use crate::exit::hint::{Hint, topics};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::node::{ResolveError, tags};
use crate::role::Role;
use std::collections::BTreeMap;
use std::time::Duration;

topics! {
    MISSING: "tags-absent",
        "set the tags in the launch template with `propagate_at_launch = true`; for this instance alone: \
         `aws ec2 create-tags --resources {instance} --tags {tags}`, then `systemctl restart cos-agent`";
    OFF: "tags-off",
        "run `aws ec2 modify-instance-metadata-options --instance-id {instance} --instance-metadata-tags enabled`, and set \
         `instance_metadata_tags = \"enabled\"` in the launch template";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "tags-required",
        title: "the instance has the tags of its role",
        group: Group::Role,
        roles: Role::ALL,
        needs: &["imds-reachable"],
        explains: &["role-resolved", "boot-phases"],
        impact: Impact::Down,
        timeout: Duration::from_secs(6),
        page: Page {
            means: "The instance has every tag that its role needs: `cos:cluster`, `cos:role`, and `cos:datacenter`, \
                    `cos:servers` or an auto-join tag, depending on the role. A key that differs by a letter is named.",
            matters: "The tags alone say what the node is. The agent never guesses, so a node without them does not start \
                      its daemons.",
            look: &[
                "cos-agent facts",
                "aws ec2 describe-tags --filters Name=resource-id,Values=INSTANCE",
            ],
            fixes: &[TOPICS, ResolveError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html",
        },
    },
    probe: |machine| {
        Box::pin(async {
            let metadata = machine.metadata.get().await;
            let instance = metadata.instance().map(|instance| instance.id).unwrap_or_default();
            match &metadata.tags {
                Ok(Some(tags)) => judge(tags, &instance),
                // EC2 was asked for them instead.
                _ => match &machine.stages.get().await.survey {
                    Ok(facts) => judge(&facts.tags.values, &instance),
                    Err(error) => Finding::Fail(Problem::new(
                        error.causes(),
                        "tags in metadata, or from ec2:DescribeTags",
                        OFF.with(&[("instance", &instance)]),
                    )),
                },
            }
        })
    },
    changed: None,
};

fn judge(found: &BTreeMap<String, String>, instance: &str) -> Finding {
    if let Err(error) = tags::check_spelling(found).and_then(|()| tags::check_blanks(found)) {
        let hint = error.hint().unwrap_or_else(|| MISSING.plain());
        return Finding::Fail(Problem::new(error.to_string(), "tags of the contract", hint));
    }
    let missing = tags::missing(found);
    let ours = || found.iter().filter(|(key, _)| tags::matters(key));
    let all: Vec<String> = ours().map(|(key, value)| format!("{key}={value}")).collect();
    if missing.is_empty() {
        return Finding::Pass(all.join(" "));
    }
    let found = if all.is_empty() { "none of ours".to_owned() } else { all.join(", ") };
    let pairs: Vec<String> = missing.iter().map(|key| format!("Key={key},Value=VALUE")).collect();
    let hint = MISSING.with(&[("instance", &instance), ("tags", &pairs.join(" "))]);
    let words = format!("this instance has no tag {}; its tags: {found}", missing.join(", "));
    let expected = missing.iter().map(|key| expected(key)).collect::<Vec<_>>().join("; ");
    Finding::Fail(Problem::new(words, expected, hint))
}

fn expected(key: &str) -> String {
    let tag = tags::TAGS.iter().find(|tag| tag.key == key);
    format!("{key} = {}", tag.map_or("", |tag| tag.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_tag_that_is_missing_is_named_with_its_values() {
        let client = [("cos:cluster", "demo"), ("cos:role", "nomad-client")];
        let whole = [&client[..], &[("cos:datacenter", "backoffice")]].concat();
        assert!(judge(&tags(&whole), "i-1").passes());
        let Finding::Fail(problem) = judge(&tags(&client), "i-1") else { panic!("one is missing") };
        assert!(problem.found.contains("no tag cos:datacenter;"), "{}", problem.found);
        assert!(problem.hint.text.contains("Key=cos:datacenter,Value=VALUE"), "{problem:?}");
        assert!(matches!(judge(&tags(&[]), "i-1"), Finding::Fail(_)));
    }

    #[test]
    fn a_near_miss_is_named() {
        let near = tags(&[("cos:cluster", "demo"), ("cos:rol", "nomad-client")]);
        let Finding::Fail(problem) = judge(&near, "i-1") else { panic!("a letter is missing") };
        assert!(problem.found.contains("cos:rol"), "{}", problem.found);
    }
}

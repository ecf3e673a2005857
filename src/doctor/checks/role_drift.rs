//! The tags of now name the node that the last `apply` recorded.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::node::tags;
use crate::role::Role;
use crate::store::status::Identity;
use std::time::Duration;

topics! {
    ROLE: "role-changed",
        "if the new value is wrong, run `aws ec2 create-tags --resources {instance} --tags {tags}`; if it is right, move the \
         tasks away with `nomad node drain -enable -self` where this is a client, then run `cos-agent apply`";
    CLUSTER: "cluster-changed",
        "run `aws ec2 create-tags --resources {instance} --tags {tags}`; a node takes its data with it and cannot change its \
         cluster, so launch another instance for {cluster}";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "role-drift",
        title: "the tags still name the node that was applied",
        group: Group::Role,
        roles: Role::ALL,
        needs: &["role-resolved"],
        explains: &["config-drift", "boot-phases"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(7),
        page: Page {
            means: "The cluster, the role and the datacenter in the tags are those that the last `apply` of this boot \
                    configured.",
            matters: "The daemons run with the old values until the next `apply` or boot, which then changes the node, \
                      perhaps when nobody expects it.",
            look: &["cos-agent status", "cos-agent plan"],
            fixes: &[TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let Some(recorded) = &machine.record.node else {
        return Finding::Pass("no `apply` has finished in this boot".to_owned());
    };
    let stages = machine.stages.get().await;
    match (&stages.survey, stages.identity()) {
        (Ok(_), Some(now)) => judge(recorded, &now),
        // Nothing of now says what the node is, which is the finding of another check.
        _ => Finding::Pass(String::new()),
    }
}

fn judge(recorded: &Identity, now: &Identity) -> Finding {
    let datacenter = |node: &Identity| node.nomad_datacenter.clone().unwrap_or_default();
    let changed: Vec<(&str, String)> = [
        (tags::CLUSTER, recorded.cluster.clone(), now.cluster.clone()),
        (tags::ROLE, recorded.role.to_string(), now.role.to_string()),
        (tags::DATACENTER, datacenter(recorded), datacenter(now)),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(key, before, _)| (key, before))
    .collect();
    if changed.is_empty() {
        return Finding::Pass("as applied".to_owned());
    }
    // A Consul server has no datacenter of Nomad, so there is no tag to put back.
    let back: Vec<String> = changed
        .iter()
        .filter(|(_, before)| !before.is_empty())
        .map(|(key, before)| format!("Key={key},Value={before}"))
        .collect();
    let topic = if recorded.cluster == now.cluster { ROLE } else { CLUSTER };
    let hint = topic.with(&[
        ("instance", &now.instance),
        ("tags", &back.join(" ")),
        ("cluster", &now.cluster),
    ]);
    Finding::Fail(Problem::new(
        format!("applied as {}, and the tags now say {}", words(recorded), words(now)),
        format!("tags of {}", words(recorded)),
        hint,
    ))
}

fn words(node: &Identity) -> String {
    let place = node.nomad_datacenter.as_deref().map(|name| format!(" in {name}"));
    format!("{} of {}{}", node.role, node.cluster, place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(cluster: &str, role: Role, datacenter: Option<&str>) -> Identity {
        Identity {
            instance: "i-1".to_owned(),
            cluster: cluster.to_owned(),
            role,
            nomad_datacenter: datacenter.map(str::to_owned),
            servers: None,
            address: std::net::Ipv4Addr::LOCALHOST,
            zone: "eu-central-1a".to_owned(),
            consul_datacenter: None,
            nomad_region: None,
        }
    }

    #[test]
    fn a_change_of_each_tag_is_named_with_the_value_to_put_back() {
        let applied = node("demo", Role::NomadClient, Some("backoffice"));
        assert!(judge(&applied, &applied).passes());
        for (now, back, id) in [
            (
                node("demo", Role::NomadClient, Some("public-services")),
                "Key=cos:datacenter,Value=backoffice`",
                "role-changed",
            ),
            (
                node("demo", Role::ConsulServer, None),
                "Key=cos:role,Value=nomad-client Key=cos:datacenter,Value=backoffice`",
                "role-changed",
            ),
            (
                node("other", Role::NomadClient, Some("backoffice")),
                "Key=cos:cluster,Value=demo`",
                "cluster-changed",
            ),
        ] {
            let Finding::Fail(problem) = judge(&applied, &now) else { panic!("{now:?}") };
            assert!(problem.hint.text.contains(back), "{}", problem.hint.text);
            assert_eq!(problem.hint.id, id);
        }
        let Finding::Fail(problem) = judge(&node("demo", Role::ConsulServer, None), &applied)
        else {
            panic!("another role")
        };
        assert_eq!(
            problem.found,
            "applied as consul-server of demo, and the tags now say nomad-client of demo in backoffice"
        );
        assert!(!problem.hint.text.contains("cos:datacenter"), "{}", problem.hint.text);
    }

    #[test]
    fn another_number_of_servers_is_no_drift() {
        let three = Identity { servers: Some(3), ..node("demo", Role::ConsulServer, None) };
        assert!(judge(&three, &Identity { servers: Some(5), ..three.clone() }).passes());
    }
}

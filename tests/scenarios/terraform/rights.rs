//! Rights of the nodes: each is taken away from a living cluster, and somebody says that it is missing.

use super::{MISSED, Proof, healthy};
use crate::doctor::ask::until_healthy;
use crate::lab::Lab;
use crate::lab::node::Node;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{list, text};
use Proof::{Check, Journal};
use serde_json::json;
use std::collections::BTreeSet;

const CONSUL: &str = "consul-server";
/// The parameter of the quorum guard, and where a server remembers that it is recorded.
const FORMED: [&str; 2] = ["/cos/demo/formed/consul", "/var/lib/cos-agent/formed.json"];
/// A heartbeat every 10 s: the default is five minutes.
const IMPATIENT: &str = "[launch_hook]\nheartbeat = \"10s\"\n";

/// A right, the kind of node that has it, and who misses it.
struct Right {
    action: &'static str,
    kind: &'static str,
    /// What makes a node need it.
    need: Need,
    proof: Proof,
}

enum Need {
    /// The doctor tries it on every node.
    Doctor,
    /// A server records that its cluster has formed.
    Records,
    /// A new node begins.
    New,
    /// A new node whose metadata shows no tags.
    NewWithoutTags,
    /// A new node that does not join for long.
    NewAndSlow,
    /// A new node that no launch hook holds.
    NewAndFree,
}

const RIGHTS: [Right; 8] = [
    Right {
        action: "ec2:DescribeInstances",
        kind: CONSUL,
        need: Need::Doctor,
        proof: Check("consul-1", "aws-autodiscovery"),
    },
    Right {
        action: "ecr:GetAuthorizationToken",
        kind: "private-services",
        need: Need::Doctor,
        proof: Check("private-services", "ecr-token"),
    },
    Right {
        action: "ssm:PutParameter",
        kind: CONSUL,
        need: Need::Records,
        proof: Journal("consul-1", "cos-agent-watch", "ssm:PutParameter is denied"),
    },
    Right {
        action: "ssm:GetParameter",
        kind: CONSUL,
        need: Need::New,
        proof: Journal("new", "cos-agent", "ssm:GetParameter is denied"),
    },
    Right {
        action: "autoscaling:CompleteLifecycleAction",
        kind: "backoffice",
        need: Need::New,
        proof: Journal("new", "cos-agent-ready", "autoscaling:CompleteLifecycleAction is denied"),
    },
    Right {
        action: "autoscaling:RecordLifecycleActionHeartbeat",
        kind: "public-services",
        need: Need::NewAndSlow,
        proof: Journal(
            "new",
            "cos-agent-ready",
            "autoscaling:RecordLifecycleActionHeartbeat is denied",
        ),
    },
    Right {
        action: "autoscaling:DescribeAutoScalingInstances",
        kind: "private-services",
        need: Need::NewAndFree,
        proof: Journal(
            "new",
            "cos-agent-ready",
            "autoscaling:DescribeAutoScalingInstances is denied",
        ),
    },
    Right {
        action: "ec2:DescribeTags",
        kind: "content-connector",
        need: Need::NewWithoutTags,
        proof: Journal("new", "cos-agent", "ec2:DescribeTags is denied"),
    },
];

/// What no program of a lab needs: its registry does not ask who may have a layer, and it has no SSM agent.
const NOT_SHOWN: [&str; 8] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

#[test]
#[ignore = "long: `tests/run --long`"]
fn every_right_is_missed_when_it_is_taken_away() {
    let mut transcript = Transcript::begin("every right is missed when it is taken away");
    let lab = healthy();
    let shown: BTreeSet<String> =
        RIGHTS.iter().map(|right| right.action).chain(NOT_SHOWN).map(str::to_owned).collect();
    assert_eq!(granted(&lab), shown);
    for right in &RIGHTS {
        let role = format!("cos-demo-eu-central-1-{}", right.kind);
        let asked = json!({ "RoleName": role, "PolicyName": "node" });
        let before = lab.aws.call("iam", "get_role_policy", &asked);
        let action = right.action;
        lab.aws.does(&json!({ "operation": "take_away", "role": role, "action": action }));
        let new = right.needed(&lab);
        let missed = until(&format!("{action} is missed"), MISSED, || right.proof.misses(&lab, 0));
        let document = before["PolicyDocument"].to_string();
        let put = json!({ "RoleName": role, "PolicyName": "node", "PolicyDocument": document });
        lab.aws.call("iam", "put_role_policy", &put);
        if let Some(new) = new {
            right.end(&lab, &new);
        } else if let Need::Records = right.need {
            until("it is recorded", MISSED, || match lab.aws.parameter(FORMED[0]) {
                value if value.starts_with("formed ") => Ok(()),
                value => Err(value),
            });
        }
        lab.everywhere(|node| drop(until_healthy(node)));
        transcript.proved(&format!("{action}: {missed}"));
    }
}

/// Every action of every role.
fn granted(lab: &Lab) -> BTreeSet<String> {
    let roles = lab.aws.call("iam", "list_roles", &json!({}));
    let mut actions = BTreeSet::new();
    for role in list(&roles["Roles"]) {
        let asked = json!({ "RoleName": role["RoleName"], "PolicyName": "node" });
        let policy = lab.aws.call("iam", "get_role_policy", &asked);
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            actions.extend(list(&statement["Action"]).map(text));
        }
    }
    actions
}

impl Right {
    /// Makes a node need it: a new one, which is returned, or one that is there.
    fn needed<'lab>(&self, lab: &'lab Lab) -> Option<Node<'lab>> {
        match self.need {
            Need::Doctor => return None,
            Need::Records => {
                let server = lab.node("consul-1");
                lab.aws.set_parameter(FORMED[0], "no");
                server.ok(&["rm", FORMED[1]]);
                server.ok(&["systemctl", "restart", "cos-agent-watch"]);
                return None;
            }
            _ => {}
        }
        let new = lab.launch(&format!("demo-{}", self.kind), "new");
        match self.need {
            Need::NewWithoutTags => new.metadata(&["tags-off"]),
            Need::NewAndSlow => {
                new.write("/etc/cos-agent/config.d/90-heartbeat.toml", IMPATIENT);
                new.hold_off("nomad.service");
            }
            Need::NewAndFree => {
                let found = lab.aws.lifecycle(&new.id);
                lab.aws.does(&json!({
                    "operation": "hold", "instance": new.id, "group": found["group"],
                    "hook": found["hook"], "zone": found["zone"], "state": "InService",
                }));
            }
            _ => {}
        }
        new.boot();
        Some(new)
    }

    /// Ends the new node. Without its tags it has joined nothing.
    fn end(&self, lab: &Lab, new: &Node<'_>) {
        if !matches!(self.need, Need::NewWithoutTags) {
            until("it leaves", SOON, || {
                let left = new.run(&["consul", "leave"]);
                if left.is_ok() { Ok(()) } else { Err(left.stderr) }
            });
        }
        lab.terminate(new);
    }
}

//! The ten-node COS of `terraform/examples/complete`: its nodes have the tags, the rights and the rows that they need, and no others.

use crate::support::terraform::{Terraform, WHOLE, changes, list, resources, text, tree};
use cos_agent::simulate::NodeKind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const CLUSTER: &str = "demo";
/// The kinds of nodes: the role, and the datacenter of Nomad.
const KINDS: [(&str, &str, Option<&str>); 6] = [
    ("consul-server", "consul-server", None),
    ("nomad-server", "nomad-server", Some("leader")),
    ("backoffice", "nomad-client", Some("backoffice")),
    ("public-services", "nomad-client", Some("public-services")),
    ("private-services", "nomad-client", Some("private-services")),
    ("content-connector", "nomad-client", Some("content-connector")),
];
/// The variables of the example with all that it can have.
/// What every node calls.
const EVERYBODY: [&str; 10] = [
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:RecordLifecycleActionHeartbeat",
    "ec2:DescribeInstances",
    "ec2:DescribeTags",
    // The SSM agent.
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];
/// What the quorum guard of a server calls.
const SERVERS: [&str; 2] = ["ssm:GetParameter", "ssm:PutParameter"];
/// What docker's credential helper and docker call.
const CLIENTS: [&str; 4] = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
];

#[test]
fn a_second_plan_changes_nothing() {
    let cos = Terraform::prepared(&tree(), "examples/complete");
    cos.apply(&WHOLE).unwrap();
    assert_eq!(changes(&cos.plan(&WHOLE).unwrap()), []);
}

#[test]
fn a_node_has_the_tags_that_say_what_it_is() {
    for (kind, role, datacenter) in KINDS {
        let template = named("aws_launch_template", &format!("{CLUSTER}-{kind}"));
        let expected = {
            let mut tags = NodeKind::of(role, datacenter).tags(CLUSTER, "3");
            tags.insert("Name".to_owned(), format!("{CLUSTER}-{kind}"));
            tags.insert("cos:launch-hook".to_owned(), "joined".to_owned());
            json!(tags)
        };
        let all = list(&template["tag_specifications"]);
        let of: BTreeMap<&str, &Value> =
            all.map(|one| (text(&one["resource_type"]), &one["tags"])).collect();
        assert_eq!(of, BTreeMap::from([("instance", &expected), ("volume", &expected)]), "{kind}");
        let options = &template["metadata_options"][0];
        assert_eq!(options["instance_metadata_tags"], "enabled");
        assert_eq!(options["http_tokens"], "required");
        assert_eq!(template["block_device_mappings"][0]["ebs"][0]["encrypted"], "true");
        assert_eq!(template["user_data"], json!(null), "no settings, no user data");

        let group = named("aws_autoscaling_group", &format!("{CLUSTER}-{kind}"));
        let hook = &group["initial_lifecycle_hook"][0];
        assert_eq!((&hook["name"], &hook["default_result"]), (&json!("joined"), &json!("ABANDON")));
        assert_eq!(list(&group["vpc_zone_identifier"]).count(), 3, "{kind}");
        let servers = if datacenter == Some("leader") || datacenter.is_none() { 3 } else { 1 };
        assert_eq!(group["desired_capacity"], servers, "{kind}");
    }
}

#[test]
fn a_node_may_call_what_it_calls() {
    for (kind, role, _) in KINDS {
        let (document, statements) = policy(kind);
        let actions: BTreeSet<&str> =
            statements.iter().flat_map(|one| list(&one["Action"])).map(text).collect();
        let own: &[&str] = if role == "nomad-client" { &CLIENTS } else { &SERVERS };
        assert_eq!(actions, EVERYBODY.iter().chain(own).copied().collect(), "{kind}");
        assert!(
            document.len() < 10_240,
            "{kind}: the inline policies of a role hold 10240 characters"
        );
        for statement in &statements {
            let wide = statement["Resource"] == "*";
            let is_of_region =
                statement["Condition"]["StringEquals"]["aws:RequestedRegion"] == "eu-central-1";
            // The SSM agent has endpoints in its own region alone.
            let session = statement["Sid"] == "SessionManager";
            assert!(!wide || is_of_region || session, "{kind}: {statement}");
            assert_eq!(statement["Effect"], "Allow");
        }
    }
    // What the example makes, and nothing else of the account.
    for (kind, _, _) in KINDS.iter().filter(|(_, role, _)| *role == "nomad-client") {
        let (_, statements) = policy(kind);
        let pull = statements.into_iter().find(|one| one["Sid"] == "RegistryPull").unwrap();
        let from: Vec<&str> =
            list(&pull["Resource"]).map(|one| text(one).rsplit_once(':').unwrap().1).collect();
        let expected = ["fabio", "grafana", "haproxy", "prometheus"]
            .map(|one| format!("repository/demo/{one}"));
        assert_eq!(from, expected, "{kind}");
    }
    let guard = |kind: &str| {
        let (_, statements) = policy(kind);
        let guard = statements.into_iter().find(|one| one["Sid"] == "QuorumGuard").unwrap();
        text(&guard["Resource"]).to_owned()
    };
    assert!(guard("consul-server").ends_with(":parameter/cos/demo/formed/consul"));
    assert!(guard("nomad-server").ends_with(":parameter/cos/demo/formed/nomad"));
}

#[test]
fn the_agent_finds_the_parameters_of_its_quorum_guard() {
    let found: BTreeMap<&str, &str> =
        of_type("aws_ssm_parameter").map(|one| (text(&one["name"]), text(&one["value"]))).collect();
    let expected =
        BTreeMap::from([("/cos/demo/formed/consul", "no"), ("/cos/demo/formed/nomad", "no")]);
    assert_eq!(found, expected);
}

#[test]
fn each_row_opens_both_of_its_ends_and_nothing_else_is_open() {
    let flows = cos()["values"]["outputs"]["flows"]["value"].as_object();
    let flows = flows.expect("the example shows the rows");
    let names = |kind: &str| -> BTreeSet<String> {
        of_type(kind).map(|rule| text(&rule["tags"]["Name"]).to_owned()).collect()
    };
    let row = |name: &String| format!("{CLUSTER}-{name}");
    let outside = |end: &Value| end == "internet" || end == "s3" || text(end).starts_with("cidr-");
    let from_us = flows.iter().filter(|(_, flow)| !outside(&flow["from"]));
    assert_eq!(
        names("aws_vpc_security_group_egress_rule"),
        from_us.map(|(name, _)| row(name)).collect()
    );
    let to_us = flows.iter().filter(|(_, flow)| !outside(&flow["to"]));
    assert_eq!(
        names("aws_vpc_security_group_ingress_rule"),
        to_us.map(|(name, _)| row(name)).collect()
    );
    let rules = || {
        of_type("aws_vpc_security_group_ingress_rule")
            .chain(of_type("aws_vpc_security_group_egress_rule"))
    };
    let open: Vec<&str> = rules()
        .filter(|rule| rule["cidr_ipv4"] == "0.0.0.0/0")
        .map(|rule| text(&rule["tags"]["Name"]))
        .collect();
    assert_eq!(open, ["demo-internet-in", "demo-internet-out"]);
    for rule in rules() {
        let ends = ["cidr_ipv4", "referenced_security_group_id", "prefix_list_id"];
        let set = ends.iter().filter(|end| !rule[**end].as_str().unwrap_or_default().is_empty());
        assert_eq!(set.count(), 1, "{rule}");
        assert!(!text(&rule["description"]).is_empty(), "{rule}");
    }
    for (name, flow) in flows {
        assert!(!text(&flow["why"]).is_empty() && !text(&flow["proof"]).is_empty(), "{name}");
    }
}

#[test]
fn no_subnet_of_nodes_has_a_way_to_the_internet_but_content_connector() {
    let tables: BTreeMap<&str, &str> = of_type("aws_route_table")
        .map(|table| (text(&table["id"]), text(&table["tags"]["Name"])))
        .collect();
    let mut ways: Vec<(&str, &str)> = of_type("aws_route")
        .map(|route| {
            let by = if route["nat_gateway_id"].as_str().unwrap_or_default().is_empty() {
                "internet gateway"
            } else {
                "NAT"
            };
            (tables[text(&route["route_table_id"])], by)
        })
        .collect();
    ways.sort_unstable();
    let zone = |zone: char| format!("demo-content-connector-eu-central-1{zone}");
    let zones = ['a', 'b', 'c'].map(zone);
    let expected = [&zones[0], &zones[1], &zones[2]].map(|name| (name.as_str(), "NAT")).into_iter();
    assert_eq!(ways, expected.chain([("demo-public", "internet gateway")]).collect::<Vec<_>>());
    assert_eq!(of_type("aws_route_table_association").count(), 12);
    let s3 = of_type("aws_vpc_endpoint").find(|one| one["vpc_endpoint_type"] == "Gateway").unwrap();
    assert_eq!(list(&s3["route_table_ids"]).count(), tables.len());
}

/// The state of the example, applied once.
fn cos() -> &'static Value {
    static STATE: OnceLock<Value> = OnceLock::new();
    STATE.get_or_init(|| {
        let example = Terraform::prepared(&tree(), "examples/complete");
        example.apply(&WHOLE).unwrap()
    })
}

/// The values of all resources of a type.
fn of_type(kind: &str) -> impl Iterator<Item = &'static Value> {
    let kind = kind.to_owned();
    resources(cos()).into_iter().filter(move |one| one["type"] == kind).map(|one| &one["values"])
}

fn named(kind: &str, name: &str) -> &'static Value {
    of_type(kind).find(|one| one["name"] == name).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The policy of a kind of node: its text, and its statements.
fn policy(kind: &str) -> (&'static str, Vec<Value>) {
    let role = format!("cos-{CLUSTER}-eu-central-1-{kind}");
    let found = of_type("aws_iam_role_policy").find(|one| one["role"] == role.as_str());
    let document = text(&found.unwrap_or_else(|| panic!("no policy of {role}"))["policy"]);
    let policy: Value = serde_json::from_str(document).unwrap();
    (document, policy["Statement"].as_array().unwrap().clone())
}

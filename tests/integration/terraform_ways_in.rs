//! The load balancers of `terraform/examples/complete`: who reaches them, what they reach, and that they are not there if nobody
//! asked for them.

use crate::support::terraform::{AMI, Terraform, WHOLE, list, one_line, resources, text, tree};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn a_load_balancer_is_where_it_belongs_and_reaches_its_targets() {
    let state = applied(&WHOLE);
    let cases = [
        ("cos-demo-ingress", false, "demo-public-", "demo-public-alb"),
        ("cos-demo-ui", true, "demo-backoffice-", "demo-ui-alb"),
    ];
    for (name, internal, subnets, group) in cases {
        let balancer = named(&state, "aws_lb", "name", name);
        assert_eq!(balancer["internal"], internal, "{name}");
        let places: BTreeSet<&str> = list(&balancer["subnets"])
            .map(|id| text(&named(&state, "aws_subnet", "id", text(id))["tags"]["Name"]))
            .collect();
        assert_eq!(places.len(), 3, "{name}");
        assert!(places.iter().all(|place| place.starts_with(subnets)), "{name}: {places:?}");
        let groups: Vec<&str> = list(&balancer["security_groups"])
            .map(|id| text(&named(&state, "aws_security_group", "id", text(id))["name"]))
            .collect();
        assert_eq!(groups, [group]);
        assert_eq!(balancer["drop_invalid_header_fields"], true, "{name}");
    }
    let targets = [
        ("cos-demo-ingress", 9999, "demo-public-services", "demo-ingress", "demo-public-alb"),
        ("cos-demo-ui-consul", 8500, "demo-consul-server", "demo-ui-consul", "demo-ui-alb"),
        ("cos-demo-ui-nomad", 4646, "demo-nomad-server", "demo-ui-nomad", "demo-ui-alb"),
    ];
    for (name, port, nodes, row, balancer) in targets {
        let target = named(&state, "aws_lb_target_group", "name", name);
        assert_eq!(target["port"], port, "{name}");
        let attached = named(
            &state,
            "aws_autoscaling_traffic_source_attachment",
            "autoscaling_group_name",
            nodes,
        );
        assert_eq!(attached["traffic_source"][0]["identifier"], target["arn"], "{name}");
        // Its row opens the port to the balancer.
        let rule = of_type(&state, "aws_vpc_security_group_ingress_rule")
            .find(|rule| rule["tags"]["Name"] == row)
            .unwrap_or_else(|| panic!("no row {row}"));
        assert_eq!((&rule["from_port"], &rule["to_port"]), (&json!(port), &json!(port)), "{name}");
        let group = |id: &Value| text(&named(&state, "aws_security_group", "id", text(id))["name"]);
        assert_eq!(group(&rule["referenced_security_group_id"]), balancer, "{name}");
        assert_eq!(group(&rule["security_group_id"]), nodes, "{name}");
    }
    let listeners: BTreeSet<(u64, &str)> = of_type(&state, "aws_lb_listener")
        .map(|one| (one["port"].as_u64().unwrap(), text(&one["protocol"])))
        .collect();
    assert_eq!(listeners, BTreeSet::from([(443, "HTTPS"), (4646, "HTTPS"), (8501, "HTTPS")]));
    let outputs = &state["values"]["outputs"];
    assert!(text(&outputs["ui"]["value"]["urls"]["nomad"]).ends_with(".amazonaws.com:4646"));
    assert!(text(&outputs["ingress"]["value"]["dns_name"]).starts_with("cos-demo-ingress-"));
}

#[test]
fn without_a_certificate_the_internet_reaches_nothing() {
    let state = applied(&[("ami_id", AMI)]);
    for kind in ["aws_lb", "aws_lb_listener", "aws_lb_target_group", "aws_acm_certificate"] {
        assert_eq!(of_type(&state, kind).count(), 0, "{kind}");
    }
    let open: Vec<&str> = of_type(&state, "aws_vpc_security_group_ingress_rule")
        .filter(|rule| !rule["cidr_ipv4"].is_null())
        .map(|rule| text(&rule["description"]))
        .collect();
    assert!(open.is_empty(), "{open:?}");
    let groups: BTreeSet<&str> =
        of_type(&state, "aws_security_group").map(|one| text(&one["name"])).collect();
    assert!(!groups.iter().any(|name| name.ends_with("-alb")), "{groups:?}");
    // Terraform leaves an output out that is null.
    let outputs = &state["values"]["outputs"];
    for output in ["ui", "ingress"] {
        assert_eq!(outputs[output]["value"], json!(null), "{output}");
    }
}

#[test]
fn a_private_key_is_not_shown() {
    let three =
        ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"];
    let subnets = json!({ "backoffice": three, "services": three, "content_connector": three });
    let certificate = json!({
        "body": "-----BEGIN CERTIFICATE-----\nof everybody\n-----END CERTIFICATE-----",
        "private_key": "-----BEGIN PRIVATE KEY-----\nof nobody else\n-----END PRIVATE KEY-----",
    });
    let ui = |more: Value| {
        let mut ui =
            json!({ "cidrs": ["10.0.0.0/16"], "subnet_ids": three, "certificate": certificate });
        ui.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ui.to_string()
    };
    let subnets = subnets.to_string();
    let cos = Terraform::prepared(&tree(), ".");
    cos.write("region.tf", "provider \"aws\" {\n  region = \"eu-central-1\"\n}\n");
    let site = [
        ("name", "demo"),
        ("ami_id", AMI),
        ("vpc_id", "vpc-0123456789abcdef0"),
        ("subnet_ids", &subnets),
        ("s3_prefix_list_id", "pl-0123456789abcdef0"),
        ("endpoint_security_group_ids", r#"["sg-0123456789abcdef0"]"#),
    ];
    let said = |ui: &str| cos.plan_text(&[&site[..], &[("ui", ui)]].concat());
    let accepted = ui(json!({ "accept_no_acls": true }));
    let plan = said(&accepted).unwrap();
    assert!(plan.contains("aws_acm_certificate.this[0] will be created"), "{plan}");
    assert!(!plan.contains("of nobody else"), "{plan}");
    // Wherever else a value of it would go, Terraform hides it too.
    let plan = cos.plan(&[&site[..], &[("ui", &accepted)]].concat()).unwrap();
    let root = &plan["configuration"]["root_module"];
    assert_eq!(root["variables"]["ui"]["sensitive"], true);
    let module = &root["module_calls"]["ui"]["module"];
    assert_eq!(module["variables"]["certificate"]["sensitive"], true);
    // Also where it is refused.
    let refused = one_line(&said(&ui(json!({}))).unwrap_err());
    assert!(refused.contains("who reaches a page can run jobs on every node"), "{refused}");
    assert!(!refused.contains("of nobody else"), "{refused}");
}

#[test]
fn a_load_balancer_for_the_internet_comes_after_the_gateway_and_goes_before_it() {
    let example = Terraform::prepared(&tree(), "examples/complete");
    let plan = example.plan(&WHOLE).unwrap();
    let network = &plan["configuration"]["root_module"]["module_calls"]["network"]["module"];
    assert_eq!(network["outputs"]["subnet_ids"]["depends_on"], json!(["aws_route.internet"]));
    let route = list(&network["resources"]).find(|one| one["address"] == "aws_route.internet");
    let gateway = &route.unwrap()["expressions"]["gateway_id"]["references"][1];
    assert_eq!(*gateway, "aws_internet_gateway.this");
}

fn applied(variables: &[(&str, &str)]) -> Value {
    Terraform::prepared(&tree(), "examples/complete").apply(variables).unwrap()
}

/// The values of all resources of a type.
fn of_type<'a>(state: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    resources(state).into_iter().filter(move |one| one["type"] == kind).map(|one| &one["values"])
}

/// The first resource of a type whose attribute has a value.
fn named<'a>(
    state: &'a Value,
    kind: &'a str,
    attribute: &str,
    value: impl Into<Value>,
) -> &'a Value {
    let value = value.into();
    of_type(state, kind)
        .find(|one| one[attribute] == value)
        .unwrap_or_else(|| panic!("no {kind} whose {attribute} is {value}"))
}

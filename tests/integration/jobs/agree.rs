//! What different places say of the jobs is the same.

use super::render::render;
use super::{IMAGE, SUFFIX, folder, groups, job, jobs, names, services, tasks, template};
use crate::support::terraform::{CERTIFICATE, Terraform, list, text, tree};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Images come from ECR by a name that a person gives.
#[test]
fn every_image_is_the_variable() {
    for (name, job) in jobs() {
        assert_eq!(job["ID"], name.as_str());
        assert!(tasks(&job).count() > 0, "{name}");
        for task in tasks(&job) {
            assert_eq!(task["Driver"], "docker", "{name}");
            assert_eq!(task["Config"]["image"], IMAGE, "{name}");
        }
        let words = fs::read_to_string(folder().join(format!("{name}{SUFFIX}"))).unwrap();
        let (_, variable) = words.split_once("variable \"image\" {\n").unwrap();
        let (variable, _) = variable.split_once("\n}\n").unwrap();
        let description =
            variable.lines().find_map(|line| line.trim().strip_prefix("description = "));
        assert!(
            description.is_some_and(|words| words.contains(" in ECR, such as ")),
            "{name}: {variable}"
        );
    }
}

#[test]
fn the_readme_lists_the_jobs() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut listed: Vec<&str> = rows.map(|(file, _)| file).collect();
    listed.sort_unstable();
    let files: Vec<String> = names().iter().map(|name| format!("{name}{SUFFIX}")).collect();
    assert_eq!(listed, files);
}

/// The load balancer reaches the ports that it expects, and nobody else takes a port of the node.
#[test]
fn the_ways_in_have_the_ports_of_the_load_balancer() {
    let balancer = Balancer::planned();
    let mut ways_in = Vec::new();
    for (name, job) in jobs() {
        let ports = fixed_ports(&job);
        if ports.is_empty() {
            continue;
        }
        let expected = [("health", balancer.health), ("http", balancer.requests)];
        assert_eq!(ports, expected.map(|(label, port)| (label.to_owned(), port)).into(), "{name}");
        let listens = match template(&job, "local/haproxy.cfg") {
            Some(template) => {
                for check in services(&job).flat_map(|one| list(&one["Checks"])) {
                    assert_eq!(
                        (&check["PortLabel"], &check["Path"]),
                        (&"health".into(), &balancer.path.as_str().into())
                    );
                }
                assert!(
                    template.contains(&format!("if {{ path {} }}", balancer.path)),
                    "{template}"
                );
                let binds = template.lines().filter_map(|line| line.trim().strip_prefix("bind :"));
                binds.map(|port| port.parse().unwrap()).collect()
            }
            None => addresses(&job),
        };
        assert_eq!(listens, BTreeSet::from([balancer.requests, balancer.health]), "{name}");
        ways_in.push(name);
    }
    assert_eq!(ways_in, ["fabio", "ingress"]);
}

/// HAProxy asks DNS for services that jobs register, by tags that they have.
#[test]
fn every_name_of_consul_is_that_of_a_service() {
    let jobs = jobs();
    let registered: BTreeMap<&str, &Value> =
        jobs.values().flat_map(services).map(|one| (text(&one["Name"]), one)).collect();
    let mut asked = BTreeSet::new();
    for (name, job) in &jobs {
        let Some(template) = template(job, "local/haproxy.cfg") else { continue };
        let rendered = render(&template);
        for query in rendered.split_whitespace().filter(|word| word.ends_with(".consul")) {
            let (service, tag) =
                query.strip_suffix(".service.consul").unwrap().split_once('.').unwrap();
            let [service, tag] = [service, tag].map(|label| label.strip_prefix('_').unwrap());
            let service = registered.get(service).unwrap_or_else(|| panic!("{name}: {query}"));
            // The protocol of a service is a tag that each has.
            if tag != "tcp" {
                assert!(
                    list(&service["Tags"]).any(|own| own == "${node.datacenter}"),
                    "{name}: {query}"
                );
                assert!(list(&job["Datacenters"]).any(|own| own == tag), "{name}: {query}");
            }
            asked.insert((name.as_str(), tag.to_owned()));
        }
    }
    let mut expected = BTreeSet::from([("ingress", "tcp".to_owned())]);
    expected.extend(list(&job("ping")["Datacenters"]).map(|one| ("ping", text(one).to_owned())));
    assert_eq!(asked, expected);
}

#[test]
fn prometheus_asks_for_the_paths_that_are_served() {
    let metrics = job("metrics");
    let proxy = template(&metrics, "local/haproxy.cfg").unwrap();
    let (_, after) = proxy.split_once("unless { path ").unwrap();
    let served: BTreeSet<&str> = after.split_once(" }").unwrap().0.split(' ').collect();
    for check in services(&metrics).flat_map(|one| list(&one["Checks"])) {
        assert!(served.contains(text(&check["Path"])), "{check}");
    }
    let targets = template(&job("prometheus"), "local/targets.yml").unwrap();
    let mut of_servers = BTreeSet::new();
    let mut of_clients = BTreeSet::new();
    for line in targets.lines().filter(|line| line.contains("labels: {")) {
        let value = |key: &str| {
            let (_, after) = line.split_once(&format!(" {key}: ")).expect("each target has a path");
            after.split([',', ' ']).next().unwrap()
        };
        let own =
            if value("job").ends_with("-clients") { &mut of_clients } else { &mut of_servers };
        own.insert(value("__metrics_path__"));
    }
    assert_eq!(served, of_clients);
    assert_eq!(served, of_servers);
}

/// What the load balancer of `modules/ingress` sends where.
struct Balancer {
    requests: u64,
    health: u64,
    path: String,
}

impl Balancer {
    fn planned() -> Self {
        let module = Terraform::prepared(&tree(), "modules/ingress");
        module.write("region.tf", "provider \"aws\" {\n  region = \"eu-central-1\"\n}\n");
        let plan = module.plan(&[
            ("name", "demo"),
            ("vpc_id", "vpc-0123456789abcdef0"),
            ("subnet_ids", r#"["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"]"#),
            ("security_group_id", "sg-0123456789abcdef0"),
            ("autoscaling_group_name", "demo-public-services"),
            ("certificate_arn", CERTIFICATE),
        ]);
        let plan = plan.unwrap();
        let mut groups =
            list(&plan["resource_changes"]).filter(|one| one["type"] == "aws_lb_target_group");
        let group = &groups.next().unwrap()["change"]["after"];
        assert!(groups.next().is_none(), "one target group");
        let check = &group["health_check"][0];
        Self {
            requests: group["port"].as_u64().unwrap(),
            health: text(&check["port"]).parse().unwrap(),
            path: text(&check["path"]).to_owned(),
        }
    }
}

fn fixed_ports(job: &Value) -> BTreeMap<String, u64> {
    let networks = groups(job).flat_map(|group| list(&group["Networks"]));
    let ports =
        networks.flat_map(|network| network["ReservedPorts"].as_array().into_iter().flatten());
    ports.map(|port| (text(&port["Label"]).to_owned(), port["Value"].as_u64().unwrap())).collect()
}

/// The ports of the options `.addr` of fabio; that of Consul is another's.
fn addresses(job: &Value) -> BTreeSet<u64> {
    let arguments = tasks(job).flat_map(|task| list(&task["Config"]["args"])).map(text);
    arguments.filter_map(|word| word.strip_prefix(':')).map(|port| port.parse().unwrap()).collect()
}

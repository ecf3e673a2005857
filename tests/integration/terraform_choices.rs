//! What a site may choose makes a plan that AWS takes, as far as the rules of the tests' provider know.

use crate::support::terraform::{AMI, CERTIFICATE, Terraform, WHOLE, list, resources, text, tree};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::thread;

/// Names of a length of 1 to 32 and what else a site may choose: the provider refuses what AWS would, such as a name that is too
/// long, and subnets that overlap are counted here.
#[test]
fn what_a_site_may_choose_makes_a_plan() {
    let mut random = fastrand::Rng::with_seed(20_261_126);
    let cases: Vec<Choice> = (0..10).map(|case| Choice::any(&mut random, case)).collect();
    thread::scope(|scope| {
        for some in cases.chunks(5) {
            scope.spawn(move || {
                let cos = with_region(".");
                let network = with_region("modules/network");
                for choice in some {
                    choice.plan_network(&network);
                    choice.plan_cos(&cos);
                }
            });
        }
    });
}

#[test]
fn two_clusters_share_an_account_and_a_vpc() {
    let both = Terraform::copy(&tree(), "examples/complete");
    let other = r#"
resource "aws_acm_certificate" "other" {
  domain_name       = "www.example.com"
  validation_method = "DNS"
}
module "other" {
  source                      = "../.."
  name                        = "demo-2"
  ami_id                      = var.ami_id
  vpc_id                      = module.network.vpc_id
  subnet_ids                  = module.network.subnet_ids
  s3_prefix_list_id           = module.network.s3_prefix_list_id
  endpoint_security_group_ids = module.network.endpoint_security_group_ids
  # A certificate whose ARN is unknown until the apply.
  ingress = {
    certificate_arn = aws_acm_certificate.other.arn
    subnet_ids      = module.network.subnet_ids.public
  }
  ui = {
    cidrs           = [var.cidr]
    subnet_ids      = module.network.subnet_ids.backoffice
    certificate_arn = aws_acm_certificate.other.arn
    accept_no_acls  = true
  }
  alarms       = true
  repositories = ["haproxy"]
}
"#;
    both.write("other.tf", other);
    both.init().unwrap();
    let state = both.apply(&WHOLE).unwrap();
    let mut names = BTreeSet::new();
    for one in resources(&state) {
        let name = &one["values"]["name"];
        let Some(name) = name.as_str().or(one["values"]["alarm_name"].as_str()) else { continue };
        // The policy of a role has its name in that role alone.
        let role = one["values"]["role"].as_str().filter(|_| one["type"] == "aws_iam_role_policy");
        assert!(names.insert((text(&one["type"]), name, role)), "{} twice: {name}", one["type"]);
    }
    assert!(names.len() > 90, "{}", names.len());
}

/// What a site may choose.
#[derive(Debug)]
struct Choice {
    name: String,
    region: &'static str,
    cidr: String,
    servers: u8,
    clients: u8,
    hosts: Vec<String>,
    ui_cidrs: Vec<String>,
    repositories: Vec<String>,
    /// The key of a cache of another registry.
    cache: Option<&'static str>,
    topics: Vec<String>,
    launch_timeout: u16,
    tags: Value,
}

impl Choice {
    fn any(random: &mut fastrand::Rng, case: usize) -> Self {
        // Names of load balancers and target groups are cut from 19 and 21 characters on.
        let length = [1, 2, 18, 19, 20, 21, 31, 32]
            .get(case)
            .copied()
            .unwrap_or_else(|| random.usize(3..31));
        let end =
            |random: &mut fastrand::Rng| char::from(random.choice("abcxyz0189".bytes()).unwrap());
        let mut name = String::from(end(random));
        for _ in 0..length.max(2) - 2 {
            name.push(char::from(random.choice("abcxyz0189--".bytes()).unwrap()));
        }
        if length > 1 {
            name.push(end(random));
        }
        let prefix = random.u32(16..22);
        let address = (10 << 24 | random.u32(0..1 << 24)) >> (32 - prefix) << (32 - prefix);
        let size = random.u8(0..9);
        // ECR takes no two hyphens together, and prefixes of at most 30 characters.
        let repositories = if name.contains("--") { 0 } else { random.usize(0..4) };
        let cache = ["q", "quay", "registry-k8s"][random.usize(0..3)];
        let fits = !name.contains("--") && name.len() + 1 + cache.len() <= 30;
        Self {
            cache: fits.then_some(cache),
            repositories: (0..repositories).map(|one| format!("team_{one}/web.{one}")).collect(),
            topics: (0..random.u8(0..6))
                .map(|topic| format!("arn:aws:sns:eu-central-1:123456789012:topic-{topic}"))
                .collect(),
            launch_timeout: random.u16(30..=7200),
            name,
            region: ["eu-central-1", "ap-southeast-5", "us-gov-west-1"][random.usize(0..3)],
            cidr: format!("{}/{prefix}", Ipv4Addr::from(address)),
            servers: [1, 3, 5, 7][random.usize(0..4)],
            clients: size,
            hosts: (0..random.usize(0..13)).map(|host| format!("www-{host}.example.com")).collect(),
            ui_cidrs: (0..random.u8(1..4)).map(|third| format!("10.{third}.0.0/16")).collect(),
            tags: json!({ "team": "core platform", "cost.center:x@y": "47/11" }),
        }
    }

    fn plan_network(&self, network: &Terraform) {
        let zones = json!(["a", "b", "c"].map(|zone| format!("{}{zone}", self.region))).to_string();
        let plan = network
            .plan(&[
                ("region", self.region),
                ("name", &self.name),
                ("cidr", &self.cidr),
                ("zones", &zones),
                ("tags", &self.tags.to_string()),
            ])
            .unwrap_or_else(|error| panic!("{self:?}: {error}"));
        let changes = list(&plan["resource_changes"]);
        let subnets = changes.filter(|one| one["type"] == "aws_subnet");
        let blocks: Vec<(u32, u32)> =
            subnets.map(|one| range(text(&one["change"]["after"]["cidr_block"]))).collect();
        let (first, last) = range(&self.cidr);
        assert_eq!(blocks.len(), 12);
        for (place, block) in blocks.iter().enumerate() {
            assert!(first <= block.0 && block.1 <= last, "{self:?}");
            let others = blocks.iter().skip(place + 1);
            assert!(others.clone().all(|other| other.1 < block.0 || block.1 < other.0), "{self:?}");
        }
    }

    fn plan_cos(&self, cos: &Terraform) {
        let three =
            ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1", "subnet-0123456789abcdef2"];
        let subnets = json!({ "backoffice": three, "services": three, "content_connector": three });
        let servers = json!({ "count": self.servers }).to_string();
        let caches: BTreeMap<&str, Value> =
            self.cache.iter().map(|key| (*key, json!({ "registry": "registry.k8s.io" }))).collect();
        let caches = json!(caches);
        let size = json!({ "min": 0, "max": self.clients, "desired": self.clients });
        let client = json!({ "size": size, "cpu_target": 60 });
        let clients = json!({ "public-services": client, "content-connector": client });
        let ingress =
            json!({ "certificate_arn": CERTIFICATE, "subnet_ids": three, "hosts": self.hosts });
        let ui = json!({ "cidrs": self.ui_cidrs, "subnet_ids": three, "certificate_arn": CERTIFICATE, "accept_no_acls": true });
        cos.plan(&[
            ("region", self.region),
            ("name", &self.name),
            ("ami_id", AMI),
            ("vpc_id", "vpc-0123456789abcdef0"),
            ("subnet_ids", &subnets.to_string()),
            ("s3_prefix_list_id", "pl-0123456789abcdef0"),
            ("endpoint_security_group_ids", r#"["sg-0123456789abcdef0"]"#),
            ("consul_servers", &servers),
            ("nomad_servers", &servers),
            ("clients", &clients.to_string()),
            ("dns_cidrs", &json!([self.cidr]).to_string()),
            ("repositories", &json!(self.repositories).to_string()),
            ("pull_through", &caches.to_string()),
            ("alarm_topic_arns", &json!(self.topics).to_string()),
            ("alarms", "true"),
            ("launch_hook", &json!({ "timeout": self.launch_timeout }).to_string()),
            ("ingress", &ingress.to_string()),
            ("ui", &ui.to_string()),
            ("tags", &self.tags.to_string()),
        ])
        .unwrap_or_else(|error| panic!("{self:?}: {error}"));
    }
}

/// The first and the last address of a network.
fn range(cidr: &str) -> (u32, u32) {
    let (address, prefix) = cidr.split_once('/').unwrap();
    let first = u32::from(address.parse::<Ipv4Addr>().unwrap());
    let size = 1_u32 << (32 - prefix.parse::<u32>().unwrap());
    (first, first + (size - 1))
}

/// A module that is told its region, as whoever uses it would.
fn with_region(module: &str) -> Terraform {
    let copy = Terraform::prepared(&tree(), module);
    let region =
        "variable \"region\" {\n  type = string\n}\nprovider \"aws\" {\n  region = var.region\n}\n";
    copy.write("region.tf", region);
    copy
}

//! A lab of what Terraform makes: the state of `terraform/examples/complete` is made in EC2, IAM, SSM and Auto Scaling, and the nodes
//! are the instances that EC2 then describes, with their tags, addresses, roles and security groups.

use super::Lab;
use super::balancer::Balancer;
use super::description::{Launched, Machine};
use super::groups::Rule;
use super::layers;
use super::node::Node;
use super::tools::Consul;
use crate::modules::{Terraform, WHOLE, configuration, resources, tree};
use crate::programs;
use cos_agent::state::sha256;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

const EXAMPLE: &str = "examples/complete";

/// What was made of the state.
#[derive(Deserialize)]
struct Made {
    vpc: String,
    rules: Vec<Rule>,
    /// Auto Scaling group → how many instances it wants.
    groups: BTreeMap<String, u8>,
    /// The security groups of the endpoints of AWS services.
    endpoints: Vec<String>,
    balancers: Vec<Balancer>,
}

impl Lab {
    /// The ten nodes of the example, all switched off, before the launch hooks of their groups; it ends with this process.
    pub(crate) fn of_terraform() -> Self {
        Self::of_terraform_named(&Self::next_name())
    }

    /// The same under a name, which begins with `cos-`.
    pub(crate) fn of_terraform_named(prefix: &str) -> Self {
        let lab = Self::account(prefix, true);
        layers::link(&lab, Consul::Usual);
        let made: Made = lab.ask(&json!({ "operation": "replay", "resources": state() }));
        lab.change(|description| description.vpc = made.vpc);
        for (group, wanted) in &made.groups {
            for number in 1..=*wanted {
                lab.adopt_of(group, &name_of(group, number));
            }
        }
        lab.change(|description| {
            description.rules = made.rules;
            description.endpoints = made.endpoints;
            description.balancers = made.balancers;
        });
        lab.open_groups();
        lab.plug_balancers();
        lab
    }

    /// Launches the next instance of an Auto Scaling group; it is switched off.
    pub(crate) fn launch(&self, group: &str, name: &str) -> Node<'_> {
        self.adopt_of(group, name);
        self.open_groups();
        self.balance();
        self.node(name)
    }

    fn adopt_of(&self, group: &str, name: &str) {
        let launched: Launched =
            self.ask(&json!({ "operation": "launch_of_group", "name": group }));
        let hook = launched.tags["cos:launch-hook"].clone();
        self.adopt(vec![Machine::launched(name, launched)]);
        self.hold(&self.node(name), group, &hook);
    }

    fn ask<T: serde::de::DeserializeOwned>(&self, operation: &Value) -> T {
        serde_json::from_value(self.aws.does(operation)).unwrap()
    }
}

/// What the lab calls an instance of a group: `consul-1`, `nomad-1`, or its datacenter.
fn name_of(group: &str, number: u8) -> String {
    let kind = group.split_once('-').map_or(group, |(_, kind)| kind);
    match kind.strip_suffix("-server") {
        Some(daemon) => format!("{daemon}-{number}"),
        None => kind.to_owned(),
    }
}

/// The resources of the example once it is applied: type and values. Made once for the same modules and the same provider.
fn state() -> Vec<Value> {
    // The provider of the tests is in a directory that its own sources name.
    let provider = configuration().display().to_string();
    let key = format!("{} {provider} {EXAMPLE} {WHOLE:?}", layers::key_of(&tree()));
    let key = sha256(key.as_bytes());
    let path = programs::cache().join("lab").join(format!("terraform-{}.json", &key[..12]));
    if let Ok(text) = fs::read_to_string(&path) {
        return serde_json::from_str(&text).unwrap();
    }
    let state = Terraform::prepared(&tree(), EXAMPLE).apply(&WHOLE).unwrap();
    let resources: Vec<Value> = resources(&state)
        .into_iter()
        .map(|one| json!({ "type": one["type"], "values": one["values"] }))
        .collect();
    super::write_whole(&path, &serde_json::to_string(&resources).unwrap());
    resources
}

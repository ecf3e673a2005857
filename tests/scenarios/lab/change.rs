//! What an account does to a running cluster: instances come and go, tags change, networks split.

use super::description::Machine;
use super::node::Node;
use super::{Lab, write_whole};
use serde_json::json;

impl Lab {
    /// Launches a further instance; it is switched off.
    pub(crate) fn add(&self, machine: Machine) -> Node<'_> {
        let name = machine.name.clone();
        self.add_all(vec![machine]);
        self.node(&name)
    }

    pub(super) fn add_all(&self, mut machines: Vec<Machine>) {
        let launched = |machine: &Machine| json!({ "address": machine.address, "zone": machine.zone(), "tags": machine.tags });
        let instances: Vec<_> = machines.iter().map(launched).collect();
        let ids = self.aws.does(&json!({ "operation": "run", "instances": instances }));
        for (machine, id) in machines.iter_mut().zip(ids.as_array().unwrap()) {
            id.as_str().unwrap().clone_into(&mut machine.id);
        }
        self.adopt(machines);
    }

    /// Gives instances that EC2 has launched a disk and metadata.
    pub(super) fn adopt(&self, machines: Vec<Machine>) {
        self.change(|description| description.machines.extend(machines.iter().cloned()));
        for machine in machines {
            Node { lab: self, machine }.prepare();
        }
    }

    /// Launches an instance of another VPC with the tags of a machine. EC2 lists it, and nothing reaches it. Its id.
    pub(crate) fn add_foreign(&self, machine: &Machine) -> String {
        self.net.silent(machine.address);
        let id = self.aws.does(&json!({
            "operation": "foreign", "address": machine.address, "zone": machine.zone(),
            "tags": machine.tags,
        }));
        id.as_str().unwrap().to_owned()
    }

    /// Ends an instance: its power, its disk, and what EC2 knows of it.
    pub(crate) fn terminate(&self, node: &Node<'_>) {
        if let Some(group) =
            node.tags.get("aws:autoscaling:groupName").filter(|_| !node.groups.is_empty())
        {
            // Its group would launch another one at once; a test does that by itself.
            let detached = json!({
                "InstanceIds": [node.id], "AutoScalingGroupName": group,
                "ShouldDecrementDesiredCapacity": true,
            });
            self.aws.call("autoscaling", "detach_instances", &detached);
        }
        self.aws.call("ec2", "terminate_instances", &json!({ "InstanceIds": [node.id] }));
        if node.is_on() {
            node.power_cut();
        }
        node.remove_disk();
        self.change(|description| description.machines.retain(|found| found.name != node.name));
        self.balance();
    }

    /// Sets a tag of an instance, or takes it away, in EC2 and in its metadata.
    pub(crate) fn tag(&self, node: &Node<'_>, key: &str, value: Option<&str>) {
        let tag = json!({ "Resources": [node.id], "Tags": [{ "Key": key, "Value": value.unwrap_or_default() }] });
        let untag = json!({ "Resources": [node.id], "Tags": [{ "Key": key }] });
        match value {
            Some(_) => self.aws.call("ec2", "create_tags", &tag),
            None => self.aws.call("ec2", "delete_tags", &untag),
        };
        self.edit(node, |machine| match value {
            Some(value) => drop(machine.tags.insert(key.to_owned(), value.to_owned())),
            None => drop(machine.tags.remove(key)),
        });
    }

    /// Changes what the metadata service tells of a node.
    pub(crate) fn edit(&self, node: &Node<'_>, edit: impl FnOnce(&mut Machine)) {
        self.change(|description| {
            edit(description.machines.iter_mut().find(|found| found.name == node.name).unwrap());
        });
        self.write_metadata(&self.node(&node.name).machine);
    }

    pub(super) fn write_metadata(&self, machine: &Machine) {
        let metadata = self.description().metadata(machine);
        let path = self.folder.join("nodes").join(&machine.name).join("metadata.json");
        write_whole(&path, &serde_json::to_string_pretty(&metadata).unwrap());
    }

    /// Takes the instance profile away from a node, or gives it back.
    pub(crate) fn profile(&self, node: &Node<'_>, has_one: bool) {
        let description = self.description();
        let mut metadata = description.metadata(&node.machine);
        if !has_one {
            metadata.credentials = None;
        }
        let path = node.folder().join("metadata.json");
        write_whole(&path, &serde_json::to_string_pretty(&metadata).unwrap());
    }

    /// Splits these nodes from all others.
    pub(crate) fn partition(&self, nodes: &[&Node<'_>]) {
        let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
        self.net.partition(&addresses);
    }

    /// Ends the partition.
    pub(crate) fn heal_partition(&self) {
        self.net.heal("partition");
    }

    /// Puts an instance before a launch hook of its auto scaling group, whose name metadata tells as a tag.
    pub(crate) fn hold(&self, node: &Node<'_>, group: &str, hook: &str) {
        self.aws.hold(node, group, hook);
        self.edit(node, |machine| {
            machine.target_lifecycle_state = Some("InService".to_owned());
            machine.tags.insert("aws:autoscaling:groupName".to_owned(), group.to_owned());
        });
    }
}

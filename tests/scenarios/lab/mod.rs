//! A lab: the nodes of a cluster as containers with systemd, a network of their own, and AWS.
//!
//! Everything that it is lies in its folder and in the kernel, so another process can open it; a test that made it
//! takes it down when it is dropped.
#![allow(dead_code, reason = "each scenario, and the command, uses its own part")]

pub(crate) mod aws;
pub(crate) mod cgroup;
pub(crate) mod description;
mod guardian;
pub(crate) mod http;
mod inside;
pub(crate) mod managed;
pub(crate) mod net;
pub(crate) mod node;
mod ready;
pub(crate) mod shell;
pub(crate) mod table;
mod tools;
pub(crate) mod transcript;
pub(crate) mod wait;
pub(crate) mod whole;

use aws::Aws;
use description::{Description, Machine};
use guardian::Guardian;
use net::Net;
use node::Node;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::RwLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A lab.
pub(crate) struct Lab {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// AWS.
    pub(crate) aws: Aws,
    /// The network.
    pub(crate) net: Net,
    description: RwLock<Description>,
    guardian: Option<Guardian>,
}

impl Lab {
    /// Makes a lab with these machines, all switched off; it ends with this process.
    pub(crate) fn new(machines: Vec<Machine>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::named(&format!("cos-{}-{number}", std::process::id()), machines)
    }

    /// The same under a name, which begins with `cos-`.
    pub(crate) fn named(prefix: &str, machines: Vec<Machine>) -> Self {
        tools::check();
        guardian::sweep();
        let image = tools::image();
        let folder = guardian::base().join(prefix);
        fs::create_dir_all(guardian::base()).unwrap();
        fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let guardian = Some(Guardian::watch(prefix, &folder));
        let net = Net { prefix: prefix.to_owned() };
        let aws = Aws::new(&folder, &net);
        let description = RwLock::new(Description {
            prefix: prefix.to_owned(),
            image: image.clone(),
            vpc: String::new(),
            credentials: None,
            machines: Vec::new(),
        });
        let lab = Self { folder, aws, net, description, guardian };
        tools::ami(&lab.folder.join("ami"));
        lab.net.create();
        lab.aws.start(&image);
        let account = lab.aws.does(&json!({ "operation": "create" }));
        lab.change(|description| {
            account["vpc"].as_str().unwrap().clone_into(&mut description.vpc);
            description.credentials =
                serde_json::from_value(account["credentials"].clone()).unwrap();
        });
        lab.add_all(machines);
        lab
    }

    /// Opens a lab that another process made and left running.
    pub(crate) fn open(prefix: &str) -> Result<Self, String> {
        let folder = guardian::base().join(prefix);
        let text = fs::read_to_string(folder.join("lab.json"))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let description: Description = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let net = Net { prefix: description.prefix.clone() };
        let aws = Aws::new(&folder, &net);
        Ok(Self { folder, aws, net, description: RwLock::new(description), guardian: None })
    }

    /// Lets it run on when this process ends.
    pub(crate) fn leave_running(mut self) {
        let _ = fs::remove_file(self.folder.join("owner"));
        if let Some(guardian) = self.guardian.take() {
            guardian.dismiss();
        }
    }

    /// Takes a lab down, whether or not it can be opened.
    pub(crate) fn down(prefix: &str) {
        guardian::down(prefix, &guardian::base().join(prefix));
    }

    /// What it is made of.
    pub(crate) fn description(&self) -> Description {
        self.description.read().unwrap().clone()
    }

    fn change(&self, change: impl FnOnce(&mut Description)) {
        let mut description = self.description.write().unwrap();
        change(&mut description);
        let text = serde_json::to_string_pretty(&*description).unwrap();
        write_whole(&self.folder.join("lab.json"), &text);
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> Vec<Node<'_>> {
        let machines = self.description().machines.into_iter();
        machines.map(|machine| Node { lab: self, machine }).collect()
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> Node<'_> {
        let found = self.nodes().into_iter().find(|node| node.name == name);
        found.unwrap_or_else(|| panic!("no node is called {name}"))
    }

    /// The nodes of a role.
    pub(crate) fn role(&self, role: &str) -> Vec<Node<'_>> {
        self.nodes().into_iter().filter(|node| node.role() == role).collect()
    }

    /// Launches a further instance; it is switched off.
    pub(crate) fn add(&self, machine: Machine) -> Node<'_> {
        let name = machine.name.clone();
        self.add_all(vec![machine]);
        self.node(&name)
    }

    fn add_all(&self, mut machines: Vec<Machine>) {
        let launched = |machine: &Machine| json!({ "address": machine.address, "zone": machine.zone(), "tags": machine.tags });
        let instances: Vec<_> = machines.iter().map(launched).collect();
        let ids = self.aws.does(&json!({ "operation": "run", "instances": instances }));
        for (machine, id) in machines.iter_mut().zip(ids.as_array().unwrap()) {
            id.as_str().unwrap().clone_into(&mut machine.id);
        }
        self.change(|description| description.machines.extend(machines.iter().cloned()));
        for machine in machines {
            Node { lab: self, machine }.prepare();
        }
    }

    /// Switches all nodes on at once.
    pub(crate) fn boot_all(&self) {
        self.everywhere(|node| node.boot());
    }

    /// Does something on all nodes at once.
    pub(crate) fn everywhere(&self, work: impl Fn(&Node<'_>) + Sync) {
        let nodes = self.nodes();
        std::thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| work(node));
            }
        });
    }

    /// Ends an instance: its power, its disk, and what EC2 knows of it.
    pub(crate) fn terminate(&self, node: &Node<'_>) {
        self.aws.call("ec2", "terminate_instances", &json!({ "InstanceIds": [node.id] }));
        if node.is_on() {
            node.power_cut();
        }
        node.remove_disk();
        self.change(|description| description.machines.retain(|found| found.name != node.name));
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

    fn write_metadata(&self, machine: &Machine) {
        let metadata = self.description().metadata(machine);
        let path = self.folder.join("nodes").join(&machine.name).join("metadata.json");
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
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            if std::thread::panicking() {
                transcript::keep_logs(self);
            }
            guardian::down(&self.net.prefix, &self.folder);
            guardian.dismiss();
        }
    }
}

/// Writes a file so that a reader sees the old text or the new one.
pub(crate) fn write_whole(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

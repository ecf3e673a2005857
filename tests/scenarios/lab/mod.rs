//! A lab: the nodes of a cluster as containers with systemd, a network of their own, and AWS.
//!
//! Everything that it is lies in its folder and in the kernel, so another process can open it; a test that made it
//! takes it down when it is dropped.
#![allow(dead_code, reason = "each scenario, and the command, uses its own part")]

pub(crate) mod aws;
pub(crate) mod balancer;
pub(crate) mod cgroup;
mod change;
pub(crate) mod control;
pub(crate) mod description;
mod disk;
pub(crate) mod dns;
mod forward;
pub(crate) mod groups;
mod guardian;
pub(crate) mod http;
pub(crate) mod inside;
pub(crate) mod jobs;
pub(crate) mod layers;
pub(crate) mod managed;
pub(crate) mod net;
pub(crate) mod node;
mod places;
mod ready;
pub(crate) mod registry;
pub(crate) mod shell;
pub(crate) mod table;
pub(crate) mod terraform;
pub(crate) mod tools;
pub(crate) mod transcript;
pub(crate) mod wait;
pub(crate) mod whole;

use aws::Aws;
use description::{Description, Machine};
use guardian::Guardian;
use net::Net;
use node::Node;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use tools::Consul;

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
        Self::with(Consul::Usual, machines)
    }

    /// The same with this Consul.
    pub(crate) fn with(consul: Consul, machines: Vec<Machine>) -> Self {
        Self::named(&Self::next_name(), consul, machines)
    }

    fn next_name() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        format!("cos-{}-{number}", std::process::id())
    }

    /// The same under a name, which begins with `cos-`.
    pub(crate) fn named(prefix: &str, consul: Consul, machines: Vec<Machine>) -> Self {
        let lab = Self::account(prefix, false);
        if !machines.is_empty() {
            layers::link(&lab, consul);
        }
        lab.add_all(machines);
        lab
    }

    /// A network, and an account of AWS, which Terraform is still to fill or which has what nodes need.
    fn account(prefix: &str, by_terraform: bool) -> Self {
        tools::check();
        guardian::sweep();
        let site = tools::site();
        let folder = guardian::base().join(prefix);
        fs::create_dir_all(guardian::base()).unwrap();
        fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let guardian = Some(Guardian::watch(prefix, &folder));
        let net = Net { prefix: prefix.to_owned() };
        let aws = Aws::new(&folder, &net);
        let description = RwLock::new(Description {
            prefix: prefix.to_owned(),
            site: site.clone(),
            vpc: String::new(),
            credentials: None,
            machines: Vec::new(),
            rules: Vec::new(),
            endpoints: Vec::new(),
            balancers: Vec::new(),
        });
        let lab = Self { folder, aws, net, description, guardian };
        lab.net.create();
        lab.aws.start(&site);
        let account = lab.aws.does(&json!({ "operation": "create", "by_terraform": by_terraform }));
        lab.change(|description| {
            account["vpc"].as_str().unwrap_or_default().clone_into(&mut description.vpc);
            description.credentials =
                serde_json::from_value(account["credentials"].clone()).unwrap();
        });
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

    /// Takes a lab down, whether or not it can be opened; not one that a process still works with.
    pub(crate) fn down(prefix: &str) -> Result<(), String> {
        let folder = guardian::base().join(prefix);
        if !folder.exists() {
            return Err("the lab is not up".to_owned());
        }
        if let Some(process) = guardian::living_owner(&folder) {
            return Err(format!("process {process} works with {prefix}; let it end first"));
        }
        guardian::down(prefix, &folder);
        Ok(())
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

    /// Switches all nodes on at once.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is of one lifetime")]
    pub(crate) fn boot_all(&self) {
        self.everywhere(|node| node.boot());
    }

    /// Switches all nodes on and waits until they are ready; name → seconds since power came. Labs of one process take
    /// turns: a cold boot is all work and no waiting.
    pub(crate) fn up(&self) -> BTreeMap<String, f64> {
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        self.boot_all();
        self.until_ready()
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

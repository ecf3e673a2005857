//! The load balancers that Terraform makes, played by HAProxy: listeners, rules, target groups and health checks are those of the
//! state, the certificate is one that nobody has signed, and its address is in the security groups of the balancer.
//!
//! Unlike AWS's it answers 503 when no target is healthy, where AWS's would try all of them, and a new target is healthy until a
//! check fails.

mod haproxy;

use super::net::{INTERNET, Net, OUTSIDE, start_in};
use super::shell::SOON;
use super::wait::until;
use super::{Lab, cgroup, http, write_whole};
use rcgen::{CertificateParams, KeyPair};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A load balancer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Balancer {
    pub(super) name: String,
    /// The name that the world knows it by.
    pub(crate) dns_name: String,
    internal: bool,
    pub(crate) address: Ipv4Addr,
    /// Its security groups.
    pub(super) groups: Vec<String>,
    /// Seconds.
    idle_timeout: u32,
    listeners: Vec<Listener>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Listener {
    port: u16,
    default: Action,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Rule {
    hosts: Vec<String>,
    paths: Vec<String>,
    action: Action,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Action {
    Forward { target: Target },
    Fixed { status: u16, kind: String, body: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Target {
    name: String,
    port: u16,
    /// The Auto Scaling group that is attached.
    group: String,
    check_port: u16,
    path: String,
    interval: u32,
    timeout: u32,
    healthy: u32,
    unhealthy: u32,
}

impl Lab {
    /// Plugs in the load balancers and the internet, and starts to balance.
    pub(super) fn plug_balancers(&self) {
        self.net.plug("internet", "v-internet", &[INTERNET]);
        for balancer in self.description().balancers {
            let port = Net::port(balancer.address);
            self.net.plug(&balancer.name, &port, &[balancer.address]);
            if !balancer.internal {
                self.net.route(&balancer.name, OUTSIDE);
                self.net.route("internet", "10.20.0.0/16");
            }
            self.aws.change(|control| {
                control.names.insert(balancer.dns_name.clone(), balancer.address);
            });
            let folder = self.balancer_folder(&balancer);
            fs::create_dir_all(&folder).unwrap();
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![balancer.dns_name.clone()]).unwrap();
            let certificate = params.self_signed(&key).unwrap().pem();
            fs::write(folder.join("certificate.pem"), &certificate).unwrap();
            write_whole(&folder.join("both.pem"), &format!("{certificate}{}", key.serialize_pem()));
        }
        self.balance();
    }

    /// Balances between the instances that there are now.
    pub(super) fn balance(&self) {
        for balancer in self.description().balancers {
            let folder = self.balancer_folder(&balancer);
            let configuration =
                haproxy::configuration(&balancer, &folder, &self.description().machines);
            fs::write(folder.join("haproxy.cfg"), configuration).unwrap();
            let group = format!("{}/balancer-{}", self.net.prefix, balancer.name);
            cgroup::create_unified(&group);
            cgroup::kill(&group);
            let words = haproxy::command(&folder.join("haproxy.cfg"));
            start_in(&self.net.netns(&balancer.name), &group, &words, &folder.join("log"));
            let port = balancer.listeners[0].port;
            until(&format!("{} listens", balancer.name), SOON, || {
                let own = (balancer.address, port).into();
                http::connect(&self.net.netns(&balancer.name), own, SOON).map(drop)
            });
        }
    }

    /// The load balancer whose name ends so.
    pub(crate) fn balancer(&self, ending: &str) -> Balancer {
        let mut all = self.description().balancers.into_iter();
        all.find(|one| one.name.ends_with(ending)).expect("a load balancer of this name")
    }

    fn balancer_folder(&self, balancer: &Balancer) -> PathBuf {
        self.folder.join("balancers").join(&balancer.name)
    }

    /// The certificate of a load balancer.
    pub(crate) fn certificate_of(&self, balancer: &Balancer) -> PathBuf {
        self.balancer_folder(balancer).join("certificate.pem")
    }

    /// The instances that are healthy targets of the target group whose name ends with this word, as the balancer has found.
    pub(crate) fn healthy_targets(&self, ending: &str, group: &str) -> Vec<String> {
        let balancer = self.balancer(ending);
        let socket = self.balancer_folder(&balancer).join("socket");
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(b"show stat\n").unwrap();
        let mut table = String::new();
        stream.read_to_string(&mut table).unwrap();
        let mut lines =
            table.lines().map(|line| line.trim_start_matches("# ").split(',').collect::<Vec<_>>());
        let head = lines.next().expect("a line of names");
        let at = |name: &str| head.iter().position(|column| *column == name).expect("a column");
        let [backend, server, status] = ["pxname", "svname", "status"].map(at);
        let port = balancer.port_of(group);
        lines
            .filter(|line| {
                line.len() > status
                    && line[backend].starts_with(&port)
                    && line[status].starts_with("UP")
            })
            .map(|line| line[server].to_owned())
            .filter(|name| name != "BACKEND")
            .collect()
    }
}

impl Balancer {
    /// The port of the listener that forwards to the target group whose name ends so, by a rule or by default.
    fn port_of(&self, group: &str) -> String {
        let forwards = |action: &Action| match action {
            Action::Forward { target } => target.name.ends_with(group),
            Action::Fixed { .. } => false,
        };
        let of_rules =
            |listener: &Listener| listener.rules.iter().any(|rule| forwards(&rule.action));
        let mut listeners = self.listeners.iter();
        let found = listeners.find(|one| forwards(&one.default) || of_rules(one));
        found.expect("a target group of this name").port.to_string()
    }
}

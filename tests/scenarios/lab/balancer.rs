//! The load balancers that Terraform makes, played by HAProxy: listeners, rules, target groups and health checks are those of the
//! state, the certificate is one that nobody has signed, and its address is in the security groups of the balancer.
//!
//! Unlike AWS's it answers 503 when no target is healthy, where AWS's would try all of them, and a new target is healthy until a
//! check fails.

use super::jobs::images;
use super::net::{INTERNET, Net, OUTSIDE, start_in};
use super::shell::SOON;
use super::wait::until;
use super::{Lab, cgroup, http, write_whole};
use rcgen::{CertificateParams, KeyPair};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
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
            fs::write(folder.join("haproxy.cfg"), self.configuration(&balancer)).unwrap();
            let group = format!("{}/balancer-{}", self.net.prefix, balancer.name);
            cgroup::create_unified(&group);
            cgroup::kill(&group);
            let words = haproxy(&folder.join("haproxy.cfg"));
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

    fn configuration(&self, balancer: &Balancer) -> String {
        let certificate = self.balancer_folder(balancer).join("both.pem");
        let socket = self.balancer_folder(balancer).join("socket");
        let mut text = format!(
            "global\n  log stdout format raw local0 info\n  stats socket {} level admin\n\
             defaults\n  log global\n  mode http\n  option httplog\n  option forwardfor\n  timeout connect 5s\n  \
             timeout client {idle}s\n  timeout server {idle}s\n",
            socket.display(),
            idle = balancer.idle_timeout,
        );
        let mut backends = String::new();
        for Listener { port, default, rules } in &balancer.listeners {
            let _ = write!(
                text,
                "frontend {port}\n  bind {}:{port} ssl crt {}\n  http-request set-header X-Forwarded-Proto https\n",
                balancer.address,
                certificate.display(),
            );
            for (number, rule) in rules.iter().enumerate() {
                let backend = format!("{port}-{number}");
                let _ = writeln!(text, "  use_backend {backend} if {}", rule.condition());
                self.backend(&backend, &rule.action, &mut backends);
            }
            let backend = format!("{port}-default");
            let _ = writeln!(text, "  default_backend {backend}");
            self.backend(&backend, default, &mut backends);
        }
        text + &backends
    }

    fn backend(&self, name: &str, action: &Action, text: &mut String) {
        let _ = writeln!(text, "backend {name}");
        let Target { port, group, check_port, path, interval, timeout, healthy, unhealthy, .. } =
            match action {
                Action::Forward { target } => target,
                Action::Fixed { status, kind, body } => {
                    let answer = format!("status {status} content-type {kind} string \"{body}\"");
                    let _ = writeln!(text, "  http-request return {answer}");
                    return;
                }
            };
        let _ = writeln!(text, "  option httpchk GET {path}\n  timeout check {timeout}s");
        for machine in self.description().machines {
            if machine.tags.get("aws:autoscaling:groupName") == Some(group) {
                let _ = writeln!(
                    text,
                    "  server {} {}:{port} check port {check_port} inter {interval}s rise {healthy} fall {unhealthy}",
                    machine.name, machine.address
                );
            }
        }
    }
}

impl Balancer {
    /// The port of the listener that forwards to the target group whose name ends so.
    fn port_of(&self, group: &str) -> String {
        let forwards = |listener: &&Listener| match &listener.default {
            Action::Forward { target } => target.name.ends_with(group),
            Action::Fixed { .. } => false,
        };
        let found = self.listeners.iter().find(forwards).expect("a target group of this name");
        found.port.to_string()
    }
}

impl Rule {
    /// As HAProxy asks: `*` at the end of a path is all that AWS's patterns have here.
    fn condition(&self) -> String {
        let mut parts = Vec::new();
        if !self.hosts.is_empty() {
            parts.push(format!("{{ hdr(host) -i {} }}", self.hosts.join(" ")));
        }
        if !self.paths.is_empty() {
            let paths: Vec<&str> =
                self.paths.iter().map(|path| path.strip_suffix('*').expect("a prefix")).collect();
            parts.push(format!("{{ path_beg {} }}", paths.join(" ")));
        }
        parts.join(" ")
    }
}

/// The program of the image, by the loader and with the libraries of the image.
fn haproxy(configuration: &std::path::Path) -> Vec<String> {
    let image = images().join("haproxy");
    let at = |path: &str| image.join(path).display().to_string();
    let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].map(at).join(":");
    [
        at("lib64/ld-linux-x86-64.so.2"),
        "--library-path".to_owned(),
        libraries,
        at("usr/sbin/haproxy"),
        "-db".to_owned(),
        "-f".to_owned(),
        configuration.display().to_string(),
    ]
    .to_vec()
}

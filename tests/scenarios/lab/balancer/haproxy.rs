//! HAProxy as a load balancer of AWS: its configuration and its command.

use super::{Action, Balancer, Listener, Rule, Target};
use crate::lab::description::Machine;
use crate::programs;
use std::fmt::Write;
use std::path::Path;

/// The configuration of a load balancer, whose certificate and socket are in this folder.
pub(super) fn configuration(balancer: &Balancer, folder: &Path, machines: &[Machine]) -> String {
    let (certificate, socket) = (folder.join("both.pem"), folder.join("socket"));
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
            backend_of(&backend, &rule.action, machines, &mut backends);
        }
        let backend = format!("{port}-default");
        let _ = writeln!(text, "  default_backend {backend}");
        backend_of(&backend, default, machines, &mut backends);
    }
    text + &backends
}

fn backend_of(name: &str, action: &Action, machines: &[Machine], text: &mut String) {
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
    for machine in machines {
        if machine.tags.get("aws:autoscaling:groupName") == Some(group) {
            let _ = writeln!(
                text,
                "  server {} {}:{port} check port {check_port} inter {interval}s rise {healthy} fall {unhealthy}",
                machine.name, machine.address
            );
        }
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

/// The program of the image of the example jobs.
pub(super) fn command(configuration: &Path) -> Vec<String> {
    let mut words = programs::of_image("haproxy", "usr/sbin/haproxy").to_vec();
    words.extend(["-db", "-f"].map(str::to_owned));
    words.push(configuration.display().to_string());
    words
}

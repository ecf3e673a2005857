//! The ends of a connection: a node by its name, a load balancer by its, and `internet`. Programs of the host run there.

use super::Lab;
use super::net::{INTERNET, netns_path, start_in};
use super::shell::{self, Output, SOON};
use super::wait::until;
use super::{cgroup, http, tools};
use std::net::Ipv4Addr;

impl Lab {
    /// The address of an end.
    pub(crate) fn address_in(&self, name: &str) -> Ipv4Addr {
        let description = self.description();
        let nodes = description.machines.iter().map(|machine| (&machine.name, machine.address));
        let balancers = description.balancers.iter().map(|one| (&one.name, one.address));
        match nodes.chain(balancers).find(|(known, _)| *known == name) {
            Some((_, address)) => address,
            None if name == "internet" => INTERNET,
            None => panic!("nothing is called {name}"),
        }
    }

    /// Runs a program of the host in the network of an end.
    pub(crate) fn run_in(&self, name: &str, words: &[&str]) -> Output {
        let enter = format!("--net={}", netns_path(&self.net.netns(name)).display());
        shell::run(&[&["nsenter", &enter], words].concat(), "", SOON)
    }

    /// Serves HTTP at a port of an end, as a task would.
    pub(crate) fn serve_in(&self, name: &str, port: u16) {
        let group = format!("{}/serve-{name}-{port}", self.net.prefix);
        cgroup::create_unified(&group);
        let python = tools::python().display().to_string();
        let words = [&python, "-m", "http.server", &port.to_string()].map(str::to_owned);
        let netns = self.net.netns(name);
        start_in(&netns, &group, &words, &self.folder.join(format!("serve-{name}-{port}.log")));
        until("it serves", SOON, || {
            http::connect(&netns, (self.address_in(name), port).into(), SOON).map(drop)
        });
    }
}

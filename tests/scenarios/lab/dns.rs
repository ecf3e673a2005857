//! Names on a node: who resolves them, and who is asked.

use super::cgroup;
use super::net::start_in;
use super::node::Node;
use super::shell::{Output, SOON};
use super::tools;
use super::wait::until;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A lookup, and how long it took.
pub(crate) struct Lookup {
    /// What the program said.
    pub(crate) output: Output,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The names that were asked for at a port of a node's loopback.
pub(crate) struct Queries {
    log: PathBuf,
}

impl Node<'_> {
    /// Looks a name up as programs do, by the C library.
    pub(crate) fn getent(&self, name: &str) -> Lookup {
        self.timed(&["getent", "hosts", name])
    }

    /// Looks a name up by systemd-resolved's own interface.
    pub(crate) fn resolvectl(&self, name: &str) -> Lookup {
        self.timed(&["resolvectl", "query", name])
    }

    /// Looks a name up in a container of an image that [`Node::make_image`] made.
    pub(crate) fn in_container(&self, image: &str, name: &str) -> Lookup {
        let command = format!("nslookup -type=a {name}");
        self.timed(&["docker", "run", "--rm", image, "/bin/sh", "-c", &command])
    }

    /// Runs a command in the node, and takes the time.
    pub(crate) fn timed(&self, command: &[&str]) -> Lookup {
        let started = Instant::now();
        let output = self.run(command);
        Lookup { output, took: started.elapsed() }
    }

    /// Listens, from now on, to what is asked at a port of its loopback.
    pub(crate) fn listen(&self, port: u16) -> Queries {
        let log = self.folder().join(format!("queries-{port}"));
        let group = format!("{}/queries-{}", self.lab.net.prefix, self.name);
        cgroup::create_unified(&group);
        let script = tools::here("lab/queries.py").display().to_string();
        let words = [tools::python().display().to_string(), script, port.to_string()];
        start_in(&self.netns(), &group, &words, &log);
        let queries = Queries { log };
        until("the listener listens", SOON, || {
            if queries.names().is_empty() { Err("not yet".to_owned()) } else { Ok(()) }
        });
        queries
    }
}

impl Queries {
    /// All names so far, behind a first line.
    pub(crate) fn names(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

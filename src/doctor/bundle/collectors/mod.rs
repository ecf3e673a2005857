//! READ: what is collected for a bundle. To add a collector: a function here, and its line in [`COLLECTORS`].
//!
//! Each collector runs on a thread of its own, with all others at the same time. What is not there is left out in silence,
//! because no node has everything. What is there and cannot be read is a failure, which the manifest lists.

mod files;
mod programs;

use super::member::{Cut, Form, Member};
use crate::state::Daemon;
use crate::system::command::{Call, Keep};
use crate::system::environment::Environment;
use crate::system::root::Root;
use futures_util::future::LocalBoxFuture;
use std::time::Duration;

/// Largest file that is collected whole, in bytes.
const LARGEST: usize = 256 * 1024;
/// Longest time for a program.
const PROGRAM: Duration = Duration::from_secs(5);

/// Where things are collected.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The files and programs.
    pub(super) root: Root,
    /// The search path of programs, and the address of metadata.
    pub(super) environment: Environment,
}

/// A collector.
pub(super) struct Collector {
    /// Its directory in the bundle.
    pub(super) name: &'static str,
    /// What it collects.
    pub(super) what: &'static str,
    /// Collects.
    pub(super) collect: fn(Source) -> LocalBoxFuture<'static, Vec<Piece>>,
}

/// What a collector brings.
#[derive(Debug)]
pub(super) enum Piece {
    /// A file.
    File(Member),
    /// What it could not collect.
    Failed(Failure),
}

/// Something that could not be collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What it was.
    pub(super) what: String,
    /// The reason.
    pub(super) why: String,
}

/// Every collector, the most important first, because the last are left out if the bundle is full.
pub(super) static COLLECTORS: &[Collector] = &[
    Collector {
        name: "state",
        what: "what the agent keeps from one run to the next; without the manifest, and the facts without their secrets",
        collect: |source| Box::pin(async move { files::state(&source) }),
    },
    Collector {
        name: "config",
        what: "the configuration of Consul, Nomad, docker and the agent, without secrets and without private keys",
        collect: |source| Box::pin(async move { files::config(&source) }),
    },
    Collector {
        name: "units",
        what: "the unit files and drop-ins of our units, and what systemd says of them",
        collect: |source| Box::pin(programs::units(source)),
    },
    Collector {
        name: "versions",
        what: "the versions of the programs, the kernel and the distribution",
        collect: |source| Box::pin(programs::versions(source)),
    },
    Collector {
        name: "network",
        what: "addresses, routes, sockets, counters and resolvers",
        collect: |source| Box::pin(programs::network(source)),
    },
    Collector {
        name: "machine",
        what: "memory, load, pressure, mounts and free space",
        collect: |source| Box::pin(programs::machine(source)),
    },
    Collector {
        name: "journal",
        what: "the last 2,000 lines of this boot of each of our units",
        collect: |source| Box::pin(programs::journals(source)),
    },
];

impl Piece {
    /// A failure.
    pub(super) fn failed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Failed(Failure { what: what.into(), why: why.into() })
    }
}

/// A file of the node, if it is there.
fn file(source: &Source, collector: &str, path: &str, form: Form) -> Option<Piece> {
    match source.root.read_start(path, LARGEST) {
        Ok(None) => None,
        Ok(Some(start)) => Some(Piece::File(Member {
            name: format!("{collector}{path}"),
            form,
            cut: if start.is_cut { Cut::End } else { Cut::Nothing },
            bytes: start.bytes,
        })),
        Err(error) => Some(Piece::failed(path, error.source.to_string())),
    }
}

/// Whether a program is installed.
fn is_there(source: &Source, program: &str) -> bool {
    source.root.stat_target(program).is_ok_and(|stat| stat.is_some())
}

/// What a program of the node prints, if it is installed and prints anything; and how it ended if not with 0.
async fn output(
    source: &Source,
    name: &str,
    (program, args): (&str, &[&str]),
    keep: Keep,
) -> Vec<Piece> {
    let found = is_there(source, program).then(|| source.root.resolve(program).ok()).flatten();
    let Some(program) = found else { return Vec::new() };
    let path = &source.environment.path;
    let call = Call { keep, ..Call::of(&program, args, path) };
    let output = match call.run(PROGRAM).await {
        Ok(output) => output,
        Err(error) => return vec![Piece::failed(name, error.to_string())],
    };
    let (cap, cut) = match keep {
        Keep::First(cap) => (cap, Cut::End),
        Keep::Last(cap) => (cap, Cut::Start),
    };
    let cut = if output.stdout.len() >= cap { cut } else { Cut::Nothing };
    let mut pieces = Vec::new();
    if !output.success() {
        let code = output.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
        pieces.push(Piece::failed(name, format!("{} ended with {code}", program.display())));
    }
    let text = if cut == Cut::Nothing { output.words() + "\n" } else { output.stdout };
    if text.len() > 1 {
        pieces.push(Piece::File(Member { cut, ..Member::whole(name, Form::Log, text) }));
    }
    pieces
}

/// The paths of files of both daemons.
fn directories() -> impl Iterator<Item = &'static str> {
    Daemon::ALL.into_iter().map(Daemon::directory)
}

#[cfg(test)]
mod tests;

//! READ: a bundle for support: the report of the doctor, configuration, state, journals and tables of this node in one
//! archive, without its secrets.
//!
//! First the secrets are harvested by their exact values. Then each file loses them, and whatever looks like a secret by its
//! name or its form. At the end the finished archive is unpacked again in memory. If a secret is still in it, there is no
//! bundle.

mod archive;
mod collectors;
mod contents;
mod harvest;
mod member;
mod metadata;
mod places;
mod secrets;

use crate::error::Error;
use crate::store::status::Identity;
use crate::system::aside::aside;
use crate::system::environment::{self, Environment};
use crate::system::root::Root;
use collectors::{COLLECTORS, Collector, Piece, Source};
use contents::{Contents, redactions};
use futures_util::future::{join, join_all};
use harvest::Harvest;
use member::{Form, Member};
use secrets::Secrets;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Longest time for the harvest and the collectors, which run at the same time.
const COLLECT: Duration = Duration::from_secs(7);

/// What the doctor found, which comes first in the bundle.
#[derive(Debug, Clone)]
pub struct Findings {
    /// Who the node is.
    pub node: Option<Identity>,
    /// The report for programs.
    pub json: String,
    /// The report for people.
    pub text: String,
}

/// A bundle without secrets.
#[derive(Debug)]
pub struct Bundle {
    /// The archive (tar, gzip), at most 5 MiB.
    pub archive: Vec<u8>,
    /// How many files are in it.
    pub files: usize,
    /// How many secrets were taken out of them.
    pub redactions: usize,
    /// How many things could not be collected; the manifest lists them.
    pub failures: usize,
}

/// Makes the bundle of this node.
pub async fn make(environment: &Environment, findings: Findings) -> Result<Bundle, Error> {
    let source = Source { root: Root::host(), environment: environment.clone() };
    from(source, findings, COLLECTORS).await
}

async fn from(
    source: Source,
    findings: Findings,
    collectors: &'static [Collector],
) -> Result<Bundle, Error> {
    let collecting = join_all(collectors.iter().map(|collector| collect(collector, &source)));
    let (harvest, collected) = join(harvest(&source), collecting).await;
    // What cannot be searched for secrets stays on the node.
    let collected = if harvest.is_some() { collected } else { Vec::new() };
    let Harvest { values, unread, .. } = harvest.unwrap_or_else(nothing_known);
    let secrets = Secrets::of(&values).map_err(|error| failed(std::io::Error::other(error)))?;
    let mut contents = Contents::new(secrets);
    let report =
        [("doctor.json", Form::Json, findings.json), ("doctor.txt", Form::Log, findings.text)];
    for (name, form, text) in report {
        contents.failures += usize::from(contents.add(Member::whole(name, form, text)).is_err());
    }
    for (collector, (pieces, elapsed)) in collectors.iter().zip(collected) {
        contents.take(collector, pieces, elapsed);
    }
    let seconds = environment::unix_seconds();
    let made = environment::rfc3339(seconds);
    let failures = contents.failures + unread.len();
    let (files, secrets) = contents.close(&made, &unread);
    let directory = directory(findings.node.as_ref(), &made);
    let archive = archive::pack(&directory, &files, seconds).map_err(failed)?;
    match archive::leak(&archive, &secrets).map_err(failed)? {
        Some(member) => Err(Error::Leak(member)),
        None => {
            Ok(Bundle { archive, files: files.len(), redactions: redactions(&files), failures })
        }
    }
}

/// The secrets of the node, `None` if they cannot be read in time.
async fn harvest(source: &Source) -> Option<Harvest> {
    let Source { root, environment } = source.clone();
    let work = async move || {
        let mut harvest = Harvest::of_files(&root);
        metadata::add(&mut harvest, &root, &environment).await;
        harvest
    };
    timeout(COLLECT, aside(work)).await.ok().flatten()
}

fn nothing_known() -> Harvest {
    let mut harvest = Harvest::default();
    harvest.unread.push(format!(
        "cannot read the secrets of this node within {} s, so the bundle holds only the report of the doctor",
        COLLECT.as_secs()
    ));
    harvest
}

async fn collect(collector: &'static Collector, source: &Source) -> (Vec<Piece>, Duration) {
    let (started, source) = (Instant::now(), source.clone());
    let work = aside(move || (collector.collect)(source));
    let pieces = match timeout(COLLECT, work).await {
        Ok(Some(pieces)) => pieces,
        Ok(None) => vec![Piece::failed(collector.name, "its thread died")],
        Err(_) => {
            vec![Piece::failed(collector.name, format!("no result within {} s", COLLECT.as_secs()))]
        }
    };
    (pieces, started.elapsed())
}

fn failed(source: std::io::Error) -> Error {
    Error::Io { operation: "pack the bundle", source }
}

/// The directory in the archive: `cos-bundle-i-0123456789abcdef0-20261122T190405Z`.
fn directory(node: Option<&Identity>, made: &str) -> String {
    let instance = node.map_or("unknown", |node| &node.instance);
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let instance: String = instance.chars().filter(is_plain).collect();
    let moment: String = made.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("cos-bundle-{instance}-{moment}")
}

#[cfg(test)]
mod tests;

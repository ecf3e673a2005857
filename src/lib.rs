//! The node agent of the Cluster Orchestration System: turns an EC2 instance into its Consul or Nomad node.
//!
//! ```text
//! gather ──▶ resolve ──▶ desired state ──▶ observe ──▶ plan ──▶ apply ──▶ wait, watch
//! (READ)     (PURE)      (PURE)            (READ)      (PURE)   (WRITE)   (READ)
//! ```
//!
//! Every command is a prefix of this pipeline or one of its ends; [`pipeline`] is the one place where the stages
//! meet. Arrows go one way: `facts ← node ← role → render → state ← plan ← apply`. The machine is touched in
//! [`system`] alone.

pub mod cli;
pub mod commands;
pub mod error;
pub mod exit;
pub mod output;
pub mod pipeline;
pub mod secret;

pub mod facts;
pub mod node;
pub mod role;

pub mod render;
pub mod state;

pub mod observe;
pub mod plan;

pub mod apply;

pub mod doctor;
pub mod membership;
pub mod record;

pub mod simulate;
pub mod system;
pub mod text;

/// The candidate that a misspelt word was probably meant to be.
pub fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&found, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A name as people read it: bytes that are no UTF-8, and control characters, are escaped (`\xff.json`).
pub fn shown(name: &std::ffi::OsStr) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

//! The golden cases: a folder each below `tests/golden/`, with the facts of a node and the tree that it gets.

use cos_agent::facts::{Facts, SCHEMA};
use cos_agent::node::{self, Granted, Node};
use cos_agent::pipeline;
use cos_agent::plan::Plan;
use cos_agent::state::Formation;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Path on the node, or name of a file of the case → contents.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// One case.
pub(crate) struct Case {
    /// What it shows; the name of its folder.
    pub(crate) name: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The facts in it.
    pub(crate) facts: Facts,
}

impl Case {
    /// What its machine shall be.
    pub(crate) fn node(&self) -> Node {
        resolved(&self.name, &self.facts)
    }
}

/// Where the cases are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All cases, by name.
pub(crate) fn all() -> Vec<Case> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.iter().map(|name| named(name)).collect()
}

/// The case of this name.
pub(crate) fn named(name: &str) -> Case {
    let folder = folder().join(name);
    let path = folder.join("facts.json");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let facts: Facts = serde_json::from_slice(&bytes)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(facts.schema, SCHEMA, "{}", path.display());
    Case { name: name.to_owned(), folder, facts }
}

/// The node of facts that are known to be good.
pub(crate) fn resolved(name: &str, facts: &Facts) -> Node {
    node::resolve(facts).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What the quorum guard said is not in facts; it is in the name of the case.
pub(crate) fn granted(name: &str) -> Granted {
    let join_only = name.ends_with("-join-only");
    Granted { formation: Formation { join_only, unanswered: None } }
}

/// The plan of a node where nothing is yet.
pub(crate) fn planned(name: &str, node: &Node) -> Plan {
    pipeline::plan_from_nothing(node, &granted(name))
        .unwrap_or_else(|error| panic!("{name}: {}", error.report()))
}

/// The files that a plan writes.
pub(crate) fn tree(plan: &Plan) -> Tree {
    plan.writes().map(|write| (write.path.clone(), write.bytes.for_their_file().to_vec())).collect()
}

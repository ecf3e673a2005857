//! PURE: one file a managed thing, each a function from a [`Node`] to files; together the desired state.
//!
//! To add a rendered file: a function here, and its name in `BASE` or in the `files` of a role.

pub mod ca_trust;
pub mod consul;
pub mod dns;
pub mod docker;
pub mod extra;
pub mod format;
pub mod nomad;
pub mod owned;
pub mod profile;
pub mod units;

use crate::node::Node;
use crate::role::{AgentMode, Role};
use crate::state::{DesiredState, File};
pub use extra::RenderError;

/// Renders files of a node. It fails only where an `extra` table of the settings does not fit.
pub type Renderer = fn(&Node) -> Result<Vec<File>, RenderError>;

/// What every role gets.
pub static BASE: &[Renderer] =
    &[units::files, consul::files, ca_trust::files, dns::files, profile::files];

/// Everything that this node shall have.
pub fn desired(node: &Node) -> Result<DesiredState, RenderError> {
    let role = Role::of(node);
    let mut files = Vec::new();
    for render in BASE.iter().chain(role.files) {
        files.extend(render(node)?);
    }
    let folders = role.daemons.iter().map(|daemon| units::data_folder(*daemon, role)).collect();
    let guarded = role.daemons.iter().flat_map(|daemon| units::guarded(*daemon, role)).collect();
    Ok(DesiredState {
        files,
        folders,
        guarded,
        dns_link: dns::by_resolved(node),
        trust_bundle: ca_trust::bundle_of(node),
        daemons: role.daemons,
        docker: role.nomad == Some(AgentMode::Client),
    })
}

/// Whether a version has what came with this release; suffixes such as `-rc.1` and `+ent` do not matter.
fn since(version: &semver::Version, release: (u64, u64, u64)) -> bool {
    (version.major, version.minor, version.patch) >= release
}

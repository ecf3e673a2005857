//! PURE: one file a managed thing, each a function from a [`Node`] to files; together the desired state.
//!
//! To add a rendered file: a function in a file here, and a line in [`FILES`].

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

/// The roles that get a file.
pub enum For {
    /// All of them.
    Every,
    /// Those that run Nomad.
    Nomad,
    /// One.
    Only(Role),
}

/// What is rendered, for whom, in this order.
pub static FILES: &[(For, Renderer)] = &[
    (For::Every, units::files),
    (For::Every, consul::files),
    (For::Every, ca_trust::files),
    (For::Every, dns::files),
    (For::Every, profile::files),
    (For::Nomad, nomad::files),
    (For::Nomad, nomad::unit_files),
    (For::Only(Role::NomadClient), docker::credential_helpers),
    (For::Only(Role::NomadClient), docker::resolver),
];

impl For {
    fn includes(&self, role: Role) -> bool {
        match self {
            Self::Every => true,
            Self::Nomad => role.nomad().is_some(),
            Self::Only(only) => *only == role,
        }
    }
}

/// Everything that this node shall have.
pub fn desired(node: &Node) -> Result<DesiredState, RenderError> {
    let role = node.duty.role();
    let mut files = Vec::new();
    for (whom, render) in FILES {
        if whom.includes(role) {
            files.extend(render(node)?);
        }
    }
    let daemons = role.daemons();
    let folders = daemons.iter().map(|daemon| units::data_folder(*daemon, role)).collect();
    let guarded = daemons.iter().flat_map(|daemon| units::guarded(*daemon, role)).collect();
    Ok(DesiredState {
        files,
        folders,
        guarded,
        dns_link: dns::by_resolved(node),
        trust_bundle: ca_trust::bundle_of(node),
        daemons,
        docker: role.nomad() == Some(AgentMode::Client),
    })
}

/// Whether a version has what came with this release; suffixes such as `-rc.1` and `+ent` do not matter.
fn since(version: &semver::Version, release: (u64, u64, u64)) -> bool {
    (version.major, version.minor, version.patch) >= release
}

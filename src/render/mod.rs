//! PURE: the desired state. Each managed thing has a file here, with a function from a [`Node`] and what it was [`Granted`] to
//! files.
//!
//! To add a rendered file: a function in a file here, and a line in [`FILES`]. To add a unit: its file in `systemd/`, and
//! a line in [`units::UNITS`].

pub mod ca_trust;
pub mod consul;
pub mod dns;
pub mod docker;
mod drop_in;
pub mod extra;
pub mod image;
pub mod nomad;
pub mod owned;
mod owners;
pub mod profile;
pub mod units;

use crate::node::{Granted, Node};
use crate::role::Role;
use crate::state::{DesiredState, File, Identity};
pub use extra::RenderError;
pub use owners::data as data_directory;

/// Renders files of a node. It cannot fail: [`crate::node::resolve`] refuses an incomplete node, and the `extra` tables of the
/// settings are merged after all renderers.
pub type Renderer = fn(&Node, &Granted) -> Vec<File>;

/// The roles that get a file.
pub enum For {
    /// All roles.
    Every,
    /// The roles that run Nomad.
    Nomad,
    /// One role.
    Only(Role),
}

/// What is rendered and for which roles, in this order.
pub static FILES: &[(For, Renderer)] = &[
    (For::Every, units::files),
    (For::Every, consul::files),
    (For::Every, consul::unit_files),
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

/// Everything that this node should have.
pub fn desired(node: &Node, granted: &Granted) -> Result<DesiredState, RenderError> {
    let role = node.duty.role();
    let for_role = FILES.iter().filter(|(roles, _)| roles.includes(role));
    let mut files: Vec<File> = for_role.flat_map(|(_, render)| render(node, granted)).collect();
    extra::merge_into(&mut files, &node.settings)?;
    let daemons = role.daemons();
    let directories = daemons.iter().map(|daemon| owners::data(*daemon, role)).collect();
    let guarded = daemons.iter().flat_map(|daemon| owners::guarded(*daemon, role)).collect();
    Ok(DesiredState {
        files,
        directories,
        guarded,
        units: units::wanted(node),
        trust_bundle: ca_trust::bundle_of(node),
        daemons,
        moves: Vec::new(),
        identity: Identity {
            instance: Some(node.instance.id.clone()),
            role: Some(role.name().to_owned()),
            formation: granted.formation.clone(),
            ..Identity::default()
        },
    })
}

/// Whether a version is this release or a later one. Suffixes such as `-rc.1` and `+ent` do not matter.
fn since(version: &semver::Version, release: (u64, u64, u64)) -> bool {
    (version.major, version.minor, version.patch) >= release
}

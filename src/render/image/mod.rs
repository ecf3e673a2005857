//! The desired state of an image: what `install` bakes, before anything is known of a node.
//!
//! To add a rendered file: a function in a file here, and a line in [`FILES`].

mod accounts;
mod clock;
mod kernel;
mod logs;
mod manifest;
mod resolver;
mod units;

use super::ca_trust;
use crate::facts::image::Image;
use crate::state::{Action, Contents, Daemon, DesiredState, File, Notify, ROOT, Tool};
pub use manifest::{IMAGE_MANIFEST, Manifest};
pub use units::{DISABLED, ENABLED, PRESET};

/// Renders files of an image.
pub type Renderer = fn(&Image) -> Vec<File>;

/// What is rendered, in this order.
pub static FILES: &[Renderer] = &[
    units::files,
    units::preset,
    accounts::files,
    kernel::files,
    logs::files,
    resolver::files,
    clock::files,
    |image| ca_trust::of(image.host.trust_store, &image.authorities, &image.settings),
];

/// A text that the command line makes of itself: a completion script or a man page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The absolute path.
    pub path: &'static str,
    /// Its text.
    pub text: String,
}

/// Everything that an image should have. `built` is the time of the build, if the caller says it: two builds of the same
/// inputs differ in nothing else.
pub fn desired(image: &Image, pages: &[Page], built: Option<&str>) -> DesiredState {
    let mut files: Vec<File> = FILES.iter().flat_map(|render| render(image)).collect();
    files.extend(pages.iter().map(|page| text(page.path, page.text.clone(), Notify::nobody())));
    files.push(manifest::file(image, built));
    // No unit runs in an image, so only tools have anything to do.
    for file in &mut files {
        file.notify.actions.retain(|action| matches!(action, Action::Run(_)));
    }
    DesiredState {
        files,
        trust_bundle: image
            .host
            .trust_store
            .filter(|_| !image.authorities.is_empty())
            .map(ca_trust::bundle),
        // Only for what lies beside the agent's own files; nothing of a daemon is rendered.
        daemons: &Daemon::ALL,
        ..DesiredState::default()
    }
}

/// A file of the image.
fn text(path: &str, text: impl Into<String>, notify: Notify) -> File {
    File {
        path: path.to_owned(),
        contents: Contents::Text(text.into()),
        mode: 0o644,
        owner: ROOT,
        notify,
    }
}

/// What must happen when a file for a tool changes.
fn runs(tool: Tool) -> Notify {
    Notify::of([Action::Run(tool)])
}

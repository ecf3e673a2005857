//! The drop-ins of units: what differs by node.

use crate::state::{Action, Contents, File, Notify, ROOT, UNITS, Verb};

/// A drop-in, which restarts its unit.
pub(super) fn drop_in(unit: &'static str, text: String) -> File {
    File {
        path: format!("{UNITS}/{unit}.d/cos.conf"),
        contents: Contents::Text(text),
        mode: 0o644,
        owner: ROOT,
        notify: Notify::of([Action::DaemonReload, Action::unit(Verb::Restart, unit)]),
    }
}

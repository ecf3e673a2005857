//! The units: their files as on a node, and which of them an image starts at boot.

use super::text;
use crate::facts::image::Image;
use crate::render::units;
use crate::state::{AGENT, File, IMAGES, Notify, UNITS};
use std::fmt::Write;

/// The preset, so that a first boot that applies presets (machine-id(5), "First Boot Semantics") changes nothing.
pub const PRESET: &str = "/usr/lib/systemd/system-preset/50-cos-agent.preset";
/// The units that an image starts at boot.
pub const ENABLED: &[&str] = &[AGENT, IMAGES];
/// The units that an image does not start at boot, because `apply` starts them where they belong.
pub const DISABLED: &[&str] = &[
    "consul.service",
    "nomad.service",
    "docker.service",
    "docker.socket",
    "containerd.service",
    "cos-dns.service",
];

/// The unit files.
pub(super) fn files(_: &Image) -> Vec<File> {
    let file =
        |(name, content): (&str, &str)| text(&format!("{UNITS}/{name}"), content, Notify::nobody());
    units::texts().map(file).collect()
}

/// The preset (systemd.preset(5)).
pub(super) fn preset(_: &Image) -> Vec<File> {
    let mut lines = String::new();
    for (verb, names) in [("enable", ENABLED), ("disable", DISABLED)] {
        for name in names {
            let _ = writeln!(lines, "{verb} {name}");
        }
    }
    vec![text(PRESET, lines, Notify::nobody())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_that_could_be_enabled_is_decided() {
        let installable = units::texts().filter(|(_, text)| text.contains("[Install]"));
        for (name, _) in installable {
            assert!(ENABLED.contains(&name) || DISABLED.contains(&name), "{name}");
        }
    }
}

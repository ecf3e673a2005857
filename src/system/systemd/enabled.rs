//! The units that systemd starts at boot, as the links of `systemctl enable` say. Reading links needs no running systemd, so it
//! works for an image too.

use crate::state::UNITS;
use crate::system::root::{FileError, Root};
use crate::text::shown;
use std::collections::BTreeSet;
use std::path::Path;

/// The names of the enabled units: the links in `*.wants` and `*.requires` (systemd.unit(5), "[Install] Section Options").
pub fn enabled(root: &Root) -> Result<BTreeSet<String>, FileError> {
    let mut units = BTreeSet::new();
    for directory in root.list(UNITS)? {
        let name = shown(&directory);
        if name.ends_with(".wants") || name.ends_with(".requires") {
            let links = root.list(Path::new(UNITS).join(&directory))?;
            units.extend(links.iter().map(|link| shown(link)));
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_for_targets_and_units_count_and_aliases_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let units = directory.path().join("etc/systemd/system");
        for (place, unit) in [
            ("multi-user.target.wants", "cos-agent.service"),
            ("docker.service.requires", "nomad.service"),
        ] {
            std::fs::create_dir_all(units.join(place)).unwrap();
            symlink("/nowhere", units.join(place).join(unit)).unwrap();
        }
        symlink("/nowhere", units.join("dbus-org.freedesktop.resolve1.service")).unwrap();
        std::fs::create_dir_all(units.join("nomad.service.d")).unwrap();
        std::fs::write(units.join("nomad.service.d/cos.conf"), "").unwrap();
        let found = enabled(&Root::at(directory.path())).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["cos-agent.service", "nomad.service"]);
    }

    #[test]
    fn an_empty_machine_starts_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(enabled(&Root::at(directory.path())).unwrap().is_empty());
    }
}

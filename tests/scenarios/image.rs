//! What the lab lays over an AMI because its instances are containers. Everything else on a node is as Packer left it.

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::transcript::Transcript;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const UNITS: &str = "etc/systemd/system";
/// What is written, and the links that enable it.
const WRITTEN: [&str; 6] = [
    "etc/systemd/journald.conf.d/lab.conf",
    "etc/systemd/system/lab-cgroups.service",
    "etc/systemd/system/lab-dns.service",
    "etc/systemd/system/basic.target.wants/lab-cgroups.service",
    "etc/systemd/system/multi-user.target.wants/lab-dns.service",
    "etc/systemd/system/systemd-resolved.service.wants/lab-dns.service",
];
/// The units that are masked.
const MASKED: [&str; 24] = [
    "apparmor.service",
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "chrony.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "ssh.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-modules-load.service",
    "systemd-networkd-wait-online.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
];

#[test]
fn the_lab_lays_little_over_an_ami() {
    let mut transcript = Transcript::begin("the lab lays little over an AMI");
    let lab = Lab::new(servers("consul-server", 1));
    let masked = MASKED.iter().map(|unit| format!("{UNITS}/{unit}"));
    let expected: BTreeSet<String> =
        WRITTEN.iter().map(|path| (*path).to_owned()).chain(masked).collect();
    let mut found = BTreeSet::new();
    let laid = lab.folder.join("laid");
    files(&laid, &laid, &mut found);
    assert_eq!(found, expected);
    for unit in MASKED {
        let target = fs::read_link(laid.join(UNITS).join(unit)).unwrap();
        assert_eq!(target, Path::new("/dev/null"), "{unit}");
    }
    transcript.proved(&format!("{} files and {} masks", WRITTEN.len(), MASKED.len()));
}

/// The files and links below a directory of a layer.
fn files(layer: &Path, directory: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.symlink_metadata().unwrap().is_dir() {
            files(layer, &path, into);
        } else {
            into.insert(path.strip_prefix(layer).unwrap().display().to_string());
        }
    }
}

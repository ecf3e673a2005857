//! The disk of a virtual machine: the root of the node, with what only a machine of its own has.

use crate::lab::node::Node;
use crate::lab::{shell, tools};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// What the lab masks because a container has the clock, the kernel and the network of its host.
const UNMASKED: [&str; 6] = [
    "chrony.service",
    "systemd-modules-load.service",
    "apparmor.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
];

/// Makes it: the kernel's modules, the network that DHCP would configure, and the shell are added.
pub(super) fn make(node: &Node<'_>, folder: &Path, kernel: &Path) {
    let root = node.folder().join("root");
    let units = root.join("etc/systemd/system");
    for unit in UNMASKED {
        fs::remove_file(units.join(unit)).unwrap_or_else(|error| panic!("{unit}: {error}"));
    }
    for wanted in [
        "basic.target.wants/lab-cgroups.service",
        "multi-user.target.wants/lab-dns.service",
        "systemd-resolved.service.wants/lab-dns.service",
    ] {
        fs::remove_file(units.join(wanted)).unwrap_or_else(|error| panic!("{wanted}: {error}"));
    }
    let network = format!(
        "[Match]\nName=eth0\n[Network]\nAddress={}/16\nDNS=10.20.0.2\nLinkLocalAddressing=no\n[Route]\n\
         Destination=169.254.169.254/32\nScope=link\n",
        node.address
    );
    node.write("/etc/systemd/network/80-vm.network", &network);
    fs::copy(tools::here("vm/vm-shell.service"), units.join("vm-shell.service")).unwrap();
    for (target, unit) in [
        ("sysinit.target", "/etc/systemd/system/vm-shell.service"),
        ("multi-user.target", "/lib/systemd/system/systemd-networkd.service"),
    ] {
        let wants = units.join(format!("{target}.wants"));
        fs::create_dir_all(&wants).unwrap();
        symlink(unit, wants.join(Path::new(unit).file_name().unwrap())).unwrap();
    }
    // /lib is a link in the image, and a directory in packages.
    let unpack = r#"tar -C "$1" -c . | tar -C "$2" -x --keep-directory-symlink"#;
    let (layer, root) = (kernel.join("layer").display().to_string(), root.display().to_string());
    shell::ok(&["sh", "-c", unpack, "sh", &layer, &root]);
    let disk = folder.join("disk.raw").display().to_string();
    shell::ok(&["truncate", "-s", "6G", &disk]);
    let options = "lazy_itable_init=1,lazy_journal_init=1";
    shell::ok(&["mke2fs", "-q", "-t", "ext4", "-d", &root, "-E", options, &disk]);
}

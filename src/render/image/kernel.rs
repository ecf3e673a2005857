//! The kernel: modules and sysctls that Nomad's networks and common jobs need.

use super::text;
use crate::facts::image::Image;
use crate::state::{File, Notify};

/// modules-load.d(5). They are loaded before the sysctls are set, whose keys exist only then. `dummy` is for the link of the
/// resolver.
const MODULES: &str = "br_netfilter\noverlay\ndummy\n";

/// sysctl.d(5).
const SYSCTLS: &str =
    "# Bridged packets pass iptables, so tasks of a node reach each other through published ports:
# https://developer.hashicorp.com/nomad/docs/networking/cni
net.bridge.bridge-nf-call-arptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.bridge.bridge-nf-call-iptables = 1
# Containers reach what is outside of the node.
net.ipv4.ip_forward = 1
# Elasticsearch and its like refuse to start with less.
vm.max_map_count = 262144
";

/// The files for systemd-modules-load and systemd-sysctl.
pub(super) fn files(_: &Image) -> Vec<File> {
    vec![
        text("/usr/lib/modules-load.d/cos-agent.conf", MODULES, Notify::nobody()),
        text("/usr/lib/sysctl.d/50-cos-agent.conf", SYSCTLS, Notify::nobody()),
    ]
}

//! The users of the daemons, and the directories and links of every node.

use super::{runs, text};
use crate::facts::image::Image;
use crate::state::{File, Tool};
use std::fmt::Write;

/// sysusers.d(5). HashiCorp's packages create the same users, and an existing user stays as it is.
const USERS: &str =
    "# Consul runs as consul on every node, Nomad as nomad on servers and as root on clients.
u consul - \"Consul agent\" /opt/consul
u nomad - \"Nomad server\" /opt/nomad
";

/// tmpfiles.d(5). `apply` makes the directories of data, whose owner depends on the role.
const DIRECTORIES: &str = "d /etc/cos-agent 0755 root root
d /etc/cos-agent/config.d 0755 root root
d /etc/cos-agent/ca.d 0755 root root
";

/// Where Nomad looks for CNI plugins (`cni_path`).
const CNI_PATH: &str = "/opt/cni/bin";

/// The files for systemd-sysusers and systemd-tmpfiles.
pub(super) fn files(image: &Image) -> Vec<File> {
    let mut directories = DIRECTORIES.to_owned();
    if image.cni != CNI_PATH {
        let _ = write!(
            directories,
            "# The plugins of the distribution, where Nomad looks for them.\nL {CNI_PATH} - - - - {}\n",
            image.cni
        );
    }
    vec![
        text("/usr/lib/sysusers.d/cos-agent.conf", USERS, runs(Tool::CreateUsers)),
        text("/usr/lib/tmpfiles.d/cos-agent.conf", directories, runs(Tool::CreateDirectories)),
    ]
}

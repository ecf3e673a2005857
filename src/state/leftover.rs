//! What an image must not have, because every instance of it would have it too: identities, keys, logs, caches, and what a
//! node wrote. `clean` removes it, and `doctor --image` names it.
//!
//! To add one: an entry in [`LEFTOVERS`]. Most of them are those of image-builder's and Amazon EKS's clean-up:
//! <https://github.com/awslabs/amazon-eks-ami> (`cleanup.sh`), <https://github.com/kubernetes-sigs/image-builder>.

/// Why something must not be in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is of one machine, and no other may be the same.
    Identity,
    /// It opens something, or may tell a secret.
    Secret,
    /// It only takes room.
    Waste,
}

/// What an image must not have.
#[derive(Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Why it must not be there.
    pub kind: Kind,
    /// What it is, in the plural.
    pub what: &'static str,
    /// What would happen if it stayed.
    pub harm: &'static str,
    /// Where it lies.
    pub spots: &'static [Spot],
}

/// Where something lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A file or a directory.
    Path(&'static str),
    /// Everything in a directory. The directory itself stays.
    Inside(&'static str),
    /// What in a directory has a name with this beginning and end.
    Named(&'static str, &'static str, &'static str),
    /// The same path in the home directory of every user.
    Home(&'static str),
    /// Every file with contents in a directory and those below it. The directories stay.
    Files(&'static str),
    /// A file that must be there and be empty.
    Empty(&'static str),
}

use Kind::{Identity, Secret, Waste};
use Spot::{Empty, Files, Home, Inside, Named, Path};

/// Everything that an image must not have.
pub static LEFTOVERS: &[Leftover] = &[
    Leftover {
        kind: Identity,
        what: "the machine id",
        harm: "instances would share one identity for systemd, DHCP and the journal",
        // Empty and there: without it, or with `uninitialized`, a first boot applies presets (machine-id(5)).
        spots: &[Empty("/etc/machine-id"), Path("/var/lib/dbus/machine-id")],
    },
    Leftover {
        kind: Secret,
        what: "SSH host keys",
        harm: "whoever has one instance could pose as every other",
        spots: &[
            Named("/etc/ssh", "ssh_host_", "_key"),
            Named("/etc/ssh", "ssh_host_", "_key.pub"),
        ],
    },
    Leftover {
        kind: Secret,
        what: "keys and credentials of users",
        harm: "the builder's key would open every instance, and its credentials would be in every image",
        spots: &[
            Home(".ssh/authorized_keys"),
            Home(".ssh/known_hosts"),
            Home(".aws"),
            Home(".ecr"),
            Home(".docker"),
            Home(".netrc"),
            Path("/etc/sudoers.d/90-cloud-init-users"),
        ],
    },
    Leftover {
        kind: Secret,
        what: "histories of users",
        harm: "they may hold secrets",
        spots: &[
            Home(".bash_history"),
            Home(".python_history"),
            Home(".lesshst"),
            Home(".viminfo"),
            Home(".wget-hsts"),
            Home(".sudo_as_admin_successful"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "seeds of random numbers and credentials of systemd",
        harm: "instances would begin with the same random numbers",
        spots: &[
            Path("/var/lib/systemd/random-seed"),
            Path("/var/lib/systemd/credential.secret"),
            Path("/boot/efi/loader/random-seed"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "data of Consul",
        harm: "instances would share one node id, and might found the cluster of another",
        spots: &[Inside("/opt/consul/data")],
    },
    Leftover {
        kind: Identity,
        what: "data of Nomad",
        harm: "instances would share one node id, and might found the cluster of another",
        spots: &[Inside("/opt/nomad/data")],
    },
    Leftover {
        kind: Identity,
        what: "the state of cos-agent",
        harm: "an instance would take the data of another one for its own",
        spots: &[
            Inside("/var/lib/cos-agent"),
            Path("/run/cos-agent"),
            Path("/etc/cos-agent/disabled"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "the configuration of a node",
        harm: "a daemon could start with the role of another node",
        spots: &[
            Path("/etc/consul.d/cos.json"),
            Path("/etc/nomad.d/cos.json"),
            Path("/etc/systemd/system/consul.service.d/cos.conf"),
            Path("/etc/systemd/system/nomad.service.d/cos.conf"),
            Path("/etc/profile.d/cos.sh"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "images and containers of docker",
        harm: "every instance would start with them, and with the identity of one docker",
        spots: &[
            Inside("/var/lib/docker"),
            Inside("/var/lib/containerd"),
            Path("/etc/docker/key.json"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "the state of cloud-init",
        harm: "the user data of an instance would count as run already",
        spots: &[
            Path("/var/lib/cloud/instance"),
            Inside("/var/lib/cloud/instances"),
            Inside("/var/lib/cloud/data"),
            Inside("/var/lib/cloud/sem"),
        ],
    },
    Leftover {
        kind: Identity,
        what: "leases and the state of network services",
        harm: "instances would ask for the address of another",
        spots: &[
            Inside("/var/lib/dhcp"),
            Inside("/var/lib/NetworkManager"),
            Inside("/var/lib/chrony"),
        ],
    },
    Leftover {
        kind: Waste,
        what: "logs",
        harm: "they tell of the builder, and take room",
        spots: &[Inside("/var/log/journal"), Files("/var/log")],
    },
    Leftover {
        kind: Secret,
        what: "core dumps",
        harm: "they may hold secrets",
        spots: &[Inside("/var/lib/systemd/coredump"), Inside("/var/crash")],
    },
    Leftover {
        kind: Waste,
        what: "caches of packages",
        harm: "they take room",
        spots: &[
            Named("/var/cache/apt/archives", "", ".deb"),
            Files("/var/lib/apt/lists"),
            Inside("/var/cache/dnf"),
            Inside("/var/cache/yum"),
        ],
    },
    Leftover {
        kind: Waste,
        what: "temporary files",
        harm: "they may hold secrets of the build",
        spots: &[Inside("/tmp"), Inside("/var/tmp")],
    },
    Leftover {
        kind: Waste,
        what: "the ban on starting services during the build",
        harm: "packages that are installed later would not start their services",
        spots: &[Path("/usr/sbin/policy-rc.d")],
    },
];

/// Whether the builder itself removes a temporary file: Packer's shell provisioner runs its script from `/tmp` and deletes
/// it afterwards.
pub fn is_of_builder(name: &str) -> bool {
    name.starts_with("script_") && name.ends_with(".sh")
}

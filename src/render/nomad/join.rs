//! How Nomad finds its servers, by release.

use super::config::ServerJoin;
use crate::node::{Node, tags};
use semver::Version;

/// Major, minor, patch.
type Triple = (u64, u64, u64);

/// The join of releases whose `provider=aws` is broken. All of them have `exec=`, which 1.7.0 added (hashicorp/nomad 18745).
pub const EXEC_JOIN: &str = "exec=/usr/bin/cos-agent peers nomad-server";

/// Releases, first and last, whose `provider=aws` is broken.
///
/// The first range gives up at the first discovery error (hashicorp/nomad 24561, fixed in 1.9.4). The others call EC2
/// by its dual-stack name, which many VPCs do not resolve (hashicorp/nomad 26233, hashicorp/go-discover 293).
/// 1.6 has neither fault: it logs the error and tries again (its `command/agent/retry_join.go`).
static BROKEN_AUTO_JOIN: &[(Triple, Triple)] =
    &[((1, 7, 0), (1, 9, 3)), ((1, 10, 3), (1, 11, 3)), ((2, 0, 0), (2, 0, 0))];

/// Enterprise releases before 1.9.4 that have the fix.
static FIXED_ENTERPRISE: &[Triple] = &[(1, 7, 16), (1, 8, 8)];

/// How Nomad finds the servers of this cluster: by tag, or with cos-agent if the auto-join of the release is broken.
pub(super) fn join(node: &Node, nomad: &Version) -> ServerJoin {
    let retry_join = if auto_join_is_broken(nomad) {
        EXEC_JOIN.to_owned()
    } else {
        node.join(tags::NOMAD_SERVER)
    };
    ServerJoin { retry_join: [retry_join], retry_interval: "15s", retry_max: 0 }
}

/// Whether `provider=aws` of this release is broken, so that it joins with [`EXEC_JOIN`].
pub fn auto_join_is_broken(nomad: &Version) -> bool {
    let release = (nomad.major, nomad.minor, nomad.patch);
    let fixed = nomad.build.as_str().starts_with("ent")
        && FIXED_ENTERPRISE
            .iter()
            .any(|fixed| (fixed.0, fixed.1) == (release.0, release.1) && release >= *fixed);
    !fixed && BROKEN_AUTO_JOIN.iter().any(|(first, last)| (*first..=*last).contains(&release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_releases_are_the_ones_of_the_table() {
        for broken in
            ["1.7.0", "1.7.7", "1.8.8", "1.9.3", "1.10.3", "1.10.5", "1.11.3", "2.0.0", "1.8.7+ent"]
        {
            assert!(auto_join_is_broken(&Version::parse(broken).unwrap()), "{broken}");
        }
        for fine in [
            "1.6.0",
            "1.6.16+ent",
            "1.9.4",
            "1.10.0",
            "1.10.2",
            "1.11.4",
            "2.0.1",
            "2.0.5",
            "1.8.8+ent",
            "1.7.16+ent",
            "2.1.0",
        ] {
            assert!(!auto_join_is_broken(&Version::parse(fine).unwrap()), "{fine}");
        }
    }
}

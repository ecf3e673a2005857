//! PURE: which Consul finds the servers of its cluster by itself.

use semver::Version;

/// Major, minor, patch.
type Triple = (u64, u64, u64);

/// Releases, first and last, that ask EC2 under its dual-stack name, `ec2.<region>.api.aws`, and cannot be told otherwise
/// (hashicorp/go-discover 271 and 293). The endpoint of a VPC answers for `ec2.<region>.amazonaws.com` alone, and some
/// regions have no dual-stack name at all. `retry_join` of Consul knows no `exec=`, which helps Nomad. No later fix is
/// known.
static UNDER_DUAL_STACK_NAME: &[(Triple, Triple)] =
    &[((1, 21, 5), (1, u64::MAX, u64::MAX)), ((2, 0, 0), (u64::MAX, u64::MAX, u64::MAX))];

/// What people have to know where it does not.
pub const WATCH_JOINS: &str = "this Consul asks EC2 under its dual-stack name, which no endpoint of a VPC has: \
                               cos-agent-watch.service asks in its place, and makes it join";

/// Whether Consul of this version finds its servers by `provider=aws` from where the nodes of a COS are.
pub fn consul_discovers(version: &Version) -> bool {
    let release = (version.major, version.minor, version.patch);
    !UNDER_DUAL_STACK_NAME.iter().any(|(first, last)| (*first..=*last).contains(&release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consul_finds_its_servers_by_itself_up_to_the_dual_stack_name() {
        let discovers = |version| consul_discovers(&Version::parse(version).unwrap());
        for version in ["1.8.7", "1.14.4", "1.20.9", "1.21.4", "1.21.4+ent"] {
            assert!(discovers(version), "{version}");
        }
        for version in ["1.21.5", "1.21.5+ent", "1.22.0", "1.22.7", "2.0.0", "2.1.3"] {
            assert!(!discovers(version), "{version}");
        }
    }
}

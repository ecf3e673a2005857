//! PURE: how the daemons find the servers of their cluster with `provider=aws`, by version and region.
//!
//! The versions are those of hashicorp/go-discover and of AWS's SDK in the `go.mod` of each release of Consul and Nomad.

use crate::state::Region;
use semver::Version;

/// Major, minor, patch.
type Triple = (u64, u64, u64);

const FOR_EVER: u64 = u64::MAX;

/// Releases of Consul, first and last, that call EC2 by its dual-stack name, `ec2.<region>.api.aws`, and cannot be
/// configured otherwise (hashicorp/go-discover 271 and 293; its `endpoint` and that name exclude each other). The endpoint
/// of a VPC answers only for `ec2.<region>.amazonaws.com`, and some regions have no dual-stack name at all. Nomad can use
/// `exec=` instead, but `retry_join` of Consul does not support it. No release with a fix is known.
static UNDER_DUAL_STACK_NAME: &[(Triple, Triple)] =
    &[((1, 21, 5), (1, FOR_EVER, FOR_EVER)), ((2, 0, 0), (FOR_EVER, FOR_EVER, FOR_EVER))];

/// Releases of Consul whose go-discover is older than `endpoint` (2022-06-21). All supported releases of Nomad have it.
static WITHOUT_ENDPOINT: &[(Triple, Triple)] =
    &[((1, 0, 0), (1, 12, 8)), ((1, 13, 0), (1, 13, 5)), ((1, 14, 0), (1, 14, 3))];

/// Partitions that the SDK of some releases does not know: such a release would call `ec2.<region>.amazonaws.com`, which
/// does not exist. aws-sdk-go 1.44.210 (Consul up to 1.16.0, Nomad up to 1.9.3) knows none of them. aws-sdk-go 1.55.7 and
/// aws-sdk-go-v2 1.36 (Consul up to 1.22.3, Nomad up to 1.10.2) do not know the last one.
const YOUNG_PARTITIONS: [&str; 3] = ["aws-iso-e", "aws-iso-f", "aws-eusc"];

/// Why the watch has to make this version of Consul join in this region; `None` if Consul finds its servers by itself.
pub fn watch_joins(consul: &Version, region: &Region) -> Option<String> {
    let why = if is_in(consul, UNDER_DUAL_STACK_NAME) {
        "calls EC2 by its dual-stack name, which VPC endpoints do not have".to_owned()
    } else if endpoint(region).is_some() && is_in(consul, WITHOUT_ENDPOINT) {
        format!("does not know the EC2 endpoint of {region}")
    } else {
        return None;
    };
    Some(format!(
        "this version of Consul {why}, so cos-agent-watch.service finds the servers and makes Consul join them"
    ))
}

/// The endpoint of EC2 in a partition that some SDKs do not know; `None` in the others.
pub fn endpoint(region: &Region) -> Option<String> {
    YOUNG_PARTITIONS.contains(&region.partition()).then(|| region.endpoint("ec2", false))
}

fn is_in(version: &Version, releases: &[(Triple, Triple)]) -> bool {
    let release = (version.major, version.minor, version.patch);
    releases.iter().any(|(first, last)| (*first..=*last).contains(&release))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch_joins(version: &str, region: &str) -> Option<String> {
        let region = Region::try_from(region.to_owned()).unwrap();
        super::watch_joins(&Version::parse(version).unwrap(), &region)
    }

    #[test]
    fn consul_finds_its_servers_by_itself_up_to_the_dual_stack_name() {
        for version in ["1.8.7", "1.14.3", "1.14.4", "1.20.9", "1.21.4", "1.21.4+ent"] {
            assert_eq!(watch_joins(version, "eu-central-1"), None, "{version}");
        }
        for version in ["1.21.5", "1.21.5+ent", "1.22.0", "1.22.7", "2.0.0", "2.1.3"] {
            for region in ["eu-central-1", "eusc-de-east-1"] {
                assert!(watch_joins(version, region).unwrap().contains("dual-stack"), "{version}");
            }
        }
    }

    #[test]
    fn a_young_partition_takes_a_release_that_can_be_told_the_endpoint() {
        for region in ["eusc-de-east-1", "us-isof-south-1", "eu-isoe-west-1"] {
            for version in ["1.12.9", "1.13.6", "1.14.4", "1.15.0", "1.21.4"] {
                assert_eq!(watch_joins(version, region), None, "{version}");
            }
            for version in ["1.8.7", "1.12.8", "1.13.5", "1.14.0", "1.14.3"] {
                assert!(watch_joins(version, region).unwrap().contains(region), "{version}");
            }
        }
        for region in ["us-iso-east-1", "us-isob-east-1", "cn-north-1", "us-gov-west-1"] {
            assert_eq!(watch_joins("1.8.7", region), None, "every SDK knows {region}");
        }
    }
}

//! AWS regions and the partitions that they belong to.

use serde::{Deserialize, Serialize};

/// A region name that passed the grammar, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// Prefix of the region, partition, DNS suffix. The first match counts; the last matches all.
///
/// From botocore's `endpoints.json` and `partitions.json`. The metadata service has the same in `services/partition`
/// and `services/domain`, but that would cost two requests a boot. It is not asked about an unknown region either: AWS
/// often adds regions with new prefixes (`il-`, `mx-`) to its commercial partition, and a new partition would need more
/// than its name (endpoints, signing).
static PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),
];

impl Region {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition, such as `aws` or `aws-cn`.
    pub fn partition(&self) -> &'static str {
        self.row().1
    }

    /// The DNS suffix of the partition's services.
    pub fn dns_suffix(&self) -> &'static str {
        self.row().2
    }

    /// The address of a regional service.
    ///
    /// `GovCloud`'s plain names are FIPS endpoints already (<https://aws.amazon.com/compliance/fips/>).
    pub fn endpoint(&self, service: &str, fips: bool) -> String {
        let fips = if fips && self.partition() != "aws-us-gov" { "-fips" } else { "" };
        format!("https://{service}{fips}.{}.{}", self.0, self.dns_suffix())
    }

    /// The name of a service for an interface endpoint, such as `com.amazonaws.eu-central-1.ec2`
    /// (<https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html>).
    pub fn vpc_endpoint(&self, service: &str) -> String {
        let labels: Vec<&str> = self.dns_suffix().split('.').rev().collect();
        format!("{}.{self}.{service}", labels.join("."))
    }

    /// The host of an account's private ECR registry in this region.
    pub fn ecr_registry(&self, account: &str) -> String {
        format!("{account}.dkr.ecr.{}.{}", self.0, self.dns_suffix())
    }

    fn row(&self) -> &'static (&'static str, &'static str, &'static str) {
        PARTITIONS.iter().find(|(prefix, ..)| self.0.starts_with(prefix)).unwrap_or(&(
            "",
            "aws",
            "amazonaws.com",
        ))
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    /// `eu-central-1`, `us-gov-west-1`, `eusc-de-east-1`: words of letters with hyphens, then a number.
    fn try_from(name: String) -> Result<Self, String> {
        let words: Vec<&str> = name.split('-').collect();
        let well_formed = words.len() >= 3
            && name.len() <= 32
            && words
                .iter()
                .rev()
                .skip(1)
                .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
            && words.last().is_some_and(|word| {
                (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
            });
        if well_formed {
            Ok(Self(name))
        } else {
            Err(format!("expected an AWS region like eu-central-1, found `{name}`"))
        }
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0
    }
}

impl std::fmt::Display for Region {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn every_partition_has_its_own_names() {
        for (name, ec2, registry) in [
            (
                "eu-central-1",
                "https://ec2.eu-central-1.amazonaws.com",
                "1.dkr.ecr.eu-central-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                "https://ec2.cn-north-1.amazonaws.com.cn",
                "1.dkr.ecr.cn-north-1.amazonaws.com.cn",
            ),
            (
                "us-gov-west-1",
                "https://ec2.us-gov-west-1.amazonaws.com",
                "1.dkr.ecr.us-gov-west-1.amazonaws.com",
            ),
            (
                "eusc-de-east-1",
                "https://ec2.eusc-de-east-1.amazonaws.eu",
                "1.dkr.ecr.eusc-de-east-1.amazonaws.eu",
            ),
            (
                "us-iso-east-1",
                "https://ec2.us-iso-east-1.c2s.ic.gov",
                "1.dkr.ecr.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "us-isob-east-1",
                "https://ec2.us-isob-east-1.sc2s.sgov.gov",
                "1.dkr.ecr.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "us-isof-south-1",
                "https://ec2.us-isof-south-1.csp.hci.ic.gov",
                "1.dkr.ecr.us-isof-south-1.csp.hci.ic.gov",
            ),
            (
                "eu-isoe-west-1",
                "https://ec2.eu-isoe-west-1.cloud.adc-e.uk",
                "1.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
            ),
            // AWS often adds regions to its commercial partition and rarely adds a partition, so an unknown region is
            // taken for a commercial one.
            (
                "xx-newland-1",
                "https://ec2.xx-newland-1.amazonaws.com",
                "1.dkr.ecr.xx-newland-1.amazonaws.com",
            ),
        ] {
            assert_eq!(region(name).endpoint("ec2", false), ec2);
            assert_eq!(region(name).ecr_registry("1"), registry);
        }
    }

    #[test]
    fn an_interface_endpoint_has_the_suffix_in_front() {
        for (name, endpoint) in [
            ("eu-central-1", "com.amazonaws.eu-central-1.ecr.dkr"),
            ("cn-north-1", "cn.com.amazonaws.cn-north-1.ecr.dkr"),
        ] {
            assert_eq!(region(name).vpc_endpoint("ecr.dkr"), endpoint);
        }
    }

    #[test]
    fn fips_changes_the_name_but_in_govcloud() {
        assert_eq!(
            region("us-east-1").endpoint("ec2", true),
            "https://ec2-fips.us-east-1.amazonaws.com"
        );
        assert_eq!(
            region("us-gov-east-1").endpoint("ec2", true),
            "https://ec2.us-gov-east-1.amazonaws.com"
        );
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for name in [
            "",
            "eu",
            "eu-central",
            "eu-central-1a",
            "EU-central-1",
            "eu--1",
            "../x-1",
            "a-b-c-1\n",
            "eu-central-123",
        ] {
            assert!(Region::try_from(name.to_owned()).is_err(), "{name:?}");
        }
    }
}

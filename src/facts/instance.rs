//! The instance as its identity document describes it. Each value is checked before it can reach a file.

use crate::exit::hint::{Advice, Hint, Topic, topics};
use crate::state::Region;
use crate::system::imds::FOREIGN;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What EC2 says this instance is.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// `i-` and 8 or 17 hexadecimal digits.
    pub id: String,
    /// The region.
    pub region: Region,
    /// The availability zone, such as `eu-central-1a`.
    pub zone: String,
    /// The account, 12 digits.
    pub account: String,
    /// The private IPv4 address of the first interface.
    pub private_ip: Ipv4Addr,
    /// The instance type, such as `t3.small`.
    pub instance_type: String,
    /// The image, `ami-` and 8 or 17 hexadecimal digits.
    pub image: String,
}

/// A value of the identity document that is not what EC2 documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the identity document has `{field}` = {found}, expected {expected}")]
pub struct InstanceError {
    /// The field.
    pub field: &'static str,
    /// What was found, shortened.
    pub found: String,
    /// What is valid there.
    pub expected: &'static str,
}

impl InstanceError {
    /// Whether the document lacks only an IPv4 address, as for an instance in an IPv6-only subnet.
    ///
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-ip-address-range.html>; what EC2 writes there is not
    /// documented.
    pub fn is_without_ipv4(&self) -> bool {
        let text = self.found.trim_matches('"');
        self.field == "privateIp"
            && (["", "null", "nothing"].contains(&text) || text.parse::<Ipv6Addr>().is_ok())
    }
}

topics! {
    NO_IPV4: "subnet-without-ipv4",
        "launch the instance in a subnet with an IPv4 range, which COS needs (`aws ec2 describe-subnets` shows `Ipv6Native` = \
         false and a `CidrBlock` for one)";
}

impl Hint for InstanceError {
    const TOPICS: &'static [Topic] = TOPICS;

    fn hint(&self) -> Option<Advice> {
        Some(if self.is_without_ipv4() { NO_IPV4 } else { FOREIGN }.plain())
    }
}

impl Instance {
    /// Reads `dynamic/instance-identity/document`.
    pub fn from_document(text: &str) -> Result<Self, InstanceError> {
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| InstanceError {
                field: "(root)",
                found: format!("invalid JSON (line {}, column {})", error.line(), error.column()),
                expected: "the JSON object of an instance identity document",
            })?;
        let field = |field: &'static str, expected: &'static str, valid: fn(&str) -> bool| {
            let value = document.get(field);
            match value.and_then(serde_json::Value::as_str) {
                Some(text) if valid(text) => Ok(text.to_owned()),
                _ => Err(InstanceError { field, found: shown(value), expected }),
            }
        };
        let region = field("region", "a region like eu-central-1", |text| {
            Region::try_from(text.to_owned()).is_ok()
        })?;
        let instance = Self {
            id: field("instanceId", "i- and 8 to 17 hexadecimal digits", |text| is_id(text, "i-"))?,
            zone: field("availabilityZone", "a zone like eu-central-1a", is_zone)?,
            account: field("accountId", "12 digits", is_account)?,
            instance_type: field("instanceType", "a type like t3.small", is_instance_type)?,
            image: field("imageId", "ami- and 8 to 17 hexadecimal digits", |text| {
                is_id(text, "ami-")
            })?,
            // Last, so that `is_without_ipv4` implies that all other fields are valid.
            private_ip: field("privateIp", "the IPv4 address of an interface in a VPC", |text| {
                text.parse().is_ok_and(is_address)
            })?
            .parse()
            .unwrap_or(Ipv4Addr::UNSPECIFIED),
            region: Region::try_from(region.clone()).map_err(|_| InstanceError {
                field: "region",
                found: region.clone(),
                expected: "a region like eu-central-1",
            })?,
        };
        if instance.zone.starts_with(&region) {
            Ok(instance)
        } else {
            let found = format!("\"{}\" in region {region}", instance.zone);
            Err(InstanceError {
                field: "availabilityZone",
                found,
                expected: "a zone of the region",
            })
        }
    }
}

/// Whether a text is an EC2 id with this prefix.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        (8..=17).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Whether an interface in a VPC can have this address. The special addresses of RFC 6890 are refused; with `0.0.0.0` a daemon
/// would listen on all interfaces. A VPC may have public ranges.
fn is_address(address: Ipv4Addr) -> bool {
    address.octets()[0] != 0
        && !address.is_loopback()
        && !address.is_link_local()
        && !address.is_multicast()
        && !address.is_broadcast()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Local and wavelength zones have longer names: `us-west-2-lax-1a`, `eu-west-2-wl1-lon-wlz-1`.
fn is_zone(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_instance_type(text: &str) -> bool {
    (3..=40).contains(&text.len())
        && text.contains('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

fn shown(value: Option<&serde_json::Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(value) => value.to_string().chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"accountId":"123456789012","architecture":"x86_64","availabilityZone":"eu-central-1a",
        "imageId":"ami-0123456789abcdef0","instanceId":"i-0123456789abcdef0","instanceType":"t3.small",
        "pendingTime":"2026-01-01T00:00:00Z","privateIp":"10.0.1.5","region":"eu-central-1","version":"2017-09-30"}"#;

    #[test]
    fn a_document_is_read() {
        let instance = Instance::from_document(DOCUMENT).unwrap();
        assert_eq!(instance.id, "i-0123456789abcdef0");
        assert_eq!(instance.private_ip, Ipv4Addr::new(10, 0, 1, 5));
    }

    #[test]
    fn a_vpc_may_have_any_range_that_hosts_have() {
        for address in ["10.0.1.5", "100.64.0.9", "52.1.2.3", "172.16.0.4", "198.19.0.10"] {
            let document = DOCUMENT.replace("10.0.1.5", address);
            assert!(Instance::from_document(&document).is_ok(), "{address}");
        }
    }

    #[track_caller]
    fn refused(from: &str, to: &str, field: &str) {
        let error = Instance::from_document(&DOCUMENT.replace(from, to)).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }

    #[test]
    fn an_instance_without_ipv4_is_told_from_a_broken_document() {
        let without =
            |document: String| Instance::from_document(&document).unwrap_err().is_without_ipv4();
        for address in ["null", "\"\"", "\"fd00:ec2::1\"", "\"2600:1f14::5\""] {
            assert!(without(DOCUMENT.replace("\"10.0.1.5\"", address)), "{address}");
        }
        assert!(without(DOCUMENT.replace("\"privateIp\":\"10.0.1.5\",", "")));
        for address in ["\"10.0.1\"", "\"0.0.0.0\"", "5", "{}", "\"::1::\""] {
            assert!(!without(DOCUMENT.replace("\"10.0.1.5\"", address)), "{address}");
        }
        assert!(!without("{}".to_owned()), "no document of EC2 at all");
        assert!(!without(
            DOCUMENT.replace("i-0123456789abcdef0", "x").replace("\"10.0.1.5\"", "null")
        ));
    }

    #[test]
    fn values_out_of_their_grammar_are_refused_by_name() {
        refused("i-0123456789abcdef0", "i-0123\\n\\\"evil", "instanceId");
        refused("\"10.0.1.5\"", "null", "privateIp");
        refused("\"10.0.1.5\"", "\"10.0.1\"", "privateIp");
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.1.1",
            "224.0.0.1",
            "239.1.1.1",
            "255.255.255.255",
        ] {
            refused("10.0.1.5", special, "privateIp");
        }
        refused("123456789012", "12345", "accountId");
        refused("\"region\":\"eu-central-1\"", "\"region\":\"eu central 1\"", "region");
        refused(
            "\"availabilityZone\":\"eu-central-1a\"",
            "\"availabilityZone\":\"us-east-1a\"",
            "availabilityZone",
        );
        refused("t3.small", "t3 small", "instanceType");
        refused("{", "[", "(root)");
    }
}

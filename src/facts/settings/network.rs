//! The values of settings that name a place in the network.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The host of a registry, with a port if it has one: `registry.internal:5000`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryHost(String);

impl RegistryHost {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RegistryHost {
    type Error = String;

    /// The name becomes a directory in `/etc/docker/certs.d`, so it must be a host and a port only.
    fn try_from(text: String) -> Result<Self, String> {
        let (host, port) = text.split_once(':').unwrap_or((&text, "443"));
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let valid = host.len() <= 253
            && host.split('.').all(label)
            && port.parse::<u16>().is_ok_and(|port| port > 0);
        if valid {
            Ok(Self(text))
        } else {
            Err(format!(
                "expected a registry host like registry.internal:5000, without scheme or path, found `{text}`"
            ))
        }
    }
}

impl From<RegistryHost> for String {
    fn from(host: RegistryHost) -> Self {
        host.0
    }
}

/// A link-local IPv4 address that EC2 does not use itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkLocal(Ipv4Addr);

impl LinkLocal {
    /// The address.
    pub fn address(self) -> Ipv4Addr {
        self.0
    }
}

impl Default for LinkLocal {
    fn default() -> Self {
        Self(Ipv4Addr::new(169, 254, 53, 53))
    }
}

impl TryFrom<String> for LinkLocal {
    type Error = String;

    /// 169.254.169.0/24 and 169.254.170.0/24 belong to EC2 and ECS: metadata, DNS, time, credentials.
    fn try_from(text: String) -> Result<Self, String> {
        let usable = |address: &Ipv4Addr| {
            address.is_link_local() && !matches!(address.octets()[2], 0 | 169 | 170 | 255)
        };
        text.parse().ok().filter(usable).map(Self).ok_or_else(|| {
            format!("expected an address between 169.254.1.0 and 169.254.254.255, outside EC2's 169.254.169.0/24 and 169.254.170.0/24, found `{text}`")
        })
    }
}

impl From<LinkLocal> for String {
    fn from(address: LinkLocal) -> Self {
        address.0.to_string()
    }
}

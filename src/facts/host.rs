//! What the host offers: which program resolves names, and which tool maintains the trust store.

use crate::system::root::{FileError, Root};
use serde::{Deserialize, Serialize};

/// What the host offers. It is found by looking at files, never by the name of the distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Which program resolves names.
    pub resolver: Resolver,
    /// Which tool maintains the trust store; `None` if no known tool is installed.
    pub trust_store: Option<TrustStore>,
}

/// Which program resolves names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolver {
    /// systemd-resolved.
    Resolved,
    /// dnsmasq.
    Dnsmasq,
    /// Neither of them.
    Other,
}

/// The tool that maintains the trust store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustStore {
    /// Amazon Linux, RHEL: <https://docs.aws.amazon.com/linux/al2023/ug/>, `update-ca-trust(8)`.
    UpdateCaTrust,
    /// Debian, Ubuntu: `update-ca-certificates(8)`.
    UpdateCaCertificates,
}

/// Looks at the host.
pub fn look(root: &Root) -> Result<Host, FileError> {
    Ok(Host { resolver: resolver(root)?, trust_store: trust_store(root)? })
}

/// The stub file exists while systemd-resolved runs. An image in which it is enabled has the alias of its unit.
fn resolver(root: &Root) -> Result<Resolver, FileError> {
    const RESOLVED: [&str; 2] = [
        "/run/systemd/resolve/stub-resolv.conf",
        "/etc/systemd/system/dbus-org.freedesktop.resolve1.service",
    ];
    const DNSMASQ: [&str; 2] = ["/usr/sbin/dnsmasq", "/etc/dnsmasq.d"];
    for path in RESOLVED {
        if root.stat(path)?.is_some() {
            return Ok(Resolver::Resolved);
        }
    }
    for path in DNSMASQ {
        if root.stat(path)?.is_none() {
            return Ok(Resolver::Other);
        }
    }
    Ok(Resolver::Dnsmasq)
}

fn trust_store(root: &Root) -> Result<Option<TrustStore>, FileError> {
    for (path, tool) in [
        ("/usr/bin/update-ca-trust", TrustStore::UpdateCaTrust),
        ("/usr/sbin/update-ca-certificates", TrustStore::UpdateCaCertificates),
    ] {
        if root.stat(path)?.is_some() {
            return Ok(Some(tool));
        }
    }
    Ok(None)
}

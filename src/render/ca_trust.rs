//! The site's certificate authorities, for the trust store and for docker.
//!
//! One certificate in each file: Debian's tool makes no hash link for a file with two, so OpenSSL does not find them.

use crate::facts::authority::Authority;
use crate::facts::host::TrustStore;
use crate::facts::settings::Settings;
use crate::node::{Granted, Node};
use crate::state::{Action, Contents, File, Notify, ROOT, Tool};
use std::collections::BTreeSet;

/// The files of the authorities.
pub fn files(node: &Node, _: &Granted) -> Vec<File> {
    of(node.host.trust_store, &node.authorities, &node.settings)
}

/// The files of authorities on a host.
pub(super) fn of(
    store: Option<TrustStore>,
    authorities: &[Authority],
    settings: &Settings,
) -> Vec<File> {
    let mut files = Vec::new();
    if let Some(store) = store {
        let (directory, suffix) = anchors(store);
        files.extend(authorities.iter().map(|authority| {
            let name = authority.sha256.get(..16).unwrap_or(&authority.sha256);
            file(
                format!("{directory}/cos-{name}.{suffix}"),
                authority.pem.clone(),
                Notify::of([Action::Run(Tool::UpdateTrustStore)]),
            )
        }));
    }
    if !authorities.is_empty() {
        let all: String = authorities.iter().map(|authority| authority.pem.as_str()).collect();
        // docker reads certs.d at each connection: <https://docs.docker.com/engine/security/certificates/>.
        // A registry that is listed twice has one file.
        let registries: BTreeSet<_> = settings.ca.registries.iter().collect();
        files.extend(registries.into_iter().map(|registry| {
            file(
                format!("/etc/docker/certs.d/{}/ca.crt", registry.as_str()),
                all.clone(),
                Notify::nobody(),
            )
        }));
    }
    files
}

/// The bundle that programs read; its path depends on the tool that makes it.
pub(super) fn bundle(store: TrustStore) -> &'static str {
    match store {
        TrustStore::UpdateCaTrust => "/etc/pki/tls/certs/ca-bundle.crt",
        TrustStore::UpdateCaCertificates => "/etc/ssl/certs/ca-certificates.crt",
    }
}

/// The bundle that contains the authorities of a node.
pub fn bundle_of(node: &Node) -> Option<&'static str> {
    node.host.trust_store.filter(|_| !node.authorities.is_empty()).map(bundle)
}

fn anchors(store: TrustStore) -> (&'static str, &'static str) {
    match store {
        TrustStore::UpdateCaTrust => ("/etc/pki/ca-trust/source/anchors", "pem"),
        TrustStore::UpdateCaCertificates => ("/usr/local/share/ca-certificates", "crt"),
    }
}

fn file(path: String, pem: String, notify: Notify) -> File {
    File { path, contents: Contents::Text(pem), mode: 0o644, owner: ROOT, notify }
}

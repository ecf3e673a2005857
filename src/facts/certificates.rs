//! The certificate authorities of the site, parsed strictly: what is no CA certificate does not reach the trust store.
//!
//! The system's tools are lenient in dangerous ways: Debian's copies a private key that stands beside a certificate
//! into the world-readable bundle, and garbage silently trusts nothing (measured, ca-certificates 20230311).

use super::GatherError;
use super::settings::PemText;
use crate::system::root::{FileError, Root};
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, EncodePem};
use x509_cert::ext::pkix::BasicConstraints;

/// Where the site's certificates lie.
pub const FOLDER: &str = "/etc/cos-agent/ca.d";

/// One certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// SHA-256 of the certificate, hexadecimal: its identity.
    pub sha256: String,
    /// Its subject, for people.
    pub subject: String,
    /// The file or setting it came from.
    pub source: String,
    /// The certificate alone, as PEM with line feeds.
    pub pem: String,
}

/// Reads the folder and the settings. A bad certificate is named and left out; a private key stops everything.
pub fn gather(root: &Root, settings: &[PemText]) -> Result<Vec<Authority>, GatherError> {
    let mut sources = Vec::new();
    for name in root.list(FOLDER)? {
        let bytes = name.as_bytes();
        if !bytes.starts_with(b".") && bytes.ends_with(b".pem") {
            let path = format!("{FOLDER}/{}", crate::shown(&name));
            match root.read(Path::new(FOLDER).join(&name)) {
                Ok(Some(bytes)) => sources.push((path, bytes)),
                Ok(None) => {}
                Err(error) => left_out(&path, &file_problem(&error)),
            }
        }
    }
    for (index, text) in settings.iter().enumerate() {
        sources.push((format!("setting ca.certificates[{index}]"), text.0.clone().into_bytes()));
    }
    let mut authorities = BTreeMap::new();
    for (source, bytes) in sources {
        for authority in parse(&source, &bytes)? {
            authorities.entry(authority.sha256.clone()).or_insert(authority);
        }
    }
    Ok(authorities.into_values().collect())
}

fn parse(source: &str, bytes: &[u8]) -> Result<Vec<Authority>, GatherError> {
    // Looked for as text too: a key in a form that the parser does not know is still a key.
    if bytes.windows(12).any(|window| window == b"PRIVATE KEY-") {
        return Err(GatherError::PrivateKey { path: source.to_owned() });
    }
    let mut authorities = Vec::new();
    let mut sections = 0;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        sections += 1;
        match section {
            Ok((SectionKind::Certificate, der)) => match authority(source, &der) {
                Ok(authority) => authorities.push(authority),
                Err(problem) => left_out(&format!("certificate {sections} of {source}"), &problem),
            },
            Ok((kind, _)) => left_out(
                &format!("section {sections} of {source}"),
                &format!("it is {kind:?}, expected a certificate"),
            ),
            Err(error) => {
                left_out(
                    &format!("section {sections} of {source}"),
                    &format!("it is no PEM: {error}"),
                );
                break;
            }
        }
    }
    if sections == 0 {
        left_out(source, "it holds no PEM section, expected -----BEGIN CERTIFICATE-----");
    }
    Ok(authorities)
}

fn authority(source: &str, der: &[u8]) -> Result<Authority, String> {
    let certificate =
        Certificate::from_der(der).map_err(|error| format!("it does not parse: {error}"))?;
    let tbs = certificate.tbs_certificate();
    let constraints = tbs
        .get_extension::<BasicConstraints>()
        .map_err(|error| format!("its extensions do not parse: {error}"))?;
    if !constraints.is_some_and(|(_, constraints)| constraints.ca) {
        return Err(
            "it is no certificate authority (basicConstraints CA:TRUE is missing)".to_owned()
        );
    }
    let pem = certificate
        .to_pem(LineEnding::LF)
        .map_err(|error| format!("it cannot be written again: {error}"))?;
    Ok(Authority {
        sha256: crate::hexadecimal(&Sha256::digest(der)),
        subject: tbs.subject().to_string(),
        source: source.to_owned(),
        pem,
    })
}

fn left_out(what: &str, problem: &str) {
    tracing::warn!("{what} is left out of the trust store: {problem}");
}

fn file_problem(error: &FileError) -> String {
    format!("{error}: {}", error.source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn certificate(is_ca: bool) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn good_ones_go_in_and_bad_ones_are_left_out() {
        let (ca, _) = certificate(true);
        let (leaf, _) = certificate(false);
        let mixed = format!("Bag Attributes\r\n{}\n{leaf}\n{ca}", ca.replace('\n', "\r\n"));
        let found = parse("f", mixed.as_bytes()).unwrap();
        assert_eq!(found.len(), 2, "the CA twice, the leaf never");
        assert_eq!(found[0], found[1]);
        assert!(!found[0].pem.contains('\r'));
    }

    #[test]
    fn garbage_and_emptiness_trust_nothing() {
        let (ca, _) = certificate(true);
        for bytes in [b"".as_slice(), b"\xff\xfe", b"hello", &ca.as_bytes()[..ca.len() / 2]] {
            assert!(parse("f", bytes).unwrap().is_empty());
        }
    }

    #[test]
    fn a_private_key_stops_everything() {
        let (ca, key) = certificate(true);
        let error = parse("ca.d/x.pem", format!("{ca}{key}").as_bytes()).unwrap_err();
        assert!(matches!(error, GatherError::PrivateKey { ref path } if path == "ca.d/x.pem"));
    }
}

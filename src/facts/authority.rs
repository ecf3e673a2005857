//! One certificate, read strictly: only certificate authorities reach the trust store.

use super::pem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, DecodePem, EncodePem};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;

/// One certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// Its subject, for people.
    pub subject: String,
    /// The file or setting it came from.
    pub source: String,
    /// The certificate as PEM with line feeds, without anything around it.
    pub pem: String,
}

/// When a certificate is valid, in seconds since the epoch (RFC 5280, 4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: u64,
    /// The last second.
    pub until: u64,
}

impl Authority {
    /// When it is valid; `None` if the PEM text is not a certificate.
    pub fn validity(&self) -> Option<Validity> {
        let certificate = Certificate::from_pem(&self.pem).ok()?;
        let validity = certificate.tbs_certificate().validity();
        let seconds = |time: Time| time.to_unix_duration().as_secs();
        Some(Validity { from: seconds(validity.not_before), until: seconds(validity.not_after) })
    }
}

/// The authority in a section, or what is wrong with it. The problem never quotes the body, which may be secret.
pub(super) fn of_section(source: &str, section: &pem::Section<'_>) -> Result<Authority, String> {
    let body = section.body.map_err(|problem| problem.to_string())?;
    let convert = match section.label {
        "CERTIFICATE" => None,
        "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => Some("openssl x509 -in OLD -out NEW"),
        "PKCS7" => Some("openssl pkcs7 -print_certs -in OLD -out NEW"),
        label => return Err(format!("expected CERTIFICATE, found {:?}", pem::shortened(label))),
    };
    if let Some(convert) = convert {
        let label = section.label;
        return Err(format!("expected CERTIFICATE, found {label:?} (`{convert}` converts it)"));
    }
    authority(source, &decoded(body)?)
}

/// Whether a section has a certificate, of an authority or not.
pub(super) fn certificate(section: &pem::Section<'_>) -> Result<(), String> {
    let body = section.body.map_err(|problem| problem.to_string())?;
    parsed(&decoded(body)?).map(drop)
}

fn decoded(body: &str) -> Result<Vec<u8>, String> {
    let base64: String = body.split_ascii_whitespace().collect();
    // The message of the decoder would quote a byte of the body.
    STANDARD.decode(base64).map_err(|_| "its body is not base64".to_owned())
}

fn parsed(der: &[u8]) -> Result<Certificate, String> {
    Certificate::from_der(der).map_err(|error| format!("cannot parse the certificate: {error}"))
}

fn authority(source: &str, der: &[u8]) -> Result<Authority, String> {
    let certificate = parsed(der)?;
    let tbs = certificate.tbs_certificate();
    let constraints = tbs
        .get_extension::<BasicConstraints>()
        .map_err(|error| format!("cannot parse the extensions of the certificate: {error}"))?;
    if !constraints.is_some_and(|(_, constraints)| constraints.ca) {
        return Err("not a certificate authority (basicConstraints CA:TRUE is missing)".to_owned());
    }
    let pem = certificate
        .to_pem(LineEnding::LF)
        .map_err(|error| format!("cannot encode the certificate: {error}"))?;
    Ok(Authority {
        sha256: hex::encode(Sha256::digest(der)),
        subject: crate::text::shown(OsStr::new(&tbs.subject().to_string())),
        source: source.to_owned(),
        pem,
    })
}

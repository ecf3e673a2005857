//! The certificate authorities of the site, parsed strictly: only CA certificates reach the trust store.
//!
//! The tools of the system are dangerously lenient. Debian's tool copies a private key that is in the file of a certificate
//! into the world-readable bundle, and ignores garbage silently (measured, ca-certificates 20230311).

pub use super::authority::Authority;
use super::settings::PemText;
use super::{GatherError, authority, pem};
use crate::state::PathKind;
use crate::system::root::{FileError, Root};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The directory of the site's certificates.
pub const FOLDER: &str = "/etc/cos-agent/ca.d";
/// The name endings of the files that are read there, in upper or lower case.
const ENDINGS: [&str; 3] = [".pem", ".crt", ".cer"];
/// Why a file there is not read, at the end of its note. Such a file may be a text for people.
pub const UNREAD: &str = "the name must end in .pem, .crt or .cer and must not begin with a dot";
/// How many files or ranges of sections one note names.
const NAMED: usize = 20;

/// What the directory and the settings hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The authorities, each once.
    pub authorities: Vec<Authority>,
    /// What is not added to the trust store, and why, a sentence each.
    pub notes: Vec<String>,
}

/// Reads the directory and the settings. A bad certificate is left out with a note; a private key is an error.
pub fn gather(root: &Root, settings: &[PemText]) -> Result<Found, GatherError> {
    let mut found = Found::default();
    let mut sources = Vec::new();
    let mut others = Vec::new();
    if root.stat_target(FOLDER)?.is_some_and(|stat| stat.kind != PathKind::Directory) {
        found.notes.push(left_out(FOLDER, "expected a directory with PEM files"));
    }
    for name in root.list(FOLDER)? {
        let path = format!("{FOLDER}/{}", crate::text::shown(&name));
        if !is_read(&name) {
            others.push(path);
            continue;
        }
        match root.read(Path::new(FOLDER).join(&name)) {
            Ok(Some(bytes)) => sources.push((path, bytes)),
            Ok(None) => found.notes.push(left_out(&path, "the link is broken")),
            Err(error) => found.notes.push(left_out(&path, &file_problem(&error))),
        }
    }
    found.notes.extend(unread(&others));
    for (index, text) in settings.iter().enumerate() {
        sources.push((format!("setting ca.certificates[{index}]"), text.0.clone().into_bytes()));
    }
    let mut authorities = BTreeMap::new();
    for (source, bytes) in sources {
        let of_source = parse(&source, &bytes)?;
        found.notes.extend(of_source.notes);
        for authority in of_source.authorities {
            authorities.entry(authority.sha256.clone()).or_insert(authority);
        }
    }
    found.authorities = authorities.into_values().collect();
    Ok(found)
}

fn is_read(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    !name.starts_with(b".") && ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
}

/// The note about files that are not read.
fn unread(paths: &[String]) -> Option<String> {
    match paths {
        [] => None,
        [path] => Some(left_out(path, UNREAD)),
        _ => Some(format!("not added to the trust store: {}: {UNREAD}", listed(paths))),
    }
}

fn listed(items: &[String]) -> String {
    let shown = items[..items.len().min(NAMED)].join(", ");
    match items.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn parse(source: &str, bytes: &[u8]) -> Result<Found, GatherError> {
    // Comments may be in any encoding; the sections are ASCII.
    let text = String::from_utf8_lossy(bytes);
    // UTF-16 without its null bytes, so that keys and certificates in it are found too.
    let narrow = bytes.contains(&0).then(|| text.replace('\0', ""));
    let sections = pem::sections(&text);
    let wide = narrow.as_deref().map(pem::sections).unwrap_or_default();
    if holds_key(&text, sections.iter().chain(&wide)) {
        return Err(GatherError::PrivateKey { path: source.to_owned() });
    }
    let mut found = Found::default();
    let mut problems: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
    for (index, section) in sections.iter().enumerate() {
        match authority::of_section(source, section) {
            Ok(authority) => found.authorities.push(authority),
            Err(problem) => {
                let is_certificate = section.label == "CERTIFICATE";
                problems.entry((is_certificate, problem)).or_default().push(index + 1);
            }
        }
    }
    if wide.len() > sections.len() {
        let problem =
            "expected ASCII, found UTF-16 (`iconv -f UTF-16 -t ASCII OLD > NEW` converts it)";
        found.notes.push(left_out(&format!("part of {source}"), problem));
    } else if sections.is_empty() {
        found.notes.push(left_out(source, no_section(bytes)));
    }
    found.notes.extend(problems.iter().take(NAMED).map(|((is_certificate, problem), numbers)| {
        let noun = if *is_certificate { "certificate" } else { "section" };
        match numbers[..] {
            [number] => left_out(&format!("{noun} {number} of {source}"), problem),
            _ => format!(
                "not added to the trust store: {noun}s {} of {source}: {problem}",
                ranges(numbers)
            ),
        }
    }));
    let mut others: Vec<usize> = problems.values().skip(NAMED).flatten().copied().collect();
    if !others.is_empty() {
        others.sort_unstable();
        let problem = "there are too many different problems to list";
        found.notes.push(left_out(&format!("sections {} of {source}", ranges(&others)), problem));
    }
    Ok(found)
}

/// Why the CLIs of Consul and Nomad would refuse a file with certificates. Unlike the trust store, they also take a self-signed
/// certificate of a server.
pub fn check_for_clis(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let sections = pem::sections(&text);
    if holds_key(&text, sections.iter()) {
        return Err("it holds a private key".to_owned());
    }
    let certificates: Vec<_> =
        sections.iter().filter(|section| section.label == "CERTIFICATE").collect();
    if certificates.is_empty() {
        return Err(if bytes.contains(&0) && bytes.first() != Some(&0x30) {
            "expected ASCII, found UTF-16 or binary data".to_owned()
        } else {
            no_section(bytes).to_owned()
        });
    }
    certificates.into_iter().try_for_each(authority::certificate)
}

/// Whether there is a private key. The text is searched too, because the parser may not know the form of a key.
fn holds_key<'a>(text: &str, mut sections: impl Iterator<Item = &'a pem::Section<'a>>) -> bool {
    text.contains("PRIVATE KEY-") || sections.any(|section| section.label.contains("PRIVATE KEY"))
}

fn no_section(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "the file is empty",
        // A SEQUENCE that is longer than 127 bytes (X.690): a certificate, PKCS #7 or PKCS #12.
        [0x30, 0x81..=0x84, ..] => {
            "expected PEM, found binary data (`openssl x509 -inform DER -in OLD -out NEW` converts a certificate)"
        }
        _ => "no -----BEGIN CERTIFICATE----- found",
    }
}

/// Sorted numbers, with runs shortened: `1, 3 to 5`.
fn ranges(numbers: &[usize]) -> String {
    let runs: Vec<String> = numbers
        .chunk_by(|one, next| one + 1 == *next)
        .filter_map(|run| match run {
            [] => None,
            [one] => Some(one.to_string()),
            [first, .., last] => Some(format!("{first} to {last}")),
        })
        .collect();
    listed(&runs)
}

fn left_out(what: &str, problem: &str) -> String {
    format!("not added to the trust store: {what}: {problem}")
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
        let Found { authorities, notes } = parse("f", mixed.as_bytes()).unwrap();
        assert_eq!(authorities.len(), 2, "the CA twice, the leaf never");
        assert_eq!(authorities[0], authorities[1]);
        assert!(!authorities[0].pem.contains('\r'));
        assert!(notes.len() == 1 && notes[0].contains(": certificate 2 of f: "), "{notes:?}");
    }

    #[test]
    fn garbage_and_emptiness_trust_nothing() {
        let (ca, _) = certificate(true);
        for bytes in [b"".as_slice(), b"\xff\xfe", b"hello", &ca.as_bytes()[..ca.len() / 2]] {
            let Found { authorities, notes } = parse("f", bytes).unwrap();
            assert!(authorities.is_empty() && notes.len() == 1, "{notes:?}");
        }
    }

    #[test]
    fn a_private_key_stops_everything() {
        let (ca, key) = certificate(true);
        let error = parse("ca.d/x.pem", format!("{ca}{key}").as_bytes()).unwrap_err();
        assert!(matches!(error, GatherError::PrivateKey { ref path } if path == "ca.d/x.pem"));
    }
}

use super::*;
use crate::plan::manifest::Written;
use crate::plan::{Ownership, Step};
use crate::state::{Bytes, ROOT};

fn authority(subject: &str, body: &str) -> Authority {
    Authority {
        sha256: String::new(),
        subject: subject.to_owned(),
        source: "/etc/cos-agent/ca.d/x.pem".to_owned(),
        pem: format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"),
    }
}

#[test]
fn a_private_key_is_named_with_its_file() {
    let error = GatherError::PrivateKey { path: "/etc/cos-agent/ca.d/x.pem".to_owned() };
    let Finding::Fail(problem) = refused(&error) else { panic!("it is a key") };
    assert!(problem.found.contains("/etc/cos-agent/ca.d/x.pem"), "{problem:?}");
    assert_eq!(problem.hint.id, "private-key-among-certificates");
}

#[test]
fn a_bad_certificate_fails_and_one_under_another_name_warns() {
    let note = |name: &str| format!("not added to the trust store: {FOLDER}/{name}: {UNREAD}");
    let bad = format!("not added to the trust store: {FOLDER}/x.pem: the file is empty");
    let Some(Finding::Fail(problem)) = left_out(&[note("x"), bad.clone()], None) else {
        panic!("it is bad")
    };
    assert_eq!(problem.found, bad);
    let directory = tempfile::tempdir().unwrap();
    let root = Root::at(directory.path());
    root.write(format!("{FOLDER}/README"), b"for people", 0o644).unwrap();
    let pem = authority("CN=one", "YWJj").pem;
    root.write(format!("{FOLDER}/one.cert"), pem.as_bytes(), 0o644).unwrap();
    assert!(!hides_one(&root, &note("README")) && hides_one(&root, &note("one.cert")));
    assert_eq!(left_out(&[note("README")], None), None);
    assert!(matches!(
        left_out(&[note("one.cert")], Some(note("one.cert"))),
        Some(Finding::Warn(_))
    ));
}

#[test]
fn a_file_that_was_removed_fails() {
    let path = "/etc/pki/ca-trust/source/anchors/cos-0.pem";
    let write = |path: &str| Write {
        path: path.to_owned(),
        bytes: Bytes::Open(Vec::new()),
        mode: 0o644,
        ownership: Ownership::Ours { owner: ROOT, ids: None },
        before: None,
        foreign: false,
        keys: None,
        besides: Vec::new(),
        why: Why::New,
    };
    let plan = |path: &str| Plan {
        steps: vec![Step::from(Change::Write(write(path)))],
        ..Plan::default()
    };
    let mut manifest = Manifest::default();
    assert_eq!(by_hand(&plan(path), &manifest), None, "it is new");
    manifest.files.insert("/etc/profile.d/cos.sh".to_owned(), Written::default());
    assert_eq!(by_hand(&plan("/etc/profile.d/cos.sh"), &manifest), None);
    manifest.files.insert(path.to_owned(), Written::default());
    let Some(Finding::Fail(problem)) = by_hand(&plan(path), &manifest) else {
        panic!("it was removed")
    };
    assert!(problem.found.starts_with(path), "{problem:?}");
}

#[test]
fn an_authority_that_the_bundle_lacks_is_named() {
    let authorities = vec![authority("CN=one", "YWJj"), authority("CN=two", "ZGVm")];
    let found = Found { authorities, notes: Vec::new() };
    let store = TrustStore::UpdateCaCertificates;
    let both: String = found.authorities.iter().map(|one| one.pem.as_str()).collect();
    assert_eq!(untrusted(&found, "/b", both.as_bytes(), store), None);
    let one = &found.authorities[0].pem;
    let Some(Finding::Fail(problem)) = untrusted(&found, "/b", one.as_bytes(), store) else {
        panic!("one is missing")
    };
    assert!(problem.found.contains("CN=two"), "{problem:?}");
    assert!(problem.hint.text.contains("`update-ca-certificates --fresh`"), "{problem:?}");
}

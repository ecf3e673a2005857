//! The certificate authorities of the site: what lies in `ca.d` is trusted or named, whatever form it has.

use crate::support::node;
use cos_agent::facts::GatherError;
use cos_agent::system::root::FILE_CAP;
use node::{PATIENCE, TestNode};
use std::collections::BTreeSet;
use std::process::Command;

/// Authorities by their subjects, made by the `openssl` of the machine as people make theirs.
struct Pki(tempfile::TempDir);

impl Pki {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn openssl(&self, arguments: &str) -> Vec<u8> {
        let mut command = Command::new("openssl");
        let output = command
            .args(arguments.split(' '))
            .current_dir(self.0.path())
            .output()
            .expect("openssl");
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
        output.stdout
    }

    /// A new authority; its certificate and key lie in the folder under this name.
    fn authority(&self, name: &str) -> String {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -days 30 -keyout {name}.key -out {name}.pem"
        ));
        std::fs::read_to_string(self.0.path().join(format!("{name}.pem"))).unwrap()
    }

    fn text(&self, arguments: &str) -> String {
        String::from_utf8(self.openssl(arguments)).unwrap()
    }
}

fn write(node: &TestNode, path: &str, bytes: &[u8]) {
    node.write(path, "");
    std::fs::write(node.path(path), bytes).unwrap();
}

/// The subjects of what the node trusts, by what was written for the trust store.
fn trusted(node: &TestNode) -> BTreeSet<String> {
    let folder = node.path("/usr/local/share/ca-certificates");
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    entries
        .map(|entry| {
            let mut openssl = Command::new("openssl");
            let openssl =
                openssl.args(["x509", "-noout", "-subject", "-nameopt", "multiline", "-in"]);
            let output = openssl.arg(entry.unwrap().path()).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            text.rsplit('=').next().unwrap().trim().to_owned()
        })
        .collect()
}

/// A node with the tool of Debian, so that authorities go into a folder of their own.
async fn debian() -> TestNode {
    let node = TestNode::new("nomad-client").await;
    let _ = std::fs::remove_file(node.path("/usr/bin/update-ca-trust"));
    node.install("/usr/sbin/update-ca-certificates", "#!/bin/sh\n");
    node
}

#[tokio::test]
async fn every_certificate_of_a_file_is_trusted_however_they_are_put_together() {
    let pki = Pki::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| pki.authority(name));
    let joined = [a.trim_end(), b.trim_end(), c.as_str()].concat();
    let mac = [a.as_str(), &b, &c].concat().replace('\n', "\r");
    let windows = [a.as_str(), &b, &c].concat().replace('\n', "\r\n");
    let indented: String =
        [a.as_str(), &b, &c].concat().lines().map(|line| format!("    {line}\t\n")).collect();
    let marked = format!("\u{feff}{a}\u{feff}{b}\u{feff}{c}");
    let explained =
        ["a", "b", "c"].map(|name| pki.text(&format!("x509 -in {name}.pem -text"))).concat();
    let one_line: String = [a.as_str(), &b, &c]
        .iter()
        .map(|pem| {
            let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")
        })
        .collect();
    let latin =
        [b"# Zertifikat f\xfcr alle\n".as_slice(), a.as_bytes(), b.as_bytes(), c.as_bytes()];
    for (name, bytes) in [
        ("joined.pem", joined.into_bytes()),
        ("mac.pem", mac.into_bytes()),
        ("windows.crt", windows.into_bytes()),
        ("indented.cer", indented.into_bytes()),
        ("marked.PEM", marked.into_bytes()),
        ("explained.Crt", explained.into_bytes()),
        ("one-line.CER", one_line.into_bytes()),
        ("latin.pem", latin.concat()),
        ("twice.pem", [a.as_str(), &a, &b, &c, &b].concat().into_bytes()),
    ] {
        let node = debian().await;
        write(&node, &format!("/etc/cos-agent/ca.d/{name}"), &bytes);
        node.converge().await;
        assert_eq!(trusted(&node), ["a", "b", "c"].map(str::to_owned).into(), "{name}");
        assert_eq!(node.notes(), "", "{name}");
    }
}

#[tokio::test]
async fn what_is_not_trusted_is_named_beside_what_is() {
    let pki = Pki::new();
    let [a, b] = ["a", "b"].map(|name| pki.authority(name));
    let label = |label: &str| b.replace("CERTIFICATE", label);
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let body = b.lines().nth(1).unwrap();
    for (what, word) in [
        (pki.text("x509 -in b.pem -trustout"), "TRUSTED CERTIFICATE"),
        (label("X509 CERTIFICATE"), "X509 CERTIFICATE"),
        (label("NEW CERTIFICATE REQUEST"), "CERTIFICATE REQUEST"),
        (pki.text("crl2pkcs7 -nocrl -certfile b.pem"), "PKCS7"),
        (label("PUBLIC KEY"), "PUBLIC KEY"),
        (b.replace(end, ""), "END"),
        (b.replace(end, "-----END PKCS7-----"), "PKCS7"),
        (format!("{begin}\n{body}\n"), "END"),
        (format!("{begin}\n"), "END"),
        (format!("{begin}\n{end}\n"), "certificate 2"),
        (format!("{begin}\n!?\n{end}\n"), "base64"),
        (format!("{begin}\nAAAA\n{end}\n"), "certificate 2"),
        (b.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE"), "BEGIN"),
        (b.replace("-----", "----"), "BEGIN"),
        (b.replace("-----", "\u{2014}"), "BEGIN"),
        (b.replace("BEGIN CERTIFICATE", "begin certificate"), "BEGIN"),
        (b.replace("-----BEGIN", "BEGIN"), "BEGIN"),
        (b.replacen(begin, "", 1), "BEGIN"),
    ] {
        for text in [format!("{a}{what}"), format!("{a}{what}{a}")] {
            let node = debian().await;
            node.write("/etc/cos-agent/ca.d/corp.pem", &text);
            node.converge().await;
            let notes = node.notes();
            assert_eq!(trusted(&node), ["a".to_owned()].into(), "{word}: {what}\n{notes}");
            assert!(notes.contains("/etc/cos-agent/ca.d/corp.pem"), "{word}: {notes}");
            assert!(notes.contains(word), "{word}: {notes}");
            assert!(!notes.contains(body) && !notes.contains(&body[..24]), "{notes}");
            assert!(!notes.contains("[45, 45"), "a list of bytes: {notes}");
        }
    }
}

#[tokio::test]
async fn a_begin_in_another_section_loses_neither() {
    let pki = Pki::new();
    let [a, b] = ["a", "b"].map(|name| pki.authority(name));
    let half = &a[..a.len() / 2];
    let node = debian().await;
    node.write("/etc/cos-agent/ca.d/corp.pem", &format!("{half}{b}"));
    node.converge().await;
    assert_eq!(trusted(&node), ["b".to_owned()].into());
    assert!(
        node.notes().contains("certificate 1 of /etc/cos-agent/ca.d/corp.pem"),
        "{}",
        node.notes()
    );
}

#[tokio::test]
async fn files_that_are_no_pem_are_named_with_the_way_to_one() {
    let pki = Pki::new();
    let a = pki.authority("a");
    let utf16 = |bytes: fn(u16) -> [u8; 2]| {
        let text = format!("\u{feff}{a}");
        text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    let large = vec![b'-'; usize::try_from(FILE_CAP).unwrap() + 1];
    for (name, bytes, word) in [
        ("a.cer", pki.openssl("x509 -in a.pem -outform DER"), "openssl x509 -inform DER"),
        ("a.crt", pki.openssl("crl2pkcs7 -nocrl -certfile a.pem -outform DER"), "openssl"),
        ("a.pem", utf16(u16::to_le_bytes), "iconv"),
        ("b.pem", utf16(u16::to_be_bytes), "iconv"),
        ("c.pem", Vec::new(), "empty"),
        ("d.pem", b"hello".to_vec(), "BEGIN CERTIFICATE"),
        ("e.pem", large, "4194304"),
    ] {
        let node = debian().await;
        let path = format!("/etc/cos-agent/ca.d/{name}");
        write(&node, &path, &bytes);
        node.converge().await;
        let notes = node.notes();
        assert!(trusted(&node).is_empty() && notes.contains(&path), "{name}: {notes}");
        assert!(notes.contains(word), "{name}: {notes}");
    }
}

#[tokio::test]
async fn every_other_entry_of_the_folder_is_named() {
    let pki = Pki::new();
    let a = pki.authority("a");
    let node = debian().await;
    node.write("/etc/cos-agent/ca.d/a.pem", &a);
    for name in ["a.pem.bak", "b.txt", "README", ".hidden.pem", "c.der", "d.p7b", "sub/e.pem"] {
        node.write(&format!("/etc/cos-agent/ca.d/{name}"), &a);
    }
    std::fs::create_dir(node.path("/etc/cos-agent/ca.d/folder.pem")).unwrap();
    std::os::unix::fs::symlink("nowhere", node.path("/etc/cos-agent/ca.d/gone.pem")).unwrap();
    node.converge().await;
    let notes = node.notes();
    for name in [
        "a.pem.bak",
        "b.txt",
        "README",
        ".hidden.pem",
        "c.der",
        "d.p7b",
        "sub",
        "folder.pem",
        "gone.pem",
    ] {
        assert!(notes.contains(&format!("/etc/cos-agent/ca.d/{name}")), "{name}: {notes}");
    }
    assert!(!notes.contains("ca.d/a.pem is") && !notes.contains("ca.d/a.pem,"), "{notes}");
    assert_eq!(trusted(&node), ["a".to_owned()].into());
}

#[tokio::test]
async fn a_private_key_of_any_kind_is_named_and_never_shown() {
    let pki = Pki::new();
    let a = pki.authority("a");
    for arguments in [
        "pkey -in a.key",
        "ec -in a.key",
        "genrsa -traditional 1024",
        "pkcs8 -topk8 -in a.key -passout pass:x",
    ] {
        let key = pki.text(arguments);
        let body = key.lines().nth(3).or_else(|| key.lines().nth(1)).unwrap();
        for text in [
            format!("{a}{key}"),
            format!("\u{feff}{key}"),
            key.replace('\n', "\r"),
            format!("  {}", key.replace('\n', "\n  ")),
        ] {
            let node = debian().await;
            node.write("/etc/cos-agent/ca.d/site.CER", &text);
            let error = node.refused(PATIENCE).await;
            let report = error.report();
            assert!(
                matches!(&error, cos_agent::error::Error::Gather(GatherError::PrivateKey { path }) if path == "/etc/cos-agent/ca.d/site.CER"),
                "{report}"
            );
            assert!(!report.contains(body), "{report}");
        }
    }
}

#[tokio::test]
async fn thousands_of_sections_are_all_trusted_or_named_in_few_words() {
    let pki = Pki::new();
    let a = pki.authority("a");
    let node = debian().await;
    let mut text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(10_000);
    text.push_str(&"-----BEGIN CERTIFICATE-----\n".repeat(10_000));
    text.push_str(&a);
    node.write("/etc/cos-agent/ca.d/many.pem", &text);
    let labels: String = (0..20_000).map(|number| format!("-----BEGIN A{number}-----\n")).collect();
    node.write("/etc/cos-agent/ca.d/labels.pem", &format!("{labels}{a}"));
    let words = "END BEGIN ".repeat(40_000);
    node.write("/etc/cos-agent/ca.d/words.pem", &words);
    let almost = "-----BEGIN ".repeat(40_000);
    node.write("/etc/cos-agent/ca.d/almost.pem", &almost);
    node.converge().await;
    let notes = node.notes();
    assert_eq!(trusted(&node), ["a".to_owned()].into());
    assert!(notes.contains("1 to 10000") && notes.contains("10001 to 20000"), "{notes}");
    for name in ["labels", "words", "almost"] {
        assert!(notes.contains(&format!("/etc/cos-agent/ca.d/{name}.pem")), "{name}: {notes}");
    }
    assert!(notes.len() < 8_000, "{} bytes", notes.len());
}

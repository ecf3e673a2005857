//! The download of the image build: what the vendor signed is kept, and everything else ends with one line that says what
//! to do. The vendor is a server of the test on loopback, with a key of the test.

use crate::support::packer::folder;
use crate::support::run::Run;
use crate::support::space::{in_group, ok};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const ARCHIVE: &str = "an archive of Consul";
const SUMS: &str = "consul_1.2.3_SHA256SUMS";

#[test]
fn what_the_vendor_signed_is_kept() {
    let vendor = Vendor::new();
    assert_eq!(vendor.get(false), (0, String::new()));
    assert_eq!(fs::read_to_string(vendor.got()).unwrap(), ARCHIVE);
    assert_eq!(fs::read_dir(vendor.got().parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn what_is_in_the_directory_is_not_downloaded_but_verified() {
    let vendor = Vendor::new();
    for (name, body) in std::mem::take(&mut *vendor.served.lock().unwrap()) {
        fs::write(vendor.folder.path().join("files").join(name), body.text).unwrap();
    }
    assert_eq!(vendor.get(true), (0, String::new()));
    fs::write(vendor.folder.path().join("files").join(&vendor.archive), "another").unwrap();
    let (code, said) = vendor.get(true);
    assert!(code == 9 && said.contains("expected SHA-256"), "{said}");
    fs::remove_file(vendor.folder.path().join("files").join(&vendor.archive)).unwrap();
    let (code, said) = vendor.get(true);
    let words = format!(
        "cos image: cannot find {}, and air_gapped is true; put it into the directory `files`\n",
        vendor.archive
    );
    assert_eq!((code, said), (9, words));
}

#[test]
fn what_is_not_the_vendors_ends_with_one_line() {
    let vendor = Vendor::new();
    let good = vendor.served.lock().unwrap().clone();
    let archive = vendor.archive.clone();
    let signature = format!("{SUMS}.sig");
    let stranger = Body::whole(vendor.sign("stranger", &good[SUMS].text));
    let cut = Body { text: good[&archive].text.clone(), missing: 7 };
    let other = Body::whole(good[SUMS].text.iter().rev().copied().collect());
    for (name, body, words) in [
        (&archive, Some(Body::whole(b"another".into())), "expected SHA-256 "),
        (&archive, Some(cut), "curl: (18) "),
        (&archive, None, "The requested URL returned error: 404"),
        (&SUMS.to_owned(), Some(other), "it is not what the vendor signed"),
        (&signature, Some(stranger), "keyrings/hashicorp.asc lacks the key that signed it"),
        (&signature, Some(Body::whole(b"no signature".into())), "is not a signature by a key of"),
    ] {
        let mut served = good.clone();
        match body {
            Some(body) => served.insert(name.clone(), body),
            None => served.remove(name),
        };
        *vendor.served.lock().unwrap() = served;
        let (code, said) = vendor.get(false);
        assert_eq!((code, said.lines().count()), (9, 1), "{name}: {said}");
        assert!(said.starts_with("cos image: cannot ") && said.contains(words), "{name}: {said}");
        assert!(said.contains("; "), "{name}: {said} has no remedy");
        assert!(!vendor.got().exists(), "{name}");
    }
    fs::remove_file(vendor.folder.path().join("files/keyrings/hashicorp.asc")).unwrap();
    *vendor.served.lock().unwrap() = good;
    let (code, said) = vendor.get(false);
    assert!(code == 9 && said.contains("cannot find keyrings/hashicorp.asc"), "{said}");
}

#[test]
fn a_full_disk_ends_with_one_line() {
    let vendor = Vendor::new();
    // Two pages: the sums and their signature, and nothing more.
    let small = r#"mkdir -p "$GOT" && mount -t tmpfs -o size=8k none "$GOT" && exec "$@""#;
    let words = ["unshare", "--mount", "sh", "-c", small, "sh"];
    let (code, said) = vendor.get_in(&words, false);
    assert_eq!((code, said.lines().count()), (9, 1), "{said}");
    assert!(said.starts_with(&format!("cos image: cannot write {}", vendor.archive)), "{said}");
    assert!(said.ends_with("; make room there\n"), "{said}");
    for (name, body) in std::mem::take(&mut *vendor.served.lock().unwrap()) {
        fs::write(vendor.folder.path().join("files").join(name), body.text).unwrap();
    }
    let (code, said) = vendor.get_in(&words, true);
    let end = "No space left on device; make room there\n";
    assert!(code == 9 && said.lines().count() == 1 && said.ends_with(end), "{said}");
}

/// What the server says of a file: its bytes, and how many more it promised.
#[derive(Clone)]
struct Body {
    text: Vec<u8>,
    missing: usize,
}

impl Body {
    fn whole(text: Vec<u8>) -> Self {
        Self { text, missing: 0 }
    }
}

/// A vendor: its keys, its server, and who gets from it.
struct Vendor {
    run: Run,
    folder: TempDir,
    address: SocketAddr,
    archive: String,
    served: Arc<Mutex<BTreeMap<String, Body>>>,
}

impl Vendor {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let go = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let vendor = Self {
            run: Run::new(),
            folder: TempDir::new().unwrap(),
            address: listener.local_addr().unwrap(),
            archive: format!("consul_1.2.3_linux_{go}.zip"),
            served: Arc::default(),
        };
        let served = Arc::clone(&vendor.served);
        std::thread::spawn(move || serve(&listener, &served));
        for folder in ["gnupg", "files/keyrings"] {
            fs::create_dir_all(vendor.folder.path().join(folder)).unwrap();
        }
        for name in ["vendor", "stranger"] {
            vendor.gpg(&["--quick-generate-key", name, "ed25519", "sign", "never"]);
        }
        let keyring = vendor.folder.path().join("files/keyrings/hashicorp.asc");
        vendor.gpg(&["--armor", "--output", &keyring.display().to_string(), "--export", "vendor"]);
        let sum = hex::encode(sha2_of(ARCHIVE));
        let sums = format!("{sum}  {}\n{sum}  other.zip\n", vendor.archive).into_bytes();
        let signature = vendor.sign("vendor", &sums);
        *vendor.served.lock().unwrap() = [
            (vendor.archive.clone(), Body::whole(ARCHIVE.into())),
            (SUMS.to_owned(), Body::whole(sums)),
            (format!("{SUMS}.sig"), Body::whole(signature)),
        ]
        .into();
        vendor
    }

    /// Runs `get consul`; its exit code and what it says.
    fn get(&self, air_gapped: bool) -> (i32, String) {
        self.get_in(&[], air_gapped)
    }

    /// The same by these words.
    fn get_in(&self, words: &[&str], air_gapped: bool) -> (i32, String) {
        let base = self.folder.path();
        let mut command = in_group(&self.run.cgroup);
        command.args(words).arg(folder().join("scripts/get")).arg("consul");
        command.env("FILES", base.join("files")).env("GOT", base.join("got"));
        command.env("AIR_GAPPED", air_gapped.to_string()).env("CONSUL_VERSION", "1.2.3");
        command.env("HASHICORP_URL", format!("http://{}", self.address));
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn got(&self) -> PathBuf {
        self.folder.path().join("got/consul.zip")
    }

    /// A detached signature.
    fn sign(&self, name: &str, text: &[u8]) -> Vec<u8> {
        let [plain, signature] = ["plain", "plain.sig"].map(|name| self.folder.path().join(name));
        fs::write(&plain, text).unwrap();
        self.gpg(&["--yes", "--local-user", name, "--detach-sign", &plain.display().to_string()]);
        fs::read(signature).unwrap()
    }

    /// gpg leaves an agent behind, which ends with the control group.
    fn gpg(&self, words: &[&str]) {
        let mut command = in_group(&self.run.cgroup);
        command.args(["gpg", "--quiet", "--batch", "--passphrase", "", "--homedir"]);
        ok(command.arg(self.folder.path().join("gnupg")).args(words));
    }
}

/// Answers one request a connection, as long as the test runs.
fn serve(listener: &TcpListener, served: &Mutex<BTreeMap<String, Body>>) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let line = lines.next().unwrap_or_else(|| Ok(String::new())).unwrap_or_default();
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        let name = line.split(' ').nth(1).and_then(|path| path.rsplit('/').next()).unwrap_or("");
        let found = served.lock().unwrap().get(name).cloned();
        let status = if found.is_some() { "200 OK" } else { "404 Not Found" };
        let body = found.unwrap_or_else(|| Body::whole(Vec::new()));
        let mut head = String::new();
        let length = body.text.len() + body.missing;
        let _ = write!(
            head,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.write_all(&[head.as_bytes(), &body.text].concat());
    }
}

fn sha2_of(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).to_vec()
}

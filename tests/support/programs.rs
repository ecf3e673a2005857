//! The real Consul and Nomad of the tests: those that `tests/tools/install` made, or those that `COS_CONSUL_BIN` and
//! `COS_NOMAD_BIN` name.
#![allow(dead_code, reason = "each test uses its own part")]

use cos_agent::facts::settings::Release;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A program, and the version that it says it has.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) version: Release,
}

impl Program {
    /// Whether it is of this release or a later one; suffixes do not count.
    pub(crate) fn is_since(&self, release: (u64, u64, u64)) -> bool {
        let version = &self.version.0;
        (version.major, version.minor, version.patch) >= release
    }
}

/// Consul.
pub(crate) fn consul() -> Program {
    named("COS_CONSUL_BIN", "Consul", "consul-", &pinned(CONSUL, "consul"))
}

/// The oldest Consul that is supported.
pub(crate) fn oldest_consul() -> Program {
    named("COS_OLDEST_CONSUL_BIN", "Consul", "consul-", "1.8.7")
}

/// Nomad.
pub(crate) fn nomad() -> Program {
    named("COS_NOMAD_BIN", "Nomad", "nomad-ui-", &pinned(NOMAD, "nomad"))
}

/// `netaddrs ip exec=…`: the library that Nomad reads the addresses of an `exec=` with, as a program.
pub(crate) fn netaddrs() -> PathBuf {
    path("COS_NETADDRS_BIN", "netaddrs-", &pinned(NETADDRS, "go-netaddrs"))
}

/// What says which keys HCL's own reader finds in files.
pub(crate) fn hcl_keys() -> PathBuf {
    let program = std::env::var_os("COS_HCLKEYS_BIN").filter(|path| !path.is_empty());
    PathBuf::from(program.expect("`tests/tools/install` prints COS_HCLKEYS_BIN"))
}

/// The agent of an earlier day: `cos-agent`, and its units in `units/`.
pub(crate) fn older_agent() -> PathBuf {
    let folder = std::env::var_os("COS_OLDER_AGENT").filter(|path| !path.is_empty());
    let folder = folder.map(PathBuf::from).expect("`tests/tools/install` prints COS_OLDER_AGENT");
    assert!(folder.join("cos-agent").is_file(), "no {}/cos-agent", folder.display());
    folder
}

/// Where the images of the example jobs are, made where they are not there yet.
pub(crate) fn images_of_jobs() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/jobs/images");
        let output = Command::new(script).output().expect("bash");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}

/// The command of a program in one of these images: its loader, with the libraries of the image.
pub(crate) fn of_image(image: &str, program: &str) -> [String; 4] {
    let image = images_of_jobs().join(image);
    let at = |path: &str| image.join(path).display().to_string();
    let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].map(at).join(":");
    let loader = at("lib64/ld-linux-x86-64.so.2");
    [loader, "--library-path".to_owned(), libraries, at(program)]
}

/// Where what is slow to make is kept.
pub(crate) fn cache() -> PathBuf {
    match std::env::var("COS_CACHE") {
        Ok(path) if !path.is_empty() => PathBuf::from(path),
        _ => Path::new(&std::env::var("HOME").expect("HOME is not set")).join(".cache/cos-agent"),
    }
}

/// Names what these programs cannot show. Past the capture of outputs, and `tests/run` repeats it.
pub(crate) fn not_shown(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT SHOWN: {what}");
}

const CONSUL: &str = include_str!("../tools/consul/go.mod");
const NOMAD: &str = include_str!("../tools/nomad/go.mod");
const NETADDRS: &str = include_str!("../tools/netaddrs/go.mod");

/// The version of `github.com/hashicorp/NAME` in a `go.mod`.
fn pinned(module: &str, name: &str) -> String {
    let prefix = format!("github.com/hashicorp/{name} v");
    let mut lines = module.lines().map(|line| line.trim().trim_start_matches("require "));
    let version = lines.find_map(|line| line.strip_prefix(&prefix)?.split(' ').next());
    version.unwrap_or_else(|| panic!("go.mod does not pin {name}")).to_owned()
}

fn path(variable: &str, prefix: &str, version: &str) -> PathBuf {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty());
    let path = path.map_or_else(|| cache().join(format!("{prefix}{version}")), PathBuf::from);
    assert!(
        path.is_file(),
        "no {}; `tests/tools/install` makes it, or {variable} names it",
        path.display()
    );
    path
}

fn named(variable: &str, name: &str, prefix: &str, version: &str) -> Program {
    let path = path(variable, prefix, version);
    let output = Command::new(&path)
        .arg("version")
        .env("HOME", "/nonexistent")
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let first = said.lines().next().unwrap_or_default();
    let version = first.strip_prefix(name).and_then(|rest| rest.trim().strip_prefix('v'));
    let version = version.and_then(|version| version.to_owned().try_into().ok());
    let Some(version) = version else {
        panic!("`{} version` says {first:?}, expected `{name} v1.2.3`", path.display());
    };
    Program { path, version }
}

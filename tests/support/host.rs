//! A machine in a directory: the binary runs there under `chroot`, so that it is on the host, keeps owners, and finds
//! users, units and validators of its own. Users of the machine are played by their ids.

use super::binary::{BINARY, Metadata, Ran, run};
use super::install;
use cos_agent::simulate::furnish;
use cos_agent::simulate::instance::Instance;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user `consul` of the machine.
pub(crate) const CONSUL: u32 = 900;
/// The user `nomad` of the machine.
pub(crate) const NOMAD: u32 = 901;

const PASSWD: &str =
    "root:x:0:0::/root:/bin/sh\nconsul:x:900:900::/:/bin/false\nnomad:x:901:901::/:/bin/false\n";
const GROUP: &str = "root:x:0:\nconsul:x:900:\nnomad:x:901:\n";
/// A manager that takes every job, and whose units never run.
const SYSTEMCTL: &str = "#!/bin/sh
echo \"$*\" >>/jobs
[ \"$1\" = show ] || exit 0
shift 2
for unit in \"$@\"; do printf 'Id=%s\\nLoadState=loaded\\nActiveState=inactive\\n\\n' \"$unit\"; done
";
const CONSUL_PROGRAM: &str = "#!/bin/sh\n[ \"$1\" != version ] || echo Consul v1.22.7\n";
const NOMAD_PROGRAM: &str = "#!/bin/sh\n[ \"$1\" != version ] || echo Nomad v1.10.5\n";

/// The machine.
pub(crate) struct Host {
    pub(crate) metadata: Metadata,
    folder: tempfile::TempDir,
}

impl Host {
    /// A machine whose tags say `nomad-client`: it runs both daemons, and asks no parameter store.
    pub(crate) fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test needs root, for owners and chroot");
        let metadata = Metadata::of_role("nomad-client", &[]);
        let host = Self { metadata, folder: tempfile::tempdir().unwrap() };
        build(host.root());
        host
    }

    /// As HashiCorp's packages leave a machine.
    pub(crate) fn packaged() -> Self {
        let host = Self::new();
        let owned = [("/etc/consul.d", CONSUL), ("/opt/consul", CONSUL), ("/etc/nomad.d", NOMAD)];
        for (path, uid) in owned {
            host.directory(path, uid, 0o755);
        }
        host
    }

    /// Another instance has the disk from now on.
    pub(crate) fn is_instance(&self, id: &str) {
        self.metadata.service.change(|instance: &mut Instance| id.clone_into(&mut instance.id));
    }

    /// The directory that is `/` to the machine.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Where a path of the machine lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// A run on the machine, after commands of a shell in a mount namespace of its own; `$R` is its root.
    pub(crate) fn run_after(&self, prepare: &str, args: &[&str]) -> Ran {
        let mut command = Command::new("unshare");
        let script =
            format!("set -e; R=$1; {prepare}\nshift; exec chroot \"$R\" /cos-agent \"$@\"");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
        command.arg(self.root());
        run(self.metadata.around(command, args))
    }

    /// A run on the machine.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.metadata.around(on(self.root()), args))
    }

    /// A run on the machine whose kernel answers a system call with an error.
    pub(crate) fn run_without(&self, call: &str, error: &str, args: &[&str]) -> Ran {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qqq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
        strace.arg("-e").arg(format!("inject={call}:error={error}")).arg("--");
        let on = on(self.root());
        strace.arg(on.get_program()).args(on.get_args());
        run(self.metadata.around(strace, args))
    }

    /// What the unit does at boot.
    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "--no-wait"])
    }

    /// The same, with success.
    pub(crate) fn boot(&self) -> Ran {
        let ran = self.apply();
        assert_eq!(ran.code, Some(0), "{}", ran.shown(self.root()));
        ran
    }

    /// What a user of the machine does in a shell, in the directory that is `/` to it.
    pub(crate) fn as_user(&self, uid: u32, script: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script]).current_dir(self.root()).uid(uid).gid(uid);
        assert!(shell.status().unwrap().success(), "{script}");
    }

    /// Writes a file of root's.
    pub(crate) fn put(&self, path: &str, text: &str) {
        super::binary::put(self.root(), path, text.as_bytes());
    }

    /// Makes a directory with its parents, of this user.
    pub(crate) fn directory(&self, path: &str, uid: u32, mode: u32) {
        std::fs::create_dir_all(self.path(path)).unwrap();
        std::fs::set_permissions(self.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
        chown(self.path(path), Some(uid), Some(uid)).unwrap();
    }

    /// Makes a link of this user.
    pub(crate) fn link(&self, path: &str, target: &str, uid: u32) {
        std::os::unix::fs::symlink(target, self.path(path)).unwrap();
        lchown(self.path(path), Some(uid), Some(uid)).unwrap();
    }

    /// Mode, user and group of a path, a link as a link.
    pub(crate) fn access(&self, path: &str) -> (u32, u32, u32) {
        let found = self.path(path).symlink_metadata().unwrap();
        (found.mode() & 0o7777, found.uid(), found.gid())
    }

    /// Whether there is something.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// Puts the programs, users and files of a machine into a directory.
pub(crate) fn build(root: &Path) {
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o755)).unwrap();
    furnish(root, "1.22.7", "1.10.5").unwrap();
    for (path, text, mode) in [
        ("/etc/passwd", PASSWD, 0o644),
        ("/etc/group", GROUP, 0o644),
        ("/etc/shadow", "root:never-shown\n", 0o600),
        ("/dev/null", "", 0o666),
    ] {
        super::binary::put(root, path, text.as_bytes());
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(root.join(&path[1..]), mode).unwrap();
    }
    for (path, text) in [
        ("/usr/bin/systemctl", SYSTEMCTL),
        ("/usr/bin/consul", CONSUL_PROGRAM),
        ("/usr/bin/nomad", NOMAD_PROGRAM),
    ] {
        install::script(&root.join(&path[1..]), text);
    }
    program(root, "/cos-agent", Path::new(BINARY));
    program(root, "/bin/sh", Path::new("/bin/busybox"));
    // A client for AWS reads some authorities before it asks even a store without TLS.
    program(root, AUTHORITIES, Path::new("/etc/ssl/certs/ca-certificates.crt"));
    for library in libraries() {
        program(root, library.to_str().unwrap(), &library);
    }
}

fn program(root: &Path, path: &str, program: &Path) {
    install::program(&root.join(&path[1..]), program);
}

/// Authorities that the machine trusts; `SSL_CERT_FILE` names them.
pub(crate) const AUTHORITIES: &str = "/authorities.pem";

/// The beginning of a command that runs the binary on the machine in a directory.
pub(crate) fn on(root: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).arg("/cos-agent");
    command
}

/// What the binary is linked to.
fn libraries() -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(BINARY).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

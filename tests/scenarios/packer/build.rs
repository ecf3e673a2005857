//! A build: the template as Packer 1.6.6 reads it, and the air-gapped directory.

use crate::lab::shell::{self, Output};
use crate::lab::{Lab, cgroup, net, tools};
use crate::programs::{self, Program};
use crate::template;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A cos-agent for the image.
pub(super) struct Agent {
    path: PathBuf,
    /// What it says.
    pub(super) version: String,
    /// What it is.
    pub(super) sha256: String,
}

impl Agent {
    /// The agent under test.
    pub(super) fn under_test() -> Self {
        Self::of(tools::agent())
    }

    /// One whose doctor passes nothing, and that cleans nothing, so that the machine can be built again.
    pub(super) fn that_refuses() -> Self {
        Self::of(tools::here("packer/refusing-agent"))
    }

    fn of(path: PathBuf) -> Self {
        let said = shell::ok(&[path.as_os_str(), "version".as_ref()]);
        let version = said.lines().next().unwrap().strip_prefix("cos-agent ").unwrap().to_owned();
        let sha256 = sum(&path);
        Self { path, version, sha256 }
    }
}

/// What the builds of a test share.
pub(super) struct Build {
    folder: PathBuf,
    group: String,
    netns: String,
    /// The machine's first disk, and the packages.
    pub(super) parts: PathBuf,
    /// The private key of the machine's user.
    pub(super) key: PathBuf,
    consul: Program,
    nomad: Program,
}

impl Build {
    /// Makes the directories.
    pub(super) fn new(lab: &Lab) -> Self {
        let output = shell::run(&[tools::here("packer/parts")], "", Duration::from_mins(15));
        assert!(output.is_ok(), "{}", output.stderr);
        let folder = lab.folder.join("build");
        let build = Self {
            group: format!("{}/packer", lab.net.prefix),
            netns: lab.net.netns("aws"),
            parts: PathBuf::from(output.stdout.trim()),
            key: folder.join("key"),
            consul: programs::consul(),
            nomad: programs::nomad(),
            folder,
        };
        template::copy(&build.folder.join("template"), true);
        for name in ["gnupg", "files/keyrings", "files/debs", "spoiled"] {
            fs::create_dir_all(build.folder.join(name)).unwrap();
        }
        cgroup::create_unified(&build.group);
        shell::ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &shown(&build.key)]);
        build.fill();
        build
    }

    /// Fills the air-gapped directory, and one with a Nomad that its vendor did not sign.
    fn fill(&self) {
        let [files, spoiled] = ["files", "spoiled"].map(|name| self.folder.join(name));
        for deb in fs::read_dir(self.parts.join("debs")).unwrap() {
            let deb = deb.unwrap();
            link(&deb.path(), &files.join("debs").join(deb.file_name()));
        }
        let mut archives = Vec::new();
        for (name, program) in [("consul", &self.consul), ("nomad", &self.nomad)] {
            archives.push(self.archive(&files, name, program));
        }
        self.gpg(&[
            "--armor",
            "--output",
            &shown(&files.join("keyrings/hashicorp.asc")),
            "--export",
            "vendor",
        ]);
        shell::ok(&["cp", "-a", &shown(&files.join("keyrings")), &shown(&spoiled)]);
        for name in archives.concat() {
            link(&files.join(&name), &spoiled.join(&name));
        }
        let nomad = spoiled.join(format!("nomad_{}_linux_amd64.zip", self.nomad.version.0));
        fs::remove_file(&nomad).unwrap();
        fs::write(nomad, "another").unwrap();
    }

    /// Packs a program as HashiCorp does, signed by a vendor of this test; the names of the three files.
    fn archive(&self, files: &Path, name: &str, program: &Program) -> Vec<String> {
        let version = &program.version.0;
        let archive = format!("{name}_{version}_linux_amd64.zip");
        let sums = format!("{name}_{version}_SHA256SUMS");
        let pack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').write(sys.argv[2], sys.argv[3])";
        let [path, source] = [&files.join(&archive), &program.path].map(|path| shown(path));
        shell::ok(&[&shown(&tools::python()), "-c", pack, &path, &source, name]);
        fs::write(files.join(&sums), format!("{}  {archive}\n", sum(&files.join(&archive))))
            .unwrap();
        if !self.folder.join("gnupg/pubring.kbx").exists() {
            self.gpg(&[
                "--passphrase",
                "",
                "--quick-generate-key",
                "vendor",
                "ed25519",
                "sign",
                "never",
            ]);
        }
        self.gpg(&["--detach-sign", &shown(&files.join(&sums))]);
        vec![archive, format!("{sums}.sig"), sums]
    }

    /// gpg leaves an agent behind, which ends with the control group.
    fn gpg(&self, words: &[&str]) {
        let home = shown(&self.folder.join("gnupg"));
        let gpg = ["gpg", "--quiet", "--batch", "--homedir", &home];
        shell::ok(&self.in_group(&[&gpg, words].concat()));
    }

    fn in_group(&self, words: &[&str]) -> Vec<String> {
        let procs = shown(&cgroup::hierarchies().1.join(&self.group).join("cgroup.procs"));
        let enter = ["sh", "-c", r#"echo $$ >"$1" && shift && exec "$@""#, "sh", &procs];
        [&enter, words].concat().into_iter().map(str::to_owned).collect()
    }

    /// The variable for the directory with the wrong Nomad.
    pub(super) fn spoiled(&self) -> String {
        format!("files={}", self.folder.join("spoiled").display())
    }

    /// Runs `packer build` where AWS of the lab is, with these further variables.
    pub(super) fn packer(
        &self,
        agent: &Agent,
        environment: &[String],
        variables: &[&str],
    ) -> Output {
        let (consul, nomad) = self.versions();
        let own = [
            format!("cos_agent={}", agent.path.display()),
            format!("cos_agent_version={}", agent.version),
            format!("cos_agent_sha256={}", agent.sha256),
            format!("consul_version={consul}"),
            format!("nomad_version={nomad}"),
            format!("files={}", self.folder.join("files").display()),
            "air_gapped=true".to_owned(),
            format!("ssh_private_key_file={}", self.key.display()),
            format!("output={}", self.folder.display()),
        ];
        let netns = format!("--net={}", net::netns_path(&self.netns).display());
        let home = format!("HOME={}", self.folder.display());
        let mut words = vec!["nsenter", &netns, "env", &home, "CHECKPOINT_DISABLE=1"];
        words.push("PACKER_NO_COLOR=1");
        words.extend(environment.iter().map(String::as_str));
        words.extend(["packer", "build"]);
        let all = own.iter().map(String::as_str).chain(variables.iter().copied());
        words.extend(all.flat_map(|variable| ["-var", variable]));
        let template = shown(&self.folder.join("template"));
        words.push(&template);
        shell::run(&self.in_group(&words), "", Duration::from_mins(5))
    }

    /// Consul's and Nomad's.
    pub(super) fn versions(&self) -> (String, String) {
        (self.consul.version.0.to_string(), self.nomad.version.0.to_string())
    }

    /// Packer's manifest.
    pub(super) fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("cos-manifest.json")).unwrap()).unwrap()
    }

    /// Where the file for Terraform is.
    pub(super) fn tfvars(&self) -> PathBuf {
        self.folder.join("cos-amis.auto.tfvars.json")
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn sum(path: &Path) -> String {
    let said = shell::ok(&["sha256sum".as_ref(), path.as_os_str()]);
    said.split(' ').next().unwrap().to_owned()
}

/// A second name for a file, or a copy on another file system.
fn link(from: &Path, to: &Path) {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).unwrap();
    }
}

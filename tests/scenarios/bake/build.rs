//! A build: the template as Packer 1.6.6 reads it, and the air-gapped directory.

use crate::lab::shell::{self, Output};
use crate::lab::tools::{self, Consul};
use crate::lab::{Lab, cgroup, net};
use crate::programs::{self, Program};
use crate::template;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The pause image that `parts` makes.
pub(crate) const PAUSE: &str = "registry.k8s.io/pause:3.9";

/// A cos-agent for the image.
pub(crate) struct Agent {
    path: PathBuf,
    /// What it says.
    pub(crate) version: String,
    /// What it is.
    pub(crate) sha256: String,
}

impl Agent {
    /// The agent under test.
    pub(crate) fn under_test() -> Self {
        Self::of(tools::agent())
    }

    /// One whose doctor passes nothing, and that cleans nothing, so that the machine can be built again.
    pub(crate) fn that_refuses() -> Self {
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
pub(crate) struct Build {
    folder: PathBuf,
    group: String,
    netns: String,
    /// The machine's first disk, and the packages.
    pub(crate) parts: PathBuf,
    /// The private key of the machine's user.
    pub(crate) key: PathBuf,
    consul: Program,
    nomad: Program,
}

impl Build {
    /// Makes the directories, with this Consul.
    pub(crate) fn new(lab: &Lab, consul: Consul) -> Self {
        let folder = lab.folder.join("build");
        let build = Self {
            group: format!("{}/packer", lab.net.prefix),
            netns: lab.net.netns("aws"),
            parts: super::parts(),
            key: folder.join("key"),
            consul: consul.program(),
            nomad: programs::nomad(),
            folder,
        };
        template::copy(&build.folder.join("template"), true);
        for name in [
            "gnupg",
            "files/keyrings",
            "files/debs",
            "files/images",
            "files/cos-agent/ca.d",
            "files/cos-agent/config.d",
        ] {
            fs::create_dir_all(build.folder.join(name)).unwrap();
        }
        cgroup::create_unified(&build.group);
        shell::ok(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", &shown(&build.key)]);
        build.fill(&lab.description().site);
        build
    }

    /// Fills the air-gapped directory.
    fn fill(&self, site: &Path) {
        let files = self.folder.join("files");
        link(&site.join("ca.pem"), &files.join("cos-agent/ca.d/site.pem"));
        link(&self.parts.join("pause.tar"), &files.join("images/pause.tar"));
        // The default of Nomad depends on its version, and nobody serves it here.
        let settings = format!("[nomad]\ninfra_image = \"{PAUSE}\"\n");
        fs::write(files.join("cos-agent/config.d/pause.toml"), settings).unwrap();
        for deb in fs::read_dir(self.parts.join("debs")).unwrap() {
            let deb = deb.unwrap();
            link(&deb.path(), &files.join("debs").join(deb.file_name()));
        }
        for (name, program) in [("consul", &self.consul), ("nomad", &self.nomad)] {
            self.archive(&files, name, program);
        }
        self.gpg(&[
            "--armor",
            "--output",
            &shown(&files.join("keyrings/hashicorp.asc")),
            "--export",
            "vendor",
        ]);
    }

    /// Packs a program as HashiCorp does, signed by a vendor of this test.
    fn archive(&self, files: &Path, name: &str, program: &Program) {
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
    }

    /// gpg leaves an agent behind, which ends with the control group.
    fn gpg(&self, words: &[&str]) {
        let home = shown(&self.folder.join("gnupg"));
        let gpg = ["gpg", "--quiet", "--batch", "--homedir", &home];
        shell::ok(&self.in_group(&[&gpg, words].concat()));
    }

    /// The control group of Packer and of gpg's agent.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    fn in_group(&self, words: &[&str]) -> Vec<String> {
        let procs = shown(&cgroup::hierarchies().1.join(&self.group).join("cgroup.procs"));
        let enter = ["sh", "-c", r#"echo $$ >"$1" && shift && exec "$@""#, "sh", &procs];
        [&enter, words].concat().into_iter().map(str::to_owned).collect()
    }

    /// A directory with a Nomad that its vendor did not make, as a variable.
    pub(crate) fn spoiled(&self) -> String {
        let [files, spoiled] = ["files", "spoiled"].map(|name| self.folder.join(name));
        shell::ok(&["cp", "-al", &shown(&files), &shown(&spoiled)]);
        let nomad = spoiled.join(format!("nomad_{}_linux_amd64.zip", self.nomad.version.0));
        fs::remove_file(&nomad).unwrap();
        fs::write(nomad, "another").unwrap();
        format!("files={}", shown(&spoiled))
    }

    /// Runs `packer build` where AWS of the lab is, with these further variables.
    pub(crate) fn packer(
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

    /// Runs the same without the last step, so that the machine can be built again.
    pub(crate) fn packer_without_clean(&self, agent: &Agent, variables: &[&str]) -> Output {
        template::leave_it_dirty(&self.folder.join("template"));
        let output = self.packer(agent, &[], variables);
        template::copy(&self.folder.join("template"), true);
        output
    }

    /// Consul's and Nomad's.
    pub(crate) fn versions(&self) -> (String, String) {
        (self.consul.version.0.to_string(), self.nomad.version.0.to_string())
    }

    /// Removes Packer's manifest, which every build adds to.
    pub(crate) fn forget(&self) {
        fs::remove_file(self.folder.join("cos-manifest.json")).unwrap();
    }

    /// Packer's manifest.
    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("cos-manifest.json")).unwrap()).unwrap()
    }

    /// Where the file for Terraform is.
    pub(crate) fn tfvars(&self) -> PathBuf {
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

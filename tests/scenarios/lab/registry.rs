//! The registry: ECR under its own name, and the site's own, behind one certificate of the site's authority.

use super::Lab;
use super::cgroup;
use super::description::{ACCOUNT, REGION};
use super::http;
use super::net::{REGISTRY, start_in};
use super::node::Node;
use super::shell;
use super::tools;
use super::wait::until;
use std::fs;
use std::time::Duration;

/// The name of ECR's registry of the account.
pub(crate) fn ecr() -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
}

impl Lab {
    /// Starts the registry, which takes the token that ECR hands out, and waits until it answers.
    pub(crate) fn start_registry(&self) {
        let folder = self.folder.join("registry");
        fs::create_dir_all(&folder).unwrap();
        let script = "import crypt, sys; \
                      print('AWS:' + crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32)))";
        let python = tools::python().display().to_string();
        let token = format!("{ACCOUNT}-auth-token");
        let users = shell::ok(&[&python, "-W", "ignore", "-c", script, &token]);
        fs::write(folder.join("htpasswd"), users).unwrap();
        let (image, here) = (self.description().image, folder.display());
        let config = format!(
            "version: 0.1
storage: {{ filesystem: {{ rootdirectory: {here}/data }} }}
http:
  addr: {REGISTRY}:443
  tls: {{ certificate: {image}/aws.pem, key: {image}/aws.key }}
auth: {{ htpasswd: {{ realm: lab, path: {here}/htpasswd }} }}
",
            image = image.display()
        );
        fs::write(folder.join("config.yml"), config).unwrap();
        let group = format!("{}/registry", self.net.prefix);
        cgroup::create_unified(&group);
        let words = ["docker-registry", "serve", &folder.join("config.yml").display().to_string()];
        let words = words.map(str::to_owned);
        let netns = self.net.netns("aws");
        start_in(&netns, &group, &words, &folder.join("log"));
        until("the registry answers", Duration::from_secs(30), || {
            http::connect(&netns, (REGISTRY, 443).into(), Duration::from_secs(1)).map(drop)
        });
    }
}

impl Node<'_> {
    /// Makes a small image on this node, with busybox as its shell.
    pub(crate) fn make_image(&self, name: &str) {
        let layer = self.folder().join("layer");
        fs::create_dir_all(layer.join("bin")).unwrap();
        fs::copy("/bin/busybox", layer.join("bin/sh")).expect("busybox-static");
        let tar = self.path("/root/layer.tar").display().to_string();
        shell::ok(&["tar", "-C", &layer.display().to_string(), "-cf", &tar, "."]);
        self.ok(&["docker", "import", "/root/layer.tar", name]);
    }

    /// Makes such an image and pushes it under this name.
    pub(crate) fn push_image(&self, name: &str) {
        self.make_image(name);
        self.ok(&["docker", "--config", "/etc/docker", "push", name]);
        self.ok(&["docker", "image", "rm", name]);
    }
}

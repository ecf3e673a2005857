//! The registry: ECR under its own name, and the site's own, behind one certificate of the site's authority.

use super::Lab;
use super::cgroup;
use super::description::{ACCOUNT, REGION};
use super::http;
use super::net::{REGISTRY, S3, start_in};
use super::node::Node;
use super::shell::{self, SOON};
use super::tools;
use super::wait::until;
use crate::programs;
use std::fs;
use std::time::Duration;

/// The registry of the site, where everybody may pull and push.
pub(crate) const OPEN: &str = "registry.site.internal:5000";

/// The name of ECR's registry of the account.
pub(crate) fn ecr() -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
}

/// The bucket with the layers of ECR's images: <https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html>
pub(crate) fn layers() -> String {
    format!("prod-{REGION}-starport-layer-bucket.s3.{REGION}.amazonaws.com")
}

/// The token that ECR hands out: the password of its user `AWS`.
pub(crate) fn token() -> String {
    format!("{ACCOUNT}-auth-token")
}

impl Lab {
    /// Starts the registries, and waits until they answer: that of ECR, which takes the token that ECR hands out, and
    /// the open one.
    pub(crate) fn start_registries(&self) {
        let folder = self.folder.join("registry");
        fs::create_dir_all(&folder).unwrap();
        let script = "import crypt, sys; \
                      print('AWS:' + crypt.crypt(sys.argv[1], crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32)))";
        let python = tools::python().display().to_string();
        let users = shell::ok(&[&python, "-W", "ignore", "-c", script, &token()]);
        fs::write(folder.join("htpasswd"), users).unwrap();
        let auth = format!(
            "auth: {{ htpasswd: {{ realm: lab, path: {}/htpasswd }} }}\n",
            folder.display()
        );
        let middleware = format!(
            "middleware: {{ storage: [{{ name: redirect, options: {{ baseurl: 'https://{}' }} }}] }}\n",
            layers()
        );
        self.registry("ecr", 443, &format!("{auth}{middleware}"));
        self.registry("open", 5000, "");
        self.layers_in_s3();
    }

    /// ECR sends whoever pulls a layer to S3.
    fn layers_in_s3(&self) {
        let (site, folder) = (self.description().site, self.folder.join("registry"));
        let words = [
            tools::python(),
            "-B".into(),
            tools::here("aws/s3.py"),
            folder.join("ecr"),
            site.join("aws.pem"),
            site.join("aws.key"),
            S3.to_string().into(),
        ];
        let words = words.map(|word| word.display().to_string());
        let group = format!("{}/s3", self.net.prefix);
        cgroup::create_unified(&group);
        let netns = self.net.netns("aws");
        start_in(&netns, &group, &words, &folder.join("s3.log"));
        until("S3 answers", SOON, || {
            http::connect(&netns, (S3, 443).into(), Duration::from_secs(1)).map(drop)
        });
    }

    fn registry(&self, name: &str, port: u16, auth: &str) {
        let folder = self.folder.join("registry");
        let (site, here) = (self.description().site, folder.display());
        let config = format!(
            "version: 0.1
storage: {{ filesystem: {{ rootdirectory: {here}/{name} }} }}
http:
  addr: {REGISTRY}:{port}
  tls: {{ certificate: {site}/aws.pem, key: {site}/aws.key }}
{auth}",
            site = site.display()
        );
        let file = folder.join(format!("{name}.yml"));
        fs::write(&file, config).unwrap();
        let group = format!("{}/registry-{name}", self.net.prefix);
        cgroup::create_unified(&group);
        let program = programs::cache().join("docker-registry-2.8.2").display().to_string();
        let words = [program, "serve".to_owned(), file.display().to_string()];
        let netns = self.net.netns("aws");
        start_in(&netns, &group, &words, &folder.join(format!("{name}.log")));
        until(&format!("the registry {name} answers"), SOON, || {
            http::connect(&netns, (REGISTRY, port).into(), Duration::from_secs(1)).map(drop)
        });
    }
}

impl Node<'_> {
    /// Takes the authority of the site out of the trust store of its image. It must be off.
    pub(crate) fn trust_nobody(&self) {
        for directory in ["/usr/local/share/ca-certificates", "/etc/ssl/certs"] {
            for entry in fs::read_dir(self.path(directory)).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
    }

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

//! The one thing that is not real: EC2, IAM, STS and the parameter store, under AWS's own names and behind TLS, with
//! signatures and permissions checked.

use super::net::{AWS, Net};
use super::space::{ok, tail};
use super::wait::until;
use cos_agent::simulate::Kind;
use cos_agent::simulate::instance::{Credentials, Instance};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use serde::Deserialize;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The region of everything.
pub(crate) const REGION: &str = "eu-central-1";

/// An instance that shall be.
pub(crate) struct Wanted {
    /// What this test calls it.
    pub(crate) name: &'static str,
    /// Its role.
    pub(crate) role: &'static str,
    /// Its Nomad datacenter, where the role has several.
    pub(crate) datacenter: Option<&'static str>,
    /// How many servers of its kind there are.
    pub(crate) servers: u8,
    /// Its private address, the third number of which is its zone.
    pub(crate) address: &'static str,
}

/// AWS as the nodes see it.
pub(crate) struct Aws<'a> {
    /// The network that it is reached by.
    pub(crate) net: &'a Net,
    /// The authority that its certificate comes from.
    pub(crate) authority: String,
}

#[derive(Deserialize)]
struct Account {
    vpc: String,
    ids: Vec<String>,
    credentials: Credentials,
}

impl<'a> Aws<'a> {
    /// Starts it and waits until it answers.
    pub(crate) fn start(net: &'a Net) -> Self {
        ok(net.space.command("python3").args(["-c", "import boto3, moto"]));
        let space = &net.space;
        let folder = space.folder();
        let names = names();
        let (authority, certificate, key) = certificates(&names);
        for (name, text) in [
            ("ca.pem", authority.clone()),
            ("aws.pem", certificate),
            ("aws.key", key),
            ("hosts", format!("127.0.0.1 localhost\n{AWS} {}\n", names.join(" "))),
        ] {
            fs::write(folder.join(name), text).unwrap();
        }
        ok(space.behind().args(["mount", "--bind"]).arg(folder.join("hosts")).arg("/etc/hosts"));
        let mut server = space.daemon();
        server.args(["moto_server", "-H", AWS, "-p", "443", "-c"]).arg(folder.join("aws.pem"));
        space.start("moto", {
            server.arg("-k").arg(folder.join("aws.key"));
            server
        });
        until("AWS answers", Duration::from_mins(1), || {
            let mut probe = space.command("curl");
            probe.args(["-sf", "-m", "5", "--cacert"]).arg(folder.join("ca.pem"));
            probe.arg(format!("https://ec2.{REGION}.amazonaws.com/moto-api/data.json"));
            let answered = super::space::output(&mut probe).status.success();
            answered.then_some(()).ok_or_else(|| tail("aws", "moto"))
        });
        Self { net, authority }
    }

    /// Runs instances, as Terraform would tag them.
    pub(crate) fn run_instances(&self, wanted: &[Wanted]) -> Vec<Instance> {
        let zone = |address: &str| match address.split('.').nth(2) {
            Some("1") => format!("{REGION}a"),
            Some("2") => format!("{REGION}b"),
            _ => format!("{REGION}c"),
        };
        let mut instances: Vec<Instance> = wanted
            .iter()
            .map(|wanted| Instance {
                region: REGION.to_owned(),
                zone: zone(wanted.address),
                private_ip: wanted.address.to_owned(),
                tags: Kind::of(wanted.role, wanted.datacenter)
                    .tags("e2e", &wanted.servers.to_string()),
                ..Instance::default()
            })
            .collect();
        let account = self.make_account(&instances);
        for (instance, id) in instances.iter_mut().zip(account.ids) {
            instance.id = id;
            instance.vpc.clone_from(&account.vpc);
            instance.credentials = Some(account.credentials.clone());
        }
        instances
    }

    fn make_account(&self, instances: &[Instance]) -> Account {
        let wanted: Vec<_> = instances
            .iter()
            .map(|instance| {
                serde_json::json!({
                    "address": instance.private_ip,
                    "zone": instance.zone,
                    "tags": instance.tags,
                })
            })
            .collect();
        let mut script = self.net.space.daemon();
        script
            .args(["AWS_ACCESS_KEY_ID=admin", "AWS_SECRET_ACCESS_KEY=admin"])
            .arg(format!("AWS_DEFAULT_REGION={REGION}"))
            .arg(format!("AWS_CA_BUNDLE={}", self.net.space.folder().join("ca.pem").display()))
            .args(["timeout", "60", "python3", "-c", include_str!("aws.py")]);
        let answer = fed(&mut script, &serde_json::json!({ "instances": wanted }).to_string());
        serde_json::from_str(&answer).unwrap()
    }
}

/// The names that the test's own calls and the nodes' go to; nodes know the first alone.
fn names() -> Vec<String> {
    ["ec2", "ssm", "sts"]
        .iter()
        .map(|service| format!("{service}.{REGION}.amazonaws.com"))
        .chain(["iam.amazonaws.com".to_owned(), "sts.amazonaws.com".to_owned()])
        .collect()
}

/// An authority, and a certificate of it with its key.
fn certificates(names: &[String]) -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "COS end-to-end test");
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&authority_key).unwrap().pem();
    let mut leaf = CertificateParams::new(names.to_vec()).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(authority, authority_key)).unwrap();
    (root, leaf.pem(), leaf_key.serialize_pem())
}

/// Runs a command with a text on its standard input.
fn fed(command: &mut Command, text: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the account was not made: {words}\n{}", tail("aws", "moto"));
    String::from_utf8(output.stdout).unwrap()
}

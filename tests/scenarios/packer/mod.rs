//! The image build: Packer, the template and the scripts as they are, on a plain Debian. Only AWS is mocked.

mod account;

use crate::bake::build::{Agent, Build};
use crate::bake::machine::{Machine, address};
use crate::lab::Lab;
use crate::lab::description::REGION;
use crate::lab::tools::Consul;
use crate::lab::transcript::Transcript;
use account::{Account, FRIEND, SOURCE_AMI, allowed, images, launched_by, states};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn packer_makes_an_image_of_a_plain_debian() {
    let mut transcript = Transcript::begin("Packer makes an image of a plain Debian");
    let lab = Lab::new(Vec::new());
    let build = Build::new(&lab, Consul::Usual);
    let machine = Machine::boot(&lab, &build.parts, &build.key);
    let host = format!("rehearsal_host={}", address());
    transcript.proved("a plain Debian answers by SSH");

    let before = machine.units();
    let output = build.packer(&Agent::under_test(), &[], &[&host, &build.spoiled()]);
    let said: Vec<&str> =
        output.stdout.lines().filter(|line| line.contains("cos image: ")).collect();
    assert!(!output.is_ok() && said.len() == 1, "{}", output.stdout);
    assert!(said[0].contains("cannot use nomad_"), "{said:?}");
    assert!(said[0].ends_with("; get it again"), "{said:?}");
    assert_eq!(machine.units(), before);
    assert_eq!(machine.there(&["/usr/sbin/policy-rc.d", "/usr/bin/consul"]), [""; 0]);
    transcript.proved("a wrong archive ends the build with one line, and nothing is installed");

    let output = build.packer(
        &Agent::under_test(),
        &[],
        &[&host, "system=ubuntu-24.04", "ssh_username=admin"],
    );
    let words = "cos image: expected ubuntu-24.04, found debian-12; correct the variable system or the source AMI";
    assert!(!output.is_ok() && output.stdout.contains(words), "{}", output.stdout);
    assert_eq!(machine.units(), before);
    transcript.proved("another system than the one that was wanted ends the build with one line");

    let twice = [(); 2].map(|()| {
        let same = [host.as_str(), "build_time=2026-01-31T12:00:00Z"];
        let output = build.packer_without_clean(&Agent::under_test(), &same);
        assert!(output.is_ok(), "{}{}", output.stdout, output.stderr);
        machine.files()
    });
    let [first, second] = twice.map(BTreeSet::from_iter);
    let changed: Vec<&String> = first.symmetric_difference(&second).collect();
    assert!(first.len() > 1000 && changed.is_empty(), "{} files, {changed:#?}", first.len());
    transcript.proved("a second build on the result of the first changes nothing");

    build.forget();
    let output = build.packer(&Agent::under_test(), &[], &[&host]);
    assert!(output.is_ok(), "{}{}", output.stdout, output.stderr);
    let manifest = build.manifest();
    let made = manifest["builds"].as_array().unwrap();
    assert_eq!((made.len(), &made[0]["builder_type"]), (1, &json!("null")), "{manifest}");
    assert!(!build.tfvars().exists(), "a rehearsal makes no AMI");
    transcript.proved("the same template makes an image of it, and the doctor passes it");

    is_an_image(&machine);
    transcript
        .proved("what an image needs is there, nothing of the build is left, and no daemon runs");
}

/// The machine after its build: what runs, and, when it is off, its disk.
fn is_an_image(machine: &Machine<'_>) {
    let [running, failed] = machine.units();
    assert_eq!(failed, [""; 0]);
    for daemon in ["docker", "containerd", "consul", "nomad", "cos-agent"] {
        let runs = running.iter().find(|unit| unit.split('.').next() == Some(daemon));
        assert_eq!(runs, None);
    }
    machine.run(&["logger", "a line that journald would put on the disk"]);
    let doctor = machine.run(&["cos-agent", "doctor", "--image"]);
    assert!(doctor.is_ok(), "{doctor:?}");
    machine.switch_off();
    let needed = [
        "/usr/bin/consul",
        "/usr/bin/nomad",
        "/usr/bin/cos-agent",
        "/usr/bin/docker-credential-ecr-login",
        "/usr/lib/cni/bridge",
    ];
    assert_eq!(machine.there(&needed), needed);
    let plugins = fs::read_link(machine.path("/opt/cni/bin")).unwrap();
    assert_eq!(plugins.to_str(), Some("/usr/lib/cni"));
    let of_the_build =
        ["/usr/sbin/policy-rc.d", "/var/tmp/cos-build", "/home/admin/.ssh/authorized_keys"];
    assert_eq!(machine.there(&of_the_build), [""; 0]);
    let temporary = fs::read_dir(machine.path("/tmp")).unwrap();
    let names = temporary.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("script_")).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn packer_makes_an_ami_of_what_the_doctor_has_passed() {
    let mut transcript = Transcript::begin("Packer makes an AMI of what the doctor has passed");
    let lab = Lab::new(Vec::new());
    let build = Build::new(&lab, Consul::Usual);
    let _machine = Machine::boot(&lab, &build.parts, &build.key);
    let account = Account::new(&lab, &build.key);
    let (environment, variables) = (&account.environment, account.variables());
    transcript.proved("EC2 has a source AMI, and a builder with the policy of the directory");

    let output = build.packer(&Agent::that_refuses(), environment, &variables);
    assert!(!output.is_ok() && output.stdout.contains("left over: "), "{}", output.stdout);
    assert_eq!((images(&lab).len(), states(&lab)), (0, vec!["terminated".to_owned()]));
    transcript.proved("what the doctor refuses is no AMI, and its instance is terminated");

    let output = build.packer(&Agent::under_test(), environment, &variables);
    assert!(output.is_ok(), "{}{}", output.stdout, output.stderr);
    let images = images(&lab);
    assert_eq!((images.len(), states(&lab)), (1, vec!["terminated".to_owned(); 2]), "{images:?}");
    says_what_is_in_it(&images[0], &build);
    assert_eq!(launched_by(&lab, &images[0]), [FRIEND]);
    transcript.proved("an AMI has a name and tags that say what is in it, and no instance is left");

    let ami = images[0]["ImageId"].as_str().unwrap();
    let told: Value = serde_json::from_slice(&fs::read(build.tfvars()).unwrap()).unwrap();
    let expected = json!({ "consul_server": ami, "nomad_server": ami, "nomad_client": ami });
    assert_eq!(told, json!({ "ami_id": expected }));
    assert_eq!(build.manifest()["builds"][0]["artifact_id"], format!("{REGION}:{ami}"));
    transcript.proved("Terraform is told the AMI of each kind of node");

    assert_eq!(account.calls(&lab), allowed(), "called, and allowed by builder-policy.json");
    transcript.proved("the policy of the builder allows what was called, and nothing else");
}

/// The name and the tags of an AMI.
fn says_what_is_in_it(image: &Value, build: &Build) {
    let (consul, nomad) = build.versions();
    let Agent { version, sha256, .. } = Agent::under_test();
    let name = image["Name"].as_str().unwrap();
    let start = format!("cos-{version}-debian-12-x86_64-consul-{consul}-nomad-{nomad}-");
    assert!(name.starts_with(&start), "{name}");
    let tags = image["Tags"].as_array().unwrap();
    for (key, value) in [
        ("Name", name),
        ("cos:ami", "true"),
        ("cos:system", "debian-12"),
        ("cos:architecture", "x86_64"),
        ("cos:consul", &consul),
        ("cos:nomad", &nomad),
        ("cos:cos-agent", &version),
        ("cos:cos-agent-sha256", &sha256),
        ("cos:source-ami-name", SOURCE_AMI),
    ] {
        assert!(tags.contains(&json!({ "Key": key, "Value": value })), "{key}={value}: {tags:?}");
    }
}

//! The image as a machine, not a container: with the kernel of the distribution, its own clock, modules, cgroups and disk. It
//! needs qemu and runs without KVM, so only `tests/run --long` runs it. A Consul server and a Nomad client are machines; the Nomad
//! server that a client needs is a container. A torn sector was not tried.

mod disk;
mod machine;
mod shell;

use crate::bake::build::PAUSE;
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::node::Node;
use crate::lab::registry::{self, ecr};
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{docker_job, list, text};
use machine::{SLOW, Vm};
use serde_json::json;

/// What the machines share, as lines of a shell and what they print: what `install` baked, in force on a kernel of their own.
const INSTALLED: [(&str, &str); 5] = [
    ("sysctl -n net.bridge.bridge-nf-call-iptables", "1"),
    ("sysctl -n vm.max_map_count", "262144"),
    ("systemctl is-enabled docker.service docker.socket | sort -u", "disabled"),
    ("ip -o link show cos0 type dummy | wc -l", "1"),
    ("readlink /opt/cni/bin", "/usr/lib/cni"),
];

/// The limit of `docker_job`.
const LIMIT: &str = "33554432";

#[test]
#[ignore = "long: `tests/run --long`"]
fn the_image_works_as_a_machine_and_survives_a_hard_reset() {
    let mut transcript = Transcript::begin("the image works as a machine");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    lab.start_registries();
    let nodes = ["consul-1", "nomad-1", "backoffice"].map(|name| lab.node(name));
    let [consul, server, client] = &nodes;
    let mut both = [Vm::boot(consul), Vm::boot(client)];
    server.boot();
    let image = format!("{}/app:1", ecr());
    push(server, &image);

    for vm in &mut both {
        vm.until_booted();
        let kernel = vm.ok("uname -r; systemd-detect-virt; stat -fc %T /sys/fs/cgroup");
        assert!(kernel.contains("cloud-amd64") && kernel.contains("cgroup2fs"), "{kernel}");
        let kernel: Vec<_> = kernel.split_whitespace().collect();
        transcript.proved(&format!("{} boots: {}", vm.node.name, kernel.join(", ")));
    }
    for vm in &mut both {
        is_healthy(&mut transcript, vm);
    }
    server.until_ready();
    transcript.proved(&until("Nomad is one", SLOW, || lab.is_one_nomad()));
    for vm in &mut both {
        is_as_installed(vm);
    }
    transcript.proved("modules, sysctls, users, the link of the resolver and the units are as `install` made them");

    let mut job = docker_job("app", "backoffice", &image);
    // Nobody serves registry.k8s.io here: the pause image that such a network needs comes with the machine image.
    job["Job"]["TaskGroups"][0]["Networks"] = json!([{ "Mode": "bridge" }]);
    server.put_nomad("/v1/jobs", &job).unwrap();
    let first = task(&mut both[1], server, &image);
    let images = both[1].ok("docker ps --format '{{.Image}}'");
    assert!(images.contains(PAUSE), "{images}");
    transcript.proved("a docker task, pulled from ECR by the instance role, runs in a bridge network and in cgroup v2 with its limit and AppArmor's docker-default");

    both[0].ok("curl -sf -X PUT -d kept http://127.0.0.1:8500/v1/kv/cut");
    let ids = both.each_mut().map(|vm| vm.ok("cat /etc/machine-id"));
    for vm in &mut both {
        vm.ok("echo unsynced >/root/unsynced");
        vm.power_cut();
    }
    for vm in &mut both {
        vm.power_on();
    }
    for (vm, id) in both.iter_mut().zip(ids) {
        vm.until_booted();
        assert_eq!(vm.ok("cat /etc/machine-id"), id);
        let boots = vm.ok("journalctl -q --no-pager --list-boots");
        assert_eq!(boots.lines().count(), 2, "{boots}");
        vm.ok("[ ! -s /root/unsynced ]");
    }
    transcript.proved("both boot again after their power was cut, without what was not synced, with the same machine-id, both boots in the journal and no failed unit");
    for vm in &mut both {
        is_healthy(&mut transcript, vm);
    }
    assert_eq!(both[0].ok("curl -sf http://127.0.0.1:8500/v1/kv/cut?raw"), "kept");
    transcript.proved("Consul has the value that was written before");
    let second = task(&mut both[1], server, &image);
    assert_ne!(first, second);
    transcript.proved("the docker task runs again, in another container");
}

/// Pushes a small image from a node that has no credential helper.
fn push(node: &Node<'_>, image: &str) {
    until("docker runs", SLOW, || {
        let started = node.run(&["systemctl", "start", "docker.service"]);
        if started.is_ok() { Ok(()) } else { Err(started.stderr) }
    });
    node.make_image(image);
    let password = registry::token();
    node.ok(&["docker", "login", "--username", "AWS", "--password", &password, &ecr()]);
    node.ok(&["docker", "push", image]);
}

/// It has joined, the doctor finds nothing, and names resolve.
fn is_healthy(transcript: &mut Transcript, vm: &mut Vm<'_>) {
    vm.ok("cos-agent wait --keep-waiting --timeout 290s");
    let stamp = "systemctl show -P ActiveEnterTimestampMonotonic cos-agent-ready.service";
    let after = vm.ok(stamp).trim().parse::<f64>().unwrap() / 1e6;
    let name = vm.node.name.clone();
    until(&format!("the doctor finds nothing on {name}"), SLOW, || {
        let said = vm.run("cos-agent doctor --strict");
        if said.is_ok() { Ok(()) } else { Err(said.stdout) }
    });
    vm.ok("getent hosts consul.service.consul");
    transcript.proved(&format!(
        "{name} has joined {after:.0} s after its kernel began, the doctor finds nothing, and consul.service.consul resolves"
    ));
}

/// What `install` baked is in force on a kernel of its own.
fn is_as_installed(vm: &mut Vm<'_>) {
    let own = if vm.node.role() == "nomad-client" {
        [("systemctl is-active docker.service", "active"), ("stat -c %U /opt/nomad/data", "root")]
    } else {
        [
            ("systemctl is-active docker.service", "inactive"),
            ("stat -c %U /opt/consul/data", "consul"),
        ]
    };
    for (command, expected) in INSTALLED.into_iter().chain(own) {
        assert_eq!(vm.run(command).stdout.trim(), expected, "{}: {command}", vm.node.name);
    }
}

/// Waits until the task runs, as docker and Nomad say; what its kernel enforces. The id of its container.
fn task(client: &mut Vm<'_>, server: &Node<'_>, image: &str) -> String {
    let container = until("the docker task runs", SLOW, || {
        let found = client.ok("docker ps --no-trunc --format '{{.ID}} {{.Image}}'");
        let mut ids = found.lines().filter_map(|line| line.strip_suffix(image));
        let known = allocations(server)?;
        match (ids.next(), known.matches("\"running\"").count()) {
            (Some(id), 1) => Ok(id.trim().to_owned()),
            _ => Err(format!("{found}\n{known}")),
        }
    });
    let process = client.ok(&format!("docker inspect -f '{{{{.State.Pid}}}}' {container}"));
    let process = process.trim();
    let limit = format!("cat /sys/fs/cgroup$(cut -d : -f 3 /proc/{process}/cgroup)/memory.max");
    assert_eq!(client.ok(&limit).trim(), LIMIT);
    let profile = client.ok(&format!("cat /proc/{process}/attr/current"));
    assert_eq!(profile.trim(), "docker-default (enforce)");
    let lookup = "/bin/sh -c 'nslookup -type=a consul.service.consul'";
    client.ok(&format!("docker exec {container} {lookup}"));
    container
}

/// The allocations of the job, with the state of each and what has happened to it.
fn allocations(server: &Node<'_>) -> Result<String, String> {
    let found = server.nomad("/v1/job/app/allocations")?;
    let one = |allocation: &serde_json::Value| {
        let events = list(&allocation["TaskStates"]["task"]["Events"]);
        let words: Vec<String> = events.map(|event| text(&event["DisplayMessage"])).collect();
        format!("{} {words:?}", allocation["ClientStatus"])
    };
    Ok(list(&found).map(one).collect::<Vec<_>>().join("\n"))
}

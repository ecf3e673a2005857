//! The image as a machine, not a container: with the kernel of the distribution, its own clock, modules, cgroups and disk. It
//! needs qemu and runs without KVM, so only `tests/run --long` runs it. A Nomad client and a hard reset were not tried yet.

mod machine;

use crate::lab::Lab;
use crate::lab::description::servers;
use crate::lab::transcript::Transcript;
use machine::Vm;

#[test]
#[ignore = "long: `tests/run --long`"]
fn the_image_boots_as_a_machine_and_joins() {
    let mut transcript = Transcript::begin("the image boots as a machine");
    let lab = Lab::new(servers("consul-server", 1));
    let node = lab.node("consul-1");
    let mut consul = Vm::boot(&node);
    let kernel = consul.ok("uname -r; systemd-detect-virt; stat -fc %T /sys/fs/cgroup");
    assert!(kernel.contains("cloud-amd64") && kernel.contains("cgroup2fs"), "{kernel}");
    transcript.proved(&format!(
        "a Consul server boots: {}",
        kernel.split_whitespace().collect::<Vec<_>>().join(", ")
    ));
    let after = consul.until_healthy();
    transcript.proved(&format!(
        "it has joined {after:.0} s after its kernel began, and the doctor finds nothing"
    ));
    is_as_installed(&mut consul);
    transcript.proved("modules, sysctls, users, the link of the resolver and the units are as `install` made them");
    consul.ok("getent hosts consul.service.consul");
    transcript.proved("consul.service.consul resolves");
}

/// What `install` baked is in force on a kernel of its own.
fn is_as_installed(vm: &mut Vm<'_>) {
    for (command, expected) in [
        ("sysctl -n net.bridge.bridge-nf-call-iptables", "1"),
        ("sysctl -n vm.max_map_count", "262144"),
        ("systemctl is-enabled docker.service docker.socket | sort -u", "disabled"),
        ("systemctl is-active docker.service", "inactive"),
        ("stat -c %U /opt/consul/data", "consul"),
        ("ip -o link show cos0 type dummy | wc -l", "1"),
        ("readlink /opt/cni/bin", "/usr/lib/cni"),
        ("systemctl --failed --no-legend | wc -l", "0"),
    ] {
        assert_eq!(vm.run(command).stdout.trim(), expected, "{command}");
    }
}

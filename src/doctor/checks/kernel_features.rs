//! The kernel offers what containers need: bridges, overlays, room for connections.

use crate::doctor::Check;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::machine::percent;
use crate::system::root::Root;
use std::time::Duration;

topics! {
    NO_BRIDGE: "module-bridge-missing",
        "run `modprobe bridge && echo bridge > /etc/modules-load.d/cos-bridge.conf`, then `systemctl restart nomad`, because Nomad \
         looks for it only when it starts";
    NO_OVERLAY: "module-overlay-missing",
        "run `modprobe overlay && echo overlay > /etc/modules-load.d/cos-overlay.conf`; `docker info -f '{{.Driver}}'` shows what \
         docker uses without it";
    CONNTRACK: "conntrack-full",
        "double the size with `sysctl -w net.netfilter.nf_conntrack_max={double}` and write it to /etc/sysctl.d; \
         `conntrack -L | awk '{print $1, $4}' | sort | uniq -c | sort -n | tail` shows what fills it";
}

/// From this part of the table of connections, in percent, it is worth a look; from the second, packets are dropped soon.
const MUCH: u64 = 75;
const FULL_FROM: u64 = 95;

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "kernel-features",
        title: "the kernel offers what containers need",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["nomad-drivers"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(3),
        page: Page {
            means: "Nomad can see the kernel module `bridge`, the file system `overlay` is there or can be loaded, and the table \
                    of connections (conntrack) is less than 75 % full.",
            matters: "Without `bridge`, Nomad places no job with `mode = \"bridge\"` here. Without overlay, docker copies every \
                      layer. With a full table the kernel drops new connections.",
            look: &[
                "lsmod | grep -E 'bridge|overlay|nf_conntrack'",
                "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max",
            ],
            fixes: &[TOPICS],
            source: "https://developer.hashicorp.com/nomad/docs/job-specification/network#network-modes",
        },
    },
    probe: |machine| {
        Box::pin(async { machine.files(see).await.map_or_else(super::broken, |seen| judge(&seen)) })
    },
    changed: None,
};

/// Where a module of the kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Module {
    /// Loaded, or built in.
    There,
    /// In a file from which it can be loaded.
    Loadable,
    /// In a file that is compressed by zstd: it can be loaded, but Nomad does not see it.
    Zstd,
    /// Nowhere.
    Missing,
    /// Not loaded, and there is no list of the modules that can be, as in a container.
    NotListed,
}

/// What the kernel offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    bridge: Module,
    overlay: Module,
    /// How many connections the kernel knows, and how many it can know.
    connections: Option<(u64, u64)>,
}

fn see(root: &Root) -> Seen {
    let text = |path: &str| {
        let bytes = root.read(path).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let number = |path: &str| text(path).trim().parse::<u64>().ok();
    let loaded = text("/proc/modules");
    let release = text("/proc/sys/kernel/osrelease").trim().to_owned();
    let module = |name: &str| {
        let is_in_sysfs = root.stat(format!("/sys/module/{name}")).is_ok_and(|stat| stat.is_some());
        if is_in_sysfs || loaded.lines().any(|line| line.split(' ').next() == Some(name)) {
            return Module::There;
        }
        let list = |file: &str| text(&format!("/lib/modules/{release}/{file}"));
        listed(name, &list("modules.builtin"), &list("modules.dep"))
    };
    let is_overlay = text("/proc/filesystems").lines().any(|line| line.ends_with("\toverlay"));
    Seen {
        bridge: module("bridge"),
        overlay: if is_overlay { Module::There } else { module("overlay") },
        connections: number("/proc/sys/net/netfilter/nf_conntrack_count")
            .zip(number("/proc/sys/net/netfilter/nf_conntrack_max")),
    }
}

/// Looks for a module in the lists of depmod(8).
fn listed(name: &str, builtin: &str, dep: &str) -> Module {
    if builtin.is_empty() && dep.is_empty() {
        return Module::NotListed;
    }
    let file = format!("/{name}.ko");
    if builtin.lines().any(|line| line.ends_with(&file)) {
        return Module::There;
    }
    // `kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz …`
    let names = dep.lines().filter_map(|line| line.split_once(':').map(|(name, _)| name));
    let mut endings = names.filter_map(|path| path.rsplit_once(&file).map(|(_, ending)| ending));
    match endings.find(|ending| ["", ".xz", ".gz", ".zst"].contains(ending)) {
        Some("" | ".xz") => Module::Loadable,
        Some(_) => Module::Zstd,
        None => Module::Missing,
    }
}

fn judge(seen: &Seen) -> Finding {
    let used = seen.connections.map_or(0, |(count, max)| percent(count, max));
    if let Some((count, max)) = seen.connections.filter(|_| used >= MUCH) {
        let found = format!("the table of connections is {used} % full: {count} of {max}");
        let hint = CONNTRACK.with(&[("double", &max.saturating_mul(2))]);
        let problem = Problem::new(found, format!("less than {MUCH} %"), hint);
        return if used >= FULL_FROM { Finding::Fail(problem) } else { Finding::Warn(problem) };
    }
    if matches!(seen.bridge, Module::Zstd | Module::Missing | Module::NotListed) {
        let found =
            "Nomad does not see the kernel module `bridge`, so it offers no network mode `bridge`";
        let problem = Problem::new(found, "the module `bridge`, loaded", NO_BRIDGE.plain());
        return Finding::Fail(problem);
    }
    // docker loads overlay by itself; where nothing lists the modules, it may be there.
    if seen.overlay == Module::Missing {
        let found =
            "the kernel has no file system `overlay`, so docker copies every layer of an image";
        return Finding::Warn(Problem::new(found, "the module `overlay`", NO_OVERLAY.plain()));
    }
    Finding::Pass(match seen.connections {
        Some((count, max)) => format!("bridge, overlay, {count} of {max} connections"),
        None => "bridge, overlay".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Module::{Loadable, Missing, NotListed, There, Zstd};

    #[test]
    fn each_sight_has_its_finding() {
        for (bridge, overlay, connections, expected) in [
            (There, There, Some((0, 262_144)), ""),
            (Loadable, Loadable, None, ""),
            (There, NotListed, None, ""),
            (There, Zstd, None, ""),
            (There, Missing, None, "warn module-overlay-missing"),
            (Zstd, There, None, "fail module-bridge-missing"),
            (Missing, There, None, "fail module-bridge-missing"),
            (NotListed, There, None, "fail module-bridge-missing"),
            (There, There, Some((75, 100)), "warn conntrack-full"),
            (There, There, Some((95, 100)), "fail conntrack-full"),
            (There, There, Some((5, 0)), ""),
        ] {
            let found = match judge(&Seen { bridge, overlay, connections }) {
                Finding::Pass(_) => String::new(),
                Finding::Warn(problem) => format!("warn {}", problem.hint.id),
                Finding::Fail(problem) => format!("fail {}", problem.hint.id),
                other => panic!("{other:?}"),
            };
            assert_eq!(found, expected, "{bridge:?} {overlay:?} {connections:?}");
        }
    }

    #[test]
    fn a_module_is_found_in_the_lists_of_depmod() {
        let builtin = "kernel/fs/overlayfs/overlay.ko\n";
        for (dep, expected) in [
            ("kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko\n", Loadable),
            ("kernel/net/bridge/bridge.ko.xz:\n", Loadable),
            ("kernel/net/bridge/bridge.ko.zst: kernel/net/802/stp.ko.zst\n", Zstd),
            ("kernel/x/other.ko: kernel/net/bridge/bridge.ko\nkernel/x/ebridge.ko:\n", Missing),
        ] {
            assert_eq!(listed("bridge", builtin, dep), expected, "{dep}");
        }
        assert_eq!(listed("overlay", builtin, ""), There);
        assert_eq!(listed("bridge", "", ""), NotListed);
    }
}

//! READ: what the kernel, systemd and a few programs say.

use super::{LARGEST, Piece, Source, file, files, is_there, output};
use crate::doctor::bundle::member::{Form, Member};
use crate::render::units;
use crate::state::{AGENT, DNS_LINK, DOCKER, Daemon, READY, WATCH};
use crate::system::command::Keep;
use futures_util::future::join_all;

/// The lines of each journal.
const LINES: &str = "--lines=2000";
/// Most of each journal, in bytes.
const JOURNAL: usize = 512 * 1024;
/// Our units: their files, and what systemd says of them.
pub(super) async fn units(source: Source) -> Vec<Piece> {
    let systemctl = "/usr/bin/systemctl";
    let names: Vec<&str> = units::names().collect();
    let show = [&["show", "--no-pager"][..], &names].concat();
    let failed = ["list-units", "--failed", "--no-pager", "--plain"];
    let said = all(
        &source,
        &[
            ("units/show.txt", systemctl, &show),
            ("units/failed.txt", systemctl, &failed),
            ("units/jobs.txt", systemctl, &["list-jobs", "--no-pager"]),
        ],
    )
    .await;
    joined([files::units(&source), said])
}

/// The versions.
pub(super) async fn versions(source: Source) -> Vec<Piece> {
    let agent = format!("cos-agent {}\n", env!("CARGO_PKG_VERSION"));
    let ours = Member::whole("versions/cos-agent.txt", Form::Log, agent);
    let said = all(
        &source,
        &[
            ("versions/consul.txt", Daemon::Consul.program(), &["version"]),
            ("versions/nomad.txt", Daemon::Nomad.program(), &["version"]),
            ("versions/docker.txt", "/usr/bin/docker", &["--version"]),
            ("versions/systemd.txt", "/usr/bin/systemctl", &["--version"]),
        ],
    )
    .await;
    let kernel = ["/proc/version", "/proc/sys/kernel/osrelease", "/etc/os-release"];
    joined([vec![Piece::File(ours)], tables(&source, "versions", &kernel), said])
}

/// The network.
pub(super) async fn network(source: Source) -> Vec<Piece> {
    let paths = [
        "/proc/net/route",
        "/proc/net/ipv6_route",
        "/proc/net/fib_trie",
        "/proc/net/if_inet6",
        "/proc/net/arp",
        "/proc/net/dev",
        "/proc/net/sockstat",
        "/proc/net/snmp",
        "/proc/net/netstat",
        "/proc/net/tcp",
        "/proc/net/tcp6",
        "/proc/net/udp",
        "/proc/net/udp6",
        "/etc/resolv.conf",
        "/run/systemd/resolve/resolv.conf",
        "/etc/nsswitch.conf",
        "/etc/hosts",
    ];
    let ip = "/sbin/ip";
    let said = all(
        &source,
        &[
            ("network/ip-address.txt", ip, &["-s", "address"]),
            ("network/ip-route.txt", ip, &["route", "show", "table", "all"]),
            ("network/ip-rule.txt", ip, &["rule"]),
        ],
    )
    .await;
    joined([tables(&source, "network", &paths), said])
}

/// The machine.
pub(super) async fn machine(source: Source) -> Vec<Piece> {
    let paths = [
        "/proc/meminfo",
        "/proc/loadavg",
        "/proc/uptime",
        "/proc/pressure/cpu",
        "/proc/pressure/io",
        "/proc/pressure/memory",
        "/proc/sys/kernel/random/boot_id",
        "/proc/sys/fs/file-nr",
        "/proc/self/mountinfo",
        "/proc/swaps",
        "/proc/vmstat",
        "/proc/diskstats",
    ];
    // Local file systems alone: one of a network may hang.
    let df = "/bin/df";
    let said = all(
        &source,
        &[
            ("machine/df.txt", df, &["--local", "--portability", "--print-type"]),
            ("machine/df-inodes.txt", df, &["--local", "--portability", "--inodes"]),
        ],
    )
    .await;
    joined([tables(&source, "machine", &paths), said])
}

/// The journals of our units.
pub(super) async fn journals(source: Source) -> Vec<Piece> {
    let journalctl = "/usr/bin/journalctl";
    if !is_there(&source, journalctl) {
        return vec![Piece::failed("journal", format!("{journalctl} does not exist"))];
    }
    let daemons = Daemon::ALL.map(Daemon::unit);
    let units = [AGENT, READY, WATCH].into_iter().chain(daemons).chain([DOCKER, DNS_LINK]);
    let pieces = join_all(units.map(|unit| {
        let source = &source;
        async move {
            let name = format!("journal/{}.log", unit.trim_end_matches(".service"));
            let args =
                ["--boot", "--unit", unit, LINES, "--output=short-iso", "--no-pager", "--quiet"];
            output(source, &name, (journalctl, &args), Keep::Last(JOURNAL)).await
        }
    }));
    pieces.await.into_iter().flatten().collect()
}

fn joined<const N: usize>(pieces: [Vec<Piece>; N]) -> Vec<Piece> {
    pieces.into_iter().flatten().collect()
}

/// The output of several programs at once.
async fn all(source: &Source, programs: &[(&str, &str, &[&str])]) -> Vec<Piece> {
    let said = programs
        .iter()
        .map(|(name, program, args)| output(source, name, (program, args), Keep::First(LARGEST)));
    join_all(said).await.into_iter().flatten().collect()
}

fn tables(source: &Source, collector: &str, paths: &[&str]) -> Vec<Piece> {
    paths.iter().filter_map(|path| file(source, collector, path, Form::Log)).collect()
}

//! Whose directories, links and files: nobody becomes root, or sees what is root's, by what it puts on the disk.

use crate::support::host;
use host::{CONSUL, Host, NOMAD};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn a_packaged_machine_becomes_a_node_and_stays_one() {
    let host = Host::packaged();
    host.boot();
    assert_eq!(host.access("/opt/consul/data"), (0o700, CONSUL, CONSUL));
    assert_eq!(host.access("/opt/nomad/data"), (0o700, 0, 0));
    assert_eq!(host.access("/etc/consul.d/cos.json"), (0o640, 0, CONSUL));
    let plan = host.run(&["plan"]);
    assert!(!plan.stdout.contains("/opt/") && !plan.stdout.contains(".d  ("), "{}", plan.stdout);
}

#[test]
fn a_link_that_consul_puts_where_its_data_was_gives_it_nothing() {
    let host = Host::packaged();
    host.boot();
    let before = host.access("/etc");
    host.as_user(CONSUL, "mv opt/consul/data opt/consul/data.mine; ln -s /etc opt/consul/data");
    let ran = host.apply();
    assert_eq!(host.access("/etc"), before, "{}", ran.shown(host.root()));
    assert_eq!(ran.code, Some(74), "{}", ran.shown(host.root()));
    for words in
        ["/opt/consul/data is a link to /etc that user consul made", "hint: remove the link"]
    {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    host.as_user(CONSUL, "rm opt/consul/data; mv opt/consul/data.mine opt/consul/data");
    host.boot();
}

/// openat2(2) came with Linux 5.6, and filters of containers refuse what they do not know.
#[test]
fn a_kernel_that_knows_less_gives_the_same() {
    for error in ["ENOSYS", "EPERM"] {
        let host = Host::packaged();
        host.put("/etc/consul.d/x.json", "{}");
        let apply = || host.run_without("openat2", error, &["apply", "--no-wait"]);
        let first = apply();
        assert_eq!(first.code, Some(0), "{error}: {}", first.shown(host.root()));
        assert_eq!(host.access("/opt/consul/data"), (0o700, CONSUL, CONSUL));
        let plan = host.run(&["plan"]);
        assert!(!plan.stdout.contains("\n+ ") && !plan.stdout.contains("\n~ "), "{}", plan.stdout);
        let before = host.access("/etc");
        host.as_user(CONSUL, "mv opt/consul/data opt/consul/data.mine; ln -s /etc opt/consul/data");
        assert_eq!((apply().code, host.access("/etc")), (Some(74), before), "{error}");
    }
}

/// The same link while `apply` runs: what it looked at is not what it finds a moment later.
#[test]
fn a_link_that_comes_and_goes_while_apply_runs_gives_nothing() {
    let host = Host::packaged();
    host.boot();
    let before = host.access("/etc");
    let (data, mine) = (host.path("/opt/consul/data"), host.path("/opt/consul/mine"));
    let ends = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Every other link is root's: one that consul may put there, but that leads to nothing of root's.
            for owner in [CONSUL, 0].into_iter().cycle() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let _ = std::fs::rename(&data, &mine);
                let _ = symlink("/etc", &data);
                let _ = lchown(&data, Some(owner), Some(owner));
                let _ = std::fs::remove_file(&data);
                let _ = std::fs::rename(&mine, &data);
            }
        });
        let mut codes = BTreeSet::new();
        let mut found = (0..200).map(|_| {
            let ran = host.apply();
            codes.insert(ran.code);
            (host.access("/etc"), ran.shown(host.root()))
        });
        let wrong = found.find(|(access, _)| *access != before);
        ends.store(true, Ordering::Relaxed);
        assert_eq!(wrong, None);
        assert!(codes.iter().all(|code| [Some(0), Some(74)].contains(code)), "{codes:?}");
    });
}

#[test]
fn what_a_daemon_reads_as_root_is_roots_alone() {
    let host = Host::packaged();
    host.directory("/opt/nomad", NOMAD, 0o775);
    host.put("/etc/nomad.d/site.hcl", "log_level = \"INFO\"\n");
    chown(host.path("/etc/nomad.d/site.hcl"), Some(NOMAD), Some(NOMAD)).unwrap();
    let ran = host.boot();
    assert_eq!(host.access("/etc/nomad.d").1, 0, "{}", ran.stderr);
    assert_eq!(host.access("/opt/nomad"), (0o755, 0, 0));
    assert_eq!(host.access("/etc/nomad.d/site.hcl"), (0o644, 0, NOMAD));
    assert!(
        ran.stderr
            .contains("/etc/nomad.d: 0755 0:0, because others could write to it (0755 901:901)"),
        "{}",
        ran.stderr
    );
    // The user `consul` keeps what it had, and nothing else can write there.
    assert_eq!(host.access("/etc/consul.d"), (0o755, CONSUL, CONSUL));
    assert_eq!(host.access("/opt/consul"), (0o755, CONSUL, CONSUL));
    std::fs::set_permissions(host.path("/opt/consul"), PermissionsExt::from_mode(0o777)).unwrap();
    host.boot();
    assert_eq!(host.access("/opt/consul"), (0o775, CONSUL, CONSUL));
}

#[test]
fn a_nomad_of_roots_does_not_start_on_what_another_user_left() {
    let host = Host::packaged();
    // As a server that becomes a client leaves it: it ran as user `nomad`.
    host.directory("/opt/nomad/data", NOMAD, 0o700);
    host.as_user(NOMAD, "mkdir opt/nomad/data/plugins; echo > opt/nomad/data/plugins/driver");
    let ran = host.boot();
    assert_eq!(host.access("/opt/nomad/data"), (0o700, 0, 0));
    assert!(!host.has("/opt/nomad/data/plugins"), "{}", ran.stderr);
    let kept = "/opt/nomad/data.of-i-0123456789abcdef0/plugins/driver";
    assert!(host.has(kept) && ran.stderr.contains("move to /opt/nomad/data.of-"), "{}", ran.stderr);
    host.put("/opt/nomad/data/client/id", "of root's Nomad");
    host.boot();
    assert_eq!(host.read("/opt/nomad/data/client/id"), "of root's Nomad");
}

#[test]
fn a_link_of_consuls_shows_nothing_of_root() {
    let host = Host::packaged();
    host.as_user(CONSUL, "ln -s /etc/shadow etc/consul.d/x.json");
    let ran = host.apply();
    assert_eq!(ran.code, Some(74), "{}", ran.shown(host.root()));
    assert!(
        ran.stderr.contains("/etc/consul.d/x.json is a link to /etc/shadow that user consul made"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("never-shown") && !host.has("/etc/consul.d/cos.json"));
}

#[test]
fn a_link_that_root_made_is_read() {
    for owner in [0, CONSUL] {
        let host = Host::new();
        host.directory("/etc/consul.d", owner, 0o755);
        host.put("/srv/x.json", "{\"server\": true}");
        host.link("/etc/consul.d/x.json", "/srv/x.json", 0);
        let ran = host.apply();
        assert_eq!(ran.code, Some(78), "{}", ran.shown(host.root()));
        assert!(ran.stderr.contains("/etc/consul.d/x.json sets `server`"), "{}", ran.stderr);
        host.put("/srv/x.json", "{\"log_level\": \"INFO\"}");
        host.boot();
    }
}

#[test]
fn a_file_whose_name_is_no_text_is_checked_like_any_other() {
    let host = Host::packaged();
    let name = std::ffi::OsStr::from_bytes(b"\xff.json");
    let file = host.path("/etc/consul.d").join(name);
    std::fs::write(&file, "{\"bootstrap_expect\": 1}").unwrap();
    let ran = host.apply();
    assert_eq!(ran.code, Some(78), "{}", ran.shown(host.root()));
    assert!(
        ran.stderr.contains(r"/etc/consul.d/\xff.json sets `bootstrap_expect`"),
        "{}",
        ran.stderr
    );
    std::fs::write(&file, "{}").unwrap();
    host.boot();
}

#[test]
fn what_a_killed_run_left_of_its_state_is_swept_where_nothing_changes() {
    let host = Host::packaged();
    host.boot();
    let left = [
        "/var/lib/cos-agent/.facts.json.cos-agent-writing",
        "/var/lib/cos-agent/.manifest.json.cos-agent-writing",
        "/var/lib/cos-agent/.formation.json.cos-agent-writing",
        "/var/lib/cos-agent/.versions.json.cos-agent-writing",
        "/var/lib/cos-agent/.boots.json.cos-agent-writing",
        "/run/cos-agent/.status.json.cos-agent-writing",
        "/var/lib/cos-agent/.formed.json.cos-agent-writing",
        "/var/lib/cos-agent/.launch-hook.json.cos-agent-writing",
    ];
    for path in left {
        host.put(path, "{");
    }
    host.boot();
    for path in left {
        assert!(!host.has(path), "{path}");
    }
}

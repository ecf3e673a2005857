//! Whose directories and links: nobody becomes root by what lies on the disk, data on a volume of its own is used and
//! moved aside, and a run below `--root` stays there.
#![allow(clippy::disallowed_methods, reason = "tests touch the machine")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests end like tests")]

#[path = "support/binary.rs"]
mod binary;
#[path = "support/host.rs"]
mod host;

use binary::Node;
use host::{CONSUL, Host, NOMAD};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const OTHER: &str = "i-0fedcba9876543210";
const OWN: &str = "i-0123456789abcdef0";

/// As HashiCorp's packages leave a machine.
fn packaged() -> Host {
    let host = Host::new();
    for (path, uid) in [("/etc/consul.d", CONSUL), ("/opt/consul", CONSUL), ("/etc/nomad.d", NOMAD)]
    {
        host.directory(path, uid, 0o755);
    }
    host
}

#[test]
fn a_packaged_machine_becomes_a_node_and_stays_one() {
    let host = packaged();
    host.boot();
    assert_eq!(host.access("/opt/consul/data"), (0o700, CONSUL, CONSUL));
    assert_eq!(host.access("/opt/nomad/data"), (0o700, 0, 0));
    assert_eq!(host.access("/etc/consul.d/cos.json"), (0o640, 0, CONSUL));
    let plan = host.run(&["plan"]);
    assert!(!plan.stdout.contains("/opt/") && !plan.stdout.contains(".d  ("), "{}", plan.stdout);
}

#[test]
fn a_link_that_consul_puts_where_its_data_was_gives_it_nothing() {
    let host = packaged();
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

/// The same link while `apply` runs: what it looked at is not what it finds a moment later.
#[test]
fn a_link_that_comes_and_goes_while_apply_runs_gives_nothing() {
    let host = packaged();
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
    let host = packaged();
    host.directory("/opt/nomad", NOMAD, 0o775);
    host.put("/etc/nomad.d/site.hcl", "log_level = \"INFO\"\n");
    chown(host.path("/etc/nomad.d/site.hcl"), Some(NOMAD), Some(NOMAD)).unwrap();
    let ran = host.boot();
    assert_eq!(host.access("/etc/nomad.d").1, 0, "{}", ran.stderr);
    assert_eq!(host.access("/opt/nomad"), (0o755, 0, 0));
    assert_eq!(host.access("/etc/nomad.d/site.hcl"), (0o644, 0, NOMAD));
    assert!(
        ran.stderr
            .contains("/etc/nomad.d: 0755 0:0, because others could write to it: 0755 901:901"),
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
fn a_link_of_consuls_shows_nothing_of_root() {
    let host = packaged();
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
fn data_behind_a_link_that_root_made_is_used_and_moved_aside_where_it_is() {
    let host = Host::new();
    host.directory("/mnt/big/consul", 0, 0o755);
    host.directory("/opt/consul", 0, 0o755);
    host.link("/opt/consul/data", "/mnt/big/consul", 0);
    host.boot();
    assert_eq!(host.access("/mnt/big/consul"), (0o700, CONSUL, CONSUL));
    host.as_user(CONSUL, "echo one >mnt/big/consul/node-id; mkdir mnt/big/consul/raft");
    let again = host.boot();
    assert!(!again.stderr.contains("/opt/consul/data"), "{}", again.stderr);
    host.is_instance(OTHER);
    let ran = host.boot();
    let words = format!(
        "/opt/consul/data: data of {OWN}, moved into /opt/consul/data/.of-{OWN}, as the directory is a link to /mnt/big/consul"
    );
    assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    let aside = format!("/mnt/big/consul/.of-{OWN}");
    assert_eq!(host.access(&aside), (0o700, 0, 0));
    assert_eq!(host.read(&format!("{aside}/node-id")), "one\n");
    assert!(!host.has("/mnt/big/consul/raft") && host.has(&format!("{aside}/raft")));
    let after = host.boot();
    assert!(!after.stderr.contains("/opt/consul/data"), "{}", after.stderr);
}

/// In a directory of consul's such a link may be where consul put it, so it leads to nothing but consul's own.
#[test]
fn data_behind_a_link_in_a_directory_of_consuls_is_used_if_it_is_consuls_already() {
    let host = packaged();
    host.directory("/mnt/big/consul", 0, 0o755);
    host.link("/opt/consul/data", "/mnt/big/consul", 0);
    let ran = host.apply();
    assert_eq!(ran.code, Some(74), "{}", ran.shown(host.root()));
    assert!(
        ran.stderr.contains("in a directory that others can write (mode 0755, owner user consul)"),
        "{}",
        ran.stderr
    );
    assert_eq!(host.access("/mnt/big/consul"), (0o755, 0, 0));
    host.directory("/mnt/big/consul", CONSUL, 0o755);
    host.boot();
    assert_eq!(host.access("/mnt/big/consul"), (0o700, CONSUL, CONSUL));
}

#[test]
fn a_link_to_a_volume_that_is_not_there_is_said_and_nothing_is_made_in_its_place() {
    let host = Host::new();
    host.directory("/opt/consul", 0, 0o755);
    host.link("/opt/consul/data", "/mnt/big/consul", 0);
    let ran = host.apply();
    assert_eq!(ran.code, Some(74), "{}", ran.shown(host.root()));
    assert!(
        ran.stderr.contains("/opt/consul/data is a link to /mnt/big/consul, which does not exist"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("is its volume mounted?"), "{}", ran.stderr);
    assert!(!host.has("/mnt"));
}

/// A volume of its own: `lost+found`, and what was on it before.
const VOLUME: &str =
    "mount -t tmpfs volume $R/opt/consul/data; mkdir $R/opt/consul/data/lost+found";

#[test]
fn data_on_a_volume_of_its_own_is_used_and_moved_aside_on_it() {
    let host = packaged();
    host.directory("/opt/consul/data", 0, 0o755);
    let keep = "trap 'ls -lanR $R/opt/consul/data >$R/listing' EXIT;";
    let first = host.run_after(VOLUME, &["apply", "--no-wait"]);
    assert_eq!(first.code, Some(0), "{}", first.shown(host.root()));
    assert!(!first.stderr.contains("moved"), "`lost+found` is no data: {}", first.stderr);
    host.is_instance(OTHER);
    // `exec` would lose what the namespace has.
    let script = format!(
        "{VOLUME}; echo one >$R/opt/consul/data/node-id; mkdir -p $R/opt/consul/data/raft/x;
         chroot $R /cos-agent apply --no-wait 2>$R/said; {keep} chroot $R /cos-agent apply --no-wait 2>$R/again; false"
    );
    host.run_after(&script, &[]);
    let said = host.read("/said");
    let words = format!(
        "/opt/consul/data: data of {OWN}, moved into /opt/consul/data/.of-{OWN}, as the directory is a mount point"
    );
    assert!(said.contains(&words), "{said}");
    assert!(!host.read("/again").contains("/opt/consul/data"), "{}", host.read("/again"));
    let listing = host.read("/listing");
    let top = listing.split("\n\n").next().unwrap();
    assert!(
        top.contains("lost+found") && !top.contains("node-id") && !top.contains(" raft"),
        "{listing}"
    );
    assert!(listing.contains(&format!("/.of-{OWN}/raft:")), "{listing}");
}

#[test]
fn a_move_on_a_volume_that_was_killed_half_way_goes_on_in_the_same_place() {
    let host = packaged();
    host.boot();
    host.is_instance(OTHER);
    host.directory("/opt/consul/data", CONSUL, 0o700);
    let aside = format!("$R/opt/consul/data/.of-{OWN}");
    let script = format!(
        "mount -t tmpfs volume $R/opt/consul/data; mkdir {aside}; echo one >{aside}/node-id; echo two >$R/opt/consul/data/serf;
         echo new >$R/opt/consul/data/node-id; chroot $R /cos-agent apply --no-wait; head -n 9 {aside}/* >$R/found; false"
    );
    let ran = host.run_after(&script, &[]);
    let found = host.read("/found").replace(host.root().to_str().unwrap(), "");
    for (name, text) in [("node-id", "one"), ("node-id.2", "new"), ("serf", "two")] {
        let expected = format!("==> /opt/consul/data/.of-{OWN}/{name} <==\n{text}\n");
        assert!(found.contains(&expected), "{found}\n{}", ran.stderr);
    }
}

#[test]
fn a_bind_mount_is_a_volume_of_its_own_too() {
    let host = packaged();
    host.boot();
    host.directory("/srv/consul", CONSUL, 0o700);
    host.put("/srv/consul/node-id", "one");
    host.is_instance(OTHER);
    let ran =
        host.run_after("mount --bind $R/srv/consul $R/opt/consul/data", &["apply", "--no-wait"]);
    assert_eq!(ran.code, Some(0), "{}", ran.shown(host.root()));
    assert_eq!(host.read(&format!("/srv/consul/.of-{OWN}/node-id")), "one");
}

/// A directory of a lower layer cannot be renamed (Linux, Documentation/filesystems/overlayfs).
#[test]
fn data_in_a_lower_layer_of_an_image_is_moved_aside() {
    let host = packaged();
    host.boot();
    host.as_user(CONSUL, "mkdir -p opt/consul/lower");
    host.directory("/lower/data/raft", CONSUL, 0o700);
    host.put("/lower/data/raft/raft.db", "one");
    host.directory("/layers", 0, 0o755);
    host.is_instance(OTHER);
    let script = format!(
        "mount -t tmpfs layers $R/layers; mkdir $R/layers/upper $R/layers/work; chown 900:900 $R/layers/upper;
         mount -t overlay overlay -o lowerdir=$R/lower,upperdir=$R/layers/upper,workdir=$R/layers/work,redirect_dir=off $R/opt/consul;
         chroot $R /cos-agent apply --no-wait; cat $R/opt/consul/data.of-{OWN}/raft/raft.db >$R/found; stat -c '%a %u' $R/opt/consul/data.of-{OWN}/raft >>$R/found;
         ls -A $R/opt/consul/data >>$R/found; false"
    );
    let ran = host.run_after(&script, &[]);
    assert_eq!(host.read("/found"), "one700 900\n", "{}", ran.stderr);
}

#[test]
fn nothing_lands_outside_of_another_root() {
    for (place, code) in [
        ("etc/consul.d", 74),
        ("etc/nomad.d", 74),
        ("etc/systemd", 74),
        ("var/lib", 74),
        ("run", 74),
        ("run/cos-agent/lock", 74),
        ("opt", 74),
        ("opt/consul/data", 74),
    ] {
        let outside = tempfile::tempdir().unwrap();
        let node = Node::of("nomad-client");
        let link = node.folder.path().join(place);
        let _ = std::fs::remove_dir_all(&link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        let target = if place.ends_with("lock") {
            outside.path().join("lock")
        } else {
            outside.path().to_owned()
        };
        symlink(&target, &link).unwrap();
        let ran = node.run("apply");
        assert_eq!(
            std::fs::read_dir(outside.path()).unwrap().count(),
            0,
            "{place}: {}",
            ran.stderr
        );
        assert_eq!(ran.code, Some(code), "{place}: {}", ran.stderr);
    }
}

#[test]
fn links_inside_of_another_root_are_followed_inside() {
    let node = Node::of("nomad-client");
    let root = node.folder.path();
    for (link, target) in [("etc/consul.d", "/srv/consul.d"), ("opt", "../../../srv/opt")] {
        std::fs::create_dir_all(root.join("srv").join(link.rsplit('/').next().unwrap())).unwrap();
        std::fs::create_dir_all(root.join("etc")).unwrap();
        symlink(target, root.join(link)).unwrap();
    }
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        root.join("srv/consul.d/cos.json").is_file() && root.join("srv/opt/consul/data").is_dir()
    );
    assert!(!Path::new("/srv/consul.d").exists() && !Path::new("/srv/opt").exists());
}

#[test]
fn a_validator_of_another_root_is_that_roots_own() {
    let node = Node::of("nomad-client");
    let root = node.folder.path();
    let outside = tempfile::tempdir().unwrap();
    let inside = root.join(outside.path().strip_prefix("/").unwrap());
    for (folder, exit) in [(outside.path(), "touch \"$0.ran\"; exit 1"), (&inside, "exit 0")] {
        std::fs::create_dir_all(folder).unwrap();
        let script = format!("#!/bin/sh\n[ \"$1\" != version ] || echo Consul v1.22.7\n{exit}\n");
        std::fs::write(folder.join("consul"), script).unwrap();
        std::fs::set_permissions(folder.join("consul"), PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    symlink(outside.path().join("consul"), root.join("usr/bin/consul")).unwrap();
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!outside.path().join("consul.ran").exists(), "a program of the host ran");
}

#[test]
fn after_apply_below_another_root_nothing_is_due() {
    for role in ["consul-server", "nomad-server", "nomad-client"] {
        let node = Node::of(role);
        let ran = node.run("apply");
        assert!(!ran.stdout.contains("due"), "{}", ran.stdout);
        let plan = node.run("plan --detailed-exitcode");
        assert_eq!(plan.code, Some(0), "{role}: {}", plan.stdout);
    }
}

#[test]
fn a_host_whose_units_are_not_touched_has_them_due() {
    let host = packaged();
    let ran = host.run(&["apply", "--no-start"]);
    assert!(ran.stdout.contains("actions stay due"), "{}", ran.stdout);
    let plan = host.run(&["plan"]);
    assert!(plan.stdout.contains("! systemd reads its units again"), "{}", plan.stdout);
}

#[test]
fn a_file_whose_name_is_no_text_is_checked_like_any_other() {
    let host = packaged();
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
fn settings_whose_name_is_no_text_are_settings_all_the_same() {
    let node = Node::of("nomad-client");
    let folder = node.folder.path().join("etc/cos-agent/config.d");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(std::ffi::OsStr::from_bytes(b"\xff.toml")), "nonsense = 1\n")
        .unwrap();
    let ran = node.run("apply");
    assert_eq!(ran.code, Some(78), "{}", ran.stderr);
    assert!(ran.stderr.contains(r"config.d/\xff.toml"), "{}", ran.stderr);
}

#[test]
fn what_a_killed_run_left_of_its_state_is_swept_where_nothing_changes() {
    let host = packaged();
    host.boot();
    let left = [
        "/var/lib/cos-agent/.facts.json.cos-agent-writing",
        "/var/lib/cos-agent/.manifest.json.cos-agent-writing",
        "/var/lib/cos-agent/.formation.json.cos-agent-writing",
        "/var/lib/cos-agent/.versions.json.cos-agent-writing",
        "/var/lib/cos-agent/.boots.json.cos-agent-writing",
        "/run/cos-agent/.status.json.cos-agent-writing",
    ];
    for path in left {
        host.put(path, "{");
    }
    host.boot();
    for path in left {
        assert!(!host.has(path), "{path}");
    }
}

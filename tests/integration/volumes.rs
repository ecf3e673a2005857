//! Data on a volume of its own: a mount point, or a directory behind a link. It is used, and moved aside on that volume.

use crate::support::host;
use host::{CONSUL, Host};

const OTHER: &str = "i-0fedcba9876543210";
const OWN: &str = "i-0123456789abcdef0";

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
        "/opt/consul/data: data of {OWN}, move into /opt/consul/data/.of-{OWN}, because the directory is a link to /mnt/big/consul"
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
    let host = Host::packaged();
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
    let host = Host::packaged();
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
        "/opt/consul/data: data of {OWN}, move into /opt/consul/data/.of-{OWN}, because the directory is a mount point"
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
    let host = Host::packaged();
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
    let host = Host::packaged();
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
    let host = Host::packaged();
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

//! The machine: its disks.

use super::Fault;

const ON: &str = "nomad-2";

/// The faults.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::script(
        ON,
        "a disk is full",
        "mount -t tmpfs -o size=16m none /var/log; dd if=/dev/zero of=/var/log/filler bs=64k 2>/dev/null || true",
        "umount -l /var/log",
    ),
    &Fault::script(
        ON,
        "a disk has no inodes left",
        "mount -t tmpfs -o size=16m,nr_inodes=50 none /var/log; i=0; while touch /var/log/$i 2>/dev/null; do i=$((i + 1)); done",
        "umount -l /var/log",
    ),
    &Fault::script(
        ON,
        "the node id of Consul is that of another instance",
        "cp /opt/consul/data/node-id /root/node-id; curl -s http://127.0.0.1:8500/v1/catalog/nodes | \
         jq -j --arg own \"$(cat /root/node-id)\" '[.[] | select(.ID != $own)][0].ID' >/root/other-id; \
         systemctl stop consul; cat /root/other-id >/opt/consul/data/node-id; systemctl start consul",
        "systemctl stop consul; cp /root/node-id /opt/consul/data/node-id; chown consul:consul /opt/consul/data/node-id; systemctl start consul",
    )
    .after(8)
    .seen_by_others(),
];

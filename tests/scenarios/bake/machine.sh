#!/usr/bin/env bash
# Switches the machine of an image build on, and runs it until it is switched off. The test sets BUILD_FOLDER, BUILD_NETNS,
# BUILD_SWITCH, BUILD_ADDRESSES, BUILD_GROUP (in each hierarchy) and BUILD_HIERARCHIES.
set -eu
cd "$BUILD_FOLDER"
ip netns add "$BUILD_NETNS"
ip -n "$BUILD_NETNS" link set lo up
ip link add eth0 netns "$BUILD_NETNS" type veth peer name v-build netns "$BUILD_SWITCH"
ip -n "$BUILD_SWITCH" link set v-build master br0 up
for address in $BUILD_ADDRESSES; do ip -n "$BUILD_NETNS" address add "$address/16" dev eth0; done
ip -n "$BUILD_NETNS" link set eth0 up
for hierarchy in $BUILD_HIERARCHIES; do echo "$BASHPID" >"$hierarchy/$BUILD_GROUP/cgroup.procs"; done
echo "$BASHPID" >pid
# /tmp is on the disk, as on an instance: what stays there is in the image.
export SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_TMPFS_TMP=0
exec systemd-nspawn -q -D root --machine="$BUILD_NETNS" --hostname=builder --register=no --keep-unit --resolv-conf=off \
  --timezone=off --link-journal=no --network-namespace-path="/run/netns/$BUILD_NETNS" --console=read-only --capability=all --boot

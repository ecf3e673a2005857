#!/usr/bin/env bash
# The power of a node: `machine.sh run` plugs it in and runs it until it is switched off, `machine.sh metadata FAULT…`
# starts its metadata service anew. The lab sets LAB_NODE, LAB_FOLDER (of the node), LAB_NETNS, LAB_SWITCH, LAB_PORT,
# LAB_ADDRESS, LAB_AGENT, LAB_GROUP (of the node, in each hierarchy), LAB_HIERARCHIES and LAB_UNIFIED.
set -eu
cd "$LAB_FOLDER"

join() { echo "$BASHPID" >"$LAB_UNIFIED/$LAB_GROUP/$1/cgroup.procs"; }

end_metadata() {
  echo 1 >"$LAB_UNIFIED/$LAB_GROUP/metadata/cgroup.kill"
  while grep -q 'populated 1' "$LAB_UNIFIED/$LAB_GROUP/metadata/cgroup.events"; do sleep 0.01; done
}

# EC2's side of an instance: it is outside of it, and the instance reaches it at 169.254.169.254. An instance that computes
# does not slow it down.
metadata() {
  end_metadata
  [ "${1:-}" != gone ] || return 0
  local faults=()
  for fault in "$@"; do faults+=(--fault "$fault"); done
  (
    join metadata
    exec nice -n -10 setsid nsenter --net="/run/netns/$LAB_NETNS" "$LAB_AGENT" simulate --serve 169.254.169.254:80 \
      --instance "$LAB_FOLDER/metadata.json" "${faults[@]}" </dev/null >>metadata.log 2>&1
  ) &
}

# A machine that starts has nothing of the network that it had before. The far end of a cable goes with the near end.
plug() {
  end_metadata
  ip -n "$LAB_SWITCH" link delete "$LAB_PORT" 2>/dev/null || true
  ip netns delete "$LAB_NETNS" 2>/dev/null || true
  ip netns add "$LAB_NETNS"
  ip -n "$LAB_NETNS" link set lo up
  ip -n "$LAB_NETNS" address add 169.254.169.254/32 dev lo
  # A cable has one end on each side, so nothing ever appears on the host.
  ip link add eth0 netns "$LAB_NETNS" type veth peer name "$LAB_PORT" netns "$LAB_SWITCH"
  ip -n "$LAB_SWITCH" link set "$LAB_PORT" master br0
  [ -e cut ] || ip -n "$LAB_SWITCH" link set "$LAB_PORT" up
  ip -n "$LAB_NETNS" address add "$LAB_ADDRESS/16" dev eth0
  ip -n "$LAB_NETNS" link set eth0 up
  # /proc/sys is read-only inside; docker and Nomad's bridge need this one.
  nsenter --net="/run/netns/$LAB_NETNS" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# Each node has groups of its own in every hierarchy: two systemds below one group would kill each other's units.
machine() {
  for hierarchy in $LAB_HIERARCHIES; do echo "$BASHPID" >"$hierarchy/$LAB_GROUP/machine/cgroup.procs"; done
  echo "$BASHPID" >pid
  export SYSTEMD_SECCOMP=0
  exec systemd-nspawn -q -D root --machine="$LAB_NETNS" --hostname="ip-${LAB_ADDRESS//./-}" --register=no --keep-unit \
    --resolv-conf=off --timezone=off --link-journal=no --network-namespace-path="/run/netns/$LAB_NETNS" \
    --console=read-only --capability=all --bind="$LAB_FOLDER/docker:/var/lib/docker" --boot
}

if [ "$1" = metadata ]; then
  shift
  metadata "$@"
  exit
fi
join power
while :; do
  plug
  read -ra faults <faults
  metadata "${faults[@]}"
  # In seconds since the boot of the host: the clock of all nodes.
  cut -d ' ' -f 1 /proc/uptime >power-on
  code=0
  (machine) </dev/null >>console.log 2>&1 || code=$?
  # What systemd-nspawn ends with when the machine rebooted itself, because of --keep-unit.
  [ "$code" = 133 ] || break
done

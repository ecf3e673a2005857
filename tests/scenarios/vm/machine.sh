#!/usr/bin/env bash
# Switches a virtual machine on, and runs it until it is switched off. The test sets VM_FOLDER, VM_NETNS, VM_SWITCH, VM_PORT,
# VM_ADDRESS, VM_AGENT and VM_KERNEL. Without KVM, also where there is one: so it is the same everywhere.
set -eu
cd "$VM_FOLDER"
ip netns add "$VM_NETNS"
inside() { ip -n "$VM_NETNS" "$@"; }
inside link set lo up
inside link add br0 type bridge
ip link add cable netns "$VM_NETNS" type veth peer name "$VM_PORT" netns "$VM_SWITCH"
ip -n "$VM_SWITCH" link set "$VM_PORT" master br0 up
inside tuntap add dev tap0 mode tap
for port in cable tap0; do inside link set "$port" master br0 up; done
# EC2's side of the instance: metadata, which the machine reaches on its link.
inside address add 169.254.169.254/32 dev br0
inside link set br0 up
inside route add "$VM_ADDRESS/32" dev br0
enter="nsenter --net=/run/netns/$VM_NETNS"
# Every node has this address on its side of the switch, and one that cannot answer may be the one that ARP finds.
$enter nft 'table bridge link_local { chain forwarded { type filter hook forward priority 0; arp daddr ip 169.254.169.254 drop; }; }'
$enter "$VM_AGENT" simulate --serve 169.254.169.254:80 --instance metadata.json </dev/null >>metadata.log 2>&1 &

# shellcheck disable=SC2086 # four numbers
mac=$(printf '02:00:%02x:%02x:%02x:%02x' ${VM_ADDRESS//./ })
masks=
for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-{debug,tracing,config}.mount sys-fs-fuse-connections.mount \
  modprobe@{configfs,dm_mod,drm,efi_pstore,fuse,loop}.service systemd-{pstore,binfmt,update-utmp}.service \
  getty@tty1.service serial-getty@ttyS0.service; do masks+=" systemd.mask=$unit"; done
# The root is an NVMe disk, as on Nitro; its driver and ext4 are in the kernel, so it needs no initrd.
exec $enter qemu-system-x86_64 -nodefaults -no-user-config -display none -M q35 -accel tcg,thread=multi,tb-size=256 -cpu max \
  -smp 2 -m 2048 -kernel "$VM_KERNEL/vmlinuz" \
  -append "root=/dev/nvme0n1 rw console=ttyS0 net.ifnames=0 tsc=reliable quiet$masks" \
  -chardev file,id=console,path=console.log,append=on -serial chardev:console \
  -drive file=disk.raw,if=none,id=disk,format=raw -device nvme,drive=disk,serial=vol1 \
  -netdev tap,id=net,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=net,mac="$mac" \
  -device virtio-rng-pci -device virtio-serial-pci \
  -chardev socket,id=shell,path=shell,server=on,wait=off -device virtserialport,chardev=shell,name=shell

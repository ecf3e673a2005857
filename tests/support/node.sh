# Makes the root of a node: the host's file system below, all changes in memory, and nothing of COS in it yet.
# It runs in the node's folder.
mount -t tmpfs -o mode=755 tmpfs .
# The scratch file system was mounted over the folder that this shell stands in.
cd "$PWD"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount -t proc proc root/proc
mount -t sysfs sysfs root/sys
mount -t cgroup2 cgroup2 root/sys/fs/cgroup
mount --rbind /dev root/dev
mount -t tmpfs -o mode=755 tmpfs root/run
mount -t tmpfs -o mode=1777 tmpfs root/tmp
rm -rf root/etc/consul.d root/etc/nomad.d root/etc/cos-agent root/etc/docker root/etc/systemd/system \
    root/usr/lib/cos-agent root/usr/share/cos root/var/lib/cos-agent root/var/lib/consul root/opt/consul root/opt/nomad
mkdir root/etc/systemd/system
install() {
    rm -f "root/usr/bin/$2"
    : > "root/usr/bin/$2"
    mount --bind "$1" "root/usr/bin/$2"
}
install "$COS_AGENT_BIN" cos-agent
if [ -n "$COS_NOMAD_BIN" ]; then install "$COS_NOMAD_BIN" nomad; else rm -f root/usr/bin/nomad; fi
printf '127.0.0.1 localhost\n%s\n' "$COS_HOSTS" > root/etc/hosts
for user in consul nomad; do
    getent passwd "$user" > /dev/null || chroot root useradd --system --home-dir /nonexistent --shell /bin/false "$user"
done
echo "$COS_NAME" > /proc/sys/kernel/hostname

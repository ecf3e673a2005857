#!/usr/bin/env bash
# Takes a lab down, whatever is left of it: down.sh PREFIX FOLDER. The folder is made first and goes last.
set -u
prefix=$1 folder=$2
case $prefix in cos-*) ;; *) echo "down.sh: $prefix is no prefix of a lab" >&2 && exit 64 ;; esac
exec 9<"$folder" 2>/dev/null || exit 0
# Two may come at once: a guardian, and the sweep of the next run.
flock 9
cd /

groups() { awk -v kind="$1" '$3 ~ kind { print $2 }' /proc/self/mounts; }
populated() { grep -qs 'populated 1' "$1/cgroup.events"; }
for hierarchy in $(groups '^cgroup2$'); do
  group=$hierarchy/$prefix
  [ -d "$group" ] || continue
  echo 1 >"$group/cgroup.kill"
  for _ in $(seq 600); do populated "$group" || break; sleep 0.05; done
  ! populated "$group" || echo "down.sh: processes of $prefix do not end" >&2
done
for netns in /run/netns/"$prefix"-*; do
  [ -e "$netns" ] || continue
  # Commands of the lab that somebody waits for are in no group of it.
  for process in $(ip netns pids "${netns##*/}" 2>/dev/null); do kill -KILL "$process" 2>/dev/null; done
  ip netns delete "${netns##*/}"
done
awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/self/mounts | sort -r | while read -r mount; do
  umount "$mount" 2>/dev/null || umount --lazy "$mount"
done
for hierarchy in $(groups '^cgroup2?$'); do
  [ ! -d "$hierarchy/$prefix" ] || find "$hierarchy/$prefix" -depth -type d -exec rmdir {} + 2>/dev/null
done
rm -rf --one-file-system "$folder"

# shellcheck shell=bash
# The packages of the distribution: docker, the ECR helper, CNI plugins, chrony. `build` reads this by `source`.
#
# The distribution's archive is signed, and keeps only its newest versions: PACKAGE_VERSIONS pins those that matter,
# and directories of packages (`debs`, `rpms`) in FILES pin all of them.

list_of_packages() {
  case $SYSTEM in
    debian-12) echo "$DEBIAN systemd-resolved" ;;
    ubuntu-22.04) echo "$DEBIAN" ;;       # not tried
    ubuntu-24.04) echo "$DEBIAN systemd-resolved" ;; # not tried
    amazon-2023) echo "docker amazon-ecr-credential-helper chrony iptables-nft unzip" ;; # not tried
    *) die "cannot install packages on $SYSTEM; add it to packer/scripts/packages.sh" ;;
  esac
}
# docker starts no container without apparmor where the kernel has it.
DEBIAN="docker.io apparmor amazon-ecr-credential-helper containernetworking-plugins chrony ca-certificates iptables unzip"

# Debian starts what it installs, and docker would leave a key and networks in the image.
start_nothing() {
  ! is_debian || [ -e "$POLICY" ] || printf '#!/bin/sh\n# cos image build\nexit 101\n' | install -m 755 /dev/stdin "$POLICY"
}
start_again() { ! grep -qs '^# cos image build$' "$POLICY" || rm -f "$POLICY"; }
POLICY=/usr/sbin/policy-rc.d

# The tools that `get` needs, before the network changes: systemd-resolved takes over the resolver as it is installed.
download_tools() {
  [ "$AIR_GAPPED" != true ] || return 0
  if is_debian; then
    apt update
    apt install curl gpgv
  else
    dnf install gnupg2-minimal # not tried
  fi
}

install_packages() {
  local packages=() offline=() wanted package
  if [ -d "$FILES/debs" ]; then
    packages=("$FILES"/debs/*.deb)
    # Without sources it cannot download. With --no-download it fails where it has to replace a package.
    offline=(-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null)
  elif [ -d "$FILES/rpms" ]; then
    packages=("$FILES"/rpms/*.rpm) offline=(--disablerepo='*') # not tried
  elif [ "$AIR_GAPPED" = true ]; then
    die "cannot find packages, and air_gapped is true; put them into \`debs\` or \`rpms\` in the directory \`files\`"
  else
    wanted=$(list_of_packages)
    for package in $wanted $EXTRA_PACKAGES; do packages+=("$(pinned "$package")"); done
  fi
  [ ! -f "$GOT/amazon-ssm-agent.deb" ] || packages+=("$GOT/amazon-ssm-agent.deb")
  if is_debian; then
    apt install "${offline[@]}" "${packages[@]}"
  else
    dnf install "${offline[@]}" "${packages[@]}"
  fi
}

pinned() { # package
  local pin glue="="
  is_debian || glue="-"
  for pin in $PACKAGE_VERSIONS; do
    [ "${pin%%=*}" != "$1" ] || { echo "$1$glue${pin#*=}"; return; }
  done
  echo "$1"
}

apt() { # verb, packages…
  local verb=$1
  shift
  DEBIAN_FRONTEND=noninteractive apt-get "$verb" -qq --yes -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
    --no-install-recommends "$@"
}
dnf() { command dnf --quiet --assumeyes --setopt=install_weak_deps=False "$@"; }

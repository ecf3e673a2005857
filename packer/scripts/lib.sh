# shellcheck shell=bash
# What the scripts of the image build share.

# How a script ends that has already said why.
SAID=9

# Ends the build with one line: what happened, then what to do.
die() {
  echo "cos image: $*" >&2
  exit $SAID
}

# x86_64 has two names, and so has arm64; those of Go and of Debian.
architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) die "cannot build for $(uname -m); use an instance type of x86_64 or arm64" ;;
  esac
}

# As the variable `system` has it: debian-12, ubuntu-24.04, amazon-2023.
system() (
  # shellcheck source=/dev/null
  . /etc/os-release
  case $ID in
    amzn) echo "amazon-$VERSION_ID" ;;
    *) echo "$ID-$VERSION_ID" ;;
  esac
)

is_debian() { [ "${SYSTEM%%-*}" != amazon ]; }

# Installs a file unless it is there already, with this mode: a second build on the same machine changes nothing.
put() { # mode, file, path
  { cmp -s "$2" "$3" && [ "$(stat -c %a "$3")" = "$1" ]; } || install -D -m "$1" "$2" "$3"
}

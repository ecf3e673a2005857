# shellcheck shell=bash
# logged LOG WHAT COMMAND…: runs a command, or a function, in a subshell of its own with `set -e`. Its words go to LOG. If it fails, this
# shows the last of them, says that it cannot do WHAT, and ends the script. To be sourced.
logged() {
  local log=$1 what=$2 code
  shift 2
  # Not `… || …`: that would switch `set -e` off inside.
  set +e
  (set -e; "$@") >"$log" 2>&1
  code=$?
  set -e
  [ $code = 0 ] || { tail -n 20 "$log" >&2; echo "$0: cannot $what; all of it is in $log" >&2; exit 1; }
}

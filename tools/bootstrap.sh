#!/usr/bin/env bash
# bootstrap.sh GROUP…: installs the Debian packages of these groups of tools/packages.txt that are missing.
# Does nothing, and needs no root, where all are there. Without arguments: the group `build`.
set -euo pipefail
list=$(cd "$(dirname "$0")" && pwd)/packages.txt

works() {  # a command name, or a whole command line
  case "$1" in
    *" "*) bash -c "$1" >/dev/null 2>&1 </dev/null ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

[ $# -gt 0 ] || set -- build
missing=()
for group in "$@"; do
  grep -qx "\[$group\]" "$list" || { echo "bootstrap.sh: no group [$group] in $list" >&2; exit 2; }
  while IFS= read -r line; do
    case "$line" in
      *": "*) works "${line%: *}" || missing+=("${line##*: }") ;;
      *) dpkg-query -W -f='${Status}' "$line" 2>/dev/null | grep -q 'ok installed' || missing+=("$line") ;;
    esac
  done < <(sed -n "/^\[$group\]\$/,/^\[/p" "$list" | sed -e '/^\[/d' -e '/^#/d' -e '/^\s*$/d')
done
[ ${#missing[@]} -eq 0 ] && exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
command -v apt-get >/dev/null || { echo "bootstrap.sh: missing, and there is no apt-get here: ${missing[*]}" >&2; exit 1; }
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "bootstrap.sh: as root, please: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing Debian packages: ${missing[*]}"
apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
# Tests start their servers themselves, on ports of their own: none is to be started because it was installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  trap '"${sudo[@]}" rm -f "$policy"' EXIT
fi
apt update
apt install -y --no-install-recommends "${missing[@]}" >/dev/null

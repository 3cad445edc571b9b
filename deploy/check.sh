#!/usr/bin/env bash
# Installs, upgrades and removes a .deb in a chroot without a network, and has systemd
# judge the unit. Needs root; makes the chroot with mmdebstrap where there is none.
#
#   deploy/check.sh PACKAGE.deb [CHROOT]
set -euo pipefail
deb=$(readlink -f "$1")
root=${2:-}
cd "$(dirname "$0")/.."
if [[ -z $root ]]; then
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  mmdebstrap --variant=minbase bookworm "$root"
fi
# Every command has /proc, and no network but a loopback that is down.
within() {
  unshare --net --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$root" "$@"
}
want() { # want WHAT COMMAND...: the command must succeed
  local what=$1
  shift
  if "$@"; then echo "ok      $what"; else echo "failed  $what: $*"; exit 1; fi
}
owned() { [[ $(within stat -c '%U:%G %a' "$1") == "$2" ]]; }
said() { local text=$1; shift; grep -q -- "$text" <<<"$("$@" 2>&1)"; }
as_node() { within setpriv --reuid=dicomnode --regid=dicomnode --clear-groups "$@"; }

cp "$deb" "$root/package.deb"
want "installs without a network" within apt-get install -y /package.deb
want "data folder of the service user" owned /var/lib/dicomnode dicomnode:dicomnode\ 750
want "configuration is not for everybody" owned /etc/dicomnode/dicomnode.yaml root:dicomnode\ 640
want "secrets are root's" owned /etc/dicomnode/environment root:root\ 600
want "the shipped configuration is good" as_node dicomnode config check
want "ONNX Runtime is found" said 'ONNX Runtime .*: /usr/lib/dicomnode/' as_node dicomnode doctor
want "the decoders are found" said 'OpenJPEG' as_node dicomnode doctor
want "licences are inside" within test -s /usr/share/doc/dicomnode/licences/onnxruntime-LICENSE
want "position independent, full RELRO" said BIND_NOW readelf -d "$root/usr/lib/dicomnode/dicomnode"
want "position independent" said 'DYN (Position' readelf -h "$root/usr/lib/dicomnode/dicomnode"

within sh -c 'echo "# kept" >>/etc/dicomnode/dicomnode.yaml; echo 1 >/var/lib/dicomnode/kept'
want "upgrades" within dpkg -i /package.deb
want "an upgrade keeps the configuration" within grep -q '# kept' /etc/dicomnode/dicomnode.yaml
want "removes" within dpkg -r dicomnode
want "a removal keeps data" within test -f /var/lib/dicomnode/kept
want "a removal keeps the configuration" within test -f /etc/dicomnode/dicomnode.yaml
want "purges" within dpkg -P dicomnode
want "even a purge keeps data" within test -f /var/lib/dicomnode/kept
want "and the user that owns it" within getent passwd dicomnode

if command -v systemd-analyze >/dev/null; then
  unit=$(mktemp -d)
  # verify wants the program at its place
  sed "s|/usr/bin/dicomnode|/bin/true|" deploy/dicomnode.service >"$unit/dicomnode.service"
  want "systemd understands the unit" systemd-analyze verify "$unit/dicomnode.service"
  want "the sandbox is tight" systemd-analyze security --offline=true --threshold=20 "$unit/dicomnode.service"
  rm -rf "$unit"
fi

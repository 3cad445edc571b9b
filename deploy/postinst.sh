#!/bin/sh
# After the files are there (deb: configure [OLD VERSION]; rpm: 1 first, 2 upgrade).
set -e
case "$1" in
configure) before=$2 ;;
1) before= ;;
2) before=yes ;;
*) exit 0 ;;
esac

getent group dicomnode >/dev/null || groupadd --system dicomnode
getent passwd dicomnode >/dev/null ||
  useradd --system --gid dicomnode --home-dir /var/lib/dicomnode --no-create-home --shell /usr/sbin/nologin dicomnode
chown root:dicomnode /etc/dicomnode /etc/dicomnode/dicomnode.yaml
install -d -o dicomnode -g dicomnode -m 0750 /var/lib/dicomnode

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  # Open associations and running jobs are finished first; the index of before is
  # copied beside the new one by the new version when its form changes.
  [ -z "$before" ] || systemctl try-restart dicomnode.service
fi
if [ -z "$before" ]; then
  echo "dicomnode: edit the three marked lines of /etc/dicomnode/dicomnode.yaml, then"
  echo "  dicomnode config check --probe && systemctl enable --now dicomnode"
fi

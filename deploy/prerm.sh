#!/bin/sh
# Before the files go (deb: remove; rpm: 0). An upgrade leaves the node running.
set -e
case "$1" in remove | 0) ;; *) exit 0 ;; esac
if [ -d /run/systemd/system ]; then
  systemctl --no-reload disable --now dicomnode.service
fi

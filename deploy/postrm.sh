#!/bin/sh
# After the files are gone (deb: remove, purge; rpm: 0). Images, results, models and the
# user that owns them stay: removing them is a decision of its own.
set -e
case "$1" in remove | purge | 0) ;; *) exit 0 ;; esac
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ ! -d /var/lib/dicomnode ] || echo "dicomnode: /var/lib/dicomnode stays with all images and results"

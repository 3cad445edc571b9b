#!/bin/sh
# Begins transfers again that Orthanc gave up because the node did not answer: Orthanc
# itself tries once. Run it every minute, by cron or a systemd timer:
#   * * * * * sh /etc/orthanc/resubmit.sh http://127.0.0.1:8042
# With a password: http://user:password@127.0.0.1:8042
set -eu
base=${1:-http://127.0.0.1:8042}
curl -sSf "$base/jobs" | tr -d '[]", ' | while read -r id; do
	[ -n "$id" ] || continue
	job=$(curl -sSf "$base/jobs/$id")
	case $job in
	*'"State" : "Failure"'*'"Type" : "DicomModalityStore"'*) curl -sSf -X POST -d '' "$base/jobs/$id/resubmit" >/dev/null ;;
	esac
done

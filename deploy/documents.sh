#!/usr/bin/env bash
# Fills a folder with the documents of the packages: those of the repository, and the
# changelog with the changes of docs/changes as the section of VERSION. Fails if a link
# leads nowhere.
#
#   deploy/documents.sh FOLDER
set -euo pipefail
doc=$(readlink -f "$1")
cd "$(dirname "$0")/.."
install -m 0644 LICENSE NOTICE CONTRIBUTING.md SECURITY.md README.md configs/default.yaml deploy/Containerfile "$doc/"
git ls-files -z docs trainer/testdata/radiographs/ATTRIBUTION.md | while IFS= read -r -d '' file; do install -D -m 0644 "$file" "$doc/$file"; done
go run ./dicomnode/changelog -out "$doc/CHANGELOG.md" "${VERSION:-development}"
mv "$doc/LICENSE" "$doc/copyright"
mv "$doc/default.yaml" "$doc/dicomnode.yaml"
find "$doc" -name '*.md' -print0 | while IFS= read -r -d '' page; do
  { grep -o '](\([^):# ]*\)[)#]' "$page" || true; } | sed 's/^](//; s/.$//' | while read -r link; do
    [[ -e $(dirname "$page")/$link ]] || { echo "${page#"$doc"/} links to $link, which is not in the packages" >&2; exit 1; }
  done
done

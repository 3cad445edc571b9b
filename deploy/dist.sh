#!/usr/bin/env bash
# Builds what is delivered into dist/: program, .deb, .rpm, bill of materials, sums, and
# with SIGNING_KEY, the file of an OpenSSH private key, the signature of the sums. The
# same commit gives the same bytes: nothing depends on the day, the folder or the machine's name.
#
#   VERSION            default: from the tag or commit
#   SOURCE_DATE_EPOCH  default: the time of the commit
#   MAINTAINER         who answers for the packages, "name <address>"; part of their bytes
#   NFPM               the packager, default: go run at the version below
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
export LC_ALL=C TZ=UTC

described=$(git describe --tags --always --dirty 2>/dev/null || echo development)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
if [[ -z ${VERSION:-} ]]; then
  # A package's version begins with a digit and sorts by time where there is no tag.
  if [[ $described == v[0-9]* ]]; then VERSION=${described#v}; VERSION=${VERSION//-/+}
  else VERSION=0.0.0+$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M).${described//-/.}; fi
fi
export VERSION
export MTIME; MTIME=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
export ARCH; ARCH=$(go env GOARCH)
MAINTAINER=${MAINTAINER:-dicomnode packagers <root@localhost>}
[[ $MAINTAINER == *[[:alnum:]]" <"*@*">" && $MAINTAINER != *["|&\\"\"$'\n']* ]] || { echo "dist: MAINTAINER is not name <address>" >&2; exit 2; }
runtime=.runtime
read -ra nfpm <<<"${NFPM:-go run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4}"

out=${DIST:-dist}
rm -rf "$out"
mkdir -p "$out"
export STAGE; STAGE=$(mktemp -d)
config=$(mktemp --suffix=.yaml)
trap 'rm -rf "$STAGE" "$config"' EXIT
lib=$STAGE/lib doc=$STAGE/doc
mkdir -p "$lib/codecs" "$doc/licences"

# Position independent, every relocation read-only before main (full RELRO), no stack
# that can be executed.
CGO_ENABLED=1 CGO_CFLAGS='-O2 -g0' CGO_CXXFLAGS='-O2 -g0' go build -trimpath -buildvcs=false -buildmode=pie \
  -ldflags "-s -w -buildid= -linkmode=external -extldflags '-Wl,-z,relro,-z,now,-z,noexecstack,--build-id=none' -X main.version=$VERSION" \
  -o "$lib/dicomnode" ./dicomnode
for library in "$runtime"/libonnxruntime.so.*; do install -m 0644 "$library" "$lib/"; done
for library in "$runtime"/codecs/*.so; do install -m 0644 "$library" "$lib/codecs/"; done
# The newest symbol of glibc that any of them wants.
export GLIBC; GLIBC=$(objdump -T "$lib/dicomnode" "$lib"/*.so.* "$lib"/codecs/*.so | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -1)

bash deploy/documents.sh "$doc"
for text in "$runtime"/LICENSE "$runtime"/ThirdPartyNotices.txt; do install -m 0644 "$text" "$doc/licences/onnxruntime-$(basename "$text")"; done
install -m 0644 "$runtime"/codecs/LICENSE-* "$doc/licences/"
go run ./deploy/bill -program "$lib/dicomnode" -version "$VERSION" -libraries "$lib" -epoch "$SOURCE_DATE_EPOCH" \
  -out "$doc/sbom.cdx.json" -licences "$doc/licences"
gzip -9n "$doc/licences/onnxruntime-ThirdPartyNotices.txt"
find "$STAGE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# nfpm knows no variables in most places.
sed -e "s|\${STAGE}|$STAGE|; s|\${VERSION}|$VERSION|; s|\${ARCH}|$ARCH|; s|\${MTIME}|$MTIME|; s|\${GLIBC}|$GLIBC|; s|\${MAINTAINER}|$MAINTAINER|" deploy/nfpm.yaml >"$config"
for packager in deb rpm; do
  "${nfpm[@]}" package --config "$config" --packager "$packager" --target "$out/"
done
cp "$doc/sbom.cdx.json" "$out/dicomnode-$VERSION.cdx.json"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$STAGE" \
  --transform "s,^\./,dicomnode-$VERSION/," -cf - ./lib ./doc | gzip -9n >"$out/dicomnode-$VERSION-linux-$ARCH.tar.gz"
(cd "$out" && sha256sum -- * >SHA256SUMS)
if [[ -n ${SIGNING_KEY:-} ]]; then
  ssh-keygen -q -Y sign -n dicomnode -f "$SIGNING_KEY" "$out/SHA256SUMS"
else
  echo "dist: SHA256SUMS is not signed: name a key in SIGNING_KEY" >&2
fi
ls -l "$out"

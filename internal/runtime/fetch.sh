#!/usr/bin/env bash
# Puts the pinned ONNX Runtime library under .runtime/, verified by SHA-256.
#
#   fetch.sh        the CPU build, into .runtime/
#   fetch.sh gpu    the CUDA build and the libraries it needs, into .runtime/gpu/
#
# The files come from the ordinary Python client (pip), or from the npm client
# where there is no pip; set PIP or NPM to name another. What is already there
# and right is left alone. Exit status: 0 done, 1 not possible, with the reason.
set -euo pipefail
umask 022

version=1.27.0
library=libonnxruntime.so.$version
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${RUNTIME_DIR:-$root/.runtime}
read -ra pip <<<"${PIP:-python3 -m pip}"
read -ra npm <<<"${NPM:-npm}"

# SHA-256 of the library: kind (cpu, gpu), source, machine.
checksums='
cpu pip x86_64  b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7
cpu pip aarch64 9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2
cpu npm x86_64  d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221
cpu npm aarch64 c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f
gpu pip x86_64  184096f611d6cfff75f5d4cbaf01f76d736ab10d408d335fca0c85e5a79018db
'

say() { echo "fetch runtime: $*" >&2; }
die() { say "$*"; exit 1; }

# wanted KIND SOURCE: the checksum this machine must get, nothing if there is none.
wanted() {
  awk -v k="$1" -v s="$2" -v m="$(uname -m)" '$1 == k && $2 == s && $3 == m {print $4}' <<<"$checksums"
}

sum() { sha256sum "$1" | cut -d' ' -f1; }

# right KIND FILE: whether FILE is one of the libraries in the table.
right() {
  local source want
  [[ -f $2 ]] || return 1
  for source in pip npm; do
    want=$(wanted "$1" "$source")
    [[ -n $want && $want == "$(sum "$2")" ]] && return 0
  done
  return 1
}

# wheel PACKAGE DIR: downloads one wheel for this machine, nothing it depends on.
wheel() {
  local platforms=() tag
  for tag in 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${tag}_$(uname -m)"); done
  platforms+=(--platform "manylinux2014_$(uname -m)")
  "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.12 --implementation cp "${platforms[@]}" -d "$2" "$1" >&2
}

# unpack ARCHIVE DIR: wheels are zip files.
unpack() {
  if command -v python3 >/dev/null; then
    python3 -m zipfile -e "$1" "$2"
  else
    unzip -q "$1" -d "$2"
  fi
}

# from_pip KIND DIR: prints the library's path.
from_pip() {
  local package=onnxruntime
  [[ $1 == gpu ]] && package=onnxruntime-gpu
  "${pip[@]}" --version >/dev/null 2>&1 || return 1
  mkdir -p "$2/wheel"
  wheel "$package==$version" "$2" || return 1
  unpack "$2/${package//-/_}-$version"-*.whl "$2/wheel" || return 1
  echo "$2/wheel/onnxruntime/capi/$library"
}

# from_npm KIND DIR: prints the library's path.
from_npm() {
  [[ $1 == cpu ]] && command -v "${npm[0]}" >/dev/null || return 1
  local machine=x64
  [[ $(uname -m) == aarch64 ]] && machine=arm64
  (cd "$2" && "${npm[@]}" pack --silent "onnxruntime-node@$version" >/dev/null) || return 1
  tar -xzf "$2/onnxruntime-node-$version.tgz" -C "$2" || return 1
  echo "$2/package/bin/napi-v6/linux/$machine/libonnxruntime.so.1"
}

# obtain KIND DIR: prints the path of a verified library.
obtain() {
  local source file want got
  for source in pip npm; do
    want=$(wanted "$1" "$source")
    [[ -n $want ]] || continue
    mkdir -p "$2/$source"
    file=$("from_$source" "$1" "$2/$source") || { say "$source did not give it"; continue; }
    got=$(sum "$file")
    [[ $got == "$want" ]] || die "$(basename "$file") from $source has SHA-256 $got, want $want"
    echo "$file"
    return
  done
  die "no source gave ONNX Runtime $version ($1) for $(uname -s) $(uname -m); install python3-pip or npm, or put the library there yourself and name it with DICOMNODE_ORT_LIB"
}

# install_file FROM TO: atomically, so that nobody loads half a library.
install_file() {
  mkdir -p "$(dirname "$2")"
  local part
  part=$(mktemp "$2.XXXXXX")
  cp "$1" "$part"
  chmod 0644 "$part"
  mv -f "$part" "$2"
}

fetch_cpu() {
  right cpu "$target/$library" && { say "$library is there and right"; return; }
  local file notice
  file=$(obtain cpu "$work")
  for notice in LICENSE ThirdPartyNotices.txt; do
    [[ ! -f $(dirname "$file")/../$notice ]] || install_file "$(dirname "$file")/../$notice" "$target/$notice"
  done
  install_file "$file" "$target/$library"
  say "$library is in $target"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${1:-cpu} in
cpu) fetch_cpu ;;
*) die "usage: fetch.sh [cpu|gpu]" ;;
esac

#!/usr/bin/env bash
# Puts the pinned ONNX Runtime and codec libraries under .runtime/, verified by SHA-256.
#
#   fetch.sh         ONNX Runtime's CPU build, into .runtime/
#   fetch.sh gpu     the CUDA build and the libraries it needs, into .runtime/gpu/
#   fetch.sh codecs  libjpeg-turbo, CharLS, OpenJPEG and OpenJPH, into .runtime/codecs/
#
# The files come from the ordinary Python client (pip), or from the npm client
# where there is no pip; set PIP or NPM to name another. The codecs come from pip
# alone; where it does not give them the node works without, so that is no failure.
# What is already there and right is left alone. Exit status: 0 done, 1 not possible, with the reason.
set -euo pipefail
umask 022

version=1.27.0
library=libonnxruntime.so.$version
root=$(cd "$(dirname "$0")/../.." && pwd)
target=${RUNTIME_DIR:-$root/.runtime}
read -ra pip <<<"${PIP:-python3 -m pip}"
read -ra npm <<<"${NPM:-npm}"

# SHA-256 of a library: kind (cpu, gpu, a codec's name), source, machine.
checksums='
cpu pip x86_64  b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7
cpu pip aarch64 9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2
cpu npm x86_64  d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221
cpu npm aarch64 c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f
gpu pip x86_64  184096f611d6cfff75f5d4cbaf01f76d736ab10d408d335fca0c85e5a79018db
libjpeg    pip x86_64  d94a0a231346c6fdd47fdb81123547575e5dc664a6f911d78eb6e2d53fbbb29c
libjpeg    pip aarch64 56e26f8dfd6492cd9dfddeb7aa925cb4dc9a69e698ae28d227ce2217b6edfd54
libcharls  pip x86_64  7e188471138df0f636d282b206f27e98753a53cac98cad66f3c9ce7a1bfc9bec
libcharls  pip aarch64 512fa6186e94afd81960e0c1db4abdd56f2c6be0efa9a63b603e45d653eca5a4
libopenjp2 pip x86_64  501682a05ef1d71c0220ce77b4f343c95d5c454749e312e7fee2fb0df74c3315
libopenjp2 pip aarch64 33dde7cabdbabce51300248a51b9a86b195c259efbf29e1196f61f671fb7c8c0
libopenjph pip x86_64  9128fc6081df0b4ecc4911d7b669621959d54b402daf0d8a39f884dbacf4487d
libopenjph pip aarch64 04eada2fb445c4c821fa9eba2d283992a6ee9d21fc315120f20e0596e1e1a070
'
codecs='libjpeg libcharls libopenjp2 libopenjph'

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

# wheels DIR WHAT...: downloads the wheels WHAT asks pip for, for this machine,
# and nothing they depend on.
wheels() {
  local dir=$1
  shift
  local platforms=() tag
  for tag in 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${tag}_$(uname -m)"); done
  platforms+=(--platform "manylinux2014_$(uname -m)")
  "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.12 --implementation cp "${platforms[@]}" -d "$dir" "$@" >&2
}

# unpack ARCHIVE DIR: wheels are zip files.
unpack() {
  if command -v python3 >/dev/null; then
    python3 -m zipfile -e "$1" "$2"
  else
    unzip -q "$1" -d "$2"
  fi
}

# from_pip DIR: prints the library's path.
from_pip() {
  "${pip[@]}" --version >/dev/null 2>&1 || return 1
  mkdir -p "$1/wheel"
  wheels "$1" "onnxruntime==$version" || return 1
  unpack "$1/onnxruntime-$version"-*.whl "$1/wheel" || return 1
  echo "$1/wheel/onnxruntime/capi/$library"
}

# from_npm DIR: prints the library's path.
from_npm() {
  command -v "${npm[0]}" >/dev/null || return 1
  local machine=x64
  [[ $(uname -m) == aarch64 ]] && machine=arm64
  (cd "$1" && "${npm[@]}" pack --silent "onnxruntime-node@$version" >/dev/null) || return 1
  tar -xzf "$1/onnxruntime-node-$version.tgz" -C "$1" || return 1
  echo "$1/package/bin/napi-v6/linux/$machine/libonnxruntime.so.1"
}

# obtain DIR: prints the path of a verified CPU library.
obtain() {
  local source file want got
  for source in pip npm; do
    want=$(wanted cpu "$source")
    [[ -n $want ]] || continue
    mkdir -p "$1/$source"
    file=$("from_$source" "$1/$source") || { say "$source did not give it"; continue; }
    got=$(sum "$file")
    [[ $got == "$want" ]] || die "$(basename "$file") from $source has SHA-256 $got, want $want"
    echo "$file"
    return
  done
  die "no source gave ONNX Runtime $version for $(uname -s) $(uname -m); install python3-pip or npm, or put the library there yourself and name it with DICOMNODE_ORT_LIB"
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
  file=$(obtain "$work")
  for notice in LICENSE ThirdPartyNotices.txt; do
    [[ ! -f $(dirname "$file")/../$notice ]] || install_file "$(dirname "$file")/../$notice" "$target/$notice"
  done
  install_file "$file" "$target/$library"
  say "$library is in $target"
}

# fetch_gpu checks every wheel (gpu.txt) and puts all their libraries into one
# folder; ONNX Runtime's own library comes last, as the sign that all is there.
fetch_gpu() {
  local gpu=$target/gpu archive file
  right gpu "$gpu/$library" && { say "$library (CUDA) is there and right"; return; }
  [[ -n $(wanted gpu pip) ]] || die "there is no CUDA build for $(uname -s) $(uname -m)"
  say "fetching about 1.5 GB"
  wheels "$work" --require-hashes -r "$(dirname "$0")/gpu.txt" || die "pip did not give the CUDA build"
  for archive in "$work"/*.whl; do
    unpack "$archive" "$work/wheel"
    rm "$archive"
  done
  find "$work/wheel" -name 'lib*.so*' ! -name "$library" ! -name '*tensorrt*' -print0 |
    while IFS= read -r -d '' file; do install_file "$file" "$gpu/$(basename "$file")"; done
  for file in "$work"/wheel/*.dist-info; do
    find "$file" -iname 'licen*' -type f -exec cat {} + >"$work/licence"
    [[ ! -s $work/licence ]] || install_file "$work/licence" "$gpu/licences/$(basename "$file" .dist-info).txt"
  done
  for file in LICENSE ThirdPartyNotices.txt; do
    install_file "$work/wheel/onnxruntime/$file" "$gpu/$file"
  done
  right gpu "$work/wheel/onnxruntime/capi/$library" || die "$library is not the one of the table"
  install_file "$work/wheel/onnxruntime/capi/$library" "$gpu/$library"
  say "$library (CUDA) is in $gpu"
}

# right_codecs DIR: whether all codec libraries are there.
right_codecs() {
  local name
  for name in $codecs; do right "$name" "$1/$name.so" || return 1; done
}

# unpacked_codec NAME: the library's path in the wheel, whose file names carry a hash.
unpacked_codec() {
  find "$work/wheel/imagecodecs.libs" -name "$1-*" -type f
}

# fetch_codecs takes four libraries and their licences out of one wheel.
fetch_codecs() {
  local target=$target/codecs name
  right_codecs "$target" && { say "the codec libraries are there and right"; return; }
  [[ -n $(wanted libjpeg pip) ]] || { say "no codec libraries for $(uname -s) $(uname -m): the node works without JPEG, JPEG-LS and JPEG 2000"; return; }
  wheels "$work" --require-hashes -r "$(dirname "$0")/codecs.txt" || {
    say "pip did not give the codec libraries: the node works without JPEG, JPEG-LS and JPEG 2000; run this again to have them"
    return
  }
  unpack "$work"/imagecodecs-*.whl "$work/wheel"
  for name in $codecs; do
    right "$name" "$(unpacked_codec "$name")" || die "$name of the wheel is not the one of the table"
  done
  for name in libjpeg libjpeg-turbo charls openjpeg openjph; do
    install_file "$work/wheel/imagecodecs/licenses/LICENSE-$name" "$target/LICENSE-$name"
  done
  for name in $codecs; do install_file "$(unpacked_codec "$name")" "$target/$name.so"; done
  say "the codec libraries are in $target"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${1:-cpu} in
cpu) fetch_cpu ;;
gpu) fetch_gpu ;;
codecs) fetch_codecs ;;
*) die "usage: fetch.sh [cpu|gpu|codecs]" ;;
esac

#!/usr/bin/env bash
# Makes the Python environment with the programs that training sets are made for, for
# TestJudges: PyTorch and what it needs are 5 GB.
#
#   fetch.sh [FOLDER]   default: out/judges at the top of the repository
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(cd "$here/../../.." && pwd)/out/judges}
[[ -e $folder/.complete-1 ]] && exit 0
python3 -m venv "$folder"
"$folder/bin/python" -m pip install -q --no-cache-dir --disable-pip-version-check -r "$here/requirements.txt"
touch "$folder/.complete-1"

#!/usr/bin/env bash
# Fetches the packages of PyPI that the tests of de-identification judge with into
# FOLDER: the tables they are compared with, and pydicom to write and read objects.
#
#   fetch.sh [FOLDER]      default: .runtime/deidentify at the top of the repository
set -euo pipefail
folder=${1:-$(cd "$(dirname "$0")/../.." && pwd)/.runtime/deidentify}
stamp="$folder/.complete-1"
[[ -e $stamp ]] && exit 0
mkdir -p "$folder"
pip() { python3 -m pip install -q --disable-pip-version-check --target "$folder" --upgrade "$@"; }
pip 'pydicom==3.0.2' 'numpy<3' tqdm
pip --no-deps 'dicom-anonymizer==2.1.0' 'idiscore==1.2.0' 'highdicom==0.28.2'
touch "$stamp"

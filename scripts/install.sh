#!/bin/sh
# Creates .venv in the checkout and installs Shotsmith into it, editable, at the pinned versions.
#
#   scripts/install.sh            the base: everything but torch
#   scripts/install.sh all,dev    these extras as well
#
# PYTHON chooses the interpreter of a new .venv.
set -eu
cd "$(dirname "$0")/.."
extras=${1:+[$1]}

# Without cached bytecode every start of Python would compile its imports anew.
unset PYTHONDONTWRITEBYTECODE
# uv does not read pip's folder of local wheels, which pip separates by spaces.
UV_FIND_LINKS=${UV_FIND_LINKS:-$(echo "${PIP_FIND_LINKS:-}" | tr ' ' ',')}
export UV_FIND_LINKS

suitable() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        suitable "$python" && break
        python=
    done
    if [ -z "$python" ]; then
        echo "No suitable Python among: ${PYTHON:-python3, python3.13, python3.12, python3.11}." >&2
        echo "Shotsmith needs 3.11 or newer with the venv module (on Debian: apt install python3-venv);" >&2
        echo "name one with: make PYTHON=/path/to/python3 ..." >&2
        exit 1
    fi
    echo "Creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

echo "Installing shotsmith$extras into .venv"
if { [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'; } &&
    .venv/bin/uv pip install --quiet --python .venv/bin/python -c constraints.txt -e ".$extras"; then
    exit 0
fi
echo "uv could not do it; trying pip, which takes a few minutes"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extras"

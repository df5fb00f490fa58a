#!/bin/sh
# Writes constraints.txt: exact versions of every dependency and extra, for every platform and Python >= 3.11.
# Present pins stay where they still fit; `scripts/lock.sh --upgrade` renews all of them.
set -eu
cd "$(dirname "$0")/.."
# Local wheel folders would write local versions such as +cpu, which exist nowhere else.
unset UV_FIND_LINKS
new=$(mktemp)
trap 'rm -f "$new"' EXIT
grep -v '^#' constraints.txt >"$new"
.venv/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --quiet \
    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file "$new" "$@" >/dev/null
if grep -n '==[^ ]*+\|://' "$new"; then
    echo "constraints.txt must not name local versions or places" >&2
    exit 1
fi
{
    cat <<'HEADER'
# Exact versions for `pip install -c constraints.txt`. Written by `make lock`; do not edit.
# One file for CPU and CUDA: it names plain torch, so a CPU build is taken where the configured
# wheel source offers one, and the nvidia-* pins then stay unused.
HEADER
    cat "$new"
} >constraints.txt

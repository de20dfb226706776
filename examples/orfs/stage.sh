#!/usr/bin/env bash
# All that the job needs, into a folder: stage.sh FOLDER. CPython 3.11 and its library are as published on npm, at the version
# and hash of scripts/published/programs.toml; they are fetched (48 MB) unless they are there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
to="${1:?usage: stage.sh FOLDER}"
"$here/../../scripts/published.sh" fetch cpython-lib
# shellcheck source=scripts/env.sh
. "$here/../../scripts/env.sh" 2>/dev/null
mkdir -p "$to/image/data"
cp "$CARGO_TARGET_DIR/published/cpython-lib.wasm" "$to/python.wasm"
cp -R "$CARGO_TARGET_DIR/published/cpython-lib/files/python" "$to/image/"
cp "$here/../kmers/data/phix174.fasta" "$to/image/data/"
cp "$here/orfs.py" "$to/image/"
cp "$here/job.toml" "$here/frames.txt" "$to/"

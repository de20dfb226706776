#!/usr/bin/env bash
# Builds the program and puts all that the job needs into a folder: stage.sh FOLDER. With the `go` of your PATH (1.21 or newer),
# or else the one that scripts/toolchain.sh fetches (75 MB).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
to="${1:?usage: stage.sh FOLDER}"
go="$(command -v go || echo "$("$here/../../scripts/toolchain.sh" go)/bin/go")"
mkdir -p "$to/image/data"
to="$(cd "$to" && pwd)"
(cd "$here" && GOTOOLCHAIN=local GOFLAGS=-trimpath GOOS=wasip1 GOARCH=wasm "$go" build -o "$to/viewshed.wasm" .)
cp "$here/../heat/data/elevation.png" "$to/image/data/"
cp "$here/job.toml" "$here/masts.txt" "$to/"

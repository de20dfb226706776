#!/usr/bin/env bash
# Writes NAME.sha256 here: the hash of each task's output as the independent reference computes it. Run it after
# scripts/build-examples.sh when a program or its data changed. A directory of outputs named like the inputs is
# checked with `sha256sum -c`.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=../../scripts/env.sh
. "$here/../../scripts/env.sh"
built="$CARGO_TARGET_DIR/examples"

for name in kmers heat mandelbrot digits sky; do
	for input in "$built/$name/inputs"/[0-9]*; do
		hash="$("$built/bin/reference" "$name" "$input" | sha256sum)"
		printf '%s  %s\n' "${hash%% *}" "${input##*/}"
	done >"$here/$name.sha256"
done

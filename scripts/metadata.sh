#!/usr/bin/env bash
# Writes the runtime's metadata to client/metadata.scale, from which the client library knows the chain.
# Run it after every change of a pallet's calls, errors, storage or runtime API; a test fails while it is out of date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$MILLRACE_ROOT"
new="$(mktemp client/.metadata.XXXXXX)"
trap 'rm -f "$new"' EXIT
cargo build --release --quiet --workspace --example metadata
"$CARGO_TARGET_DIR/release/examples/metadata" >"$new"
if cmp -s "$new" client/metadata.scale; then
	echo "client/metadata.scale is up to date"
else
	chmod 644 "$new"
	mv "$new" client/metadata.scale
	echo "client/metadata.scale is new: $(stat -c %s client/metadata.scale) bytes"
fi

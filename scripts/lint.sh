#!/usr/bin/env bash
# Formatting and clippy. Not part of the tests: clippy's artifacts share nothing with the build's.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$MILLRACE_ROOT"
cargo fmt --all --check
for workspace in examples vm/fuzz vm/tests/wasm-verifier vm/wasi; do
	(cd "$workspace" && cargo fmt --all --check)
done
SKIP_WASM_BUILD=1 cargo clippy --release --locked --workspace --all-targets -- -D warnings

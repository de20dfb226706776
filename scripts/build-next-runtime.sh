#!/usr/bin/env bash
# Builds the runtime once more, the same under a later version, to $CARGO_TARGET_DIR/next-runtime/runtime.wasm: what the tests of
# upgrades upgrade to. Its own crate is compiled again and nothing else: the rest is that of the runtime's build, which comes first.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

made="$CARGO_TARGET_DIR/release/wbuild/millrace-runtime"
next="$CARGO_TARGET_DIR/next-runtime"
if [ ! -e "$made/Cargo.toml" ]; then
	echo "error: the runtime is not built; run cargo build --release --locked --workspace --bins first" >&2
	exit 1
fi
mkdir -p "$next/src"
cp "$made/src/lib.rs" "$next/src/lib.rs"
cp "$made/Cargo.lock" "$next/Cargo.lock"
sed 's/^features = \[\]$/features = ["next-version"]/; s/"millrace_runtime"/"millrace_next"/' "$made/Cargo.toml" >"$next/Cargo.toml"
if ! grep -q next-version "$next/Cargo.toml"; then
	echo "error: the last build of the runtime had features; run cargo build --release --locked --workspace --bins first" >&2
	exit 1
fi
# As the wasm builder has them: with others, all that the runtime needs would be compiled again.
export RUSTFLAGS="-C link-arg=--export-table -C link-arg=--export=__heap_base -C link-arg=--import-memory --cfg substrate_runtime"
CARGO_TARGET_DIR="$made/target" cargo build --offline --release --target wasm32v1-none --manifest-path "$next/Cargo.toml"
cp "$made/target/wasm32v1-none/release/millrace_next.wasm" "$next/runtime.wasm.new"
mv -f "$next/runtime.wasm.new" "$next/runtime.wasm"

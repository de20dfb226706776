#!/usr/bin/env bash
# Measures the weights of calls and hooks and writes them to the pallets' src/weights.rs and runtime/src/weights/.
#
#   scripts/weights.sh                    # all
#   scripts/weights.sh pallet_jobs ...    # these
#   STEPS=20 REPEAT=10 scripts/weights.sh # faster, less exact
#   BENCH_RUNTIME=FILE scripts/weights.sh # with a runtime that was built before
#
# Run it on a machine that does nothing else. Only the runtime's wasm is built with benchmarks, beside the normal one and
# with its dependencies, so the normal build stays as it is.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$MILLRACE_ROOT"

version=0.28.0
bencher="${FRAME_OMNI_BENCHER:-frame-omni-bencher}"
if ! command -v "$bencher" >/dev/null; then
	echo "error: $bencher is missing; 'cargo install frame-omni-bencher --version $version --locked' (half an hour; its" >&2
	echo "default features want libclang, Debian's libclang-dev)," >&2
	echo "or say where it is in FRAME_OMNI_BENCHER" >&2
	exit 1
fi

build_runtime() {
	local project="$CARGO_TARGET_DIR/release/wbuild/millrace-runtime-bench"
	local target="$CARGO_TARGET_DIR/release/wbuild/millrace-runtime/target"
	mkdir -p "$project/src"
	cp Cargo.lock "$project/Cargo.lock"
	chmod u+w "$project/Cargo.lock"
	cat >"$project/Cargo.toml" <<-TOML
		[package]
		name = "millrace-runtime-bench"
		version = "1.0.0"
		edition = "2021"

		[lib]
		name = "millrace_runtime_bench"
		crate-type = ["cdylib"]

		[dependencies.wasm-project]
		package = "millrace-runtime"
		path = "$MILLRACE_ROOT/runtime"
		default-features = false
		features = ["runtime-benchmarks"]

		# As the wasm builder has it, so that both share what they depend on.
		[profile.release]
		lto = "thin"
		panic = "abort"

		[workspace]
		resolver = "2"
	TOML
	echo '#![no_std] #![allow(unused_imports)] pub use wasm_project::*;' >"$project/src/lib.rs"
	# The flags, too, are the wasm builder's.
	CARGO_TARGET_DIR="$target" \
		RUSTFLAGS="-C link-arg=--export-table -C link-arg=--export=__heap_base -C link-arg=--import-memory --cfg substrate_runtime" \
		cargo rustc --release --target wasm32v1-none --manifest-path "$project/Cargo.toml" --lib
	runtime="$target/wasm32v1-none/release/millrace_runtime_bench.wasm"
}

runtime="${BENCH_RUNTIME:-}"
[ -n "$runtime" ] || build_runtime

measure() { # pallet, template, output
	echo "measuring $1"
	"$bencher" v1 benchmark pallet --runtime "$runtime" --genesis-builder=runtime --genesis-builder-preset=development \
		--pallet "$1" --extrinsic '*' --steps "${STEPS:-50}" --repeat "${REPEAT:-20}" --heap-pages 4096 \
		--template "$2" --output "$3"
}

all=(pallet_providers pallet_jobs pallet_attestations pallet_emission pallet_parameters)
[ $# -gt 0 ] || set -- "${all[@]}"
for pallet in "$@"; do
	case "$pallet" in
	# BABE and GRANDPA benchmark a part of their reports only: theirs are composed, see runtime/src/weights.
	pallet_parameters) measure "$pallet" scripts/weights-sdk.hbs "runtime/src/weights/$pallet.rs" ;;
	pallet_providers | pallet_jobs | pallet_attestations | pallet_emission)
		measure "$pallet" scripts/weights.hbs "pallets/${pallet#pallet_}/src/weights.rs"
		;;
	*)
		echo "error: no weights of $pallet are measured; there are: ${all[*]}" >&2
		exit 1
		;;
	esac
done

#!/usr/bin/env bash
# Compiles the benchmark's kernels: build.sh DIRECTORY writes DIRECTORY/NAME.wasm for every NAME.c here; those called
# simd_* with SIMD.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
to="${1:?usage: build.sh DIRECTORY}"
mkdir -p "$to"
flags=(--target=wasm32-wasi -std=c11 -O2 -Wall -Wextra -Werror)
for source in "$here"/*.c; do
	name="$(basename "$source" .c)"
	case "$name" in
	simd_*)
		# In two steps: a `wasm-opt` that clang finds and runs by itself may not know of SIMD.
		clang "${flags[@]}" -msimd128 -c -o "$to/$name.o" "$source"
		wasm-ld --strip-all -o "$to/$name.wasm" "$to/$name.o"
		rm "$to/$name.o"
		;;
	*)
		clang "${flags[@]}" -nostartfiles -Wl,--strip-all -o "$to/$name.wasm" "$source"
		;;
	esac
done

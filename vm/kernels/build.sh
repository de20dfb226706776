#!/usr/bin/env bash
# Compiles the benchmark's kernels: build.sh DIRECTORY writes DIRECTORY/NAME.wasm for every NAME.c here.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
to="${1:?usage: build.sh DIRECTORY}"
mkdir -p "$to"
for source in "$here"/*.c; do
	clang --target=wasm32-wasi -std=c11 -O2 -Wall -Wextra -Werror -nostartfiles -Wl,--strip-all \
		-o "$to/$(basename "$source" .c).wasm" "$source"
done

#!/usr/bin/env bash
# Builds the example job programs to $CARGO_TARGET_DIR/examples/NAME.wasm, the host tools around them to
# $CARGO_TARGET_DIR/examples/bin/, and stages the inputs of each job in $CARGO_TARGET_DIR/examples/NAME/inputs/.
# A second run changes nothing. Arguments (e.g. --offline) go to cargo.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

sources="$MILLRACE_ROOT/examples"
built="$CARGO_TARGET_DIR/examples"
guests="$CARGO_TARGET_DIR/guests"
rust_programs=(kmers heat mandelbrot sky)
c_programs=(digits nearest)

fail() {
	echo "error: $1" >&2
	echo "       $2" >&2
	exit 1
}

# Replaces the file $2 by $1 only if it differs, and never leaves half a file.
install_if_changed() {
	if ! cmp -s "$1" "$2"; then
		cp "$1" "$2.new"
		mv -f "$2.new" "$2"
	fi
}

if ! _millrace_builds_wasm rustc; then
	fail "no Rust toolchain with the target wasm32v1-none" "run scripts/setup.sh first"
fi
for tool in clang wasm-ld; do
	command -v "$tool" >/dev/null 2>&1 ||
		fail "$tool is missing, which compiles the C example" "run scripts/setup.sh (Debian: apt-get install clang lld)"
done
mkdir -p "$built/bin" "$guests/c"
if ! echo 'int main(void) { return 0; }' | clang --target=wasm32-wasi -x c -o "$guests/c/probe.wasm" - 2>"$guests/c/probe.log"; then
	sed 's/^/    /' "$guests/c/probe.log" >&2
	fail "clang cannot build for wasm32-wasi" \
		"run scripts/setup.sh (Debian: apt-get install wasi-libc libclang-rt-dev-wasm32)"
fi

# From inside the workspace: its .cargo/config.toml sets the linker's arguments for programs.
cd "$sources"
packages=()
for name in "${rust_programs[@]}"; do
	packages+=(-p "example-$name")
done
CARGO_TARGET_DIR="$guests" cargo build --locked --quiet --profile guest --target wasm32v1-none "${packages[@]}" "$@"
# The same source again with four lanes at once.
CARGO_TARGET_DIR="$guests/simd" cargo build --locked --quiet --profile guest --target wasm32v1-none -p example-sky \
	--config 'target.wasm32v1-none.rustflags=["-C", "target-feature=+simd128"]' "$@"
# The judge of disputes as a program of its own, which the tests of vm/ run.
CARGO_TARGET_DIR="$guests" cargo build --locked --quiet --profile guest --target wasm32v1-none \
	--manifest-path "$MILLRACE_ROOT/vm/tests/wasm-verifier/Cargo.toml" "$@"
CARGO_TARGET_DIR="$guests" cargo build --locked --quiet --release -p example-inputs -p example-reference -p example-join "$@"

for name in "${rust_programs[@]}" wasm-verifier; do
	built_as="$name"
	[ "$name" != sky ] || built_as=sky-scalar
	install_if_changed "$guests/wasm32v1-none/guest/$name.wasm" "$built/$built_as.wasm"
done
install_if_changed "$guests/simd/wasm32v1-none/guest/sky.wasm" "$built/sky.wasm"
for name in "${c_programs[@]}"; do
	clang --target=wasm32-wasi -std=c11 -O2 -Wall -Wextra -Werror -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=65536 \
		-o "$guests/c/$name.wasm" "$name/$name.c"
	install_if_changed "$guests/c/$name.wasm" "$built/$name.wasm"
done
for tool in stage-inputs reference join-outputs; do
	install_if_changed "$guests/release/$tool" "$built/bin/$tool"
	chmod +x "$built/bin/$tool"
done

for name in "${rust_programs[@]}" "${c_programs[@]}"; do
	if [ -x "$name/stage.sh" ]; then
		"$name/stage.sh" "$built/$name"
	else
		"$built/bin/stage-inputs" "$name" "$built/$name/inputs" >/dev/null
	fi
	printf '%-12s %7d bytes  %3d inputs  %s\n' "$name" "$(wc -c <"$built/$name.wasm")" \
		"$(find "$built/$name/inputs" -mindepth 1 -maxdepth 1 -not -name '.*' | wc -l)" "$built/$name.wasm"
done

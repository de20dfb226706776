# Sourced by the other scripts, and by you before any cargo command:  . scripts/env.sh
# Picks a Rust toolchain that can build the runtime (target wasm32v1-none) and one target
# directory outside the checkout, so that a fresh clone on the same machine stays warm.
# shellcheck shell=bash

MILLRACE_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export MILLRACE_ROOT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace/target}"
# The wasm builder looks for Cargo.lock upwards from the target directory, which is elsewhere.
export WASM_BUILD_WORKSPACE_HINT="$MILLRACE_ROOT"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
unset SKIP_WASM_BUILD

# True if this rustc has the libraries of the runtime's target.
_millrace_builds_wasm() {
	command -v "$1" >/dev/null 2>&1 &&
		ls "$("$1" --print sysroot 2>/dev/null)"/lib/rustlib/wasm32v1-none/lib/libcore-*.rlib >/dev/null 2>&1
}

if ! _millrace_builds_wasm rustc; then
	# Distribution packages: /usr/bin must come before any rustup shims, since cargo, rustc and lld must be one release.
	if _millrace_builds_wasm /usr/bin/rustc; then
		export PATH="/usr/bin:$PATH"
	elif [ -x "$HOME/.cargo/bin/rustc" ] && _millrace_builds_wasm "$HOME/.cargo/bin/rustc"; then
		export PATH="$HOME/.cargo/bin:$PATH"
	elif [ "${MILLRACE_SETUP:-}" != 1 ]; then
		echo "error: no Rust toolchain with the target wasm32v1-none; run scripts/setup.sh first" >&2
	fi
fi

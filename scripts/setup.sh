#!/usr/bin/env bash
# Installs what building and testing Millrace needs. Idempotent; works on bare Debian 12 as root or with sudo,
# and on a machine with rustup. Prints what it does.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
MILLRACE_SETUP=1
# shellcheck source=scripts/env.sh
. "$here/env.sh"

say() { printf 'setup: %s\n' "$*"; }
fail() {
	printf 'setup: error: %s\n       %s\n' "$1" "$2" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		fail "'$*' needs root" "run this script as root, or install sudo"
	fi
}

updated=
# Installs the named Debian packages that are missing.
packages() {
	local missing=()
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
	done
	if [ ${#missing[@]} -eq 0 ]; then
		return 0
	fi
	command -v apt-get >/dev/null 2>&1 ||
		fail "these are missing and there is no apt-get: ${missing[*]}" "install your system's packages of these names"
	if [ -z "$updated" ]; then
		say "updating the package lists"
		as_root apt-get update -qq || fail "apt-get update failed" "check the network and /etc/apt/sources.list"
		updated=1
	fi
	say "installing ${missing[*]}"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
		fail "apt-get could not install: ${missing[*]}" "run the same command by hand to see why"
}

# Debian 12 (security) ships a current Rust with its library source; the runtime's target is built from that.
distribution_rust() {
	packages rustc-web cargo-web rust-web-src rust-web-llvm rustfmt-web rust-web-clippy
	# rust-lld is a link to the lld of this Rust's LLVM, which is a package of its own.
	packages "$(basename "$(readlink /usr/bin/rust-lld || echo lld)")"
	export PATH="/usr/bin:$PATH"
	_millrace_builds_wasm /usr/bin/rustc && stamp_matches && return 0
	say "building core and alloc for wasm32v1-none with $(/usr/bin/rustc --version)"
	local work libs
	work="$(mktemp -d)"
	libs="$(/usr/bin/rustc --print sysroot)/lib/rustlib/wasm32v1-none/lib"
	mkdir -p "$work/src"
	printf '[package]\nname = "empty"\nversion = "0.1.0"\nedition = "2021"\n[profile.release]\nopt-level = 3\n' >"$work/Cargo.toml"
	printf '#![no_std]\nextern crate alloc;\n' >"$work/src/lib.rs"
	(cd "$work" && RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C embed-bitcode=yes" CARGO_TARGET_DIR="$work/target" \
		/usr/bin/cargo build -q -Zbuild-std=core,alloc --target wasm32v1-none --release) ||
		fail "could not build the libraries of wasm32v1-none" "see the compiler's message above"
	as_root mkdir -p "$libs"
	as_root find "$libs" -name '*.rlib' -delete
	as_root cp "$work"/target/wasm32v1-none/release/deps/lib{core,alloc,compiler_builtins}-*.rlib "$libs/"
	/usr/bin/rustc -vV | as_root tee "$libs/.built-by" >/dev/null
	rm -rf "$work"
}

# The libraries fit one compiler only.
stamp_matches() {
	[ "$(cat "$(/usr/bin/rustc --print sysroot)/lib/rustlib/wasm32v1-none/lib/.built-by" 2>/dev/null)" = "$(/usr/bin/rustc -vV)" ]
}

rust_is_new_enough() {
	local version
	version="$("$1" --version 2>/dev/null | sed -E 's/^rustc 1\.([0-9]+)\..*/\1/')"
	[ -n "$version" ] && [ "$version" -ge 88 ] 2>/dev/null
}

packages build-essential ca-certificates clang cmake curl git libc6-dev libclang-rt-dev-wasm32 libssl-dev lld pkg-config \
	protobuf-compiler wasi-libc

# Published programs for the tests come by pip, and are described in TOML, which Python reads from 3.11 on.
fetches_programs() { python3 -c 'import pip, tomllib' >/dev/null 2>&1; }
fetches_programs || packages python3 python3-pip
fetches_programs || fail "python3 is too old, or has no pip" "install Python 3.11 or newer with pip, and let it be the python3 of your PATH"

if _millrace_builds_wasm rustc && rust_is_new_enough rustc; then
	case "$(command -v rustc)" in
	/usr/bin/rustc) stamp_matches || distribution_rust ;;
	*) say "using $(rustc --version)" ;;
	esac
elif command -v rustup >/dev/null 2>&1 && rust_is_new_enough rustc && rustup target add wasm32v1-none >/dev/null 2>&1 &&
	_millrace_builds_wasm rustc; then
	say "added the target wasm32v1-none to $(rustc --version)"
else
	say "no usable rustup toolchain; taking the distribution's Rust"
	distribution_rust
fi

# shellcheck source=scripts/env.sh
. "$here/env.sh"
_millrace_builds_wasm rustc || fail "no Rust toolchain with wasm32v1-none" "install rustup, or use Debian 12 with its security updates"
mkdir -p "$CARGO_TARGET_DIR" || fail "cannot create $CARGO_TARGET_DIR" "set CARGO_TARGET_DIR to a directory you may write to"
free_kib="$(df -Pk "$CARGO_TARGET_DIR" | awk 'NR==2 { print $4 }')"
[ "$free_kib" -gt 15000000 ] || say "warning: less than 15 GB free in $CARGO_TARGET_DIR; a cold build needs about that much"
say "fetching the crates in Cargo.lock"
for manifest in Cargo.toml examples/Cargo.toml vm/fuzz/Cargo.toml vm/tests/wasm-verifier/Cargo.toml vm/wasi/Cargo.toml; do
	cargo fetch --locked -q --manifest-path "$MILLRACE_ROOT/$manifest" ||
		fail "cargo could not fetch the dependencies" "check the network"
done
say "fetching the published programs that tests run"
"$here/published.sh" fetch ci || fail "the published programs could not be fetched" "see the message above"
# What the file system of WASI is compared with.
"$here/published.sh" engine >/dev/null || fail "the reference engine could not be fetched" "see the message above"
say "ready: $(rustc --version), target directory $CARGO_TARGET_DIR"

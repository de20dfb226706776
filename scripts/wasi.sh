#!/usr/bin/env bash
# Compiles vm/wasi, the functions of WASI, to vm/wasi/wasi.hex, and writes beside it, in vm/wasi/wasi.made, which compiler
# made it of which sources:  scripts/wasi.sh [--check|--test]
# With --check nothing is written: the files that are there must be what comes out. With --test the crate's tests run
# natively, and in the module that is there.
# The compiler is called directly, since cargo hashes paths into symbols, and their order is the functions'.
set -euo pipefail
# The order of the sources.
export LC_ALL=C
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
cd "$MILLRACE_ROOT/vm/wasi"
case "${1:-}" in
'' | --check) ;;
--test)
	cargo test --locked
	# What knows the functions' own state, and what takes the longest, in parts.
	MILLRACE_WASI_MODULE=1 cargo test --locked --test archives --test files --test hostile --test layers --test output --test streams
	MILLRACE_WASI_MODULE=1 MILLRACE_WASI_FUZZ=0.02 cargo test --locked --test model
	exit
	;;
*)
	echo "error: usage: scripts/wasi.sh [--check|--test]" >&2
	exit 2
	;;
esac
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# compile FOLDER OUT: the module of the sources, which are compiled in that folder.
compile() {
	mkdir -p "$1"
	cp src/*.rs "$1"
	(cd "$1" && rustc --crate-name millrace_wasi --crate-type cdylib --edition 2021 --target wasm32v1-none \
		-C opt-level=2 -C lto=fat -C codegen-units=1 -C panic=abort -C strip=symbols -C metadata=wasi \
		-C target-feature=+bulk-memory,+sign-ext --remap-path-prefix "$1=wasi" \
		-C link-arg=--stack-first -C link-arg=-zstack-size=16384 -C link-arg=--no-entry \
		-D warnings -o "$2" lib.rs)
}

# Hexadecimal digits of a file, all in one line.
digits() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# tidy < DIGITS: the module without custom sections and without the table that the linker always makes, which nothing
# can use if it has no entries. Fails if there are entries, a table of another kind, or a panic that can be reached.
tidy() {
	awk '
		function byte(at) {
			return 16 * (index(hex, substr(text, at, 1)) - 1) + index(hex, substr(text, at + 1, 1)) - 1
		}
		{
			hex = "0123456789abcdef"
			text = $0
			at = 17
			tidied = substr(text, 1, 16)
			while (at < length(text)) {
				id = byte(at)
				size = 0
				scale = 1
				body = at
				do {
					body += 2
					size += (byte(body) % 128) * scale
					scale *= 128
				} while (byte(body) >= 128)
				body += 2
				end = body + 2 * size
				if (id == 9 || (id == 4 && substr(text, body, end - body) != "0170010101")) {
					print "error: the module has a table" >"/dev/stderr"
					exit 1
				}
				# A name of five bytes: what the panic handler would import.
				if (id == 2 && index(substr(text, body, end - body), "0570616e6963") > 0) {
					print "error: a panic can be reached" >"/dev/stderr"
					exit 1
				}
				if (id != 0 && id != 4) tidied = tidied substr(text, at, end - at)
				at = end
			}
			print tidied
		}'
}

compile "$work/one" "$work/one.wasm"
compile "$work/another/much longer path" "$work/two.wasm"
cmp "$work/one.wasm" "$work/two.wasm" || {
	echo "error: the module depends on the folder that it is compiled in" >&2
	exit 1
}
digits "$work/one.wasm" | tidy | fold -w 118 >"$work/wasi.hex"
{
	rustc --version
	printf 'sources %s\n' "$(cat src/*.rs | b2sum -l 256 | cut -d ' ' -f 1)"
} >"$work/wasi.made"

if [ "${1:-}" = --check ]; then
	cmp "$work/wasi.made" wasi.made
	cmp "$work/wasi.hex" wasi.hex
else
	cp "$work/wasi.hex" "$work/wasi.made" .
	echo "vm/wasi/wasi.hex: $(($(tr -d '\n' <wasi.hex | wc -c) / 2)) bytes"
fi

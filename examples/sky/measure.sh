#!/usr/bin/env bash
# How much faster is the SIMD build than the scalar one of the same source? Runs both in turns on eight tiles, looking 240 cells
# far so that it takes a while, and prints the medians of the sums: measure.sh [ROUNDS]. After scripts/build.sh.
set -euo pipefail
# shellcheck source=../../scripts/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/env.sh"
bin="${MILLRACE_BIN:-$CARGO_TARGET_DIR/release}"
built="$CARGO_TARGET_DIR/examples"
rounds="${1:-15}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# The number of steps is the second number: 240.
for tile in 00004 00012 00020 00027 00035 00043 00051 00059; do
	{ head -c 4 "$built/sky/inputs/$tile" && printf '\360\000\000\000' && tail -c +9 "$built/sky/inputs/$tile"; } >"$work/$tile"
done

member() { grep -o "\"$1\":[0-9]*" | cut -d: -f2; }
median() { sort -n "$1" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }

sum() { awk '{ sum += $1 } END { print sum }'; }
for ((round = 0; round < rounds; round++)); do
	for build in sky-scalar sky; do
		: >"$work/$build.json"
		for tile in "$work"/0*; do
			"$bin/millrace" --json try --program "$built/$build.wasm" --inputs "$tile" --save "$work/$build.ppm" >>"$work/$build.json"
		done
		member milliseconds <"$work/$build.json" | sum >>"$work/$build.times"
	done
	cmp "$work/sky.ppm" "$work/sky-scalar.ppm"
done
scalar="$(median "$work/sky-scalar.times")" simd="$(median "$work/sky.times")"
scalar_gas="$(member gas <"$work/sky-scalar.json" | sum)" simd_gas="$(member gas <"$work/sky.json" | sum)"
awk -v a="$scalar" -v b="$simd" -v c="$scalar_gas" -v d="$simd_gas" 'BEGIN {
	printf "scalar  %d ms, %.2f Ggas\nSIMD    %d ms, %.2f Ggas\nratio   %.2f of time, %.2f of gas\n", a, c / 1e9, b, d / 1e9, a / b, c / d
}'

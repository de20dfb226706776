#!/usr/bin/env bash
# All tests: pallets, runtime, node, client, agent, command line, examples, and whole-system tests with real processes.
# Ends with one line "N passed, N failed" and a non-zero exit status if anything failed.
set -uo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
cd "$MILLRACE_ROOT" || exit 1
log="$(mktemp)"
systems="$(mktemp)"
running=
# A background job of a script does not see an interruption by itself, nor do the processes that it started.
trap '[ -z "$running" ] || kill -- "-$running" 2>/dev/null; rm -f "$log" "$systems"' EXIT
trap 'exit 130' INT TERM
status=0

# The tests that start processes need the binaries, the runtime that one of them upgrades to, and the example programs first.
"$here/build.sh" || exit 1
"$here/build-next-runtime.sh" || exit 1
cargo test --release --locked --workspace --no-run --test system || exit 1
# They wait for blocks most of the time. What does not mind to be slow uses it, and gives way where both would compute; the rest
# measures time and comes after them.
# A process group of its own, but not a session: between sessions priorities do not count.
set -m
cargo test --release --locked --workspace --test system -- --test-threads 32 >"$systems" 2>&1 &
running=$!
set +m
until grep -q '^running ' "$systems" || ! kill -0 "$running" 2>/dev/null; do sleep 1; done
nice -n 19 cargo test --release --locked --workspace --no-run || status=1
(cd examples && nice -n 19 cargo test --release --locked --no-fail-fast --target-dir "$CARGO_TARGET_DIR/guests") 2>&1 | tee -a "$log" || status=1
# The system functions of WASI, compiled for this machine, and that the committed module is made of these sources.
(cd vm/wasi && nice -n 19 cargo test --locked --no-fail-fast --target-dir "$CARGO_TARGET_DIR/wasi") 2>&1 | tee -a "$log" || status=1
# Coverage-guided, for a short while; longer by hand.
nice -n 19 "$here/fuzz.sh" 20 2>&1 | tee -a "$log" || status=1
wait "$running" || status=1
running=
# No test at all is none that passed.
grep -q '^running [1-9]' "$systems" || status=1
tee -a "$log" <"$systems"
cargo test --release --locked --workspace --no-fail-fast 2>&1 | tee -a "$log" || status=1

awk -v status="$status" '
	/^test result:/ { passed += $4; failed += $6 }
	END {
		if (status != 0 && failed == 0) failed = 1
		if (passed + failed == 0) failed = 1
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0
	}' "$log"

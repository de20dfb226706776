#!/usr/bin/env bash
# The main job, seen to work: sets up, builds, starts a development chain and three providers, publishes a program,
# submits a job of 96 tasks that are each computed twice, verifies and joins the outputs into a picture, and prints who was
# paid what. Stops everything it started, on errors and on Ctrl-C too. The picture and all logs stay in .demo/.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# Setting up comes first, so a missing toolchain is no news yet.
MILLRACE_SETUP=1
# shellcheck source=scripts/env.sh
. "$here/env.sh"
cd "$MILLRACE_ROOT"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() {
	printf 'demo: error: %s\n' "$1" >&2
	[ -n "${2:-}" ] && [ -f "$2" ] && { echo "--- the end of $2" >&2; tail -n 20 "$2" >&2; }
	exit 1
}

# Process ids; the node's is the first.
started=()
# Ends processes: politely, and after a quarter of a minute for certain. Agents lose nothing by that.
stop() {
	local pid tries
	for pid in "$@"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "$@"; do
		for ((tries = 0; tries < 75; tries++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.2
		done
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}
stop_all() {
	status=$?
	trap - EXIT
	trap '' INT TERM
	# The node last, so that agents can finish their transactions.
	stop "${started[@]:1}"
	stop "${started[@]:0:1}"
	exit "$status"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a program in the background with a log; remembers it for the end.
start() {
	local log="$1"
	shift
	"$@" >"$log" 2>&1 &
	started+=("$!")
}

free_port() {
	local port
	for _ in $(seq 100); do
		port=$((20000 + RANDOM % 20000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	die "no free port on loopback"
}

# Runs a check twice a second until it succeeds; gives up after a deadline in seconds.
wait_for() {
	local what="$1" seconds="$2" log="$3"
	shift 3
	local end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || die "gave up after $seconds s waiting for $what" "$log"
		sleep 0.5
	done
}

say "1. Setting up and building"
"$here/setup.sh"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
"$here/build.sh"
bin="$CARGO_TARGET_DIR/release"
examples="$CARGO_TARGET_DIR/examples"
work="$MILLRACE_ROOT/.demo"
rm -rf "$work"
mkdir -p "$work"

say "2. A development chain"
rpc="$(free_port)"
export MILLRACE_URL="ws://127.0.0.1:$rpc"
start "$work/node.log" "$bin/millrace-node" --dev --base-path "$work/node" --rpc-port "$rpc" --port 0 \
	--no-prometheus --no-telemetry --no-mdns --state-pruning archive --blocks-pruning archive
answers() {
	curl -sf -H 'content-type: application/json' "http://127.0.0.1:$rpc" \
		-d '{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[1]}' | grep -q '"result":"0x'
}
wait_for "the chain's first block" 60 "$work/node.log" answers
echo "millrace-node answers at $MILLRACE_URL"

say "3. Three providers with bonds"
ask=0.0010
for name in Bob Charlie Dave; do
	dir="$work/agent-$name"
	"$bin/millrace-agent" init --data-dir "$dir" --node "$MILLRACE_URL" --owner-key "//$name" --listen "127.0.0.1:$(free_port)" \
		--slots 1 --memory-mib 512 --ask "$ask" --bond 2000 --operator-funding 10 --region europe --class general --disk-mib 512 \
		>"$work/init-$name.log" 2>&1 || die "agent $name could not be set up" "$work/init-$name.log"
	start "$work/agent-$name.log" "$bin/millrace-agent" run --data-dir "$dir"
	echo "provider $name: one slot, asks $ask MILL per Ggas"
	ask="0.00$((${ask#0.00} + 5))"
done
drawable() { [ "$("$bin/millrace" --json provider list | grep -o '"drawable": *true' | wc -l)" = 3 ]; }
wait_for "three providers to be drawable" 90 "$work/agent-Bob.log" drawable
"$bin/millrace" provider list

say "4. A job: the Mandelbrot set in 96 tiles, each computed by two providers"
"$bin/millrace" --key //Alice program publish "$examples/mandelbrot.wasm"
# In the background, so that a signal ends it at once.
"$bin/millrace" --key //Alice --json submit --program "$examples/mandelbrot.wasm" --inputs "$examples/mandelbrot/inputs" \
	--replicas 2 --shard-size 8 --max-price 0.01 --gas-limit 10G --deadline 30m \
	--watch --fetch "$work/outputs" --acknowledge >"$work/job.json" &
started+=("$!")
wait "$!" || die "the job did not end well" "$work/job.json"
job="$(grep -o '"job": *[0-9]*' "$work/job.json" | head -n 1 | grep -o '[0-9]*')"

say "5. The outputs, verified against the chain and joined"
"$examples/bin/join-outputs" mandelbrot "$work/outputs" "$work/mandelbrot.png"
echo "the picture: $work/mandelbrot.png"

say "6. Who was paid what, and does the chain agree"
"$bin/millrace" --key //Alice receipt "$job" --check

say "Done: look at .demo/mandelbrot.png"

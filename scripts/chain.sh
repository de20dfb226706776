# Sourced by scripts that need a market to try things on: a development chain and providers, on free ports of loopback, each
# with its log. Everything that was started is stopped when the script ends, by its process id, on errors and on Ctrl-C too.
#   bin   the folder of the binaries
#   work  a folder for data and logs
# shellcheck shell=bash

bin="${MILLRACE_BIN:-$CARGO_TARGET_DIR/release}"
work="${work:-}"

die() { # WHAT [LOG]
	printf '%s: error: %s\n' "$(basename "$0" .sh)" "$1" >&2
	[ -n "${2:-}" ] && [ -f "$2" ] && { echo "--- the end of $2" >&2; tail -n 20 "$2" >&2; }
	exit 1
}

# Process ids of what runs; the node's is the first.
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
		[ "$tries" -lt 75 ] || kill -9 "$pid" 2>/dev/null || true
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
start() { # LOG COMMAND ...
	local log="$1"
	shift
	"$@" >"$log" 2>&1 </dev/null &
	started+=("$!")
}

# Runs a command to its end, in the background so that a signal ends it at once. Its exit code is this one's.
attend() { # COMMAND ...
	local code=0
	"$@" </dev/null &
	started+=("$!")
	wait "$!" || code=$?
	# It is gone, and its id may soon be another's.
	unset "started[-1]"
	return "$code"
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
wait_for() { # WHAT SECONDS LOG CHECK ...
	local what="$1" seconds="$2" log="$3"
	shift 3
	local end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || die "gave up after $seconds s waiting for $what" "$log"
		sleep 0.5
	done
}

# A development chain of one node; MILLRACE_URL says where.
start_node() {
	local rpc
	rpc="$(free_port)"
	export MILLRACE_URL="ws://127.0.0.1:$rpc"
	start "$work/node.log" "$bin/millrace-node" --dev --base-path "$work/node" --rpc-port "$rpc" --port 0 \
		--no-prometheus --no-telemetry --no-mdns --state-pruning archive --blocks-pruning archive
	wait_for "the chain's first block" 60 "$work/node.log" has_first_block "$rpc"
	echo "millrace-node answers at $MILLRACE_URL"
}
has_first_block() { # PORT
	curl -sf -H 'content-type: application/json' "http://127.0.0.1:$1" \
		-d '{"jsonrpc":"2.0","id":1,"method":"chain_getBlockHash","params":[1]}' | grep -q '"result":"0x'
}

# A provider of 512 MiB a slot with a bond, owned by a development account.
start_provider() { # NAME ASK OPTIONS ...
	local name="$1" ask="$2" dir="$work/agent-$1"
	shift 2
	"$bin/millrace-agent" init --data-dir "$dir" --node "$MILLRACE_URL" --owner-key "//$name" \
		--listen "127.0.0.1:$(free_port)" --slots 1 --memory-mib 512 --ask "$ask" --bond 2000 --operator-funding 10 \
		--region europe --class general "$@" >"$work/init-$name.log" 2>&1 </dev/null ||
		die "agent $name could not be set up" "$work/init-$name.log"
	start "$work/agent-$name.log" "$bin/millrace-agent" run --data-dir "$dir"
	echo "provider $name: one slot, asks $ask MILL per Ggas"
}

# A provider that forges what it reports, owned by a development account.
start_liar() { # NAME
	local log="$work/liar-$1.log"
	start "$log" "$bin/lying-provider" "$MILLRACE_URL" "//$1" "$work/liar-$1"
	wait_for "$1 to be drawable" 90 "$log" grep -q 'can be drawn' "$log"
	echo "provider $1: forges what it reports"
}

# Waits until so many providers can be drawn.
providers_ready() { # COUNT
	wait_for "$1 providers to be drawable" 90 "$work/agent-Bob.log" drawable "$1"
}
drawable() { [ "$("$bin/millrace" --json provider list | grep -o '"drawable": *true' | wc -l)" = "$1" ]; }

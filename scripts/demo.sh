#!/usr/bin/env bash
# The main job, seen to work: sets up, builds, starts a development chain and three providers, publishes a program,
# submits a job of 96 tasks that are each computed twice, verifies and joins the outputs into a picture, and prints who was
# paid what. Stops everything it started, on errors and on Ctrl-C too. The picture and all logs stay in .demo/.
#   --liar   instead, five providers, one of which forges what it reports: it is caught, and the court takes its stake
set -euo pipefail
case "${1:-}" in
"" | --liar) liar="${1:-}" ;;
*)
	echo "usage: $0 [--liar]" >&2
	exit 2
	;;
esac
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# Setting up comes first, so a missing toolchain is no news yet.
MILLRACE_SETUP=1
# shellcheck source=scripts/env.sh
. "$here/env.sh"
cd "$MILLRACE_ROOT"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# shellcheck source=scripts/chain.sh
. "$here/chain.sh"

say "1. Setting up and building"
"$here/setup.sh"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
"$here/build.sh"
examples="$CARGO_TARGET_DIR/examples"
work="$MILLRACE_ROOT/.demo"
rm -rf "$work"
mkdir -p "$work"

say "2. A development chain"
start_node

demo_job() {
	say "3. Three providers with bonds"
	start_provider Bob 0.0010 --disk-mib 512
	start_provider Charlie 0.0015 --disk-mib 512
	start_provider Dave 0.0020 --disk-mib 512
	providers_ready 3
	"$bin/millrace" provider list

	say "4. A job: the Mandelbrot set in 96 tiles, each computed by two providers"
	"$bin/millrace" --key //Alice program publish "$examples/mandelbrot.wasm"
	attend "$bin/millrace" --key //Alice --json submit --program "$examples/mandelbrot.wasm" --inputs "$examples/mandelbrot/inputs" \
		--replicas 2 --shard-size 8 --max-price 0.01 --gas-limit 10G --deadline 30m \
		--watch --fetch "$work/outputs" --acknowledge >"$work/job.json" || die "the job did not end well" "$work/job.json"
	job="$(grep -o '"job": *[0-9]*' "$work/job.json" | head -n 1 | grep -o '[0-9]*')"

	say "5. The outputs, verified against the chain and joined"
	"$examples/bin/join-outputs" mandelbrot "$work/outputs" "$work/mandelbrot.png"
	echo "the picture: $work/mandelbrot.png"

	say "6. Who was paid what, and does the chain agree"
	"$bin/millrace" --key //Alice receipt "$job" --check

	say "Done: look at .demo/mandelbrot.png"
}

honest=(Bob Charlie Dave Eve)
# What a provider has: its bond, and what is free of its account, in plancks.
bond() { "$bin/millrace" --key "//$1" --json provider show | grep -o '"bond": *"[0-9]*"' | grep -o '[0-9]*'; }
free() { "$bin/millrace" --key "//$1" --json balance | grep -o '"free": *"[0-9]*"' | grep -o '[0-9]*'; }
as_mill() { # PLANCKS
	local sign='' amount="$1"
	[ "$amount" -ge 0 ] || { sign='-' && amount=$((-amount)); }
	printf '%s%d.%06d' "$sign" $((amount / 1000000000000)) $((amount / 1000000 % 1000000))
}

# Runs a job in the background and shows what is disputed of it. Whether anything was.
disputed_job() { # JOB
	local job="$1" shard='' pid shown=0 text
	start "$work/job-$job.log" "$bin/millrace" --key //Alice --json submit --program "$examples/kmers.wasm" --inputs "$work/inputs" \
		--replicas 2 --shard-size 2 --max-price 0.01 --gas-limit 4G --deadline 30m --fetch "$work/outputs-$job"
	pid="${started[-1]}"
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		if [ -z "$shard" ]; then
			# Only shards about which somebody disagrees are listed.
			shard="$("$bin/millrace" --json dispute list "$job" 2>/dev/null | grep -o '"shard": *[0-9]*' | head -n 1 | grep -o '[0-9]*$')" || true
			[ -z "$shard" ] || "$bin/millrace" dispute list "$job"
		elif [ "$shown" -lt 2 ]; then
			text="$("$bin/millrace" dispute show "$job" "$shard" 2>/dev/null)" || continue
			if grep -q 'about task' <<<"$text"; then
				echo "$text"
				shown=$((shown + 1))
				sleep 3
			fi
		fi
	done
	wait "$pid" || die "job $job did not end well" "$work/job-$job.log"
	# It is gone, and its id may soon be another's.
	unset "started[-1]"
	[ -n "$shard" ]
}

demo_liar() {
	local name job before_bonds=() before_free=()
	say "3. Four honest providers with bonds, and one that forges what it reports"
	start_provider Bob 0.0010 --disk-mib 512
	start_provider Charlie 0.0015 --disk-mib 512
	start_provider Dave 0.0020 --disk-mib 512
	start_provider Eve 0.0025 --disk-mib 512
	start_liar Ferdie
	providers_ready 5
	"$bin/millrace" provider list
	for name in "${honest[@]}" Ferdie; do
		before_bonds+=("$(bond "$name")")
		before_free+=("$(free "$name")")
	done

	say "4. Small jobs, each shard computed by two, until the liar has a seat"
	mkdir "$work/inputs"
	find "$examples/kmers/inputs" -type f | sort | head -n 6 | xargs -I{} cp {} "$work/inputs"
	"$bin/millrace" --key //Alice program publish "$examples/kmers.wasm"
	local client_before
	client_before="$(free Alice)"
	for ((job = 0; job < 8; job++)); do
		echo "job $job"
		! disputed_job "$job" || break
		echo "nobody disagreed: the liar had no seat in it"
		"$bin/millrace" --key //Alice acknowledge "$job"
	done
	[ "$job" -lt 8 ] || die "the liar never had a seat" "$work/liar-Ferdie.log"

	say "5. What was accepted, and who was paid by the client"
	"$bin/millrace" --key //Alice receipt "$job"

	say "6. What the liar lost is held for a while, should the chain itself have been wrong, and then shared out"
	"$bin/millrace" dispute list "$job" --all
	local deadline=$((SECONDS + 120))
	until "$bin/millrace" --json dispute list "$job" | tr -d ' \n' | grep -q '"verdicts":\[\]'; do
		[ "$SECONDS" -lt "$deadline" ] || die "it is held for too long" "$work/node.log"
		sleep 1
	done
	"$bin/millrace" --key //Alice acknowledge "$job"

	say "7. What all of it came to: who was right and played earned a part of the liar's stake, and so did the client Alice, which paid for the jobs"
	printf '%-10s%18s%22s%22s\n' account 'balance grew by' 'bond before' 'bond after'
	local at=0 after
	for name in "${honest[@]}" Ferdie; do
		after="$(bond "$name")"
		printf '%-10s%18s%22s%22s\n' "$name" "$(as_mill $(($(free "$name") - before_free[at])))" "$(as_mill "${before_bonds[at]}")" \
			"$(as_mill "$after")"
		at=$((at + 1))
	done
	printf '%-10s%18s%22s%22s\n' Alice "$(as_mill $(($(free Alice) - client_before)))" - -
	[ "$after" -lt "${before_bonds[-1]}" ] || die "the liar still has all of its bond" "$work/liar-Ferdie.log"

	say "Done: the lie was found down to the step that the machine does not make, and what is right was accepted"
}

if [ -n "$liar" ]; then
	demo_liar
else
	demo_job
fi

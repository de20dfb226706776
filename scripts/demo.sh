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

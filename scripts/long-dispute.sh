#!/usr/bin/env bash
# A dispute about a run of 2^STEPS steps, by real agents on a development chain; prints its time against the clocks:
#   scripts/long-dispute.sh [STEPS]
# STEPS is 36 if nothing is said: an hour or so on two cores that do nothing else.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
steps="${1:-36}"
case "$steps" in '' | *[!0-9]*)
	echo "error: usage: scripts/long-dispute.sh [STEPS], where STEPS is a power of two such as 36" >&2
	exit 2
	;;
esac
cd "$MILLRACE_ROOT"
cargo build --release --locked --workspace --bins
MILLRACE_STEPS="$steps" cargo test --release --locked --workspace --test system -- --nocapture court::long

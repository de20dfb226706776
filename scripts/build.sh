#!/usr/bin/env bash
# Builds node, agent and command line, then the example programs. Always the whole workspace: a smaller selection
# unifies features differently and would compile a second copy of what differs.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=scripts/env.sh
. "$here/env.sh"
cd "$MILLRACE_ROOT"
cargo build --release --locked --workspace --bins
"$here/build-examples.sh"

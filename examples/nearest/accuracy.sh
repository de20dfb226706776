#!/usr/bin/env bash
# How many answers of the fetched outputs are right: accuracy.sh OUTPUTS, after ../digits/data/labels.txt.
set -euo pipefail
labels="$(dirname "${BASH_SOURCE[0]}")/../digits/data/labels.txt"
outputs="${1:?usage: accuracy.sh OUTPUTS}"
cat "$outputs"/batch-* | awk -v labels="$(tr -d '\n' <"$labels")" '
	{ total++; right += substr(labels, $1 + 1, 1) == $2 }
	END { printf "%d of %d right\n", right, total; exit total == 0 }'

#!/usr/bin/env bash
# The job's files from ../digits/data into a folder: digits/ for the image, and seven folders of files, a task each.
set -euo pipefail
data="$(cd "$(dirname "${BASH_SOURCE[0]}")/../digits/data" && pwd)"
to="${1:?usage: stage.sh FOLDER}"
mkdir -p "$to/image/digits" "$to/inputs"
cp "$data/images.txt" "$data/labels.txt" "$to/image/digits/"
# 896 images, 128 a task, each with its line, counted from 0.
awk -v to="$to/inputs" '{
	if (NR % 128 == 1) {
		folder = sprintf("%s/batch-%d", to, (NR - 1) / 128)
		system("mkdir -p \"" folder "\"")
	}
	print NR - 1, $0 > (folder "/batch.txt")
}' "$data/images.txt"

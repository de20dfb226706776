# Sourced by scripts that take something out of a package registry: one file of a package, at its version and with its hash.
# shellcheck shell=bash

python="${PYTHON:-python3}"

fail() { # WHAT WHAT-TO-DO
	echo "error: $1" >&2
	echo "       $2" >&2
	exit 1
}

has_hash() { # FILE SHA256
	[ -e "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

# A package at its version into a folder, whole or not at all.
fetch() { # FOLDER REGISTRY PACKAGE VERSION FILE BYTES SHA256
	local packages="$1" registry="$2" package="$3" version="$4" file="$5" bytes="$6" hash="$7" from
	if has_hash "$packages/$file" "$hash"; then
		return
	fi
	echo "fetching $package $version from $registry, $(((bytes + 99999) / 100000))00 KB" >&2
	rm -rf "$packages/.fetching"
	mkdir -p "$packages/.fetching"
	case "$registry" in
	PyPI)
		"$python" -m pip --version >/dev/null 2>&1 ||
			fail "$python has no pip, which fetches $package" "install it (Debian: apt-get install python3-pip)"
		# Only the file is wanted: neither what it depends on nor whether this Python could use it.
		"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
			--ignore-requires-python --dest "$packages/.fetching" "$package==$version" >&2 ||
			fail "pip cannot fetch $package $version" "look at the message above; if PyPI has dropped it, take another version and its hash"
		;;
	npm)
		command -v npm >/dev/null 2>&1 ||
			fail "npm is missing, which fetches $package" "install it (Debian: apt-get install npm)"
		npm pack --silent --pack-destination "$packages/.fetching" "$package@$version" >/dev/null ||
			fail "npm cannot fetch $package $version" "look at the message above; if npm has dropped it, take another version and its hash"
		;;
	*) fail "registry $registry of $package is not known" "PyPI or npm" ;;
	esac
	from="$packages/.fetching/$file"
	[ -e "$from" ] || fail "$package $version came as $(ls "$packages/.fetching"), not as $file" "it is for another system, or was published anew"
	has_hash "$from" "$hash" ||
		fail "$file has the hash $(sha256sum "$from" | cut -d' ' -f1), not $hash" "do not use it: it is not what was tested"
	mv -f "$from" "$packages/$file"
	rm -rf "$packages/.fetching"
}

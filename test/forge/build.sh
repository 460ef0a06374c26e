#!/usr/bin/env bash
# Builds Gitea once per state of its module files and puts the folder that it runs
# from, the binary and the files that it reads, at OUT:
#
#   bash test/forge/build.sh OUT      then OUT/gitea is the binary
#
# A cold build takes minutes, so the folder is kept in a cache under the hash of
# what decides its content; a second call only links it to OUT.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 OUT" >&2
	exit 2
fi
out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$here"

# Its SQLite is the one of C.
export GOWORK=off CGO_ENABLED=1 GOFLAGS=-mod=readonly

module=code.gitea.io/gitea
hash=$( (go version; cat go.mod go.sum build.sh) | sha256sum | cut -c1-32)
cache=${LOCKSTEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockstep}/forge/$hash

if [ ! -x "$cache/gitea" ]; then
	mkdir -p "$cache"
	# One build at a time, as with devcluster: the one that waited finds it done.
	exec 9>"$cache/build.lock"
	if command -v flock >/dev/null; then flock 9; fi
	if [ ! -x "$cache/gitea" ]; then
		echo "forge: building Gitea (minutes when cold, then cached in $cache)" >&2
		go mod download "$module"
		source=$(go list -m -f '{{.Dir}}' "$module")
		# Copied, not linked: the cache of modules may be emptied while this one is not.
		cp -r --no-preserve=mode "$source/templates" "$source/options" "$source/public" "$cache/"
		go build -trimpath -tags "sqlite sqlite_unlock_notify" \
			-ldflags "-s -w -X main.Version=$(go list -m -f '{{.Version}}' "$module" | sed 's/^v//')" \
			-o "$cache/gitea.partial" "$module"
		mv "$cache/gitea.partial" "$cache/gitea"
	fi
	exec 9>&-
fi

mkdir -p "$(dirname "$out")"
ln -sfn "$cache" "$out"

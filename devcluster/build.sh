#!/usr/bin/env bash
# Builds devcluster once per state of its module and puts it at OUT.
#
#   bash devcluster/build.sh OUT
#
# A cold build takes minutes, so the binary is kept in a cache under the hash of
# everything that decides its content; a second call only links it to OUT.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 OUT" >&2
	exit 2
fi
out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $out in /*) ;; *) out=$PWD/$out ;; esac
cd "$here"

# The module must not see a workspace, and C would tie the binary to a libc.
export GOWORK=off CGO_ENABLED=0 GOFLAGS=-mod=readonly

hash=$(
	{
		go version
		find . -type f \( -name '*.go' -o -name '*.yaml' -o -name go.mod -o -name go.sum -o -name build.sh \) \
			! -name '*_test.go' ! -path './test/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
	} | sha256sum | cut -c1-32
)
cache=${LOCKSTEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockstep}/devcluster/$hash
binary=$cache/devcluster

if [ ! -x "$binary" ]; then
	mkdir -p "$cache"
	# One build at a time: two of them would only make each other slow. The one
	# that waited finds the binary done.
	exec 9>"$cache/build.lock"
	if command -v flock >/dev/null; then flock 9; fi
	if [ ! -x "$binary" ]; then
		echo "devcluster: building (minutes when cold, then cached in $cache)" >&2
		go build -trimpath -ldflags "-s -w" -o "$binary.partial" .
		mv "$binary.partial" "$binary"
	fi
	exec 9>&-
fi

mkdir -p "$(dirname "$out")"
# A link costs no disk; replacing it by rename leaves running clusters alone. A
# link that is there already is left: mv refuses to rename a file to itself.
[ "$binary" -ef "$out" ] && exit 0
ln -f "$binary" "$out.new.$$" 2>/dev/null || cp "$binary" "$out.new.$$"
mv -f "$out.new.$$" "$out"

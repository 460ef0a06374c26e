#!/usr/bin/env bash
# Builds the web UI into ui/dist, which `go build` then puts into the binary. What is
# up to date is left alone: the packages by the lock file, the build by its sources.
#
#   bash ui/build.sh        packages and build
#   bash ui/build.sh deps   packages only
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

wanted=20.19
have=$(node --version 2>/dev/null | sed 's/^v//' || true)
if [ -z "$have" ] || [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
	echo "the web UI needs Node $wanted or newer, and ${have:-none} is here: https://nodejs.org; make build-noui builds without it" >&2
	exit 1
fi

digest() { sha256sum | cut -c1-64; }

packages() {
	local stamp=node_modules/.lockstep-packages now began=$SECONDS
	now=$({ node --version && cat package.json package-lock.json; } | digest)
	[ "$(cat "$stamp" 2>/dev/null)" != "$now" ] || return 0
	npm ci --no-audit --no-fund --loglevel=error
	echo "$now" >"$stamp"
	echo "ui   npm ci $((SECONDS - began)) s"
}

build() {
	local stamp=node_modules/.lockstep-build now began=$SECONDS
	now=$({
		cat node_modules/.lockstep-packages
		find index.html vite.config.ts tsconfig.json public src -type f -print0 | sort -z | xargs -0 sha256sum
	} | digest)
	[ "$(cat "$stamp" 2>/dev/null)" != "$now" ] || [ ! -e dist/index.html ] || return 0
	rm -f "$stamp"
	node node_modules/vite/bin/vite.js build --logLevel warn
	echo "$now" >"$stamp"
	echo "ui   vite build $((SECONDS - began)) s"
}

packages
[ "${1:-}" = deps ] || build

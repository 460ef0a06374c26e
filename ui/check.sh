#!/usr/bin/env bash
# All that is checked of the web UI without a browser; all checks run, so that one
# round shows all that is wrong.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

bash build.sh deps || exit 1

status=0
check() { # TITLE COMMAND...
	local title=$1 began=$SECONDS
	shift
	echo "-- $title"
	"$@" || { status=1 && echo "FAILED: $title" >&2; }
	echo "   $((SECONDS - began)) s"
}

# The types follow from the contract of the API, and are committed so that a change
# of the contract is read together with what it breaks.
generated() {
	local fresh
	fresh=$(mktemp -d)
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$fresh'" RETURN
	node node_modules/openapi-typescript/bin/cli.js ../api/openapi.yaml --output "$fresh/api.ts" >/dev/null &&
		diff -u src/gen/api.ts "$fresh/api.ts" && return
	echo "ui/src/gen/api.ts does not follow from api/openapi.yaml: run npm run gen in ui/" >&2
	return 1
}

# An address would be that of somebody's own registry.
addressless() { ! grep -nE '"resolved"|^[^#]*registry' package-lock.json .npmrc; }

check "no addresses" addressless
check "generated types" generated
check "types" node node_modules/ts7/bin/tsc -p .
check "biome" node node_modules/@biomejs/biome/bin/biome check --error-on-warnings .
# What looks at the pages in a browser has the rules and the packages of the pages.
check "types of test/browser" node node_modules/ts7/bin/tsc -p ../test/browser
check "biome for test/browser" node node_modules/@biomejs/biome/bin/biome check --error-on-warnings --config-path=. ../test/browser
check "vitest" node node_modules/vitest/vitest.mjs run --reporter=dot
check "build" bash build.sh
check "budgets" node scripts/budgets.mjs
exit $status

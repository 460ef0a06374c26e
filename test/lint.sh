#!/usr/bin/env bash
# Everything that can be said about the code without running it. All checks run,
# so that one round shows all that is wrong.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOWORK=off

status=0
check() { # TITLE COMMAND...
	echo "-- $1"
	shift
	"$@" || status=1
}

formatted() {
	local wrong
	wrong=$(find . \( -name .git -o -name bin -o -name node_modules -o -name testdata \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -l)
	[ -z "$wrong" ] || { printf 'not formatted: run gofmt -w on\n%s\n' "$wrong"; return 1; }
}

# What has a build.sh is vetted with its settings, or all of Kubernetes would be
# compiled a second time.
vet() {
	case $1 in
	./devcluster | ./test/tofu/providers) CGO_ENABLED=0 go -C "$1" vet -trimpath ./... ;;
	*) go -C "$1" vet ./... ;;
	esac
}

# Every directory with a go.mod is a module of its own. One without code only pins
# the version of a tool, and there is nothing in it to tidy or vet.
modules() {
	local m
	for m in $(find . \( -name .git -o -name bin -o -name node_modules -o -name testdata \) -prune -o -name go.mod -print | sort | xargs -n 1 dirname); do
		[ -z "$(find "$m" -name '*.go' -print -quit)" ] || echo "$m"
	done
}

check "gofmt" formatted
for m in $(modules); do
	check "go mod tidy -diff in $m" go -C "$m" mod tidy -diff
	check "go vet in $m" vet "$m"
done
# It only warns, and succeeds, when go list gives it nothing to look at.
static() {
	local said
	said=$(go tool staticcheck ./... 2>&1)
	local rc=$?
	[ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
	return $rc
}

check "staticcheck" static
check "generated files" bash api/generate.sh --check
for s in $(find . \( -name .git -o -name bin -o -name node_modules -o -name testdata \) -prune -o -type f -name '*.sh' -print | sort) .ci/run; do
	check "bash -n $s" bash -n "$s"
done
exit $status

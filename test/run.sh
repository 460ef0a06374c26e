#!/usr/bin/env bash
# The full lane: what continuous integration runs. Steps go on after one that
# failed, and a table at the end says how long each took and which those were.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOWORK=off

names=() times=() results=()
step() { # NAME COMMAND...
	local name=$1 began=$SECONDS
	shift
	printf '\n=== %s\n' "$name"
	"$@"
	local rc=$?
	names+=("$name") times+=($((SECONDS - began))) results+=($rc)
	return $rc
}

report() {
	local i failed=()
	printf '\n%-28s %7s  %s\n' step time result
	for i in "${!names[@]}"; do
		local said=ok
		[ "${results[i]}" = 0 ] || { said="FAILED (${results[i]})" && failed+=("${names[i]}"); }
		printf '%-28s %4d:%02d  %s\n' "${names[i]}" $((times[i] / 60)) $((times[i] % 60)) "$said"
	done
	printf '%-28s %4d:%02d\n' total $((SECONDS / 60)) $((SECONDS % 60))
	[ ${#failed[@]} = 0 ] && return
	printf '\nfailed: %s\n' "$(IFS=, && echo "${failed[*]}" | sed 's/,/, /g')"
	return 1
}

packages() { # PART; go test is given the packages as arguments
	local list
	# An empty or broken list fails, or nothing would be tested and nobody told.
	list=$(bash test/packages.sh "$1") || return 1
	# shellcheck disable=SC2086 # import paths have no spaces
	go test "${@:2}" $list
}

# The control plane takes minutes to build when it is not cached and nothing before
# the end needs it, so it is built beside the rest.
logs=test/.out
mkdir -p "$logs" bin
build_devcluster() { bash devcluster/build.sh bin/devcluster >"$logs/devcluster-build.log" 2>&1; }
join_devcluster() {
	wait "$devcluster"
	local rc=$?
	cat "$logs/devcluster-build.log"
	return $rc
}

# The identity provider likewise, with what time the rest leaves: the one test that
# needs it is among the last.
build_forge() { nice -n 10 bash test/forge/build.sh bin/forge >"$logs/forge-build.log" 2>&1; }
join_forge() {
	wait "$forge"
	local rc=$?
	cat "$logs/forge-build.log"
	return $rc
}

# OpenTofu, too, which the live tests of infrastructure drive.
build_tofu() { nice -n 5 bash test/tofu/build.sh bin/tofu >"$logs/tofu-build.log" 2>&1; }
join_tofu() {
	wait "$tofu"
	local rc=$?
	cat "$logs/tofu-build.log"
	return $rc
}

step "prepare" bash test/prepare.sh || { report; exit 1; }
build_devcluster &
devcluster=$!
build_forge &
forge=$!
build_tofu &
tofu=$!
# Interrupted, the builds must not go on alone.
trap 'kill "$devcluster" "$forge" "$tofu" 2>/dev/null; exit 130' INT TERM

# From here on a binary without its UI is a failure.
step "web UI" bash ui/check.sh
export REQUIRE_UI=1
step "build lockstep" make --no-print-directory bin/lockstep
step "fast lane" packages plain -shuffle=on
step "fast lane, races" packages race -shuffle=on -race
step "lint" bash test/lint.sh
step "devcluster build" join_devcluster
# With the settings of its build.sh, or all of Kubernetes would be compiled again.
# Both this and the next step test binaries that they start: Go does not know what
# those were built from, and would answer from its cache after they changed.
step "devcluster" env CGO_ENABLED=0 go -C devcluster test -count=1 -trimpath ./...
step "forge build" join_forge
step "tofu build" join_tofu
# Two packages at a time: each starts control planes of its own, and waits most of
# the time.
step "end to end" packages beside -count=1 -p 2 -timeout 25m
step "end to end, alone" packages alone -count=1 -p 1 -timeout 25m
step "style figures" go run ./test/repo/figures

report

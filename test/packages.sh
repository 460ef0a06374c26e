#!/usr/bin/env bash
# Prints the packages of a part of the tests, one a line.
#
#   fast    need nothing that runs beside them
#   live    need a control plane: the full lane has them on top
#   race    of the fast ones, those that start goroutines, for the race detector
#   plain   of the fast ones, the others
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A package is named here when its tests start devcluster.
live='/test/(e2e|bench)(/|$)'
# Where more than one goroutine is at work. Everything else is either pure or
# waits for one answer, and instrumenting it would cost a second build of all of
# its dependencies for nothing.
race='/internal/(controller|driver|render|server|source|stack)(/|$)'

all() { go list ./...; }
case ${1:-} in
fast) all | grep -Ev "$live" ;;
live) all | grep -E "$live" ;;
race) all | grep -Ev "$live" | grep -E "$race" ;;
plain) all | grep -Ev "$live|$race" ;;
*)
	echo "usage: $0 fast|live|race|plain" >&2
	exit 2
	;;
esac

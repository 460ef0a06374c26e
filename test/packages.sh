#!/usr/bin/env bash
# Prints the packages of a part of the tests, one a line.
#
#   fast    need nothing that runs beside them
#   live    need a control plane or OpenTofu: the full lane has them on top
#   alone   of the live ones, those that measure, or judge by how long something takes
#   beside  of the live ones, the others
#   race    of the fast ones, those that start goroutines, for the race detector
#   plain   of the fast ones, the others
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A package is live when it or its tests start a cluster or OpenTofu, which is done
# through these and in no other way; they are live themselves.
starts='/test/(cluster|world|tofu/tofutest)( |$)'

# Where more than one goroutine is at work. Everything else is either pure or
# waits for one answer, and instrumenting it would cost a second build of all of
# its dependencies for nothing.
race='/internal/(controller|driver|observe|render|server|source|stack)(/|$)'

# What would measure whoever runs beside it.
alone='/test/(bench|browser|e2e/replicas|soak)$'

all() {
	go list -f '{{.ImportPath}} {{join .Imports " "}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./...
}
path() { cut -d ' ' -f 1; }
live() { all | grep -E "$starts" | path; }
fast() { all | grep -Ev "$starts" | path; }

case ${1:-} in
fast) fast ;;
live) live ;;
alone) live | grep -E "$alone" ;;
beside) live | grep -Ev "$alone" ;;
race) fast | grep -E "$race" ;;
plain) fast | grep -Ev "$race" ;;
*)
	echo "usage: $0 fast|live|alone|beside|race|plain" >&2
	exit 2
	;;
esac

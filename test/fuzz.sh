#!/usr/bin/env bash
# Runs each fuzz target for FUZZTIME (10s unless set), one after the other.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "-- $target in ${file%/*}"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" "./${file%/*}" || status=1
done < <(grep -rEo --include='*_test.go' --exclude-dir=testdata --exclude-dir=devcluster '^func Fuzz[A-Za-z0-9_]+' api internal test |
	sed 's/:func /:/' | sort)

[ $found -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$found fuzz targets"
exit $status

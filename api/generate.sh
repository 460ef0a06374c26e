#!/usr/bin/env bash
# Generates what follows from api/v1alpha1, deep copies and CRDs, and from the
# operations of the HTTP API, its contract and the Go client of it.
#
#   bash api/generate.sh           writes them
#   bash api/generate.sh --check   fails if what is there differs, and says how
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

generate() { # DEEPCOPY-DIR CRD-DIR
	# Descriptions stay in: they are what kubectl explain prints.
	GOWORK=off go tool controller-gen object crd paths=./api/v1alpha1 \
		output:object:dir="$1" output:crd:dir="$2"
}

contract() { # OPENAPI-FILE GO-FILE
	GOWORK=off go run ./internal/server/httpapi/contract "$1" "$fresh/openapi30.yaml"
	GOWORK=off go tool oapi-codegen -config api/client.yaml "$fresh/openapi30.yaml" |
		sed -e "/^\/\/ Package client provides/,/^\/\/\$/d" -e "s/DO NOT EDIT\.\$/&\n/" >"$2" # the package says itself what it is
}

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

if [ "${1:-}" != --check ]; then
	generate api/v1alpha1 deploy/crds
	contract api/openapi.yaml client/zz_generated.client.go
	exit
fi

mkdir "$fresh/crds" "$fresh/deepcopy"
generate "$fresh/deepcopy" "$fresh/crds"

contract "$fresh/openapi.yaml" "$fresh/client.go"

status=0
diff -u api/openapi.yaml "$fresh/openapi.yaml" || status=1
diff -u client/zz_generated.client.go "$fresh/client.go" >"$fresh/client.diff" || { head -40 "$fresh/client.diff"; status=1; }
diff -u api/v1alpha1/zz_generated.deepcopy.go "$fresh/deepcopy/zz_generated.deepcopy.go" || status=1
# Only CRDs are generated: what else lies in the folder is not looked at.
for crd in "$fresh"/crds/*.yaml; do
	diff -u "deploy/crds/${crd##*/}" "$crd" || status=1
done
for crd in deploy/crds/lockstep.dev_*.yaml; do
	[ -e "$fresh/crds/${crd##*/}" ] || { echo "$crd: no kind generates it" >&2; status=1; }
done
[ $status = 0 ] || echo "generated files are not up to date: run make generate" >&2
exit $status

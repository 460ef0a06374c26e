#!/usr/bin/env bash
# Generates what follows from api/v1alpha1, deep copies and CRDs, and from the
# operations of the HTTP API, its contract.
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

if [ "${1:-}" != --check ]; then
	generate api/v1alpha1 deploy/crds
	GOWORK=off go run ./internal/server/httpapi/contract api/openapi.yaml
	exit
fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/crds" "$fresh/deepcopy"
generate "$fresh/deepcopy" "$fresh/crds"

GOWORK=off go run ./internal/server/httpapi/contract "$fresh/openapi.yaml"

status=0
diff -u api/openapi.yaml "$fresh/openapi.yaml" || status=1
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

#!/usr/bin/env bash
# Builds a tool that tests compare with, and leaves it at OUT:
#
#   build.sh helm OUT        the helm command, of the version that go.mod has
#   build.sh kustomize OUT   the kustomize command, of test/tools/kustomize/go.mod
#
# A tool is built once for each content of its module files and kept in the
# cache folder, so that OUT is a link in no time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tool=${1:-} out=${2:-}
case $tool in
helm) module=. package=helm.sh/helm/v4/cmd/helm files="go.mod go.sum" ;;
kustomize) module=test/tools/kustomize package=sigs.k8s.io/kustomize/kustomize/v5 files="$module/go.mod $module/go.sum" ;;
*) tool= ;;
esac
if [ -z "$tool" ] || [ -z "$out" ]; then
	echo "usage: $0 helm|kustomize OUT" >&2
	exit 2
fi

# What else is in go.mod does not change the tool; its own lines do.
if [ "$tool" = helm ]; then
	hash=$( (go version; go list -m -f '{{.Path}} {{.Version}}' helm.sh/helm/v4 k8s.io/client-go sigs.k8s.io/yaml github.com/Masterminds/sprig/v3) | sha256sum | cut -c1-16)
else
	hash=$( (go version; cat $files) | sha256sum | cut -c1-16)
fi
cache=${LOCKSTEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockstep}/tools
mkdir -p "$cache" "$(dirname "$out")"
binary=$cache/$tool-$hash

if [ ! -x "$binary" ]; then
	tmp=$(mktemp "$binary.XXXXXX")
	trap 'rm -f "$tmp"' EXIT
	(cd "$module" && GOWORK=off go build -o "$tmp" "$package")
	mv "$tmp" "$binary"
fi
ln -sf "$binary" "$out"

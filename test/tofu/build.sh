#!/usr/bin/env bash
# Builds OpenTofu and the providers that tests use, once per state of their module
# files, and lays them out in the folder OUT:
#
#   bash test/tofu/build.sh OUT
#
#   OUT/tofu          the binary
#   OUT/mirror        a filesystem mirror with the providers, for both registries
#   OUT/mirror.tfrc   a CLI configuration that takes every provider from there
#
# A cold build takes minutes, so what is built is kept in a cache under the hash of
# what decides its content; a second call only links it to OUT. Needs Go, and no C.
set -euo pipefail

if [ $# -ne 1 ]; then
	echo "usage: $0 OUT" >&2
	exit 2
fi
out=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $out in /*) ;; *) out=$PWD/$out ;; esac

export GOWORK=off CGO_ENABLED=0 GOFLAGS=-mod=readonly
platform=$(go env GOOS)_$(go env GOARCH)
root=${LOCKSTEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockstep}/tofu

# What the providers were released as. The registries' names for them are not those
# of their modules, and most of their tags are not versions to Go: go.mod has the
# commit of each release.
released=(
	"random 3.9.0 github.com/terraform-providers/terraform-provider-random"
	"local 2.9.0 github.com/terraform-providers/terraform-provider-local"
	"null 2.1.2 github.com/terraform-providers/terraform-provider-null"
	"time 0.14.2 github.com/hashicorp/terraform-provider-time"
	"tls 4.0.4 github.com/hashicorp/terraform-provider-tls"
)

say() { echo "tofu: $*" >&2; }
hash() { (go version; echo "$platform"; cat "$@") | sha256sum | cut -c1-32; }

# built DIR MODULE WHAT COMMAND... runs COMMAND in the folder MODULE to fill the
# folder DIR.partial, unless DIR is there.
built() {
	local dir=$1 module=$2 what=$3
	shift 3
	[ ! -d "$dir" ] || return 0
	mkdir -p "$root"
	# One build at a time: the one that waited finds it done.
	exec 9>"$root/build.lock"
	if command -v flock >/dev/null; then flock 9; fi
	if [ ! -d "$dir" ]; then
		local began=$SECONDS
		say "building $what (cached in $dir)"
		rm -rf "$dir.partial"
		mkdir -p "$dir.partial"
		(cd "$here/$module" && "$@" "$dir.partial/")
		mv "$dir.partial" "$dir"
		say "built $what in $((SECONDS - began)) s"
	fi
	exec 9>&-
}

build_providers() {
	local line modules=()
	for line in "${released[@]}"; do modules+=("${line##* }"); done
	go build -trimpath -ldflags "-s -w" -o "$1" "${modules[@]}"
}
build_fakecloud() { go build -trimpath -ldflags "-s -w" -o "$1" ./fakecloud; }
build_tofu() {
	go build -trimpath -ldflags "-s -w -X github.com/opentofu/opentofu/version.dev=no" \
		-o "$1" github.com/opentofu/opentofu/cmd/tofu
}

cd "$here"
providers=$root/providers-$(hash providers/go.mod providers/go.sum build.sh)
fakecloud=$root/fakecloud-$(hash providers/go.mod providers/go.sum build.sh providers/fakecloud/*.go)
tofu=$root/tofu-$(hash cli/go.mod cli/go.sum build.sh)
built "$providers" providers "the providers random, local, null, time and tls" build_providers
built "$fakecloud" providers "the provider fakecloud" build_fakecloud
built "$tofu" cli "OpenTofu (minutes when cold)" build_tofu

# place FILE TO: linked where that is possible, and never in the way of a process
# that is running what was there.
place() {
	mkdir -p "$(dirname "$2")"
	[ ! "$1" -ef "$2" ] || return 0
	ln "$1" "$2.new" 2>/dev/null || cp "$1" "$2.new"
	mv -f "$2.new" "$2"
}
mirror() { # FILE NAMESPACE/NAME VERSION
	local host
	for host in registry.opentofu.org registry.terraform.io; do
		place "$1" "$out/mirror/$host/$2/$3/$platform/terraform-provider-${2#*/}_v$3"
	done
}

[ ! -L "$out" ] || rm "$out"
stamp="$(basename "$providers") $(basename "$fakecloud") $(basename "$tofu")"
[ "$(cat "$out/stamp" 2>/dev/null)" != "$stamp $out" ] || exit 0

rm -rf "$out/stamp"
place "$tofu/tofu" "$out/tofu"
for line in "${released[@]}"; do
	read -r name version module <<<"$line"
	mirror "$providers/${module##*/}" "hashicorp/$name" "$version"
done
# Two versions of the same, for what happens when one is pinned or changes.
mirror "$fakecloud/fakecloud" lockstep-dev/fakecloud 1.0.0
mirror "$fakecloud/fakecloud" lockstep-dev/fakecloud 1.1.0
cat >"$out/mirror.tfrc" <<EOF
disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = "$out/mirror"
    include = ["*/*/*"]
  }
  direct {
    exclude = ["*/*/*"]
  }
}
EOF
echo "$stamp $out" >"$out/stamp"
say "$out has OpenTofu $(TF_CLI_CONFIG_FILE='' "$out/tofu" version | sed -n 's/^OpenTofu v//p') and the providers$(printf ' %s' "${released[@]%% *}") fakecloud"

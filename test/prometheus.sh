#!/usr/bin/env bash
# Prints the directory that holds prometheus and promtool: those of this machine, else
# those of Debian's package, unpacked into a cache. It is not installed, because that
# would start a server beside the one that tests start.
set -euo pipefail

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	dirname "$(command -v promtool)"
	exit
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	echo "prometheus and promtool are missing: https://prometheus.io/download" >&2
	exit 1
fi

arch=$(dpkg --print-architecture)
root=${LOCKSTEP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lockstep}/prometheus
version() { apt-cache policy prometheus 2>/dev/null | sed -n 's/^ *Candidate: *//p'; }
candidate=$(version)
if [ -z "$candidate" ] || [ "$candidate" = "(none)" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "apt knows no package prometheus: sudo apt-get update" >&2
		exit 1
	fi
	apt-get update >/dev/null
	candidate=$(version)
fi
# The version is in the name, so that another one is another directory.
dir=$root/${candidate//[^A-Za-z0-9.+-]/_}-$arch
if [ ! -x "$dir/usr/bin/promtool" ]; then
	mkdir -p "$root"
	tmp=$(mktemp -d "$root/new-XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	(
		cd "$tmp"
		# A list of packages that is old names versions that the archive has no more.
		apt-get download -qq -o APT::Sandbox::User="$(id -un)" prometheus ||
			{ apt-get update >/dev/null && apt-get download -qq -o APT::Sandbox::User="$(id -un)" prometheus; }
	) >&2
	dpkg-deb -x "$tmp"/prometheus_*.deb "$tmp/x"
	# Whoever comes second finds it done; mv onto a directory would go inside of it.
	mv -T "$tmp/x" "$dir" 2>/dev/null || [ -x "$dir/usr/bin/promtool" ]
fi
echo "$dir/usr/bin"

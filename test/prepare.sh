#!/usr/bin/env bash
# Looks for what the tests need beside Go. On Debian, as root, what is missing is
# installed; everywhere else the command that would do it is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
need() { # PACKAGE TEST...
	local package=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$package")
}
has() { command -v "$1"; }
compiles() { # a compiler without a C library is not enough for the race detector
	echo 'int main(void) { return 0; }' | "${CC:-cc}" -x c -o /dev/null -
}
postgres() { # Debian keeps the server itself out of the PATH
	ls /usr/lib/postgresql/*/bin/initdb || has initdb
}

browser() { # one that is named, or one of those that test/browser looks for
	[ -n "${LOCKSTEP_CHROMIUM:-}" ] && test -x "$LOCKSTEP_CHROMIUM" && return
	has chromium || has chromium-browser || has google-chrome
}

look() {
	missing=()
	need git has git
	need git test -x "$(git --exec-path 2>/dev/null)/git-http-backend"
	need openssh-client has ssh
	need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt -o -s /etc/ssl/cert.pem -o -s /etc/pki/tls/certs/ca-bundle.crt
	need gcc has "${CC:-cc}"
	need libc6-dev compiles
	need postgresql postgres
	need chromium browser
}

wanted=$(sed -n 's/^go //p' go.mod)
have=$(go env GOVERSION 2>/dev/null | sed 's/^go//; s/[ -].*//' || true)
if [ -z "$have" ] || [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
	echo "Go $wanted or newer is needed, and ${have:-none} is here: https://go.dev/doc/install" >&2
	exit 1
fi

# Prometheus is not installed but unpacked into a cache.
bash test/prometheus.sh >/dev/null

look
[ ${#missing[@]} = 0 ] && exit
install="apt-get update && apt-get install --yes --no-install-recommends ${missing[*]}"
if [ "$(id -u)" != 0 ] || ! has apt-get >/dev/null; then
	echo "missing: ${missing[*]}" >&2
	echo "on Debian or Ubuntu: sudo sh -c '$install'" >&2
	exit 1
fi
echo "installing: ${missing[*]}"
DEBIAN_FRONTEND=noninteractive sh -c "$install" >/dev/null

look
[ ${#missing[@]} = 0 ] && exit
echo "still missing after the installation: ${missing[*]}" >&2
exit 1

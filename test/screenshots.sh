#!/usr/bin/env bash
# Takes the pictures of docs/images anew: every screen, light and dark, of the servers
# that test/browser sets up. Takes a minute, and needs what test/prepare.sh installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export GOWORK=off
bash ui/build.sh
mkdir -p docs/images
LOCKSTEP_BROWSER_PROJECT=pictures-fleet go test -count=1 -run '^TestFleet$' ./test/browser
LOCKSTEP_BROWSER_PROJECT=pictures-pages go test -count=1 -run '^TestPages$' ./test/browser
# Few colours are in them, and a palette is a third of the size.
go run ./test/screenshots docs/images/*.png
{
	printf '# Pictures of the web UI\n\nMade by `bash test/screenshots.sh` from a real server; the fleet of 10,000 is made up.\n'
	for light in docs/images/*-light.png; do
		name=$(basename "$light" -light.png)
		printf '\n## %s\n\n<img alt="%s, light" src="%s-light.png" width="49%%"> <img alt="%s, dark" src="%s-dark.png" width="49%%">\n' "$name" "$name" "$name" "$name" "$name"
	done
} >docs/images/README.md
size=$(cat docs/images/*.png | wc -c)
echo "docs/images: $(ls docs/images/*.png | wc -l) pictures, $((size / 1024)) KiB"
[ "$size" -lt 3000000 ] || { echo "docs/images is larger than 3 MB" >&2; exit 1; }

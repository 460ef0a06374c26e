package ui

import (
	"net/http"
	"strings"
)

// missing answers where a UI would be. It is for people in front of a browser,
// and no browser is to remember it.
func missing(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, "/"+assetDir) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(page)) // the peer may be gone
}

// page has no style: the policy allows none that is part of a page.
const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Lockstep</title></head>
<body>
<h1>Lockstep runs, without its web UI</h1>
<p>This binary was built without it. Run <code>make build</code>, which needs Node 20.19 or newer, and start again.</p>
<p>The command line and the API at <code>/api/v1</code> work.</p>
</body>
</html>
`

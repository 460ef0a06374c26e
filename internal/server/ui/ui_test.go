package ui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var built = fstest.MapFS{
	"index.html":          {Data: []byte(`<html><head><base href="/" /></head><script src="./assets/main-abc.js"></script></html>`)},
	"theme.js":            {Data: []byte(`document`)},
	"assets/main-abc.js":  {Data: []byte(strings.Repeat("let a = 1;\n", 500))},
	".gitkeep":            {},
	".vite/manifest.json": {Data: []byte(`{}`)},
}

func TestServe(t *testing.T) {
	h, err := load(built, "")
	if err != nil {
		t.Fatal(err)
	}
	const page = "<html>"
	cases := map[string]struct {
		why          string
		method, path string
		status       int
		cache, kind  string
		body         string
	}{
		"Root":          {why: "The root is the page, asked for anew each time so that an upgrade shows.", path: "/", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"Route":         {why: "A route of the page is the page.", path: "/stacks/payments/shop", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"RouteWithDots": {why: "A name with a dot is no file.", path: "/stacks/payments/v1.2.js", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"Asset":         {why: "What is named by its content never changes.", path: "/assets/main-abc.js", status: 200, cache: "public, max-age=31536000, immutable", kind: "text/javascript; charset=utf-8", body: "let a"},
		"OldAsset":      {why: "A script that is gone is not found, rather than a page in its place.", path: "/assets/main-old.js", status: 404, cache: "no-store"},
		"API":           {why: "A program that asks for what is not there does not get a page.", path: "/api/v1/none", status: 404, cache: "no-store"},
		"File":          {why: "A file without a hash is asked for anew.", path: "/theme.js", status: 200, cache: "no-cache", kind: "text/javascript; charset=utf-8", body: "document"},
		"Placeholder":   {why: "What only the build needs is not served.", path: "/.gitkeep", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"Manifest":      {why: "What only the build needs is not served.", path: "/.vite/manifest.json", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"Climbing":      {why: "A path cannot leave the UI.", path: "/assets/../../secret", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8", body: page},
		"Post":          {why: "Nothing here takes anything.", method: http.MethodPost, path: "/", status: 405},
		"Head":          {why: "A head has no body.", method: http.MethodHead, path: "/", status: 200, cache: "no-cache", kind: "text/html; charset=utf-8"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			method := tc.method
			if method == "" {
				method = http.MethodGet
			}
			r := httptest.NewRequest(method, "http://lockstep.example/", nil)
			r.URL.Path = tc.path
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Fatalf("%s\nstatus %d, not %d: %s", tc.why, w.Code, tc.status, w.Body)
			}
			if got := w.Header().Get("Cache-Control"); tc.cache != got {
				t.Errorf("%s\nCache-Control is %q, not %q", tc.why, got, tc.cache)
			}
			if got := w.Header().Get("Content-Type"); tc.kind != "" && tc.kind != got {
				t.Errorf("%s\nContent-Type is %q, not %q", tc.why, got, tc.kind)
			}
			if !strings.HasPrefix(w.Body.String(), tc.body) {
				t.Errorf("%s\nthe body is %q", tc.why, w.Body)
			}
			if tc.method == http.MethodHead && w.Body.Len() > 0 {
				t.Errorf("%s\nthe body is %q", tc.why, w.Body)
			}
		})
	}
}

// TestHeaders holds every answer to the policy, the refusals as well.
func TestHeaders(t *testing.T) {
	h, err := load(built, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{"Built": h, "Missing": guarded(http.HandlerFunc(missing))} {
		for _, path := range []string{"/", "/assets/none.js"} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			csp := w.Header().Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s %s: the policy %q does not say %q", name, path, csp, part)
				}
			}
			for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("%s %s: %s is %q, not %q", name, path, header, got, want)
				}
			}
		}
	}
}

func TestCompression(t *testing.T) {
	h, err := load(built, "")
	if err != nil {
		t.Fatal(err)
	}
	get := func(accept, none string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/assets/main-abc.js", nil)
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", none)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	zipped, plain := get("br, gzip;q=0.8", ""), get("gzip;q=0", "")
	if zipped.Header().Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" {
		t.Fatalf("encodings: %q where gzip is asked for, %q where it is refused", zipped.Header().Get("Content-Encoding"), plain.Header().Get("Content-Encoding"))
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || string(data) != plain.Body.String() {
		t.Errorf("what is unpacked differs from what is sent plain (%v)", err)
	}
	if a, b := zipped.Header().Get("ETag"), plain.Header().Get("ETag"); a == b || a == "" {
		t.Errorf("both forms have the tag %q: a cache would mix them up", a)
	}
	if again := get("gzip", "W/"+zipped.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("what the browser has is sent again: %d, %d bytes", again.Code, again.Body.Len())
	}
}

func TestRebased(t *testing.T) {
	h, err := load(built, `/x"><script>`)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fleet", nil))
	if want := `<base href="/x&quot;>&lt;script>/" />`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("the page is not below the path: %s", w.Body)
	}
}

func TestMissing(t *testing.T) {
	w := httptest.NewRecorder()
	guarded(http.HandlerFunc(missing)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/fleet", nil))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("a server without a UI does not say what to do: %d %s", w.Code, w.Body)
	}
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	if _, err := New(Options{Dir: dir}); err == nil {
		t.Fatal("an empty directory is taken for a UI")
	}
	index := filepath.Join(dir, "index.html")
	write := func(text string) {
		if err := os.WriteFile(index, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "out.txt")); err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a link that leaves the directory was followed: %d", w.Code)
	}
	if err := os.Remove(filepath.Join(dir, "out.txt")); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"second", "third"} {
		write(text)
		if w := get("/"); w.Body.String() != text {
			t.Errorf("%q was built, %q is served", text, w.Body)
		}
	}
}

func TestDev(t *testing.T) {
	vite := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "vite "+r.URL.Path)
	}))
	defer vite.Close()
	h, err := New(Options{Dev: vite.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/src/main.tsx", nil))
	if got := w.Body.String(); got != "vite /src/main.tsx" {
		t.Errorf("the Vite server was not asked: %q", got)
	}
	for _, bad := range []string{"http://lockstep.example:5173", "http://%zz", "192.0.2.1:5173"} {
		if _, err := New(Options{Dev: bad}); err == nil {
			t.Errorf("--ui-dev %q is taken: it would hand every request to another machine", bad)
		}
	}
}

// Package ui serves the web UI: files from memory, and for every path that is no
// file the page, whose own routes take it from there.
//
// It is the last handler of the server: whatever is not the API, a probe or a
// webhook ends here. Without a built UI it says so instead, with status 503.
package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	assets "github.com/lockstep-dev/lockstep/ui"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Options says where the UI comes from; the zero value is the one in the binary.
type Options struct {
	// Dir is a directory to serve instead, for a UI that is built apart.
	Dir string
	// Dev is the address of a Vite server that everything is passed on to.
	Dev string
	// Path is what stands before every path, without a slash at its end; "" for
	// the root. A proxy that has cut it off is told by it.
	Path string
}

// New returns the handler.
func New(o Options) (http.Handler, error) {
	if o.Dir != "" && o.Dev != "" {
		return nil, fault.Usage("--ui-dir and --ui-dev exclude each other").WithHint("leave out one of them")
	}
	if o.Dev != "" {
		return proxy(o.Dev)
	}
	if o.Dir != "" {
		return fromDir(o)
	}
	built, ok := assets.Built()
	if !ok {
		return guarded(http.HandlerFunc(missing)), nil
	}
	return load(built, o.Path)
}

// Missing says whether a server without Options would have no UI.
func Missing() bool {
	_, ok := assets.Built()
	return !ok
}

// file is one file as it is sent.
type file struct {
	plain, zipped []byte // zipped is nil when it would not be smaller
	kind, tag     string
}

// site is all files of a UI, in memory: it is small, and compressed once.
type site struct {
	files map[string]*file
	index *file
}

func load(from fs.FS, root string) (http.Handler, error) {
	s := &site{files: map[string]*file{}}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || hidden(name) {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if name == assets.Index {
			data = rebased(data, root)
		}
		f, err := newFile(name, data)
		s.files[name] = f
		return err
	})
	if err != nil {
		return nil, fault.Invalid("the web UI cannot be read").Because(err)
	}
	s.index = s.files[assets.Index]
	if s.index == nil {
		return nil, fault.Invalid("the web UI has no %s", assets.Index).WithHint("run make build, or name the directory that vite build writes")
	}
	return guarded(s), nil
}

// hidden tells what the build leaves beside the UI: the placeholder and Vite's
// manifest.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// rebased makes relative addresses lead below root.
func rebased(index []byte, root string) []byte {
	return bytes.Replace(index, []byte(`<base href="/"`), []byte(`<base href="`+escaped(root)+`/"`), 1)
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;").Replace(s)
}

func newFile(name string, data []byte) (*file, error) {
	sum := sha256.Sum256(data)
	f := &file{plain: data, kind: kindOf(name), tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if zipped.Len() < len(data)*9/10 {
		f.zipped = zipped.Bytes()
	}
	return f, nil
}

// kindOf does not ask the system's table of media types for what we ship: it
// differs between machines, and nosniff makes a wrong one fatal.
func kindOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// assetDir holds files whose names change with their content.
const assetDir = "assets/"

// forPrograms tells paths at which nobody looks with a browser: a program that asks
// for what is not there is to hear so, rather than get a page.
func forPrograms(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first == "api" || first == "auth" || first == "hooks"
}

// ServeHTTP sends a file, or the page.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	f, found := s.files[name]
	if !found && forPrograms(name) {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	switch {
	case strings.HasPrefix(name, assetDir) && !found:
		// Not the page: a tab of an older build would take it for a script.
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	case strings.HasPrefix(name, assetDir):
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	case found:
		w.Header().Set("Cache-Control", "no-cache")
	default:
		f = s.index
		w.Header().Set("Cache-Control", "no-cache")
	}
	f.send(w, r)
}

func (f *file) send(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	data := f.plain
	tag := f.tag
	if f.zipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if accepts(r, "gzip") {
			h.Set("Content-Encoding", "gzip")
			data, tag = f.zipped, strings.TrimSuffix(f.tag, `"`)+`-gz"`
		}
	}
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		h.Del("Content-Type")
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(data) // the peer may be gone
}

// accepts reads Accept-Encoding; "gzip;q=0" is a refusal.
func accepts(r *http.Request, encoding string) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q := strings.ReplaceAll(params, " ", "")
		return q != "q=0" && !strings.HasPrefix(q, "q=0.000") && q != "q=0.0" && q != "q=0.00"
	}
	return false
}

func matches(given, tag string) bool {
	for _, one := range strings.Split(given, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

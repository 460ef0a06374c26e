package engine

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	helmregistry "helm.sh/helm/v4/pkg/registry"

	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// git REPO ARGS…: git in the bare repository, to branch, tag and rewrite.
func git(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "git repo args...")
	out, err := of(ts).repo(ts, args[0]).Git(args[1:]...)
	ts.Check(err)
	_, _ = ts.Stdout().Write([]byte(out))
}

// gitserver VAR USER:PASSWORD: serves the script's repositories to who knows
// the password, at $VAR.
func gitserver(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 2, "gitserver var user:password")
	user, password, _ := strings.Cut(args[1], ":")
	handler, err := httpserver.New(httpserver.Options{Dir: of(ts).git.dir, Username: user, Password: password})
	ts.Check(err)
	srv := httptest.NewServer(handler)
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL+"/"+of(ts).ns)
}

// registry VAR DIR…: packs the charts in DIR… and serves them from an OCI
// registry at oci://$VAR.
func ociRegistry(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "registry var dir...")
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	client, err := helmregistry.NewClient(helmregistry.ClientOptPlainHTTP(), helmregistry.ClientOptWriter(io.Discard))
	ts.Check(err)
	for _, dir := range args[1:] {
		c := pack(ts, dir)
		_, err := client.Push(c.data, fmt.Sprintf("%s/charts/%s:%s", host, c.name, c.version))
		ts.Check(err)
	}
	ts.Setenv(args[0], host+"/charts")
}

// charts VAR DIR…: packs the charts in DIR… and serves them from an HTTP chart
// repository at $VAR.
func charts(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "charts var dir...")
	files := map[string][]byte{}
	var index bytes.Buffer
	entries := map[string][]string{}
	for _, dir := range args[1:] {
		c := pack(ts, dir)
		file := c.name + "-" + c.version + ".tgz"
		files["/"+file] = c.data
		entries[c.name] = append(entries[c.name], fmt.Sprintf(`{apiVersion: v2, name: %s, version: %s, digest: "%x", urls: [%s]}`, c.name, c.version, sha256.Sum256(c.data), file))
	}
	index.WriteString("apiVersion: v1\nentries:\n")
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(&index, "  %s: [%s]\n", name, strings.Join(entries[name], ", "))
	}
	files["/index.yaml"] = index.Bytes()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	ts.Defer(srv.Close)
	ts.Setenv(args[0], srv.URL)
}

type archive struct {
	name, version string
	data          []byte
}

func pack(ts *testscript.TestScript, dir string) archive {
	c, err := loader.LoadDir(ts.MkAbs(dir))
	ts.Check(err)
	out, err := os.MkdirTemp(ts.Getenv("WORK"), "chart-*")
	ts.Check(err)
	file, err := chartutil.Save(c, out)
	ts.Check(err)
	data, err := os.ReadFile(filepath.Clean(file))
	ts.Check(err)
	return archive{name: c.Metadata.Name, version: c.Metadata.Version, data: data}
}

// link up|down: a wire to the API at $LINK that can be cut. Its first use
// chooses the address.
func link(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) == 1 && (args[0] == "up" || args[0] == "down"), "link up|down")
	s := of(ts)
	if s.wire == nil {
		api, err := url.Parse(ts.Getenv("API"))
		ts.Check(err)
		s.wire = &wire{to: api.Host, addr: "127.0.0.1:0"}
		ts.Defer(s.wire.cut)
		ts.Check(s.wire.join())
		ts.Setenv("LINK", "https://"+s.wire.addr)
	}
	if args[0] == "down" {
		s.wire.cut()
		return
	}
	ts.Check(s.wire.join())
}

// wire forwards bytes from addr to another address, while it is joined.
type wire struct {
	to, addr string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func (w *wire) join() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		return err
	}
	w.listener, w.addr = l, l.Addr().String()
	go w.accept(l)
	return nil
}

func (w *wire) accept(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		w.open = append(w.open, in, out)
		w.mu.Unlock()
		go pump(in, out)
		go pump(out, in)
	}
}

func pump(to, from net.Conn) {
	_, _ = io.Copy(to, from) // either side may go
	_ = to.Close()
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener == nil {
		return
	}
	_ = w.listener.Close()
	w.listener = nil
	for _, c := range w.open {
		_ = c.Close()
	}
	w.open = nil
}

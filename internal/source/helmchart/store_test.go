package helmchart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

func packed(t *testing.T, version string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	body := "apiVersion: v2\nname: web\nversion: " + version + "\n"
	if err := w.WriteHeader(&tar.Header{Name: "web/Chart.yaml", Size: int64(len(body)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// repo is a chart repository that counts what it is asked for.
type repo struct {
	versions map[string][]byte
	digests  map[string]string // instead of the true ones
	base     string            // of the URLs in the index; "" for relative ones
	user     string
	index    atomic.Int64 // full answers
	archives atomic.Int64
	leaked   atomic.Bool // a request without need carried a credential
}

func (r *repo) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	user, pass, ok := req.BasicAuth()
	if r.user != "" && (user != r.user || pass != "secret") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.user == "" && ok {
		r.leaked.Store(true)
	}
	name := strings.TrimPrefix(req.URL.Path, "/charts/")
	if name == "index.yaml" {
		if req.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		r.index.Add(1)
		w.Header().Set("ETag", `"1"`)
		fmt.Fprintln(w, "apiVersion: v1\nentries:\n  web:")
		for v, data := range r.versions {
			d := strings.TrimPrefix(sum(data), "sha256:")
			if r.digests[v] != "" {
				d = r.digests[v]
			}
			fmt.Fprintf(w, "  - version: %s\n    digest: %s\n    urls: [%sweb-%s.tgz]\n", v, d, r.base, v)
		}
		return
	}
	r.archives.Add(1)
	data, ok := r.versions[strings.TrimSuffix(strings.TrimPrefix(name, "web-"), ".tgz")]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_, _ = w.Write(data)
}

func serve(t *testing.T, versions ...string) (*repo, string) {
	t.Helper()
	r := &repo{versions: map[string][]byte{}, digests: map[string]string{}}
	for _, v := range versions {
		r.versions[v] = packed(t, v)
	}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return r, s.URL + "/charts"
}

func TestVersions(t *testing.T) {
	_, url := serve(t, "1.0.0", "1.2.0", "1.10.0", "2.0.0", "3.0.0-rc.1")
	cases := map[string]struct {
		why, version, want string
		kind               fault.Kind
		fails              bool
	}{
		"Exact":      {why: "An exact version is that version.", version: "1.2.0", want: "1.2.0"},
		"Range":      {why: "10 is more than 2: versions are not compared as text.", version: "^1.0.0", want: "1.10.0"},
		"None":       {why: "The newest is meant, and a pre-release is not for everybody.", want: "2.0.0"},
		"PreRelease": {why: "Who asks for pre-releases gets them.", version: ">=3.0.0-0", want: "3.0.0-rc.1"},
		"Missing":    {why: "The message says which there are.", version: "9.9.9", fails: true, kind: fault.KindNotFound},
		"Garbage":    {why: "A mistake in the Stack does not go away by trying again.", version: "newest please", fails: true, kind: fault.KindInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := New(Options{Dir: t.TempDir()})
			got, err := s.With().Fetch(context.Background(), render.ChartRef{Repo: url, Name: "web", Version: tc.version})
			if (err != nil) != tc.fails || err != nil && fault.KindOf(err) != tc.kind {
				t.Fatalf("%s\nFetch: %v", tc.why, err)
			}
			if got.Version != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.why, got.Version, tc.want)
			}
		})
	}
}

func TestNothingIsFetchedTwice(t *testing.T) {
	r, url := serve(t, "1.0.0")
	now := time.Unix(0, 0)
	dir := t.TempDir()
	s := New(Options{Dir: dir, Now: func() time.Time { return now }})
	fetch := func() {
		t.Helper()
		if _, err := s.With().Fetch(context.Background(), render.ChartRef{Repo: url, Name: "web", Version: "*"}); err != nil {
			t.Fatal(err)
		}
	}
	fetch()
	fetch()
	now = now.Add(time.Hour) // asks again, and hears that nothing changed
	fetch()
	if diff := cmp.Diff([]int64{1, 1}, []int64{r.index.Load(), r.archives.Load()}); diff != "" {
		t.Errorf("full answers for index and archive (-want +got):\n%s", diff)
	}
	// A damaged cache is fetched anew.
	files, _ := filepath.Glob(filepath.Join(dir, "charts", "*"))
	for _, f := range files {
		if err := os.WriteFile(f, []byte("rot"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fetch()
	if r.archives.Load() != 2 || len(files) != 1 {
		t.Errorf("the damaged archive was used: %d fetches, %d files", r.archives.Load(), len(files))
	}
}

func TestFaults(t *testing.T) {
	r, url := serve(t, "1.0.0", "2.0.0")
	r.digests["2.0.0"] = strings.Repeat("0", 64)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<html>hello</html>")
	}))
	defer page.Close()
	cases := map[string]struct {
		why, repo, name, version, text string
		kind                           fault.Kind
		opts                           Options
	}{
		"Digest":   {why: "What is not what was published is not rendered.", repo: url, name: "web", version: "2.0.0", kind: fault.KindInvalid, text: "digest"},
		"Name":     {why: "The message says which charts there are.", repo: url, name: "wbe", kind: fault.KindNotFound, text: "wbe"},
		"Page":     {why: "The URL of the project's home page is the usual mistake.", repo: page.URL, name: "web", kind: fault.KindInvalid, text: "not an index"},
		"TooBig":   {why: "A repository cannot fill the disk.", repo: url, name: "web", version: "1.0.0", kind: fault.KindInvalid, text: "limit", opts: Options{MaxChart: 10}},
		"BigIndex": {why: "Nor the memory.", repo: url, name: "web", kind: fault.KindInvalid, text: "limit", opts: Options{MaxIndex: 10}},
		"Scheme":   {why: "Files of this machine are not charts.", repo: "file://host/etc", name: "web", kind: fault.KindInvalid, text: "file"},
		"UserInfo": {why: "A credential in a URL ends up in messages.", repo: "https://bob:hunter2@host/x", name: "web", kind: fault.KindInvalid, text: "not the URL"},
		"Down":     {why: "A repository that is down comes back.", repo: "http://127.0.0.1:1/x", name: "web", kind: fault.KindUnavailable, text: "cannot be reached"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.opts.Dir = t.TempDir()
			_, err := New(tc.opts).With().Fetch(context.Background(), render.ChartRef{Repo: tc.repo, Name: tc.name, Version: tc.version})
			if err == nil || fault.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s\ngot %v (%v), want %v with %q", tc.why, err, fault.KindOf(err), tc.kind, tc.text)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the message holds a password: %v", err)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	private, _ := serve(t, "1.0.0")
	private.user = "bob"
	tls := httptest.NewTLSServer(private)
	defer tls.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw})
	other, otherURL := serve(t, "1.0.0")
	ref := render.ChartRef{Repo: tls.URL + "/charts", Name: "web"}
	good := Credential{URL: tls.URL, Username: "bob", Password: "secret", CA: ca}

	if _, err := New(Options{Dir: t.TempDir()}).With(good).Fetch(context.Background(), ref); err != nil {
		t.Fatalf("with the right credential: %v", err)
	}
	bad := good
	bad.Password = "wrong-password"
	_, err := New(Options{Dir: t.TempDir()}).With(bad).Fetch(context.Background(), ref)
	if fault.KindOf(err) != fault.KindDenied || strings.Contains(fmt.Sprint(err, fault.As(err).Hint), bad.Password) {
		t.Errorf("with a wrong password: %v", err)
	}
	elsewhere := good
	elsewhere.URL = tls.URL + "0" // another host that begins alike
	if _, err := New(Options{Dir: t.TempDir()}).With(elsewhere).Fetch(context.Background(), ref); err == nil {
		t.Error("a credential was used for a host that it is not for")
	}
	// The index names archives on another host, which must not see the credential.
	private.base = otherURL + "/"
	if _, err := New(Options{Dir: t.TempDir()}).With(good).Fetch(context.Background(), ref); err != nil {
		t.Fatal(err)
	}
	if other.leaked.Load() || other.archives.Load() != 1 {
		t.Errorf("credential sent elsewhere: %v, archives %d", other.leaked.Load(), other.archives.Load())
	}
	good.PassCredentials = true
	if _, err := New(Options{Dir: t.TempDir()}).With(good).Fetch(context.Background(), ref); err != nil || !other.leaked.Load() {
		t.Errorf("passCredentials was not honoured: %v", err)
	}
}

// push puts a chart into a registry as helm push does.
func push(t *testing.T, host, tag, media string, layer []byte) string {
	t.Helper()
	put := func(path, typ string, body []byte) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodPut, "http://"+host+path, bytes.NewReader(body))
		req.Header.Set("Content-Type", typ)
		res, err := http.DefaultClient.Do(req)
		if err != nil || res.StatusCode >= 300 {
			t.Fatalf("PUT %s: %v %v", path, res, err)
		}
		_ = res.Body.Close()
	}
	blob := func(data []byte) digest.Digest {
		d := digest.FromBytes(data)
		res, err := http.Post("http://"+host+"/v2/team/web/blobs/uploads/", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		put(strings.TrimPrefix(res.Header.Get("Location"), "http://"+host)+"?digest="+d.String(), "application/octet-stream", data)
		return d
	}
	config := []byte("{}")
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    ocispec.Descriptor{MediaType: "application/vnd.cncf.helm.config.v1+json", Digest: blob(config), Size: int64(len(config))},
		Layers:    []ocispec.Descriptor{{MediaType: media, Digest: blob(layer), Size: int64(len(layer))}},
	}
	m.SchemaVersion = 2
	body, _ := json.Marshal(m)
	put("/v2/team/web/manifests/"+tag, ocispec.MediaTypeImageManifest, body)
	return digest.FromBytes(body).String()
}

func TestOCI(t *testing.T) {
	var asked atomic.Int64
	reg := ggcr.New()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		reg.ServeHTTP(w, r)
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	push(t, host, "1.0.0", chartLayers[0], packed(t, "1.0.0"))
	want := push(t, host, "1.10.0_build.1", chartLayers[0], packed(t, "1.10.0+build.1"))
	push(t, host, "2.0.0", "application/vnd.oci.image.layer.v1.tar+gzip", packed(t, "2.0.0"))

	s := New(Options{Dir: t.TempDir()})
	ref := render.ChartRef{Repo: "oci://" + host + "/team", Name: "web", Version: "^1"}
	got, err := s.With().Fetch(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != "1.10.0+build.1" || got.Digest != want || sum(got.Data) != sum(packed(t, "1.10.0+build.1")) {
		t.Errorf("got version %q, digest %q, want %q", got.Version, got.Digest, want)
	}
	before := asked.Load()
	if _, err := s.With().Fetch(context.Background(), ref); err != nil || asked.Load() != before {
		t.Errorf("asked %d times again: %v", asked.Load()-before, err)
	}
	ref.Version = "2.0.0"
	if _, err := s.With().Fetch(context.Background(), ref); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("an image was taken for a chart: %v", err)
	}
	ref.Version = "7.0.0"
	if _, err := s.With().Fetch(context.Background(), ref); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a missing version: %v", err)
	}
}

func TestOCICredentials(t *testing.T) {
	reg := ggcr.New()
	var private atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); private.Load() && (user != "bob" || pass != "secret") {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reg.ServeHTTP(w, r)
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	push(t, host, "1.0.0", chartLayers[0], packed(t, "1.0.0"))
	private.Store(true)
	ref := render.ChartRef{Repo: "oci://" + host + "/team", Name: "web", Version: "1.0.0"}
	if _, err := New(Options{Dir: t.TempDir()}).With().Fetch(context.Background(), ref); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("without a credential: %v", err)
	}
	c := Credential{URL: "oci://" + host, Username: "bob", Password: "secret"}
	if _, err := New(Options{Dir: t.TempDir()}).With(c).Fetch(context.Background(), ref); err != nil {
		t.Errorf("with a credential: %v", err)
	}
}

package git_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// lfsServer speaks the LFS batch API and its basic transfer, in front of a Git
// server.
type lfsServer struct {
	objects map[string]string // oid → content
	store   *httptest.Server  // where objects are served; nil for the same server
	git     http.Handler
	gets    atomic.Int64
	leaked  atomic.Bool
}

func (s *lfsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, pw, _ := r.BasicAuth()
	switch {
	case strings.HasSuffix(r.URL.Path, "/info/lfs/objects/batch"):
		if user != "u" || pw != "geheim" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.batch(w, r)
	case strings.HasPrefix(r.URL.Path, "/objects/"):
		if r.Header.Get("X-Ticket") != "7" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if s.store != nil && r.Header.Get("Authorization") != "" {
			s.leaked.Store(true)
		}
		s.gets.Add(1)
		_, _ = fmt.Fprint(w, s.objects[strings.TrimPrefix(r.URL.Path, "/objects/")])
	default:
		s.git.ServeHTTP(w, r)
	}
}

func (s *lfsServer) batch(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Operation string
		Objects   []struct {
			OID  string
			Size int64
		}
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Operation != "download" || r.Header.Get("Accept") != "application/vnd.git-lfs+json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	base := "http://" + r.Host
	if s.store != nil {
		base = s.store.URL
	}
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	var objects []any
	for _, o := range in.Objects {
		if _, ok := s.objects[o.OID]; !ok {
			objects = append(objects, map[string]any{"oid": o.OID, "size": o.Size, "error": map[string]any{"code": 404, "message": "Object does not exist"}})
			continue
		}
		objects = append(objects, map[string]any{"oid": o.OID, "size": o.Size, "authenticated": true, "actions": map[string]any{
			"download": map[string]any{"href": base + "/objects/" + o.OID, "header": map[string]string{"X-Ticket": "7"}, "expires_in": 60},
		}})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": objects})
}

func lfsPointer(content string) (oid, text string) {
	sum := sha256.Sum256([]byte(content))
	oid = hex.EncodeToString(sum[:])
	return oid, fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", oid, len(content))
}

func TestLFS(t *testing.T) {
	dir := t.TempDir()
	content := strings.Repeat("a large file\n", 1000)
	oid, pointer := lfsPointer(content)
	_, absent := lfsPointer("never pushed")
	forgedOID, forged := lfsPointer("what it should be")
	_, huge := lfsPointer("x")
	huge = strings.Replace(huge, "size 1", "size 99999999999", 1)
	must(newRepo(t, dir).Commit("main", "x", map[string]string{
		"large.bin": pointer, "absent": absent, "forged": forged, "huge": huge, "plain": "version of something else\n",
	}))
	for name, elsewhere := range map[string]bool{"SameServer": false, "ObjectStore": true} {
		t.Run(name, func(t *testing.T) {
			h := &lfsServer{
				git:     serve(t, httpserver.Options{Dir: dir, Username: "u", Password: "geheim"}),
				objects: map[string]string{oid: content, forgedOID: "what it is in truth"},
			}
			if elsewhere {
				h.store = httptest.NewServer(h)
				defer h.store.Close()
			}
			srv := httptest.NewServer(h)
			defer srv.Close()
			store := git.New(git.Options{Dir: t.TempDir()})
			spec := source.Spec{URL: srv.URL + "/repo.git", Auth: source.Auth{Username: "u", Password: "geheim"}, LFS: true}
			m := must(store.Open(t.Context(), spec))
			defer func() { _ = m.Close() }()
			s := must(m.Fetch(t.Context(), source.Ref{}))
			for range 3 {
				if got, err := s.ReadFile("large.bin"); err != nil || string(got) != content {
					t.Fatalf("ReadFile: %d bytes, %v", len(got), err)
				}
			}
			if n := h.gets.Load(); n != 1 {
				t.Errorf("three reads made %d downloads", n)
			}
			if h.leaked.Load() {
				t.Error("the credential went to the object store")
			}
			for file, want := range map[string]fault.Kind{"absent": fault.KindNotFound, "forged": fault.KindInvalid, "huge": fault.KindInvalid} {
				if _, err := s.ReadFile(file); err == nil || fault.KindOf(err) != want {
					t.Errorf("%s: got %v, want %v", file, err, want)
				}
			}
			if got, err := s.ReadFile("plain"); err != nil || string(got) != "version of something else\n" {
				t.Errorf("plain: %q, %v", got, err)
			}
			spec.LFS = false
			without := must(store.Open(t.Context(), spec))
			defer func() { _ = without.Close() }()
			if got, err := must(without.Fetch(t.Context(), source.Ref{})).ReadFile("large.bin"); err != nil || string(got) != pointer {
				t.Errorf("without LFS the pointer is what there is: %q, %v", got, err)
			}
		})
	}
}

// Package history looks at what a real server records of what it does, also when
// its store goes away and when it is killed.
package history

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/postgres"
	"github.com/lockstep-dev/lockstep/test/world"
)

func TestMain(m *testing.M) { cluster.Main(m) }

const within = 30 * time.Second

type scene struct {
	*world.World
	unit   lockstep.Unit
	source *v1alpha1.Source
	url    string
	commit func(value, secret string) string
}

func settled(t *testing.T) *scene {
	w := world.New(t)
	repo, url := w.Repo("shop")
	s := &scene{World: w, unit: lockstep.Unit{Namespace: w.Namespace, Name: "shop"}, url: url}
	s.commit = func(value, secret string) string {
		t.Helper()
		hash, err := repo.Commit("main", "set "+value, map[string]string{
			"settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {key: " + value + "}\n",
			"secret.yaml":   "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: " + secret + "}\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.source != nil {
			w.Poke(s.source)
		}
		return hash
	}
	return s
}

func (s *scene) begin() {
	s.source = s.Source("shop", s.url)
	s.Create(&v1alpha1.Stack{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "shop"},
		Spec:       v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "shop"}},
	})
}

// open looks into the store as another process does.
func (s *scene) open(address string) store.Store {
	d, err := db.Open(s.T.Context(), address, db.AsItIs)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = d.Close() })
	return d
}

// ended waits until a release of the commit has ended well.
func (s *scene) ended(d store.Store, commit string) (out store.Release) {
	s.T.Helper()
	s.Eventually("release of "+commit[:7], within, func() (bool, string) {
		page, err := d.Releases(s.T.Context(), store.ReleaseQuery{Unit: s.unit})
		if err != nil {
			return false, err.Error()
		}
		for _, r := range page.Releases {
			if r.Revision == commit && r.Outcome == store.Succeeded && r.Cause != "drift" {
				out, err = d.Release(s.T.Context(), s.unit, r.Number)
				return err == nil, fmt.Sprint(err)
			}
		}
		return false, fmt.Sprintf("%+v", page.Releases)
	})
	return out
}

func (s *scene) verify(d store.Store, remembered store.Head) store.Verdict {
	s.T.Helper()
	v, err := store.Verify(s.T.Context(), d, remembered)
	if err != nil {
		s.T.Fatal(err)
	}
	return v
}

func (s *scene) entries(d store.Store, f store.Filter) []store.Entry {
	s.T.Helper()
	f.Unit = s.unit
	page, err := d.Entries(s.T.Context(), store.Query{Filter: f, Order: store.OldestFirst, Limit: 1000})
	if err != nil {
		s.T.Fatal(err)
	}
	return page.Entries
}

// TestRecorded: what is released and healed is on record with who, what and how it
// ended, no secret is, a kill takes nothing of it, and tampering shows.
func TestRecorded(t *testing.T) {
	s := settled(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "lockstep.db")
	first := s.commit("one", "hush-hush-1")
	// The end is remembered at once, not in five minutes.
	server := s.Serve(world.ServeOptions{DataDir: dir, Args: []string{"--remember-history-every=1s"}})
	s.begin()
	s.Eventually("the store", within, func() (bool, string) {
		return server.Metric("lockstep_store_head_entry") > 0, "nothing written"
	})
	d := s.open(file)
	r := s.ended(d, first)
	if r.Number != 1 || r.Author == "" || r.Subject != "set one" || r.Cause != "commit" || r.Summary.Create != 2 || len(r.Objects) != 2 || r.Objects[0].Result != "done" {
		t.Errorf("the first release is %+v", r)
	}
	second := s.commit("two", "hush-hush-2")
	r = s.ended(d, second)
	if r.Summary.Update != 2 || r.Lead() <= 0 {
		t.Errorf("the second release is %+v", r)
	}
	way := []time.Time{r.Steps.Committed, r.Steps.Fetched, r.Steps.Started, r.Steps.Rendered, r.Steps.Planned, r.Steps.Applied, r.Steps.Healthy}
	if way[0].IsZero() || !slices.IsSortedFunc(way, time.Time.Compare) {
		t.Errorf("from commit to healthy it went at %v", way)
	}
	text := fmt.Sprintf("%+v", r.Objects)
	if !strings.Contains(text, "data.key") || strings.Contains(text, "hush") {
		t.Errorf("the diff is %s", text)
	}

	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "settings"}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"data":{"key":"by hand"}}`))
	if err := s.Client.Patch(t.Context(), cm, patch, client.FieldOwner("kubectl-edit")); err != nil {
		t.Fatal(err)
	}
	s.Eventually("the heal", within, func() (bool, string) {
		got := s.entries(d, store.Filter{Kinds: []store.Kind{store.KindHeal}})
		return len(got) > 0 && strings.Contains(got[0].Data, "kubectl-edit") && strings.Contains(got[0].Data, "data.key"), fmt.Sprintf("%+v", got)
	})
	var head store.Head
	s.Eventually("the end of it", within, func() (bool, string) {
		v := s.verify(d, store.Head{})
		head = v.Head
		r, err := d.Release(t.Context(), s.unit, 0)
		return v.OK && err == nil && r.Cause == "drift" && r.Outcome == store.Succeeded, fmt.Sprintf("%+v %+v %v", v, r, err)
	})

	if h := s.remembers(d); !s.verify(d, h).OK {
		t.Errorf("the chain does not lead on from %s", h)
	}
	server.Kill()
	again := s.Serve(world.ServeOptions{DataDir: dir})
	third := s.commit("three", "hush-hush-3")
	s.ended(d, third)
	if v := s.verify(d, head); !v.OK || v.Head.Seq <= head.Seq {
		t.Errorf("after a kill the verdict is %+v", v)
	}
	// A restart alone records nothing.
	page, err := d.Releases(t.Context(), store.ReleaseQuery{Unit: s.unit})
	if err != nil || page.Total != 4 {
		t.Errorf("%d releases, %v: want three of commits and a heal", page.Total, err)
	}
	again.Stop()
	s.tamper(file)
	if v := s.verify(d, head); v.OK || v.Flaws[0].Kind != store.Changed || v.Flaws[0].From != 1 {
		t.Errorf("after tampering the verdict is %+v", v)
	}
}

// TestStoreGone: PostgreSQL goes away while commits come, and everything is there
// once it is back, also over a restart in between.
func TestStoreGone(t *testing.T) {
	s := settled(t)
	pg := postgres.New(t)
	address := pg.Database(t)
	options := world.ServeOptions{DataDir: t.TempDir(), Env: []string{"LOCKSTEP_STORE=" + address}}
	first := s.commit("one", "a")
	server := s.Serve(options)
	s.begin()
	s.Eventually("the store", within, func() (bool, string) {
		return server.Metric("lockstep_store_head_entry") > 0, "nothing written"
	})
	d := s.open(address)
	s.ended(d, first)

	pg.Stop()
	second := s.commit("two", "b")
	s.applied(second)
	s.Eventually("the server says so", within, func() (bool, string) {
		return server.Metric("lockstep_store_behind") == 1 && server.Metric("lockstep_store_spool_bytes") > 0, "all is well"
	})
	server.Kill()
	server = s.Serve(options)
	third := s.commit("three", "c")
	s.applied(third)

	if err := pg.Start(); err != nil {
		t.Fatal(err)
	}
	s.Eventually("the store is back", 2*within, func() (bool, string) {
		return server.Metric("lockstep_store_behind") == 0, "still behind"
	})
	s.ended(d, second)
	s.ended(d, third)
	if v := s.verify(d, store.Head{}); !v.OK {
		t.Errorf("the verdict is %+v", v)
	}
	if got := s.entries(d, store.Filter{Kinds: []store.Kind{store.KindGap}}); len(got) != 0 {
		t.Errorf("something was lost: %+v", got)
	}
}

// tamper makes the first entry say something else, behind the server's back.
func (s *scene) tamper(file string) {
	s.T.Helper()
	d, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		s.T.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := d.ExecContext(s.T.Context(), "UPDATE entries SET reason = 'nothing' WHERE seq = 1"); err != nil {
		s.T.Fatal(err)
	}
}

// applied waits until a commit is live.
func (s *scene) applied(commit string) {
	s.T.Helper()
	s.Eventually("commit "+commit[:7]+" is live", within, func() (bool, string) {
		got := &v1alpha1.Stack{}
		if err := s.Client.Get(s.T.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "shop"}, got); err != nil {
			return false, err.Error()
		}
		return got.Status.Revision == commit, fmt.Sprintf("%+v", got.Status.Conditions)
	})
}

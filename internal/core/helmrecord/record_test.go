package helmrecord

import (
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

var (
	owner = Owner{Namespace: "apps", Name: "shop", UID: "u"}
	at    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func ended(release int64, status Status) Ended {
	return Ended{Owner: owner, Release: release, Status: status, At: at, Draft: []byte(`{"name":"shop","namespace":"web","config":{"big":12345678901234567890}}`)}
}

// api keeps records as the API does.
type api map[string]map[string]any

func (a api) list() (out []map[string]any) {
	for _, t := range a {
		out = append(out, t)
	}
	return out
}

func (a api) put(tree map[string]any) {
	md := tree["metadata"].(map[string]any)
	md["resourceVersion"] = "1"
	a[md["name"].(string)] = tree
}

func (a api) statuses() map[int]Status {
	out := map[int]Status{}
	for _, s := range parse(a.list()) {
		out[s.version] = s.status
	}
	return out
}

// TestCrash stops after every write, and goes on from what is there then: never are
// two deployed, and in the end the release is on record once.
func TestCrash(t *testing.T) {
	for stop := range 3 {
		a := api{}
		for id := int64(1); id <= 3; id++ {
			for try := 0; ; try++ {
				w, err := Record(a.list(), "web", ended(id, Deployed))
				if err != nil {
					t.Fatal(err)
				}
				if len(w.Put) == 0 {
					break
				}
				for i, tree := range w.Put {
					if try == 0 && i == stop {
						break
					}
					a.put(tree)
					deployed := 0
					for _, s := range a.statuses() {
						if s == Deployed {
							deployed++
						}
					}
					if deployed > 1 {
						t.Fatalf("stopped after %d writes: %d are deployed", stop, deployed)
					}
				}
				if try > 2 {
					t.Fatal("it does not come to an end")
				}
			}
		}
		if diff := gocmp.Diff(map[int]Status{1: Superseded, 2: Superseded, 3: Deployed}, a.statuses()); diff != "" {
			t.Errorf("stopped after %d writes (-want +got):\n%s", stop, diff)
		}
	}
}

// TestTenAreKept is Helm's own limit. The one that is deployed is never among
// those that go.
func TestTenAreKept(t *testing.T) {
	a := api{}
	for id := int64(1); id <= 15; id++ {
		status := Failed
		if id == 1 {
			status = Deployed
		}
		w, err := Record(a.list(), "web", ended(id, status))
		if err != nil {
			t.Fatal(err)
		}
		for _, tree := range w.Put {
			a.put(tree)
		}
		for _, name := range w.Delete {
			delete(a, name)
		}
	}
	got := a.statuses()
	if len(got) != keep || got[1] != Deployed || got[15] != Failed {
		t.Errorf("kept are %v", got)
	}
}

func TestWhoseRecords(t *testing.T) {
	a := api{}
	w, err := Record(nil, "web", ended(1, Deployed))
	if err != nil {
		t.Fatal(err)
	}
	a.put(w.Put[0])
	other := Owner{Namespace: "apps", Name: "other", UID: "v"}
	e := ended(1, Deployed)
	e.Owner = other
	if _, err := Record(a.list(), "web", e); !errors.Is(err, fault.KindConflict) {
		t.Errorf("the record of another Stack would be superseded: %v", err)
	}
	if got := Gone(a.list(), other); got != nil {
		t.Errorf("the records of another Stack would be deleted: %v", got)
	}
	if got := Gone(a.list(), owner); len(got) != 1 {
		t.Errorf("its own record would stay: %v", got)
	}
	u, err := Uninstall(a.list(), owner, at)
	if err != nil || len(u.Put) != 1 || parse(u.Put)[0].status != Uninstalling {
		t.Errorf("got %v, %v", u, err)
	}
}

func TestTooLarge(t *testing.T) {
	e := ended(1, Deployed)
	noise := make([]byte, 2*maxBytes)
	rand.New(rand.NewSource(1)).Read(noise)
	e.Draft = fmt.Appendf(nil, `{"name":"shop","manifest":"%x"}`, noise)
	if _, err := Record(nil, "web", e); !errors.Is(err, fault.KindInvalid) {
		t.Errorf("got %v", err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"name":"shop","info":{}}`), "aGVsbG8=", "1")
	f.Add([]byte(`null`), "", "0")
	f.Add([]byte(`{"info":[]}`), "SDRzSUFBQUE=", "x")
	f.Fuzz(func(t *testing.T, draft []byte, data, version string) {
		tree := map[string]any{"type": secretType, "data": map[string]any{"release": data},
			"metadata": map[string]any{"name": "x", "labels": map[string]any{"version": version, "status": "deployed"}}}
		e := ended(1, Deployed)
		e.Draft = draft
		_, _ = Record([]map[string]any{tree}, "web", e)
	})
}

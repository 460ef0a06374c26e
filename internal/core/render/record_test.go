package render_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// asking does some reads, the way that a renderer does: which, depends on seed.
func asking(req render.Request, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	paths := []string{"u", "u/a.yaml", "u/b.yaml", "u/sub", "u/sub/c.yaml", "u/gone", "u/link.yaml", "u/dir/x.yaml", "base", "base/k.yaml", "base/gone/x", "../out", "."}
	for range 1 + r.IntN(8) {
		t := req.Tree
		if other := req.Trees["ns/other"]; other != nil && r.IntN(4) == 0 {
			t = other
		}
		p := paths[r.IntN(len(paths))]
		switch r.IntN(5) {
		case 0:
			_, _ = t.Stat(p)
		case 1:
			_, _ = t.ReadDir(p)
		case 2:
			_, _ = t.ReadFile(p)
		case 3:
			_, _ = render.Whole(t, p)
		case 4:
			_, _ = render.Real(t, p)
		}
	}
}

func source() map[string]string {
	return map[string]string{
		"u/a.yaml": "a", "u/b.yaml": "b", "u/sub/c.yaml": "c", "u/README.md": "r",
		"u/link.yaml": memory.Symlink("../base/k.yaml"), "u/dir": memory.Symlink("../base/d"),
		"base/k.yaml": "k", "base/d/x.yaml": "x", "base/z": "z", "far/q": "q",
	}
}

// change edits one thing of a Source.
func change(files map[string]string, r *rand.Rand) map[string]string {
	out := maps.Clone(files)
	all := []string{"u/a.yaml", "u/b.yaml", "u/sub/c.yaml", "u/README.md", "base/k.yaml", "base/d/x.yaml", "base/z", "far/q"}
	p := all[r.IntN(len(all))]
	switch r.IntN(4) {
	case 0:
		delete(out, p)
	case 1:
		out[p+"2"] = "new"
	case 2:
		out["u/link.yaml"] = memory.Symlink("a.yaml")
	default:
		out[p] = fmt.Sprint("edited ", r.IntN(3))
	}
	return out
}

func record(files, other map[string]string, seed uint64) (render.Reads, string) {
	req, rec := render.Record(render.Request{
		Path: "u", Tree: memory.NewTree(files),
		Trees: map[string]lockstep.Tree{"ns/other": memory.NewTree(other)},
	})
	asking(req, seed)
	return rec.Reads(), rec.Reads().Key(render.Params(req, nil))
}

// TestSameMeansEqualKeys: asking the old questions of a new commit, by the quick
// way or not, gives what a new render would, for thousands of random commits.
func TestSameMeansEqualKeys(t *testing.T) {
	same, different := 0, 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 2))
		before, other := source(), source()
		after, otherAfter := change(before, r), other
		if r.IntN(3) == 0 {
			otherAfter = change(other, r)
		}
		reads, key := record(before, other, seed)
		_, keyAfter := record(after, otherAfter, seed)
		got := reads.Same(memory.NewTree(after), map[string]lockstep.Tree{"ns/other": memory.NewTree(otherAfter)})
		if got != (key == keyAfter) {
			t.Fatalf("seed %d: Same says %v, the keys are equal: %v", seed, got, key == keyAfter)
		}
		if by := render.Compare(memory.NewTree(after)).Same(reads, map[string]lockstep.Tree{"ns/other": memory.NewTree(otherAfter)}); by != got {
			t.Fatalf("seed %d: Same says %v, a Comparison %v", seed, got, by)
		}
		if got {
			same++
		}
		if !got {
			different++
		}
	}
	if same < 400 || different < 400 {
		t.Errorf("the test proves little: %d same, %d different", same, different)
	}
}

// counting counts what Same asks.
type counting struct {
	lockstep.Tree
	stats int
}

func (c *counting) Stat(p string) (lockstep.Entry, error) { c.stats++; return c.Tree.Stat(p) }
func (c *counting) ReadDir(p string) ([]lockstep.Entry, error) {
	c.stats += 100
	return c.Tree.ReadDir(p)
}

func TestUnchangedUnitCostsOneStat(t *testing.T) {
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("u/f%d.yaml", i)] = "x"
	}
	req, rec := render.Record(render.Request{Path: "u", Tree: memory.NewTree(files)})
	for p := range files {
		if _, err := req.Tree.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	files["other/x"] = "beside"
	c := &counting{Tree: memory.NewTree(files)}
	if !rec.Reads().Same(c, nil) || c.stats != 1 {
		t.Errorf("%d reads to find 50 files unchanged, want 1 Stat", c.stats)
	}
}

func TestListingsHideContent(t *testing.T) {
	req, _ := render.Record(render.Request{Path: "u", Tree: memory.NewTree(source())})
	es, err := req.Tree.ReadDir("u")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if e.Hash != "" {
			t.Errorf("the listing shows the hash of %q, on which a render could depend unrecorded", e.Name)
		}
	}
	if e, _ := req.Tree.Stat("u"); e.Hash != "" {
		t.Error("Stat shows the hash of a directory")
	}
}

// failing is a Tree whose storage breaks.
type failing struct{ lockstep.Tree }

func (failing) ReadFile(string) ([]byte, error) { return nil, fmt.Errorf("input/output error") }

func TestBrokenReadIsNeverCurrent(t *testing.T) {
	req, rec := render.Record(render.Request{Path: "u", Tree: failing{memory.NewTree(source())}})
	_, _ = req.Tree.ReadFile("u/a.yaml")
	if rec.Reads().Same(memory.NewTree(source()), nil) {
		t.Error("a render that could not read its file is taken to be current")
	}
}

func TestParams(t *testing.T) {
	base := func() render.Request {
		return render.Request{
			Path: "u", Tree: memory.NewTree(source()), Namespace: "web",
			Helm: &render.HelmSpec{
				Values:     []byte("password: hunter2"),
				ValuesFrom: []render.ResolvedValues{{From: "Secret a/b", Data: []byte("hunter2"), Secret: true}},
			},
			Substitute: &render.SubstituteSpec{Vars: map[string]string{"P": "hunter2"}},
		}
	}
	key := []byte("key")
	want := string(render.Params(base(), key))
	if again := string(render.Params(base(), key)); again != want {
		t.Error("not the same twice")
	}
	if contains(want, "hunter2") || contains(want, "aHVudGVyMg") {
		t.Errorf("a secret shows in %s", want)
	}
	changes := map[string]func(*render.Request){
		"path":       func(r *render.Request) { r.Path = "v" },
		"namespace":  func(r *render.Request) { r.Namespace = "x" },
		"labels":     func(r *render.Request) { r.Labels = map[string]string{"a": "b"} },
		"directory":  func(r *render.Request) { r.Directory = &render.DirectorySpec{} },
		"kustomize":  func(r *render.Request) { r.Kustomize = &render.KustomizeSpec{NamePrefix: "x"} },
		"values":     func(r *render.Request) { r.Helm.Values = []byte("a: 2") },
		"valuesFrom": func(r *render.Request) { r.Helm.ValuesFrom[0].Data = []byte("b") },
		"variable":   func(r *render.Request) { r.Substitute.Vars["P"] = "q" },
		"strict":     func(r *render.Request) { r.Substitute.Strict = true },
		"version":    func(r *render.Request) { r.KubeVersion = "1.37" },
		"apis":       func(r *render.Request) { r.APIVersions = []string{"v1"} },
		"remote":     func(r *render.Request) { r.AllowRemote = true },
		"trees":      func(r *render.Request) { r.Trees = map[string]lockstep.Tree{"a/b": r.Tree} },
	}
	for name, f := range changes {
		req := base()
		f(&req)
		if string(render.Params(req, key)) == want {
			t.Errorf("%s is not part of the parameters", name)
		}
	}
	if string(render.Params(base(), []byte("other"))) == want {
		t.Error("the hash of secrets does not depend on the key")
	}
}

func contains(s, part string) bool {
	for i := range s {
		if len(s)-i >= len(part) && s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

func TestDetect(t *testing.T) {
	cases := map[string]struct {
		file string
		want render.Kind
	}{
		"Kustomize": {"kustomization.yml", render.Kustomize},
		"Capital":   {"Kustomization", render.Kustomize},
		"Helm":      {"Chart.yaml", render.Helm},
		"Plain":     {"chart.yaml", render.Directory},
	}
	for name, tc := range cases {
		for _, dir := range []string{".", "a/b"} {
			p := tc.file
			if dir != "." {
				p = dir + "/" + p
			}
			got, err := render.Detect(memory.NewTree(map[string]string{p: "x", "z": ""}), dir)
			if err != nil || got != tc.want {
				t.Errorf("%s in %s: %v, %v", name, dir, got, err)
			}
		}
	}
}

// FuzzKey: keys are equal if and only if parameters and reads are.
func FuzzKey(f *testing.F) {
	f.Add("a", "b", "u/x", "u/y", "one", "two")
	f.Add("a", "a", "u/x", "u/x", "one", "one")
	f.Add("5:ab", "5:a", "u/b", "u/bb", "", "1:")
	f.Fuzz(func(t *testing.T, params1, params2, path1, path2, text1, text2 string) {
		key := func(params, p, text string) (string, string, bool) {
			clean, err := lockstep.CleanPath(p)
			if err != nil || clean == "." || len(clean) != len(p) {
				return "", "", false
			}
			req, rec := render.Record(render.Request{Path: ".", Tree: memory.NewTree(map[string]string{clean: text})})
			if _, err := req.Tree.ReadFile(clean); err != nil {
				return "", "", false
			}
			return rec.Reads().Key([]byte(params)), clean, true
		}
		k1, p1, ok1 := key(params1, path1, text1)
		k2, p2, ok2 := key(params2, path2, text2)
		if !ok1 || !ok2 {
			return
		}
		if equal := params1 == params2 && p1 == p2 && text1 == text2; equal != (k1 == k2) {
			t.Errorf("inputs equal: %v, keys equal: %v", equal, k1 == k2)
		}
	})
}

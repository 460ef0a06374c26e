package render_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func readsOf(t testing.TB, files map[string]string, dir, file string) render.Reads {
	t.Helper()
	req, rec := render.Record(render.Request{Path: dir, Tree: memory.NewTree(files)})
	if _, err := req.Tree.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := req.Tree.ReadFile(dir + "/" + file); err != nil {
		t.Fatal(err)
	}
	return rec.Reads()
}

// A Comparison finds a directory wherever it is, behind a link and at the root too,
// and says the same as each unit on its own.
func TestComparisonSaysWhatSameSays(t *testing.T) {
	before := map[string]string{
		"a.yaml": "root", "apps/one/a.yaml": "1", "apps/two/a.yaml": "2", "far/away/a.yaml": "3",
		"apps/link": memory.Symlink("../far/away"), "apps/one/sub/a.yaml": "4",
	}
	for name, edit := range map[string]func(map[string]string){
		"nothing":              func(map[string]string) {},
		"a unit":               func(f map[string]string) { f["apps/one/a.yaml"] = "5" },
		"a unit below another": func(f map[string]string) { f["apps/one/sub/a.yaml"] = "5" },
		"behind the link":      func(f map[string]string) { f["far/away/a.yaml"] = "5" },
		"the link":             func(f map[string]string) { f["apps/link"] = memory.Symlink("one") },
		"a unit gone":          func(f map[string]string) { delete(f, "apps/two/a.yaml") },
		"all units gone":       func(f map[string]string) { maps.DeleteFunc(f, func(p, _ string) bool { return p != "a.yaml" }) },
	} {
		t.Run(name, func(t *testing.T) {
			after := maps.Clone(before)
			edit(after)
			tree := memory.NewTree(after)
			with := render.Compare(tree)
			for _, dir := range []string{".", "apps/one", "apps/two", "apps/link", "apps/one/sub"} {
				r := readsOf(t, before, dir, "a.yaml")
				if got, want := with.Same(r, nil), r.Same(tree, nil); got != want {
					t.Errorf("%s: a Comparison says %v, Same %v", dir, got, want)
				}
			}
		})
	}
}

func TestComparisonReadsNeighboursOnce(t *testing.T) {
	files := map[string]string{}
	for i := range 50 {
		files[fmt.Sprintf("apps/%d/a.yaml", i)] = "x"
	}
	c := &counting{Tree: memory.NewTree(files)}
	with := render.Compare(c)
	for i := range 50 {
		if !with.Same(readsOf(t, files, fmt.Sprintf("apps/%d", i), "a.yaml"), nil) {
			t.Errorf("unit %d counts as touched", i)
		}
	}
	if c.stats != 100 {
		t.Errorf("cost %d, want one ReadDir, which counts 100", c.stats)
	}
}

func BenchmarkUntouched(b *testing.B) {
	files := map[string]string{}
	for i := range 10000 {
		files[fmt.Sprintf("apps/app-%05d/a.yaml", i)] = "x"
	}
	tree := memory.NewTree(files)
	all := make([]render.Reads, 10000)
	for i := range all {
		req, rec := render.Record(render.Request{Path: fmt.Sprintf("apps/app-%05d", i), Tree: tree})
		if _, err := req.Tree.ReadFile(req.Path + "/a.yaml"); err != nil {
			b.Fatal(err)
		}
		all[i] = rec.Reads()
	}
	b.Run("each", func(b *testing.B) {
		for b.Loop() {
			for _, r := range all {
				r.Same(tree, nil)
			}
		}
	})
	b.Run("together", func(b *testing.B) {
		for b.Loop() {
			with := render.Compare(tree)
			for _, r := range all {
				with.Same(r, nil)
			}
		}
	})
}

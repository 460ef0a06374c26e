package render_test

import (
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// upset is change for what changes more than a file.
func upset(files map[string]string, r *rand.Rand) map[string]string {
	out := maps.Clone(files)
	drop := func(dir string) {
		maps.DeleteFunc(out, func(p, _ string) bool { return p == dir || strings.HasPrefix(p, dir+"/") })
	}
	switch r.IntN(5) {
	case 0:
		drop("u/sub")
		out["u/sub"] = "a file now"
	case 1:
		drop("u/dir")
		out["u/dir/x.yaml"] = "no link any more"
	case 2:
		drop("base/d")
	case 3:
		drop("u")
	case 4:
		drop("base")
		out["base"] = memory.Symlink("far")
	}
	return out
}

// taken does to a tree's files what taking paths back does.
func taken(now, then map[string]string, paths []string) map[string]string {
	out := maps.Clone(now)
	for _, p := range paths {
		in := func(file, _ string) bool { return p == "." || file == p || strings.HasPrefix(file, p+"/") }
		maps.DeleteFunc(out, in)
		for file, text := range then {
			if !in(file, "") {
				continue
			}
			for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
				delete(out, dir)
			}
			out[file] = text
		}
	}
	return out
}

// TestBackReadsAsThen: for thousands of random changes, what is taken back reads as it
// did.
func TestBackReadsAsThen(t *testing.T) {
	differed := 0
	for seed := range uint64(2500) {
		r := rand.New(rand.NewPCG(seed, 7))
		then := source()
		now := then
		for range 1 + r.IntN(4) {
			now = change(now, r)
		}
		if r.IntN(4) == 0 {
			now = upset(now, r)
		}
		was, _ := record(then, source(), seed)
		is, _ := record(now, source(), seed)
		paths := render.Back(memory.NewTree(then), memory.NewTree(now), was, is)
		if was.Same(memory.NewTree(now), memoryTrees(source())) {
			continue
		}
		differed++
		restored := memory.NewTree(taken(now, then, paths))
		if !was.Same(restored, memoryTrees(source())) {
			t.Fatalf("seed %d: after %q it still does not read as it did\nnow  %q\nthen %q", seed, paths, slices.Sorted(maps.Keys(now)), slices.Sorted(maps.Keys(then)))
		}
		if !slices.IsSorted(paths) {
			t.Fatalf("seed %d: %q", seed, paths)
		}
	}
	if differed < 400 {
		t.Errorf("the test proves little: %d differed", differed)
	}
}

func TestBack(t *testing.T) {
	files := func(more map[string]string) map[string]string {
		out := map[string]string{
			"u/kustomization.yaml": "base", "u/README.md": "one", "base/a.yaml": "a", "base/README.md": "one", "v/a.yaml": "v",
		}
		for p, text := range more {
			out[p] = text
			if text == "-" {
				delete(out, p)
			}
		}
		return out
	}
	read := func(files map[string]string, paths ...string) render.Reads {
		req, rec := render.Record(render.Request{Path: "u", Tree: memory.NewTree(files)})
		for _, p := range paths {
			if dir, ok := strings.CutSuffix(p, "/"); ok {
				_, _ = req.Tree.ReadDir(dir)
				continue
			}
			_, _ = req.Tree.ReadFile(p)
		}
		return rec.Reads()
	}
	cases := map[string]struct {
		why     string
		now     map[string]string
		was, is []string
		want    []string
	}{
		"Unread": {
			why: "What no render reads may be another's.",
			now: map[string]string{"u/README.md": "two", "v/a.yaml": "w"}, was: []string{"u/kustomization.yaml", "base/a.yaml"},
		},
		"Shared": {
			why: "A base outside of the directory is part of it.",
			now: map[string]string{"base/a.yaml": "b", "u/kustomization.yaml": "other"}, was: []string{"u/kustomization.yaml", "base/a.yaml"},
			want: []string{"base/a.yaml", "u/kustomization.yaml"},
		},
		"Added": {
			why: "A patch that came with the bad commit goes with it; a component for all stays.",
			now: map[string]string{"u/kustomization.yaml": "more", "u/patch.yaml": "p", "base/component.yaml": "c"},
			was: []string{"u/kustomization.yaml"}, is: []string{"u/kustomization.yaml", "u/patch.yaml", "base/component.yaml"},
			want: []string{"u/kustomization.yaml", "u/patch.yaml"},
		},
		"Listed": {
			why: "A directory that is read by its list gets its list back.",
			now: map[string]string{"u/new.yaml": "n", "u/README.md": "-"}, was: []string{"u/"}, want: []string{"u/README.md", "u/new.yaml"},
		},
		"Gone": {
			why: "What was deleted comes back.",
			now: map[string]string{"base/a.yaml": "-", "base/README.md": "-"}, was: []string{"base/a.yaml"}, want: []string{"base/a.yaml"},
		},
		"LookedFor": {
			why: "What was looked for and not found must not be found.",
			now: map[string]string{"base/values.yaml": "v"}, was: []string{"base/values.yaml"}, want: []string{"base/values.yaml"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			then, now := files(nil), files(tc.now)
			got := render.Back(memory.NewTree(then), memory.NewTree(now), read(then, tc.was...), read(now, tc.is...))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nBack (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func memoryTrees(other map[string]string) map[string]lockstep.Tree {
	return map[string]lockstep.Tree{"ns/other": memory.NewTree(other)}
}

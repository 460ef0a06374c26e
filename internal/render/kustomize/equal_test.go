package kustomize

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// fixture is a Source in a txtar file whose comment says which path to render
// and which links there are.
type fixture struct {
	path  string
	files map[string]string
	links map[string]string
}

var linkLine = regexp.MustCompile(`(?m)^link: (\S+) -> (\S+)$`)

func readFixture(t testing.TB, file string) fixture {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{files: map[string]string{}, links: map[string]string{}}
	for _, l := range strings.Split(string(a.Comment), "\n") {
		if p, ok := strings.CutPrefix(l, "path: "); ok {
			f.path = p
		}
	}
	for _, m := range linkLine.FindAllStringSubmatch(string(a.Comment), -1) {
		f.links[m[1]] = m[2]
	}
	for _, e := range a.Files {
		f.files[e.Name] = string(e.Data)
	}
	return f
}

func (f fixture) tree() lockstep.Tree {
	all := map[string]string{}
	for p, text := range f.files {
		all[p] = text
	}
	for p, to := range f.links {
		all[p] = memory.Symlink(to)
	}
	return memory.NewTree(all)
}

func (f fixture) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for p, text := range f.files {
		p = filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for p, to := range f.links {
		if err := os.Symlink(to, filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// command builds the kustomize command of the linked library's version.
var command = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kustomize-command-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "kustomize")
	cmd := exec.Command("../../../test/tools/build.sh", "kustomize", out)
	cmd.Stderr = os.Stderr
	return out, cmd.Run()
})

// TestEqualsCommand renders every fixture with the kustomize command and with
// this package, and compares object by object.
func TestEqualsCommand(t *testing.T) {
	bin, err := command()
	if err != nil {
		t.Fatalf("building the kustomize command: %v\ntry: test/tools/build.sh kustomize /dev/null", err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(bin)) })
	names, err := filepath.Glob("testdata/equal/*.txtar")
	if err != nil || len(names) < 8 {
		t.Fatalf("only %d fixtures: %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			f := readFixture(t, name)
			cmd := exec.Command(bin, "build", f.path)
			cmd.Dir = f.write(t)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			want, err := core.Decode("", out)
			if err != nil {
				t.Fatal(err)
			}
			core.Sort(want)
			res, err := Render(context.Background(), core.Request{Path: f.path, Tree: f.tree()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(trees(want), trees(res.Objects)); diff != "" {
				t.Errorf("(-kustomize build +ours):\n%s", diff)
			}
			if len(want) == 0 {
				t.Error("the fixture renders nothing")
			}
		})
	}
}

func trees(objs []lockstep.Object) []map[string]any {
	out := make([]map[string]any, len(objs))
	for i, o := range objs {
		out[i] = o.Tree
	}
	return out
}

// TestConcurrent builds everything at once, many times: kustomize keeps its
// schema in a variable of the process, and no build may see another's.
func TestConcurrent(t *testing.T) {
	names, err := filepath.Glob("testdata/equal/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]map[string]any{}
	for _, n := range names {
		f := readFixture(t, n)
		res, err := Render(context.Background(), core.Request{Path: f.path, Tree: f.tree()})
		if err != nil {
			t.Fatal(err)
		}
		want[n] = trees(res.Objects)
	}
	var wg sync.WaitGroup
	for _, n := range names {
		f := readFixture(t, n)
		tree := f.tree()
		for range 4 {
			wg.Go(func() {
				for range 3 {
					res, err := Render(context.Background(), core.Request{Path: f.path, Tree: tree})
					if err != nil {
						t.Errorf("%s: %v", n, err)
						return
					}
					if diff := cmp.Diff(want[n], trees(res.Objects)); diff != "" {
						t.Errorf("%s (-alone +together):\n%s", n, diff)
					}
				}
			})
		}
	}
	wg.Wait()
}

func BenchmarkWarm(b *testing.B) {
	f := readFixture(b, "testdata/equal/overlay.txtar")
	tree := f.tree()
	req := core.Request{Path: "base", Tree: tree}
	if _, err := Render(context.Background(), req); err != nil {
		b.Fatal(err)
	}
	for _, p := range []string{"base", f.path} {
		b.Run(filepath.Base(p), func(b *testing.B) {
			for b.Loop() {
				if _, err := Render(context.Background(), core.Request{Path: p, Tree: tree}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

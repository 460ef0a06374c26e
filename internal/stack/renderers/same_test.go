package renderers

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/render/helm"
	"github.com/lockstep-dev/lockstep/internal/render/kustomize"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func all(t testing.TB, l worker.Limits) *Renderers {
	t.Helper()
	r, err := All(Options{Dir: t.TempDir(), Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// inProcess renders without a worker.
var inProcess = render.Registry{
	corerender.Kustomize: kustomize.Render,
	corerender.Helm: func(ctx context.Context, req corerender.Request) (corerender.Result, error) {
		return helm.Render(ctx, req, nil)
	},
}

var linkLine = regexp.MustCompile(`(?m)^link: (\S+) -> (\S+)$`)

// fixtures are the kustomizations and charts that the renderers are tested with,
// and some that are wrong.
func fixtures(t testing.TB) map[string]corerender.Request {
	out := map[string]corerender.Request{}
	names, err := filepath.Glob("../../render/kustomize/testdata/equal/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range a.Files {
			files[f.Name] = string(f.Data)
		}
		for _, m := range linkLine.FindAllStringSubmatch(string(a.Comment), -1) {
			files[m[1]] = memory.Symlink(m[2])
		}
		for l := range strings.Lines(string(a.Comment)) {
			if p, ok := strings.CutPrefix(strings.TrimSpace(l), "path: "); ok {
				out["kustomize/"+strings.TrimSuffix(filepath.Base(name), ".txtar")] = corerender.Request{Path: p, Tree: memory.NewTree(files)}
			}
		}
	}
	charts, err := filepath.Glob("../../render/helm/testdata/*/chart")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range charts {
		name := path.Base(path.Dir(dir))
		out["helm/"+name] = corerender.Request{Path: "deep/chart", Tree: memory.NewTree(read(t, dir, "deep/chart")), Release: "shop", Namespace: "web"}
	}
	if len(out) < 10 {
		t.Fatalf("only %d fixtures", len(out))
	}
	for name, files := range map[string]map[string]string{
		"missing-base":  {"a/kustomization.yaml": "resources: [../b, x.yaml]"},
		"outside":       {"a/kustomization.yaml": "resources: [../../b]"},
		"link-out":      {"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": memory.Symlink("../../etc/passwd")},
		"link-base":     {"a": memory.Symlink("b"), "b/kustomization.yaml": "resources: [x.yaml, ../c]", "b/x.yaml": cm("x"), "c": memory.Symlink("d"), "d/kustomization.yaml": "resources: [y.yaml]", "d/y.yaml": memory.Symlink("z.yaml"), "d/z.yaml": cm("y")},
		"link-nowhere":  {"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": memory.Symlink("nowhere.yaml")},
		"file-as-dir":   {"a/kustomization.yaml": "resources: [x.yaml/y.yaml]", "a/x.yaml": cm("x")},
		"broken":        {"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": "a: [\n"},
		"patch-nothing": {"a/kustomization.yaml": "resources: [x.yaml]\npatches: [{path: p.yaml}]", "a/x.yaml": cm("x"), "a/p.yaml": cm("other")},
		"chart-fails":   {"a/Chart.yaml": chartYAML, "a/templates/x.yaml": `{{ fail "because" }}`},
		"chart-parse":   {"a/Chart.yaml": chartYAML, "a/templates/x.yaml": "a\n{{ if }}"},
		"chart-linked":  {"a/Chart.yaml": chartYAML, "a/templates": memory.Symlink("../t"), "t/x.yaml": cm("x"), "a/.helmignore": "*.md\n", "a/README.md": "x"},
		"chart-depends": {"a/Chart.yaml": chartYAML + "dependencies: [{name: b, version: '*', repository: 'file://../b'}]\n", "b/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\n", "b/templates/x.yaml": cm("b"), "b/big.bin": strings.Repeat("x", 400<<10)},
	} {
		out["own/"+name] = corerender.Request{Path: "a", Tree: memory.NewTree(files), Release: "r", Namespace: "n"}
	}
	return out
}

const chartYAML = "apiVersion: v2\nname: app\nversion: 1.0.0\n"

func cm(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func read(t testing.TB, dir, at string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[path.Join(at, filepath.ToSlash(rel))] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSameAsInProcess renders everything in a worker and here: objects, faults,
// warnings and what was read are the same, the first time and when the worker has
// seen it all.
func TestSameAsInProcess(t *testing.T) {
	r := all(t, worker.Limits{})
	for name, req := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			recorded, here := corerender.Record(req)
			want, wantErr := inProcess.Render(context.Background(), recorded)
			for _, time := range []string{"first", "second", "third"} {
				recorded, there := corerender.Record(req)
				got, err := r.Render(context.Background(), recorded)
				if diff := cmp.Diff(texts(wantErr), texts(err)); diff != "" {
					t.Fatalf("%s time: faults (-here +worker):\n%s", time, diff)
				}
				got.Warnings = withoutPrinted(got.Warnings)
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s time: (-here +worker):\n%s", time, diff)
				}
				if here.Reads().Key(nil) != there.Reads().Key(nil) {
					t.Errorf("%s time: %d reads here, %d by the worker, or others", time, here.Reads().Len(), there.Reads().Len())
				}
				if !there.Reads().Same(req.Tree, nil) {
					t.Errorf("%s time: the reads are taken for broken", time)
				}
			}
			if wantErr == nil && len(want.Objects)+len(want.Hooks) == 0 {
				t.Error("the fixture renders nothing")
			}
		})
	}
}

func texts(err error) []string {
	var out []string
	for _, f := range fault.All(err) {
		mark := ""
		if errors.Is(f, lockstep.ErrNotExist) {
			mark = " (not exist)"
		}
		out = append(out, f.Kind.String()+" "+f.Error()+"\n"+f.Hint+mark)
	}
	return out
}

// withoutPrinted leaves out what kustomize prints, which is lost here.
func withoutPrinted(ws []string) []string {
	var out []string
	for _, w := range ws {
		if !strings.HasPrefix(w, "kustomize: ") {
			out = append(out, w)
		}
	}
	return out
}

func TestWhatKustomizePrintsIsAWarning(t *testing.T) {
	req := corerender.Request{Path: "a", Tree: memory.NewTree(map[string]string{
		"a/kustomization.yaml": "bases: [../b]\ncommonLabels: {a: b}\n", "b/kustomization.yaml": "resources: [x.yaml]\n", "b/x.yaml": cm("x"),
	})}
	res, err := all(t, worker.Limits{}).Render(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kustomize: 'bases' is deprecated. Please use 'resources' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
		"kustomize: 'commonLabels' is deprecated. Please use 'labels' instead. Run 'kustomize edit fix' to update your Kustomization automatically.",
	}
	if diff := cmp.Diff(want, res.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestKindsAreAsked(t *testing.T) {
	asked := 0
	req := corerender.Request{
		Path: "a", Namespace: "web",
		Tree: memory.NewTree(map[string]string{
			"a/kustomization.yaml": "resources: [x.yaml]\n",
			"a/x.yaml":             "apiVersion: e.io/v1\nkind: Wide\nmetadata: {name: x}\n---\napiVersion: e.io/v1\nkind: Wide\nmetadata: {name: y}\n",
		}),
		Namespaced: func(gk lockstep.GroupKind) (bool, bool) {
			asked++
			return false, gk == lockstep.GroupKind{Group: "e.io", Kind: "Wide"}
		},
	}
	res, err := all(t, worker.Limits{}).Render(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Objects) != 2 || res.Objects[0].Namespace() != "" || asked != 1 {
		t.Errorf("got %v, asked %d times", res.Objects, asked)
	}
}

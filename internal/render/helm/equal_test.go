package helm

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// helmCommand builds the real helm once for each run of the tests.
var helmCommand = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "helm-command")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "helm")
	cmd := exec.Command("../../../test/tools/build.sh", "helm", out)
	cmd.Stderr = os.Stderr
	return out, cmd.Run()
})

// testTree puts the folder dir into a tree, under the same names.
func testTree(t testing.TB, dir string) lockstep.Tree {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if e.Type()&os.ModeSymlink != 0 {
			to, err := os.Readlink(p)
			files[filepath.ToSlash(rel)] = memory.Symlink(to)
			return err
		}
		data, err := os.ReadFile(p)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return memory.NewTree(files)
}

// helmTemplate runs the real `helm template` for what req asks for in dir.
func helmTemplate(t testing.TB, dir string, req render.Request) []lockstep.Object {
	t.Helper()
	bin, err := helmCommand()
	if err != nil {
		t.Fatalf("building helm: %v", err)
	}
	kube := req.KubeVersion
	if kube == "" {
		kube = defaultKubeVersion
	}
	args := []string{"template", req.Helm.ReleaseName, filepath.Join(dir, req.Path), "--namespace", req.Namespace, "--kube-version", kube}
	if !req.Helm.SkipCRDs {
		args = append(args, "--include-crds")
	}
	for _, f := range req.Helm.ValuesFiles {
		args = append(args, "--values", filepath.Join(dir, req.Path, f))
	}
	for _, v := range req.APIVersions {
		args = append(args, "--api-versions", v)
	}
	if req.Helm.Revision > 1 {
		args = append(args, "--is-upgrade")
	}
	if len(req.Helm.Values) > 0 {
		f := filepath.Join(t.TempDir(), "values.yaml")
		if err := os.WriteFile(f, req.Helm.Values, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--values", f)
	}
	cmd := exec.Command(bin, args...)
	cmd.Env = append(os.Environ(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	objects, err := render.Decode("helm template", stdout.Bytes())
	if err != nil {
		t.Fatalf("reading what helm printed: %v", err)
	}
	return objects
}

// byKey makes objects comparable, with how often each key is there.
func byKey(t testing.TB, objects []lockstep.Object, req render.Request) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, o := range objects {
		res, err := render.Finish([]lockstep.Object{o}, req)
		if err != nil {
			t.Fatal(err)
		}
		done := res.Objects
		for _, h := range res.Hooks {
			done = append(done, h.Object)
		}
		if len(done) == 0 {
			continue // Helm prints hooks that it never runs
		}
		key := done[0].Key().String()
		if cmp.Equal(out[key], any(done[0].Tree)) {
			continue // helm prints the CRDs of a chart with two aliases twice
		}
		for i := 2; out[key] != nil; i++ {
			key = done[0].Key().String() + " #" + strconv.Itoa(i)
		}
		out[key] = done[0].Tree
	}
	return out
}

// assertEqual renders with both and compares object by object.
func assertEqual(t testing.TB, dir string, req render.Request, charts Fetcher) render.Result {
	t.Helper()
	req.Tree = testTree(t, dir)
	ours := req
	if len(req.APIVersions) > 0 { // helm adds to its own list, a Target's list stands for itself
		ours.APIVersions = append(append([]string(nil), common.DefaultVersionSet...), req.APIVersions...)
	}
	res, err := New().Render(context.Background(), ours, charts)
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	got := res.Objects
	for _, h := range res.Hooks {
		got = append(got[:len(got):len(got)], h.Object)
	}
	want := byKey(t, helmTemplate(t, dir, req), req)
	if diff := cmp.Diff(want, byKey(t, got, req)); diff != "" {
		t.Errorf("helm template and Render differ (-helm +ours):\n%s", diff)
	}
	if len(want) == 0 {
		t.Errorf("nothing was compared")
	}
	return res
}

func TestEqualToHelmTemplate(t *testing.T) {
	cases := map[string]struct {
		why string
		req render.Request
	}{
		"functions":              {why: "Every kind of function and built-in that charts use.", req: render.Request{Helm: &render.HelmSpec{}}},
		"functions/values files": {why: "Later values win, null takes a default away.", req: render.Request{Helm: &render.HelmSpec{ValuesFiles: []string{"../values-prod.yaml"}, Values: []byte("text: 'no'\nlabels: {tier: gold}\n")}}},
		"functions/upgrade":      {why: "Templates may ask what is going on.", req: render.Request{Helm: &render.HelmSpec{Revision: 2}}},
		"functions/capabilities": {why: "The Target's version and kinds reach the templates.", req: render.Request{KubeVersion: "v1.31.4-gke.1", APIVersions: []string{"example.com/v1/Widget"}, Helm: &render.HelmSpec{}}},
		"dependencies":           {why: "Alias, condition, tags, import-values, globals, library, CRDs of dependencies.", req: render.Request{Helm: &render.HelmSpec{}}},
		"dependencies/switched":  {why: "Values switch dependencies on and off.", req: render.Request{Helm: &render.HelmSpec{Values: []byte("tags: {extra: false}\nfirst: {enabled: false}\noff: {enabled: true}\nglobal: {region: null}\n")}}},
		"legacy":                 {why: "Charts of the first API version have requirements.yaml.", req: render.Request{Helm: &render.HelmSpec{}}},
		"hooks":                  {why: "Hooks are Helm's, however they are kept.", req: render.Request{Helm: &render.HelmSpec{}}},
		"hooks/no CRDs":          {why: "skipCRDs leaves out crds/.", req: render.Request{Helm: &render.HelmSpec{SkipCRDs: true}}},
		"schema":                 {why: "Values that fit pass.", req: render.Request{Helm: &render.HelmSpec{Values: []byte("port: 8080\n")}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir, _, _ := strings.Cut(name, "/")
			req := tc.req
			req.Path, req.Namespace = "chart", "shop"
			req.Helm.ReleaseName = "rel"
			assertEqual(t, filepath.Join("testdata", dir), req, nil)
		})
	}
}

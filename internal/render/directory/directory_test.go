package directory

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

func cm(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"" + name + "\"}\n"
}

func TestRender(t *testing.T) {
	cases := map[string]struct {
		why   string
		files map[string]string
		path  string
		spec  *core.DirectorySpec
		want  []string
		warns []string
	}{
		"Recursive": {
			why:   "Sub-directories are the normal way to keep many files; README and hidden folders are not manifests.",
			files: map[string]string{"a/x.yaml": cm("x"), "a/b/y.yml": cm("y"), "a/z.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"z"}}`, "a/README.md": "# hi", "a/.github/w.yaml": "on: push", "other/q.yaml": cm("q")},
			path:  "a", want: []string{"ConfigMap/x a/x.yaml:1", "ConfigMap/y a/b/y.yml:1", "ConfigMap/z a/z.json:1"},
		},
		"Flat": {
			why: "noRecurse keeps to the directory itself.", files: map[string]string{"x.yaml": cm("x"), "b/y.yaml": cm("y")},
			path: ".", spec: &core.DirectorySpec{NoRecurse: true}, want: []string{"ConfigMap/x x.yaml:1"},
		},
		"Globs": {
			why:   "Exclude wins over include; ** crosses directories; a bare name matches at any depth.",
			files: map[string]string{"a/x.yaml": cm("x"), "a/test/t.yaml": "nonsense", "a/values.yaml": "a: 1", "a/b/values.yaml": "a: 1", "a/b/c/y.yaml": cm("y"), "a/n.txt": cm("n")},
			path:  "a", spec: &core.DirectorySpec{Include: []string{"**/*.yaml", "n.txt"}, Exclude: []string{"test/**", "values.yaml"}},
			want: []string{"ConfigMap/n a/n.txt:1", "ConfigMap/x a/x.yaml:1", "ConfigMap/y a/b/c/y.yaml:1"},
		},
		"Links": {
			why:   "Links inside the repository are followed; one that leads back up ends.",
			files: map[string]string{"a/x.yaml": memory.Symlink("../shared/x.yaml"), "a/up": memory.Symlink("../a"), "a/dir": memory.Symlink("../shared/more"), "shared/x.yaml": cm("x"), "shared/more/m.yaml": cm("m")},
			path:  "a", want: []string{"ConfigMap/m a/dir/m.yaml:1", "ConfigMap/x a/x.yaml:1"},
			warns: []string{"a/up: skipped, because the link leads back to a directory it lies in"},
		},
		"Kustomization": {
			why:   "A kustomization in a plain directory is no object.",
			files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": cm("x")},
			path:  "a", spec: &core.DirectorySpec{}, want: []string{"ConfigMap/x a/x.yaml:1"},
			warns: []string{"a/kustomization.yaml: skipped, because it is a kustomization and the directory is rendered as plain files"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			res, err := Render(context.Background(), core.Request{Path: tc.path, Tree: memory.NewTree(tc.files), Directory: tc.spec})
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			var got []string
			for _, o := range res.Objects {
				got = append(got, o.Key().String()+" "+o.Origin.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.warns, res.Warnings); diff != "" {
				t.Errorf("%s\nwarnings (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	cases := map[string]struct {
		why   string
		files map[string]string
		path  string
		spec  *core.DirectorySpec
		want  string
	}{
		"NoSuchPath": {
			why: "The part that was mistyped is named, with what is there.", files: map[string]string{"apps/shop/x.yaml": cm("x")},
			path: "aps/shop", want: "NotFound aps: path \"aps/shop\" does not exist\n  did you mean \"apps\"?",
		},
		"File": {
			why: "A path names a directory.", files: map[string]string{"a/x.yaml": cm("x")},
			path: "a/x.yaml", want: "Invalid a/x.yaml: path \"a/x.yaml\" is a file, not a directory\n  name its directory \"a\", and the file in directory.include",
		},
		"PathOutside": {
			why: "A Stack cannot climb out.", files: map[string]string{"x.yaml": cm("x")},
			path: "../etc", want: "Invalid ../etc: path \"../etc\" leads out of the source\n  dots and symbolic links may not leave the repository",
		},
		"LinkOutside": {
			why: "A link to the machine's files is refused by name.", files: map[string]string{"a/x.yaml": memory.Symlink("/etc/passwd"), "a/y.yaml": memory.Symlink("../../y.yaml")},
			path: "a", want: "Invalid a/x.yaml: symbolic link \"a/x.yaml\" leads out of the source\n  link to a file of the same repository, or exclude it\n" +
				"Invalid a/y.yaml: symbolic link \"a/y.yaml\" leads out of the source\n  link to a file of the same repository, or exclude it",
		},
		"Dangling": {
			why: "A manifest that is gone is not silently pruned.", files: map[string]string{"a/x.yaml": memory.Symlink("gone.yaml"), "a/note": memory.Symlink("gone")},
			path: "a", want: "NotFound a/x.yaml: symbolic link \"a/x.yaml\" leads to nothing\n  repair or remove the link",
		},
		"Duplicates": {
			why: "Both places are named.", files: map[string]string{"a/x.yaml": cm("x"), "a/y.yaml": cm("q") + "---\n" + cm("x")},
			path: "a", want: "Invalid a/y.yaml:5: ConfigMap/x is declared twice, first at a/x.yaml:1\n  remove or rename one of the two",
		},
		"AllFiles": {
			why: "Every file's mistakes in one pass.", files: map[string]string{"a/x.yaml": "kind: [", "a/values.yaml": "replicas: 1\n"},
			path: "a", want: "Invalid a/values.yaml:1: the document is not a Kubernetes object: it has neither apiVersion nor kind\n  if the file is not meant for Kubernetes (a values file, a CI definition), exclude it: directory.exclude\n" +
				"Invalid a/x.yaml:1: not valid YAML: did not find expected node content\n  ",
		},
		"BadGlob": {
			why: "A glob that never matches would exclude nothing.", files: map[string]string{"a/x.yaml": cm("x")},
			path: "a", spec: &core.DirectorySpec{Exclude: []string{"[a"}},
			want: "Invalid directory.exclude: \"[a\" is not a valid glob\n  * matches in one directory, ** in all below; escape brackets with a backslash",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Render(context.Background(), core.Request{Path: tc.path, Tree: memory.NewTree(tc.files), Directory: tc.spec})
			var got []string
			for _, f := range fault.All(err) {
				got = append(got, f.Kind.String()+" "+f.Error()+"\n  "+f.Hint)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestGlob(t *testing.T) {
	cases := []struct {
		glob, path string
		want       bool
	}{
		{"*.yaml", "a/b/c.yaml", true},
		{"./*.yaml", "c.yaml", true},
		{"a/*.yaml", "a/b/c.yaml", false},
		{"a/**", "a/b/c.yaml", true},
		{"a/**/c.yaml", "a/c.yaml", true},
		{"**/c.yaml", "c.yaml", true},
		{"**/b/**/d/*.yaml", "a/b/c/d/d/e.yaml", true},
		{"**/b/**/d/*.yaml", "a/b/c/e.yaml", false},
		{"**", "a/b", true},
		{"b", "a/b", true},
		{"/b", "a/b", false},
	}
	for _, c := range cases {
		if got := matches(c.glob, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.glob, c.path, got)
		}
	}
}

// TestUnreadFiles: what is not a manifest, or is excluded, is not part of the
// content key; every name in the directory is.
func TestUnreadFiles(t *testing.T) {
	base := map[string]string{"a/x.yaml": cm("x"), "a/README.md": "one", "a/b/values.yaml": "v: 1", "z/q.yaml": cm("q")}
	key := func(change map[string]string) string {
		files := map[string]string{}
		for _, m := range []map[string]string{base, change} {
			for p, text := range m {
				files[p] = text
			}
		}
		req, rec := core.Record(core.Request{Path: "a", Tree: memory.NewTree(files), Directory: &core.DirectorySpec{Exclude: []string{"values.yaml"}}})
		if _, err := Render(context.Background(), req); err != nil {
			t.Fatal(err)
		}
		return rec.Reads().Key(core.Params(req, nil))
	}
	cases := map[string]struct {
		why    string
		change map[string]string
		same   bool
	}{
		"Readme":   {"prose is not rendered", map[string]string{"a/README.md": "two"}, true},
		"Excluded": {"neither is what is excluded", map[string]string{"a/b/values.yaml": "v: 2"}, true},
		"Beside":   {"nor another directory", map[string]string{"z/q.yaml": cm("r")}, true},
		"Manifest": {"a manifest is", map[string]string{"a/x.yaml": cm("y")}, false},
		"New":      {"and so is a new name", map[string]string{"a/new.yaml": cm("new")}, false},
	}
	for name, tc := range cases {
		if same := key(tc.change) == key(nil); same != tc.same {
			t.Errorf("%s: key stays the same: %v, want %v (%s)", name, same, tc.same, tc.why)
		}
	}
}

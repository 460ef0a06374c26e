package kustomize

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

const cm = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"

func TestMistakes(t *testing.T) {
	const remoteHint = "\n  copy what it refers to into the repository, or start the server with --allow-remote-bases"
	cases := map[string]struct {
		why   string
		files map[string]string
		want  string
	}{
		"NoKustomization": {
			why: "Kustomize was asked for by name.", files: map[string]string{"a/x.yaml": cm},
			want: "Invalid a: directory \"a\" has no kustomization.yaml\n  add one, or list its files one by one",
		},
		"Two": {
			why: "Kustomize refuses to choose.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/Kustomization": "resources: []", "a/x.yaml": cm},
			want: "Invalid a/Kustomization: the directory has two kustomizations, \"kustomization.yaml\" and \"Kustomization\"\n  kustomize takes exactly one; remove the other",
		},
		"Syntax": {
			why: "The line of the mistake.", files: map[string]string{"a/kustomization.yaml": "resources:\n- x.yaml\nimages: [\n"},
			want: "Invalid a/kustomization.yaml:3: not valid YAML: did not find expected node content\n  ",
		},
		"UnknownField": {
			why: "A mistyped field is named with its line and the nearest real one.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\nnamePrefx: a-\n", "a/x.yaml": cm},
			want: "Invalid a/kustomization.yaml:2: unknown field \"namePrefx\" in the kustomization\n  did you mean \"namePrefix\"?",
		},
		"MissingFile": {
			why: "A renamed file.", files: map[string]string{"a/kustomization.yaml": "resources:\n- deploy.yaml\n", "a/deploy.yml": cm},
			want: "NotFound a/kustomization.yaml:2: \"deploy.yaml\" does not exist\n  did you mean \"a/deploy.yml\"?",
		},
		"MissingBase": {
			why: "In the overlay's base, which is where it is reported.", files: map[string]string{"a/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "resources:\n- x.yaml\n- ../../bse\n- ../common\n", "base/x.yaml": cm},
			want: "Invalid base/kustomization.yaml:3: path \"../../bse\" leads out of the source\n  dots and symbolic links may not leave the repository\n" +
				"NotFound base/kustomization.yaml:4: \"../common\" does not exist\n  \".\" holds nothing with a similar name",
		},
		"LinkOutside": {
			why: "A link is no way out.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\nconfigMapGenerator:\n- name: c\n  files:\n  - p=passwd\n", "a/x.yaml": cm, "a/passwd": memory.Symlink("/etc/passwd")},
			want: "Invalid a/kustomization.yaml:5: path \"passwd\" leads out of the source\n  dots and symbolic links may not leave the repository",
		},
		"Restricted": {
			why: "Files above the kustomization are not for kustomize.", files: map[string]string{"a/kustomization.yaml": "resources:\n- ../x.yaml\n", "x.yaml": cm},
			want: "Invalid a/kustomization.yaml:2: file \"../x.yaml\" is not in or below the directory of the kustomization\n  kustomize shares directories, not files: put it into a base or component and refer to that",
		},
		"Remote": {
			why: "Everything that kustomize could fetch, in every place that it looks.",
			files: map[string]string{
				"a/kustomization.yaml": "resources:\n- x.yaml\n- https://example.com/x.yaml\n- github.com/org/repo//base?ref=v1\n- git@example.com:org/repo.git\n- ../b\ncomponents:\n- ssh://git@example.com/org/repo\npatches:\n- path: https://example.com/p.yaml\nconfigMapGenerator:\n- name: c\n  files: [k=https://example.com/f]\ncrds: [file:///etc/x]\n",
				"a/x.yaml":             cm, "b/kustomization.yaml": "transformers:\n- t.yaml\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: p}\n  path: http://example.com/p\n",
				"b/t.yaml": "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: HTTPS://example.com/p\n",
			},
			want: "Invalid a/kustomization.yaml:3: remote reference \"https://example.com/x.yaml\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:4: remote reference \"github.com/org/repo//base?ref=v1\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:5: remote reference \"git@example.com:org/repo.git\" is refused" + remoteHint +
				"\nInvalid b/t.yaml:4: remote reference \"HTTPS://example.com/p\" is refused" + remoteHint +
				"\nInvalid b/kustomization.yaml:3: remote reference \"http://example.com/p\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:8: remote reference \"ssh://git@example.com/org/repo\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:10: remote reference \"https://example.com/p.yaml\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:13: remote reference \"https://example.com/f\" is refused" + remoteHint +
				"\nInvalid a/kustomization.yaml:14: remote reference \"file:///etc/x\" is refused" + remoteHint,
		},
		"Function": {
			why: "Programs and containers are not run.",
			files: map[string]string{
				"a/kustomization.yaml": "generators: [fn.yaml]\nhelmCharts:\n- name: x\n",
				"a/fn.yaml":            "apiVersion: v1\nkind: Fn\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: ./run}\n",
			},
			want: "Invalid a/fn.yaml:6: function plugins are refused, because they run programs\n  builtin transformers and generators work; a function's output can be committed\n" +
				"Invalid a/kustomization.yaml:2: helmCharts runs the helm command, which is refused here\n  make the chart a Stack of its own",
		},
		"PluginDirectory": {
			why: "A plugin's configuration loads by itself, also when it lies in a directory or is patched there.",
			files: map[string]string{
				"a/kustomization.yaml": "resources: [x.yaml]\ntransformers: [t]\n", "a/x.yaml": cm,
				"a/t/kustomization.yaml": "resources: [p.yaml]\npatches:\n- patch: '[]'\n",
				"a/t/p.yaml":             "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\npath: https://example.com/p\n",
			},
			want: "Invalid a/t/p.yaml:4: remote reference \"https://example.com/p\" is refused" + remoteHint +
				"\nInvalid a/t/kustomization.yaml:2: patches is refused in a directory that configures a generator, transformer or validator\n  it could change what the plugin loads; list finished files under resources",
		},
		"PatchTarget": {
			why: "Kustomize's words, at the kustomization they are about.",
			files: map[string]string{
				"a/kustomization.yaml": "resources: [../base]\n", "base/x.yaml": cm,
				"base/kustomization.yaml": "resources: [x.yaml]\npatches:\n- patch: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: nobody}\n    data: {a: b}\n",
			},
			want: "Invalid base/kustomization.yaml: kustomize: no resource matches strategic merge patch \"ConfigMap.v1.[noGrp]/nobody.[noNs]\": no matches for Id ConfigMap.v1.[noGrp]/nobody.[noNs]; failed to find unique target for patch ConfigMap.v1.[noGrp]/nobody.[noNs]\n  ",
		},
		"BrokenResource": {
			why: "The manifest's own line, not kustomize's chain of directories.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\n", "a/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n"},
			want: "Invalid a/x.yaml:4: not valid YAML: the line is indented with a tab\n  YAML allows spaces alone for indentation",
		},
		"Duplicates": {
			why: "Both places are named, which kustomize does not.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml, y.yaml]\n", "a/x.yaml": cm, "a/y.yaml": cm},
			want: "Invalid a/y.yaml:1: ConfigMap/x is declared twice, first at a/x.yaml:1\n  remove or rename one of the two",
		},
		"Cycle": {
			why: "Two kustomizations that want each other.", files: map[string]string{"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"},
			want: "Invalid b/kustomization.yaml: kustomize: cycle detected: candidate root 'a' contains visited root 'a'\n  ",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Render(context.Background(), core.Request{Path: "a", Tree: memory.NewTree(tc.files), Kustomize: &core.KustomizeSpec{}})
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

// TestNothingIsFetched has a server that must not be asked, and one that must
// when the Stack allows it.
func TestNothingIsFetched(t *testing.T) {
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(cm))
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	req := core.Request{Path: "a", Tree: memory.NewTree(map[string]string{"a/kustomization.yaml": "resources:\n- " + server.URL + "/x.yaml\n"})}
	if _, err := Render(context.Background(), req); err == nil || asked != 0 {
		t.Fatalf("asked %d times, %v", asked, err)
	}
	req.AllowRemote = true
	res, err := Render(context.Background(), req)
	if err != nil || asked == 0 || len(res.Objects) != 1 {
		t.Fatalf("asked %d times, %v, %v", asked, err, res.Objects)
	}
}

// TestStackExtras: what the Stack adds comes on top of what the kustomization
// says, also when the kustomization is the root of the Source.
func TestStackExtras(t *testing.T) {
	f := readFixture(t, "testdata/equal/component.txtar")
	f.files["kustomization.yaml"] = "resources: [base]\n"
	for _, p := range []string{".", "base"} {
		up := strings.Repeat("../", strings.Count(p, "/")+1)
		if p == "." {
			up = ""
		}
		res, err := Render(context.Background(), core.Request{
			Path: p, Tree: f.tree(), Namespace: "shop", Labels: map[string]string{"l": "1"},
			Kustomize: &core.KustomizeSpec{
				NamePrefix: "p-", NameSuffix: "-s",
				Images:                  []core.Image{{Name: "nginx", NewTag: "9"}},
				Components:              []string{up + "components/tls", "nowhere"},
				IgnoreMissingComponents: true,
				Patches:                 []core.Patch{{Patch: "- {op: replace, path: /spec/replicas, value: 7}", Target: &core.Selector{Kind: "Deployment", Name: "web"}}},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range res.Objects {
			names = append(names, o.Key().String()+" "+o.Origin.String())
			if o.Kind() != "Deployment" {
				continue
			}
			spec := o.Tree["spec"].(map[string]any)
			pod := spec["template"].(map[string]any)["spec"].(map[string]any)
			got := []any{spec["replicas"], pod["containers"].([]any)[0].(map[string]any)["image"], len(pod["volumes"].([]any)), o.Label("l")}
			if diff := cmp.Diff([]any{int64(7), "nginx:9", 2, "1"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", p, diff)
			}
		}
		k := map[string]string{".": "kustomization.yaml", "base": "base/kustomization.yaml"}[p]
		want := []string{
			"ConfigMap/shop/p-settings-s-kkf2b49mkd " + k,
			"Secret/shop/p-cert-s components/tls/cert.yaml:1",
			"Secret/shop/p-token-s-9279h2tbm8 " + k,
			"Service/shop/p-web-s base/service.yaml:1",
			"Deployment.apps/shop/p-web-s base/deployment.yaml:1",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p, diff)
		}
	}
}

// TestReads: the content key knows what a build read, and nothing beside it.
func TestReads(t *testing.T) {
	f := readFixture(t, "testdata/equal/overlay.txtar")
	f.files["base/README.md"], f.files["overlays/prod/notes.txt"] = "one", "one"
	render := func() (core.Reads, string, error) {
		req, rec := core.Record(core.Request{Path: f.path, Tree: f.tree()})
		_, err := Render(context.Background(), req)
		return rec.Reads(), rec.Reads().Key(core.Params(req, nil)), err
	}
	reads, key, err := render()
	if err != nil {
		t.Fatal(err)
	}
	if !reads.Same(f.tree(), nil) {
		t.Error("not the same on the same tree")
	}
	f.files["base/README.md"], f.files["overlays/prod/notes.txt"] = "two", "two"
	if _, k, _ := render(); k != key || !reads.Same(f.tree(), nil) {
		t.Error("a file that nothing refers to changed the key")
	}
	for p, why := range map[string]string{
		"base/conf/secret.env": "a generator reads it", "base/deployment.yaml": "a base has it",
		"overlays/prod/memory.yaml": "it is a patch", "base/Kustomization": "kustomize looks for that name",
	} {
		before, had := f.files[p]
		f.files[p] = before + "\n# changed\n"
		if _, k, _ := render(); k == key || reads.Same(f.tree(), nil) {
			t.Errorf("%s did not change the key, but %s", p, why)
		}
		f.files[p] = before
		if !had {
			delete(f.files, p)
		}
	}
}

// TestBrokenSchema: kustomize panics on a schema that it cannot read, and the
// builds after it must not notice.
func TestBrokenSchema(t *testing.T) {
	f := readFixture(t, "testdata/equal/openapi.txtar")
	f.files["app/schema.json"] = "{\"definitions\": 7}"
	_, err := Render(context.Background(), core.Request{Path: f.path, Tree: f.tree()})
	if got := fault.As(err); err == nil || got.Kind != fault.KindInvalid || got.Where != "app/kustomization.yaml" {
		t.Fatalf("got %v", err)
	}
	good := readFixture(t, "testdata/equal/overlay.txtar")
	if _, err := Render(context.Background(), core.Request{Path: good.path, Tree: good.tree()}); err != nil {
		t.Fatal(err)
	}
}

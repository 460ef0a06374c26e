package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

const chartYAML = "apiVersion: v2\nname: web\nversion: 1.0.0\n"

// configMap writes the value of an expression into an object.
func configMap(expression string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  value: {{ " + expression + " | toJson | quote }}\n"
}

func request(files map[string]string, spec render.HelmSpec) render.Request {
	if spec.ReleaseName == "" {
		spec.ReleaseName = "web"
	}
	return render.Request{Path: "app", Tree: memory.NewTree(files), Namespace: "shop", Helm: &spec}
}

// value renders and returns what configMap wrote.
func value(t *testing.T, req render.Request) string {
	t.Helper()
	res, err := New().Render(context.Background(), req, nil)
	if err != nil {
		t.Fatalf("Render: %v (hint: %s)", err, fault.As(err).Hint)
	}
	data, _ := res.Objects[0].Tree["data"].(map[string]any)
	s, _ := data["value"].(string)
	return s
}

func TestValuesOrder(t *testing.T) {
	files := map[string]string{
		"app/Chart.yaml":            chartYAML,
		"app/values.yaml":           "a: chart\nb: chart\nc: chart\nd: chart\n",
		"app/one.yaml":              "b: one\nc: one\nlist: [1]\n",
		"app/env/prod/10.yaml":      "c: ten\n",
		"app/env/prod/20.yaml":      "c: twenty\nd: twenty\n",
		"common/base.yaml":          "e: root\n",
		"app/templates/values.yaml": configMap("omit .Values `global`"),
	}
	other := memory.NewTree(map[string]string{"x/y.yaml": "f: other\n"})
	cases := map[string]struct {
		why  string
		spec render.HelmSpec
		want string
	}{
		"Defaults": {
			why:  "Nothing given is the chart's own.",
			want: `{"a":"chart","b":"chart","c":"chart","d":"chart"}`,
		},
		"FilesInOrder": {
			why:  "Later files win, a pattern's files go in the order of their names.",
			spec: render.HelmSpec{ValuesFiles: []string{"one.yaml", "env/**/*.yaml"}},
			want: `{"a":"chart","b":"one","c":"twenty","d":"twenty","list":[1]}`,
		},
		"Places": {
			why:  "Above the unit, at the root, and in another Source.",
			spec: render.HelmSpec{ValuesFiles: []string{"../common/base.yaml", "/common/*.yaml", "$ops/cfg/x/y.yaml"}},
			want: `{"a":"chart","b":"chart","c":"chart","d":"chart","e":"root","f":"other"}`,
		},
		"FromThenInline": {
			why: "What the Stack itself says is nearest.",
			spec: render.HelmSpec{
				ValuesFiles: []string{"one.yaml"},
				ValuesFrom: []render.ResolvedValues{
					{From: "ConfigMap a/b", Data: []byte("b: map\nc: map\nd: null\n")},
					{From: "Secret a/b", TargetPath: "deep.list[1].x", Data: []byte("a,b=c"), Secret: true},
					{From: "Secret a/b", TargetPath: "num", Data: []byte("42")},
					{From: "Secret a/b", TargetPath: "str", Data: []byte(`"42"`)},
				},
				Values: []byte("c: inline\n"),
			},
			want: `{"a":"chart","b":"map","c":"inline","deep":{"list":[null,{"x":"a,b=c"}]},"list":[1],"num":42,"str":"42"}`,
		},
		"MissingIgnored": {
			why:  "A file that may be missing is passed over.",
			spec: render.HelmSpec{ValuesFiles: []string{"nope.yaml", "no/*.yaml", "one.yaml"}, IgnoreMissingValuesFiles: true},
			want: `{"a":"chart","b":"one","c":"one","d":"chart","list":[1]}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req := request(files, tc.spec)
			req.Trees = map[string]lockstep.Tree{"ops/cfg": other}
			if diff := cmp.Diff(tc.want, value(t, req)); diff != "" {
				t.Errorf("%s\nvalues (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	with := func(more map[string]string) map[string]string {
		out := map[string]string{"app/Chart.yaml": chartYAML, "app/templates/x.yaml": configMap(".Values.x")}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	schema := `{"type": "object", "properties": {"hosts": {"type": "array", "items": {"type": "object", "properties": {"port": {"type": "integer"}}}}}}`
	cases := map[string]struct {
		why   string
		files map[string]string
		spec  render.HelmSpec
		where string
		what  string // part of
		hint  string // part of
	}{
		"NoChart":         {why: "The directory is no chart.", files: map[string]string{"app/x.yaml": ""}, where: "app", what: "no Chart.yaml"},
		"NoDirectory":     {why: "The path is wrong.", files: map[string]string{"b/x": ""}, where: "app", what: "does not exist"},
		"BadChartYAML":    {why: "The line is what one looks for.", files: with(map[string]string{"app/Chart.yaml": "apiVersion: v2\nname: [\n"}), where: "app/Chart.yaml:", what: "not a chart"},
		"BadDefaults":     {why: "The chart's own values can be broken.", files: with(map[string]string{"app/values.yaml": "a: 1\nb: [\n"}), where: "app/values.yaml:", what: "not a chart"},
		"BadValuesFile":   {why: "The file and line of the Stack's values.", files: with(map[string]string{"app/v.yaml": "a: 1\n\tb: 2\n"}), spec: render.HelmSpec{ValuesFiles: []string{"v.yaml"}}, where: "app/v.yaml:2", what: "not a YAML mapping"},
		"MissingValues":   {why: "A typing mistake shows when the names beside it are listed.", files: with(map[string]string{"app/values-prod.yaml": ""}), spec: render.HelmSpec{ValuesFiles: []string{"values-pord.yaml"}}, where: "app/values-pord.yaml", what: "does not exist", hint: "values-prod.yaml"},
		"ValuesOutside":   {why: "A values file cannot lead out of the repository.", files: with(nil), spec: render.HelmSpec{ValuesFiles: []string{"../../etc/passwd"}}, where: "app", what: "leads out"},
		"UnknownSource":   {why: "Another Source must be at hand.", files: with(nil), spec: render.HelmSpec{ValuesFiles: []string{"$a/b/c.yaml"}}, what: "not at hand"},
		"LinkOutside":     {why: "Neither can a link.", files: with(map[string]string{"app/files/x": memory.Symlink("../../../etc/passwd")}), where: "app/files/x", what: "leads out"},
		"LinkCircle":      {why: "A circle of links ends.", files: with(map[string]string{"app/files/x": memory.Symlink("../files")}), what: "deep"},
		"TypeError":       {why: "The template and the line at which it stopped.", files: with(map[string]string{"app/templates/x.yaml": "{{/* 1 */}}\n{{ range .Values.x }}{{ .y.z }}{{ end }}\n", "app/values.yaml": "x: [text]\n"}), where: "app/templates/x.yaml:2", what: "can't evaluate field y"},
		"InHelper":        {why: "The helper, and who included it.", files: with(map[string]string{"app/templates/_h.tpl": "{{ define \"h\" }}\n\n{{ .Values.a.b.c }}{{ end }}", "app/templates/x.yaml": "\n{{ include \"h\" . }}"}), where: "app/templates/_h.tpl:3", what: "nil pointer", hint: "app/templates/x.yaml:2"},
		"Parse":           {why: "A template that is none.", files: with(map[string]string{"app/templates/x.yaml": "a\n{{ if }}\n"}), where: "app/templates/x.yaml:2", what: "missing value for if"},
		"Required":        {why: "The chart's own words.", files: with(map[string]string{"app/templates/x.yaml": "{{ required \"set the host\" .Values.host }}"}), where: "app/templates/x.yaml:1", what: "set the host"},
		"Fail":            {why: "The chart's own words.", files: with(map[string]string{"app/templates/x.yaml": "\n{{ fail \"no: (really)\" }}"}), where: "app/templates/x.yaml:2", what: "no: (really)"},
		"SubchartPath":    {why: "The place in the repository, not in Helm's names.", files: with(map[string]string{"app/charts/dir/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "app/charts/dir/templates/t.yaml": "{{ fail \"x\" }}"}), where: "app/charts/dir/templates/t.yaml:1", what: "x"},
		"BadOutput":       {why: "The line is that of what was written, and says so.", files: with(map[string]string{"app/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: [\n"}), where: "app/templates/x.yaml", what: "rendered document", hint: "lockstep render"},
		"Duplicate":       {why: "Two templates that write one object.", files: with(map[string]string{"app/templates/y.yaml": configMap(".Values.x")}), where: "app/templates/y.yaml", what: "declared twice"},
		"KubeVersion":     {why: "A chart for another cluster is refused.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "kubeVersion: \">=9.0.0\"\n"}), where: "app/Chart.yaml:4", what: `wants Kubernetes ">=9.0.0"`},
		"Library":         {why: "A library is no application.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "type: library\n"}), where: "app/Chart.yaml:4", what: "library"},
		"ReleaseName":     {why: "Helm would refuse the name.", files: with(nil), spec: render.HelmSpec{ReleaseName: "Not A Name"}, what: "release name"},
		"NoRepository":    {why: "The line of the dependency and the next step.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "dependencies:\n- name: a\n  version: 1.0.0\n"}), where: "app/Chart.yaml:5", what: "names no repository", hint: "charts/a"},
		"NothingFetched":  {why: "Offline, a remote dependency is refused with the command that vendors it.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "dependencies:\n- {name: a, version: 1.0.0, repository: 'https://x.invalid'}\n"}), where: "app/Chart.yaml:5", what: "nothing may be fetched", hint: "helm dependency build"},
		"RepositoryAlias": {why: "An alias lives on somebody's machine.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "dependencies:\n- {name: a, version: 1.0.0, repository: '@stable'}\n"}), where: "app/Chart.yaml:5", what: "@stable"},
		"Circle":          {why: "Charts that need each other.", files: map[string]string{"app/Chart.yaml": chartYAML + "dependencies: [{name: b, version: 1.0.0, repository: 'file://../b'}]\n", "b/Chart.yaml": "apiVersion: v2\nname: b\nversion: 1.0.0\ndependencies: [{name: web, version: 1.0.0, repository: 'file://../app'}]\n"}, what: "circle"},
		"FileOutside":     {why: "A dependency cannot lead out either.", files: with(map[string]string{"app/Chart.yaml": chartYAML + "dependencies: [{name: b, version: 1.0.0, repository: 'file://../../b'}]\n"}), what: "leads out"},
		"Schema":          {why: "The value by its path.", files: with(map[string]string{"app/values.schema.json": schema}), spec: render.HelmSpec{Values: []byte("hosts: [{port: 1}, {port: x}]")}, where: "app/values.schema.json", what: `value "hosts[1].port": got string, want integer`},
		"SchemaFile":      {why: "A schema cannot read files of the server.", files: with(map[string]string{"app/values.schema.json": `{"$ref": "file:///etc/hostname"}`}), where: "app/values.schema.json", what: "file:///etc/hostname"},
		"SchemaURL":       {why: "Nor ask its network.", files: with(map[string]string{"app/values.schema.json": `{"$ref": "http://169.254.169.254/latest"}`}), where: "app/values.schema.json", what: "not fetched", hint: "skipSchemaValidation"},
		"Many":            {why: "One number cannot take all memory.", files: with(map[string]string{"app/templates/x.yaml": "{{ until 2000000000 }}"}), where: "app/templates/x.yaml:1", what: "limit"},
		"Repeat":          {why: "Nor one text.", files: with(map[string]string{"app/templates/x.yaml": "{{ repeat 1000000 (repeat 1000 \"x\") | len }}"}), where: "app/templates/x.yaml:1", what: "repeating"},
		"TargetPath":      {why: "A path that names two values names none.", files: with(nil), spec: render.HelmSpec{ValuesFrom: []render.ResolvedValues{{From: "Secret a/b", TargetPath: "a=1,b", Data: []byte("x")}}}, what: "Secret a/b"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := New().Render(context.Background(), request(tc.files, tc.spec), nil)
			if err == nil {
				t.Fatalf("%s\nno error", tc.why)
			}
			f := fault.All(err)[0]
			if f.Kind != fault.KindInvalid || !strings.HasPrefix(f.Where, tc.where) || !strings.Contains(f.What, tc.what) || !strings.Contains(f.Hint, tc.hint) {
				t.Errorf("%s\nkind %v\nwhere %q, want %q\nwhat %q, want %q\nhint %q, want %q", tc.why, f.Kind, f.Where, tc.where, f.What, tc.what, f.Hint, tc.hint)
			}
			if strings.ContainsAny(f.What, "\n") {
				t.Errorf("more than one line: %q", f.What)
			}
		})
	}
}

func TestNoFaultHoldsASecret(t *testing.T) {
	const secret = "hunter2-very-secret"
	cases := map[string]map[string]string{
		"fail":     {"app/templates/x.yaml": `{{ fail (printf "bad password %s" .Values.password) }}`},
		"base64":   {"app/templates/x.yaml": `{{ fail (.Values.password | b64enc) }}`},
		"required": {"app/templates/x.yaml": `{{ required .Values.password .Values.nothing }}`},
		"tpl":      {"app/templates/x.yaml": `{{ tpl (printf "{{ %s" .Values.password) . }}`},
		"schema":   {"app/values.schema.json": `{"properties": {"password": {"pattern": "^[0-9]+$"}}}`},
		"label":    {"app/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {a: {{ .Values.pin }}}}\n"},
		"subchart": {"app/charts/password/Chart.yaml": "apiVersion: v2\nname: password\nversion: 1.0.0\n"},
	}
	for name, files := range cases {
		t.Run(name, func(t *testing.T) {
			files["app/Chart.yaml"] = chartYAML
			spec := render.HelmSpec{ValuesFrom: []render.ResolvedValues{
				{From: "Secret a/b", Data: []byte("password: " + secret + "\npin: 48151623\n"), Secret: true},
			}}
			_, err := New().Render(context.Background(), request(files, spec), nil)
			if err == nil {
				t.Fatal("no error")
			}
			for err := range chain(err) {
				for _, s := range []string{secret, "48151623", "aHVudGVyMi12ZXJ5LXNlY3JldA=="} {
					if strings.Contains(err.Error(), s) || strings.Contains(fault.As(err).Hint, s) {
						t.Errorf("the secret is in %q", err)
					}
				}
			}
		})
	}
}

// chain yields err and every cause below it.
func chain(err error) func(func(error) bool) {
	return func(yield func(error) bool) {
		for ; err != nil; err = errors.Unwrap(err) {
			if !yield(err) {
				return
			}
		}
	}
}

func TestHooksAreKeptApart(t *testing.T) {
	req := request(nil, render.HelmSpec{})
	req.Path, req.Tree = "chart", testTree(t, "testdata/hooks")
	res, err := New().Render(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	var hooks []string
	for _, h := range res.Hooks {
		hooks = append(hooks, h.Object.Name()+" "+strings.Join(h.Events(), ","))
		if h.Object.Name() == "pre-install" {
			if diff := cmp.Diff("before-creation,succeeded", h.Policies.String()); diff != "" || h.Wave != 5 {
				t.Errorf("weight %d, policies (-want +got):\n%s", h.Wave, diff)
			}
		}
	}
	want := []string{
		"test-success test", "test test", "post-rollback post-rollback", "pre-rollback pre-rollback", "both pre-install,pre-upgrade",
		"post-upgrade post-upgrade", "pre-upgrade pre-upgrade", "post-delete post-delete", "pre-delete pre-delete", "post-install post-install", "pre-install pre-install",
	}
	if diff := cmp.Diff(want, hooks); diff != "" {
		t.Errorf("hooks by weight and name (-want +got):\n%s", diff)
	}
	if len(res.Objects) != 3 {
		t.Errorf("%d objects, want two definitions and a ConfigMap", len(res.Objects))
	}
	for _, o := range res.Objects {
		if o.Kind() == "CustomResourceDefinition" && (o.Origin.File != "chart/crds/crd.yaml" || o.Origin.Line == 0) {
			t.Errorf("origin of %s is %q", o.Key(), o.Origin)
		}
	}
}

// given answers with archives that it was given.
type given map[string]render.ChartArchive

func (g given) Fetch(_ context.Context, ref render.ChartRef) (render.ChartArchive, error) {
	a, ok := g[ref.Repo+"/"+ref.Name+"@"+ref.Version]
	if !ok {
		return a, fault.NotFound("no chart %s/%s@%s", ref.Repo, ref.Name, ref.Version)
	}
	return a, nil
}

func TestDependenciesAreBrought(t *testing.T) {
	sub := archiveOf(t, map[string]string{"sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.4.0\n", "sub/templates/s.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub-{{ .Chart.Name }}}\n"})
	charts := given{"https://charts.example/sub@1.4.0": {Data: sub, Version: "1.4.0", Digest: "sha256:x"}}
	deps := "- {name: sub, version: ^1.0.0, repository: 'https://charts.example'}\n- {name: sub, version: ^1.0.0, repository: 'https://charts.example', alias: again}\n- {name: local, version: '*', repository: 'file://../libs/local'}\n"
	parsed := []byte(`[[{"name":"sub","version":"^1.0.0","repository":"https://charts.example"},{"name":"sub","version":"^1.0.0","repository":"https://charts.example","alias":"again"},{"name":"local","version":"*","repository":"file://../libs/local"}],[{"name":"sub","version":"1.4.0","repository":"https://charts.example"},{"name":"sub","version":"1.4.0","repository":"https://charts.example"},{"name":"local","version":"0.1.0","repository":"file://../libs/local"}]]`)
	h := sha256.Sum256(parsed)
	lock := "dependencies:\n- {name: sub, version: 1.4.0, repository: 'https://charts.example'}\n- {name: sub, version: 1.4.0, repository: 'https://charts.example'}\n- {name: local, version: 0.1.0, repository: 'file://../libs/local'}\ndigest: sha256:" + hex.EncodeToString(h[:]) + "\n"
	files := map[string]string{
		"app/Chart.yaml":             chartYAML + "dependencies:\n" + deps,
		"app/Chart.lock":             lock,
		"libs/local/Chart.yaml":      "apiVersion: v2\nname: local\nversion: 0.1.0\n",
		"libs/local/templates/l.yml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: local}\n",
	}
	res, err := New().Render(context.Background(), request(files, render.HelmSpec{}), charts)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range res.Objects {
		got = append(got, o.Name()+" "+o.Origin.String())
	}
	want := []string{"local libs/local/templates/l.yml", "sub-again sub@1.4.0/templates/s.yaml", "sub-sub sub@1.4.0/templates/s.yaml"}
	if diff := cmp.Diff(want, got); diff != "" || len(res.Warnings) != 0 {
		t.Errorf("objects (-want +got):\n%s\nwarnings: %q", diff, res.Warnings)
	}

	files["app/Chart.lock"] = strings.Replace(lock, "sha256:", "sha256:0", 1)
	_, err = New().Render(context.Background(), request(files, render.HelmSpec{}), charts)
	if err == nil || !strings.HasPrefix(fault.All(err)[0].Where, "app/Chart.lock") {
		t.Errorf("a lock file that does not fit: %v", err)
	}
	delete(files, "app/Chart.lock")
	charts["https://charts.example/sub@^1.0.0"] = charts["https://charts.example/sub@1.4.0"]
	res, err = New().Render(context.Background(), request(files, render.HelmSpec{}), charts)
	if err != nil || len(res.Warnings) == 0 || !strings.Contains(res.Warnings[0], "no Chart.lock") {
		t.Errorf("a range without a lock: %v, warnings %q", err, res.Warnings)
	}
}

func TestFetchedChart(t *testing.T) {
	data := archiveOf(t, map[string]string{"web/Chart.yaml": chartYAML, "web/templates/x.yaml": configMap(".Release")})
	ref := render.ChartRef{Repo: "oci://r.example/team", Name: "web", Version: "1"}
	req := request(map[string]string{"app/values-x.yaml": "x: 1"}, render.HelmSpec{Chart: &ref, ValuesFiles: []string{"values-x.yaml"}, Revision: 3})
	res, err := New().Render(context.Background(), req, given{"oci://r.example/team/web@1": {Data: data, Version: "1.0.0", Digest: "d"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Objects[0].Origin.File; got != "web@1.0.0/templates/x.yaml" {
		t.Errorf("origin %q", got)
	}
	text, _ := json.Marshal(res.Objects[0].Tree["data"])
	if !strings.Contains(string(text), `\"Revision\":3`) || !strings.Contains(string(text), `\"IsUpgrade\":true`) {
		t.Errorf("release: %s", text)
	}
	if diff := cmp.Diff(&render.ChartInfo{Name: "web", Version: "1.0.0"}, res.Chart); diff != "" {
		t.Errorf("chart (-want +got):\n%s", diff)
	}
}

func TestUnstableTemplatesAreNamed(t *testing.T) {
	files := map[string]string{
		"app/Chart.yaml":          chartYAML,
		"app/templates/x.yaml":    configMap("randAlphaNum 12"),
		"app/templates/y.yaml":    "{{ if .Values.never }}{{ uuidv4 }}{{ end }}",
		"app/templates/NOTES.txt": "now and then",
		// A test that is named anew each time is kept apart and changes nothing.
		"app/templates/hook.yaml": "{{ $n := randAlphaNum 5 | lower }}\napiVersion: v1\nkind: Pod\nmetadata: {name: \"t-{{ $n }}\", annotations: {helm.sh/hook: test}}\n",
	}
	res, err := New().Render(context.Background(), request(files, render.HelmSpec{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Warnings) != 1 || !strings.HasPrefix(res.Warnings[0], "app/templates/x.yaml comes out otherwise") {
		t.Errorf("warnings: %q", res.Warnings)
	}
}

func TestCacheLeavesTheSameReads(t *testing.T) {
	files := map[string]string{
		"app/Chart.yaml":       chartYAML,
		"app/.helmignore":      "*.md\n",
		"app/README.md":        "ignored",
		"app/templates/x.yaml": configMap(".Values.x"),
		"app/link.txt":         memory.Symlink("../outside.txt"),
		"outside.txt":          "one",
	}
	r := New()
	key := func(files map[string]string, values string) (string, int) {
		t.Helper()
		req, rec := render.Record(request(files, render.HelmSpec{Values: []byte(values)}))
		if _, err := r.Render(context.Background(), req, nil); err != nil {
			t.Fatal(err)
		}
		return rec.Reads().Key(nil), rec.Reads().Len()
	}
	cold, n := key(files, "x: 1")
	warm, m := key(files, "x: 2")
	if cold != warm || n != m || r.cache.order.Len() != 1 {
		t.Errorf("reads differ: %d cold, %d warm, %d charts in the cache", n, m, r.cache.order.Len())
	}
	files["app/README.md"] = "changed"
	if ignored, _ := key(files, "x: 1"); ignored != cold {
		t.Error("a file that the chart ignores is in its key")
	}
	files["outside.txt"] = "two"
	if linked, _ := key(files, "x: 1"); linked == cold {
		t.Error("a file behind a link is not in the key")
	}
}

func TestNoKubernetesClientIsLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	for _, heavy := range []string{"pkg/action", "pkg/cmd", "pkg/kube", "pkg/downloader", "pkg/registry", "pkg/storage"} {
		if slices.Contains(deps, "helm.sh/helm/v4/"+heavy) {
			t.Errorf("helm's %s is linked; it brings a Kubernetes client with it", heavy)
		}
	}
}

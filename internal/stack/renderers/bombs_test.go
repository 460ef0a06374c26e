package renderers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	corerender "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// nineLaughs is a document whose aliases stand for a billion values.
func nineLaughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9)+fmt.Sprintf("*a%d", i))
	}
	return b.String()
}

// TestBombs renders what is made to take a process down. Each is a fault that
// says where, within the limits, and the next render goes well.
func TestBombs(t *testing.T) {
	template := func(text string) map[string]string {
		return map[string]string{"a/Chart.yaml": chartYAML, "a/templates/a.yaml": cm("a"), "a/templates/bomb.yaml": text, "a/templates/z.yaml": cm("z")}
	}
	const at = "a/templates/bomb.yaml"
	many := map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\npatches:\n" + strings.Repeat("- {path: p.yaml, target: {kind: ConfigMap}}\n", 4000)}
	var objects strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&objects, "---\n%s", cm(fmt.Sprintf("x%d", i)))
	}
	many["a/x.yaml"] = objects.String()
	many["a/p.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: any, annotations: {a: b}}\n"
	cases := map[string]struct {
		why   string
		files map[string]string
		at    string   // place that the fault names
		says  []string // one of these
	}{
		"Loop": {
			why: "Helm cannot be interrupted.", files: template(`{{ range 100000000000 }}{{ end }}`), at: at,
			says: []string{"the template ran for more than 2s"},
		},
		"Grow": {
			why: "Text that doubles.", files: template(`{{ $x := "0123456789" }}{{ range 60 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}`), at: at,
			says: []string{"the template needed more than 256 MiB"},
		},
		"TplWithoutEnd": {
			why: "It took the server with it.", files: template(`{{ define "t" }}{{ tpl "{{ include \"t\" . }}" . }}{{ end }}{{ $_ := set .Values "t" "{{ tpl .Values.t . }}" }}{{ tpl .Values.t . }}`), at: at,
			says: []string{"the template calls itself without end", "the template needed more than 256 MiB", "the template ran for more than 2s"},
		},
		"TemplateWithoutEnd": {
			why: "Go counts to a hundred thousand, which is too deep for the stack.", files: template(`{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}`), at: at,
			says: []string{"exceeded maximum template depth", "the template calls itself without end"},
		},
		"IncludeWithoutEnd": {
			why: "Helm counts to a thousand itself.", files: template(`{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}`), at: at,
			says: []string{"error calling include", "the template needed more than 256 MiB"},
		},
		"Repeat":    {why: "One number is that much memory.", files: template(`{{ repeat 2000000000 "x" }}`), at: at + ":1", says: []string{"more than the limit", "outside of"}},
		"Until":     {why: "The same.", files: template(`{{ until 1000000000 }}`), at: at + ":1", says: []string{"more than the limit"}},
		"HugeKey":   {why: "Looking for primes takes minutes.", files: template(`{{ genPrivateKey "rsa" }}{{ range 1000 }}{{ genPrivateKey "rsa" }}{{ end }}`), at: at, says: []string{"the template ran for more than 2s"}},
		"Padding":   {why: "A library function that writes as much as it is told to.", files: template(`{{ printf "%1000000d" 1 | len }}{{ printf "%*d" 900000 1 | repeat 17 | len }}{{ range 100000 }}{{ randAlphaNum 1000000 }}{{ end }}`), at: at, says: []string{"the template ran for more than 2s", "the template needed more than 256 MiB"}},
		"Output":    {why: "More than any API server takes.", files: template(`{{ range 2000000 }}{{ "# 01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n" }}{{ end }}`), at: "a", says: []string{"more than the limit of", "needed more than 256 MiB", "the template ran for more than 2s"}},
		"Regex":     {why: "Linear in Go, but long.", files: template(`{{ $x := repeat 1000000 "a" }}{{ range 1000 }}{{ regexMatch "(a*)*b" $x }}{{ end }}`), at: at, says: []string{"the template ran for more than 2s", "the template needed more than 256 MiB"}},
		"Values":    {why: "Billion laughs in the chart's own values.", files: map[string]string{"a/Chart.yaml": chartYAML, "a/values.yaml": nineLaughs(), "a/templates/x.yaml": "{{ toYaml .Values }}"}, at: "a", says: []string{"excessive aliasing", "needed more than 256 MiB", "aliases"}},
		"Patches":   {why: "Every patch goes over every object.", files: many, at: "a", says: []string{"kustomize, which had last read \"a/p.yaml\", ran for more than 2s", "ran for more than 2s", "needed more than 256 MiB"}},
		"Circle":    {why: "Kustomizations that lead back to themselves.", files: map[string]string{"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "resources: [../a]"}, at: "", says: []string{"cycle"}},
		"Laughs":    {why: "Billion laughs in a manifest.", files: map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": cm("x") + nineLaughs()}, at: "a/kustomization.yaml", says: []string{"kustomize, which had last read \"a/x.yaml\", needed more than 256 MiB", "kustomize, which had last read \"a/x.yaml\", ran for more than 2s"}},
		"Expansion": {why: "Each layer lists the one below it many times, under other names.", files: layers(7, 12), at: "", says: []string{"ran for more than 2s", "needed more than 256 MiB", "more than the limit", "reaches more than"}},
	}
	r := all(t, worker.Limits{Time: 2 * time.Second, Memory: 256 << 20})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req, rec := corerender.Record(corerender.Request{Path: "a", Tree: memory.NewTree(tc.files), Release: "r"})
			start := time.Now()
			_, err := r.Render(context.Background(), req)
			if err == nil {
				t.Fatalf("%s\nit went well, after %s", tc.why, time.Since(start))
			}
			f := fault.As(err)
			said := false
			for _, s := range tc.says {
				said = said || strings.Contains(f.What, s)
			}
			if !said || !strings.HasPrefix(f.Where, tc.at) {
				t.Errorf("%s\nafter %s got %s: %q\nwant %s: one of %q", tc.why, time.Since(start), f.Kind, f.Error(), tc.at, tc.says)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
			var d *worker.Died
			if errors.As(err, &d) {
				forgotten(t, tc.files, rec.Reads())
			}
			ok := corerender.Request{Path: "a", Tree: memory.NewTree(map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": cm("x")})}
			if _, err := r.Render(context.Background(), ok); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// forgotten checks that a fault that is remembered by what was read goes with any
// change of the directory.
func forgotten(t *testing.T, files map[string]string, reads corerender.Reads) {
	t.Helper()
	if !reads.Same(memory.NewTree(files), nil) {
		t.Error("nothing has changed, and yet it would be rendered again")
	}
	for p := range files {
		other := map[string]string{}
		for q, text := range files {
			other[q] = text
		}
		other[p] += "\n# repaired\n"
		if reads.Same(memory.NewTree(other), nil) {
			t.Errorf("a change of %s would go unnoticed", p)
		}
	}
}

// layers are n kustomizations on top of one another, each of which has the one
// below it width times.
func layers(n, width int) map[string]string {
	files := map[string]string{"a/kustomization.yaml": "resources: [../l0]\n", fmt.Sprintf("l%d/x.yaml", n): cm("x"), fmt.Sprintf("l%d/kustomization.yaml", n): "resources: [x.yaml]\n"}
	for i := range n {
		var list []string
		for w := range width {
			files[fmt.Sprintf("l%d/v%d/kustomization.yaml", i, w)] = fmt.Sprintf("nameSuffix: \"-%d\"\nresources: [../../l%d]\n", w, i+1)
			list = append(list, fmt.Sprintf("v%d", w))
		}
		files[fmt.Sprintf("l%d/kustomization.yaml", i)] = "resources: [" + strings.Join(list, ", ") + "]\n"
	}
	return files
}

// TestRemoteBases fetches a resource in a worker that may, and not in others.
func TestRemoteBases(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, cm("far")) }))
	defer srv.Close()
	before, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	req := corerender.Request{Path: "a", AllowRemote: true, Tree: memory.NewTree(map[string]string{"a/kustomization.yaml": "resources: [" + srv.URL + "/x.yaml]"})}
	r := all(t, worker.Limits{})
	res, err := r.Render(context.Background(), req)
	if err != nil || len(res.Objects) != 1 || res.Objects[0].Name() != "far" {
		t.Fatalf("got %v, %v", res.Objects, err)
	}
	after, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range after[min(len(before), len(after)):] {
		if strings.HasPrefix(e.Name(), "lockstep-worker-") {
			t.Errorf("%s was left behind", e.Name())
		}
	}
	req.AllowRemote = false
	if _, err = r.Render(context.Background(), req); err == nil || !strings.Contains(err.Error(), "is refused") {
		t.Errorf("without leave: %v", err)
	}
}

// TestIdleServerHasNoWorkers keeps the renderers free for those that render
// nothing.
func TestIdleServerHasNoWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	all(t, worker.Limits{})
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines were started for nothing", n-before)
	}
}

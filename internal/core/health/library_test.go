package health

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/core/health/expr"
	"github.com/lockstep-dev/lockstep/internal/core/health/rules"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// testFile is what stands beside a rule file.
type testFile struct {
	Cases []struct {
		Name   string         `json:"name"`
		Object map[string]any `json:"object"`
		Want   struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"want"`
	} `json:"cases"`
}

// TestLibrary runs the test file beside each rule file: verdicts and words are
// as wanted, each rule decides some case, and there are cases for both good and
// bad days.
func TestLibrary(t *testing.T) {
	names := ruleFiles(rules.Files)
	if len(names) == 0 {
		t.Fatal("no rule files")
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) { testRuleFile(t, name) })
	}
}

func testRuleFile(t *testing.T, name string) {
	f, set := mustCompile(t, name)
	checkHead(t, name, f)
	data, err := fs.ReadFile(rules.Files, strings.TrimSuffix(name, ".yaml")+"_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests testFile
	if err := yaml.UnmarshalStrict(data, &tests); err != nil {
		t.Fatal(err)
	}
	hit := make([]bool, len(set))
	healthy, other := 0, 0
	seen := map[string]bool{}
	for _, tc := range tests.Cases {
		if tc.Name == "" || seen[tc.Name] {
			t.Errorf("case %q: names must be there and differ", tc.Name)
		}
		seen[tc.Name] = true
		object := whole(tc.Object).(map[string]any)
		judged := theLibrary().find(tree(object).groupKind())
		if judged == nil || judged.name != name {
			t.Errorf("case %q: its object is not of a kind that this file decides", tc.Name)
			continue
		}
		got := Of(object)
		if got.Status.String() != tc.Want.Status || got.Message != tc.Want.Message {
			t.Errorf("case %q:\n got %s: %q\nwant %s: %q", tc.Name, got.Status, got.Message, tc.Want.Status, tc.Want.Message)
		}
		if got.Status == lockstep.Healthy {
			healthy++
		} else {
			other++
		}
		if i := deciding(set, object); i >= 0 {
			hit[i] = true
		}
	}
	if healthy == 0 || other == 0 {
		t.Errorf("%d healthy cases and %d others; at least one of each is needed", healthy, other)
	}
	for i, ok := range hit {
		if !ok {
			t.Errorf("rule %d (line %d, when %s) decides no case", i+1, f.Rules[i].line, f.Rules[i].When)
		}
	}
}

// deciding returns the index of the rule that Of comes to, -1 if another
// judgement comes first.
func deciding(set ruleSet, object map[string]any) int {
	o := tree(object)
	if _, ok := unobserved(o); ok || o.text("metadata", "deletionTimestamp") != "" {
		return -1
	}
	if _, ok := declared(o); ok {
		return -1
	}
	bound := expr.Bind(object)
	for i := range set {
		if _, ok := set[i:i+1].judge(o, bound); ok {
			return i
		}
	}
	return -1
}

func mustCompile(t *testing.T, name string) (File, ruleSet) {
	t.Helper()
	data, err := fs.ReadFile(rules.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := ParseFile(name, data)
	if err != nil {
		t.Fatal(err)
	}
	set, err := compileFile(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return f, set
}

func checkHead(t *testing.T, name string, f File) {
	t.Helper()
	if !strings.HasPrefix(f.Doc, "https://") {
		t.Errorf("doc is %q; it has to say where the API is documented", f.Doc)
	}
	dir := path.Dir(name)
	if want := strings.TrimPrefix(f.Group, "*."); dir != want {
		t.Errorf("it is for group %s and so belongs into folder %s", f.Group, want)
	}
	if !inLibrary(lockstep.GroupKind{Group: strings.TrimPrefix(f.Group, "*.")}) && !strings.HasPrefix(f.Group, "*.") {
		t.Errorf("group %q has no dot: it is Kubernetes' own, and judged in Go", f.Group)
	}
	for _, kind := range f.Kinds {
		if _, ok := judges[lockstep.GroupKind{Group: f.Group, Kind: kind}]; ok {
			t.Errorf("%s/%s is judged in Go", f.Group, kind)
		}
		if s := theLibrary().find(lockstep.GroupKind{Group: f.Group, Kind: kind}); !isGlob(f.Group) && (s == nil || s.name != name) {
			t.Errorf("%s/%s is decided by another file too: %v", f.Group, kind, s)
		}
	}
}

// TestEveryTestFileHasRules: a test file without rules tests nothing.
func TestEveryTestFileHasRules(t *testing.T) {
	all, err := fs.Glob(rules.Files, "*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		base, isTest := strings.CutSuffix(name, "_test.yaml")
		if !isTest {
			continue
		}
		if _, err := fs.Stat(rules.Files, base+".yaml"); err != nil {
			t.Error(err)
		}
	}
}

// BenchmarkLibrary says what the rules cost: the first object of a kind compiles
// them, every further one evaluates them.
func BenchmarkLibrary(b *testing.B) {
	object := map[string]any{
		"apiVersion": "cert-manager.io/v1", "kind": "Certificate",
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "True"}}},
	}
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			newLibrary(rules.Files)
		}
	})
	b.Run("compile", func(b *testing.B) {
		b.ReportAllocs()
		l := theLibrary()
		s := l.find(tree(object).groupKind())
		for b.Loop() {
			if _, err := s.compile(rules.Files); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("judge", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if h := Of(object); h.Status != lockstep.Healthy {
				b.Fatal(fmt.Sprint(h))
			}
		}
	})
	b.Run("builtin", func(b *testing.B) {
		b.ReportAllocs()
		cm := map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}
		for b.Loop() {
			Of(cm)
		}
	})
}

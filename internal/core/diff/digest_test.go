package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// tree reads JSON with whole numbers as int64, as rendering does.
func tree(t testing.TB, s string) map[string]any {
	t.Helper()
	v, err := decode(s)
	if err != nil {
		t.Fatalf("decode %s: %v", s, err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("not an object: %s", s)
	}
	return m
}

func TestDigest(t *testing.T) {
	d := Digester{Key: []byte("key")}
	other := Digester{Key: []byte("other")}
	object := func(s string) lockstep.Object { return lockstep.Object{Tree: tree(t, s)} }

	cases := map[string]struct {
		why  string
		a, b string
		keys [2]Digester
		same bool
	}{
		"KeyOrder": {
			why: "A reordered file is not a change.",
			a:   `{"kind":"ConfigMap","data":{"a":"1","b":"2"}}`, b: `{"data":{"b":"2","a":"1"},"kind":"ConfigMap"}`,
			keys: [2]Digester{d, d}, same: true,
		},
		"LargeIntegers": {
			why: "Two integers that are one float64 are two values.",
			a:   `{"kind":"X","n":9007199254740993}`, b: `{"kind":"X","n":9007199254740992}`,
			keys: [2]Digester{d, d},
		},
		"NumberAndText": {
			why: "1 and \"1\" are different fields to an API.",
			a:   `{"kind":"X","n":1}`, b: `{"kind":"X","n":"1"}`,
			keys: [2]Digester{d, d},
		},
		"NestingIsNotFlattened": {
			why: "A value must not be able to pretend to be structure.",
			a:   `{"kind":"X","a":"b\",\"c\":\"d"}`, b: `{"kind":"X","a":"b","c":"d"}`,
			keys: [2]Digester{d, d},
		},
		"ConfigMapNeedsNoKey": {
			why: "Only Secrets are keyed; anyone can check any other digest.",
			a:   `{"kind":"ConfigMap","apiVersion":"v1"}`, b: `{"kind":"ConfigMap","apiVersion":"v1"}`,
			keys: [2]Digester{d, other}, same: true,
		},
		"SecretIsKeyed": {
			why: "The digest of a secret must not allow guessing its content.",
			a:   `{"kind":"Secret","apiVersion":"v1","data":{"p":"eA=="}}`, b: `{"kind":"Secret","apiVersion":"v1","data":{"p":"eA=="}}`,
			keys: [2]Digester{d, other},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a, b := tc.keys[0].Object(object(tc.a)), tc.keys[1].Object(object(tc.b))
			if (a == b) != tc.same {
				t.Errorf("%s\ndigests %s and %s: equal %v, want %v", tc.why, a, b, a == b, tc.same)
			}
			if !strings.HasPrefix(a, "sha256-") || len(a) != len("sha256-")+32 {
				t.Errorf("digest %q is not sha256-<32 hex>", a)
			}
		})
	}
}

func TestCanonicalIsJSON(t *testing.T) {
	in := map[string]any{
		"text":  "a\"b\\c\n\t\r\x01é☃",
		"list":  []any{int64(1), 1.5, true, nil, map[string]any{}, []any{}},
		"big":   int64(9007199254740993),
		"whole": 2.0,
		"z":     map[string]any{"y": map[string]any{"x": "deep"}, "a": "first"},
	}
	want := `{"big":9007199254740993,"list":[1,1.5,true,null,{},[]],"text":"a\"b\\c\n\t\r\u0001é☃","whole":2,"z":{"a":"first","y":{"x":"deep"}}}`
	got := Canonical(in)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Canonical (-want +got):\n%s", diff)
	}
	if !json.Valid(got) {
		t.Errorf("Canonical is not JSON: %s", got)
	}
}

func TestCompactCutsAtARune(t *testing.T) {
	got := compact(strings.Repeat("é", 200))
	if len(got) > maxValue+len("…") || !strings.HasSuffix(got, "é…") {
		t.Errorf("compact cut to %d bytes: …%q", len(got), got[len(got)-6:])
	}
}

// twoKB is a Deployment of the size that most rendered objects have.
func twoKB() map[string]any {
	env := make([]any, 0, 12)
	for i := range 12 {
		env = append(env, map[string]any{"name": fmt.Sprintf("SETTING_%d", i), "value": strings.Repeat("v", 60)})
	}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "labels": map[string]any{"app": "web", "team": "shop"}},
		"spec": map[string]any{
			"replicas": int64(3),
			"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "web", "image": "registry.example/web:1.2.3", "env": env,
					"ports":     []any{map[string]any{"containerPort": int64(8080)}},
					"resources": map[string]any{"limits": map[string]any{"cpu": "1", "memory": "1Gi"}},
				}}},
			},
		},
	}
}

func BenchmarkDigest(b *testing.B) {
	o := lockstep.Object{Tree: twoKB()}
	d := Digester{Key: []byte("key")}
	b.SetBytes(int64(len(Canonical(o.Tree))))
	b.ReportAllocs()
	for b.Loop() {
		d.Object(o)
	}
}

// TestDigestAllocates keeps the encoder's promise: one allocation, the result.
func TestDigestAllocates(t *testing.T) {
	o := lockstep.Object{Tree: twoKB()}
	d := Digester{}
	if n := testing.AllocsPerRun(100, func() { d.Object(o) }); n > 3 {
		t.Errorf("a digest costs %v allocations, want at most 3", n)
	}
}

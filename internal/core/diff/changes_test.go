package diff

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestChanges(t *testing.T) {
	d := Digester{Key: []byte("key")}
	cases := map[string]struct {
		why            string
		owned, desired string
		want           []string // path: from -> to
	}{
		"Scalar": {
			why:   "The plain case.",
			owned: `{"spec":{"replicas":3}}`, desired: `{"spec":{"replicas":5}}`,
			want: []string{"spec.replicas: 3 -> 5"},
		},
		"DefaultsFilledIn": {
			why:   "An owned live projection compared with Git shows nothing but changes.",
			owned: `{"spec":{"selector":{"a":"b"},"strategy":{"type":"RollingUpdate"}}}`, desired: `{"apiVersion":"apps/v1","kind":"D","metadata":{"name":"x","creationTimestamp":null},"spec":{"selector":{"a":"b"},"strategy":{},"template":{"x":null}},"status":{"a":1}}`,
		},
		"ItemByName": {
			why:   "People know containers by name, not by number.",
			owned: `{"spec":{"containers":[{"name":"side","image":"s:1"},{"name":"web","image":"w:1"}]}}`, desired: `{"spec":{"containers":[{"name":"web","image":"w:2"}]}}`,
			want: []string{`spec.containers[name=side]: {"image":"s:1","name":"side"} -> `, `spec.containers[name=web].image: "w:1" -> "w:2"`},
		},
		"Reordered": {
			why:   "Init containers run in order, so order is content.",
			owned: `{"initContainers":[{"name":"a"},{"name":"b"}]}`, desired: `{"initContainers":[{"name":"b"},{"name":"a"}]}`,
			want: []string{`initContainers: ["a","b"] -> ["b","a"]`},
		},
		"PortDefaults": {
			why:   "protocol TCP is a default and no change.",
			owned: `{"ports":[{"containerPort":80,"protocol":"TCP"}]}`, desired: `{"ports":[{"containerPort":80,"name":"http"}]}`,
			want: []string{`ports[containerPort=80,protocol=TCP].name:  -> "http"`},
		},
		"DoubledNames": {
			why:   "A list whose names are not unique is compared by place.",
			owned: `{"env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]}`, desired: `{"env":[{"name":"A","value":"1"},{"name":"A","value":"3"}]}`,
			want: []string{`env[1].value: "2" -> "3"`},
		},
		"Args": {
			why:   "Lists of words have no keys.",
			owned: `{"args":["a","b"]}`, desired: `{"args":["a","c","d"]}`,
			want: []string{`args[1]: "b" -> "c"`, `args[2]:  -> "d"`},
		},
		"Quantities": {
			why:   "One amount has many spellings; a label is not an amount.",
			owned: `{"a":{"resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"100m"}}},"labels":{"cpu":"1"}}`, desired: `{"a":{"resources":{"limits":{"cpu":"1000m","memory":"1024Mi"},"requests":{"cpu":0.2}}},"labels":{"cpu":"1000m"}}`,
			want: []string{`a.resources.requests.cpu: "100m" -> 0.2`, `labels.cpu: "1" -> "1000m"`},
		},
		"PortTextAndNumber": {
			why:   "A port named \"80\" is not port 80.",
			owned: `{"spec":{"targetPort":80}}`, desired: `{"spec":{"targetPort":"80"}}`,
			want: []string{`spec.targetPort: 80 -> "80"`},
		},
		"Annotations": {
			why:   "Dotted names are quoted, and orders to Lockstep are no content.",
			owned: `{"metadata":{"annotations":{"a.b/c":"1"}}}`, desired: `{"metadata":{"annotations":{"a.b/c":"2","lockstep.dev/prune":"disabled"}}}`,
			want: []string{`metadata.annotations["a.b/c"]: "1" -> "2"`},
		},
		"AllLabelsGo": {
			why:   "An empty map of the user's own keys means that they all go.",
			owned: `{"metadata":{"labels":{"a":"1"}}}`, desired: `{"metadata":{"labels":{}}}`,
			want: []string{`metadata.labels.a: "1" -> `},
		},
		"Finalizers": {
			why:   "Finalizers are a set.",
			owned: `{"metadata":{"finalizers":["a","b"]}}`, desired: `{"metadata":{"finalizers":["b","a"]}}`,
		},
		"Structure": {
			why:   "A map that becomes a text is one change.",
			owned: `{"spec":{"x":{"a":1}}}`, desired: `{"spec":{"x":"a"}}`,
			want: []string{`spec.x: {"a":1} -> "a"`},
		},
		"LongText": {
			why:   "A plan is read by people; a file of text is cut.",
			owned: `{"data":{}}`, desired: `{"data":{"f":"` + strings.Repeat("x", 300) + `"}}`,
			want: []string{`data.f:  -> "` + strings.Repeat("x", 255) + "…"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := lines(Changes(tree(t, tc.desired), tree(t, tc.owned), d))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nChanges (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func lines(cs []lockstep.FieldChange) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.Path+": "+c.From+" -> "+c.To)
	}
	return out
}

func TestChangesMaskSecrets(t *testing.T) {
	d := Digester{Key: []byte("key")}
	owned := tree(t, `{"data":{"same":"c2FtZQ==","old":"aHVudGVyMg=="}}`)
	desired := tree(t, `{"apiVersion":"v1","kind":"Secret","type":"Opaque",
	  "metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter3"},"labels":{"a":"b"}},
	  "stringData":{"same":"same","old":"hunter3","new":"hunter2"}}`)
	got := Changes(desired, owned, d)
	all := strings.Join(lines(got), "\n")
	for _, secret := range []string{"hunter", "aHVudGVy", "c2FtZQ"} {
		if strings.Contains(all, secret) {
			t.Errorf("a change shows %q:\n%s", secret, all)
		}
	}
	var paths []string
	byName := map[string]lockstep.FieldChange{}
	for _, c := range got {
		paths = append(paths, c.Path)
		byName[c.Path] = c
	}
	want := []string{"data.new", "data.old", "metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"]", "metadata.labels.a", "type"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("changed paths (-want +got):\n%s", diff)
	}
	if byName["data.new"].To != byName["data.old"].From {
		t.Errorf("equal values must look equal: %q and %q", byName["data.new"].To, byName["data.old"].From)
	}
	if got := byName["metadata.labels.a"].To; got != `"b"` {
		t.Errorf("a Secret's label is not secret: %s", got)
	}
}

func TestChangesMaskMalformedSecret(t *testing.T) {
	got := Changes(tree(t, `{"apiVersion":"v1","kind":"Secret","data":["hunter2"],"stringData":"hunter2"}`), map[string]any{}, Digester{})
	if all := strings.Join(lines(got), "\n"); strings.Contains(all, "hunter2") || all == "" {
		t.Errorf("a Secret of the wrong shape must still be masked, got:\n%s", all)
	}
}

// FuzzChanges holds for any two trees: nothing changes between equal ones,
// changes are found in both directions, ordered, and from Secrets nothing leaks.
func FuzzChanges(f *testing.F) {
	f.Add(deployment, liveDeployment)
	f.Add(`{"ports":[{"port":53},{"port":53,"protocol":"UDP"}]}`, `{"ports":[{"port":53,"protocol":"UDP"}]}`)
	f.Add(`{"limits":{"cpu":"1e999999999"}}`, `{"limits":{"cpu":1}}`)
	f.Add(`{"a":[{"name":1},{"name":"1"}]}`, `{"a":[[],{}]}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := decode(a)
		y, err2 := decode(b)
		m, ok := x.(map[string]any)
		n, ok2 := y.(map[string]any)
		if err != nil || err2 != nil || !ok || !ok2 {
			return
		}
		d := Digester{Key: []byte("k")}
		if got := Changes(m, lockstep.CloneTree(m).(map[string]any), d); len(got) > 0 {
			t.Fatalf("an object differs from itself: %v", lines(got))
		}
		forth := Changes(m, n, d)
		if !slices.IsSortedFunc(forth, byPath) {
			t.Errorf("not ordered: %v", lines(forth))
		}
		m, n = full(m).(map[string]any), full(n).(map[string]any)
		if forth, back := Changes(m, n, d), Changes(n, m, d); len(forth) != len(back) {
			t.Errorf("%d changes one way, %d the other:\n%v\n%v", len(forth), len(back), lines(forth), lines(back))
		}
		if len(Changes(m, n, d)) > 0 && string(Canonical(m)) == string(Canonical(n)) {
			t.Errorf("equal texts differ")
		}
	})
}

// full drops empty maps, which mean "up to the server" on one side only.
func full(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if e := full(e); !hollow(e) {
				out[k] = e
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			if out[i] = full(e); hollow(out[i]) {
				out[i] = int64(0)
			}
		}
		return out
	}
	return v
}

func BenchmarkChanges(b *testing.B) {
	from, to := twoKB(), twoKB()
	to["spec"].(map[string]any)["replicas"] = int64(4)
	b.ReportAllocs()
	for b.Loop() {
		Changes(to, from, Digester{})
	}
}

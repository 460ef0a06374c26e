package diff

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// deploymentFields is what an API server wrote for an apply of deployment.
const deploymentFields = `{
 "f:metadata":{"f:annotations":{"f:a.b/c":{},"f:lockstep.dev/unit":{}},"f:labels":{"f:app":{}},"f:finalizers":{"v:\"x/y\"":{}}},
 "f:spec":{"f:replicas":{},"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},
  "f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:args":{},"f:image":{},"f:name":{},
    "f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}`

const deployment = `{"apiVersion":"apps/v1","kind":"Deployment",
 "metadata":{"name":"web","namespace":"shop","creationTimestamp":null,
  "labels":{"app":"web"},"annotations":{"a.b/c":"1","lockstep.dev/prune":"disabled"},"finalizers":["x/y"]},
 "spec":{"replicas":3,"strategy":{},"selector":{"matchLabels":{"app":"web"}},
  "template":{"metadata":{"labels":{"app":"web"}},
   "spec":{"containers":[{"name":"web","image":"web:1","args":["-v","2"],"resources":{},"ports":[{"containerPort":80}]}]}}},
 "status":{}}`

const liveDeployment = `{"apiVersion":"apps/v1","kind":"Deployment",
 "metadata":{"name":"web","namespace":"shop","uid":"u","generation":4,"resourceVersion":"9",
  "labels":{"app":"web","injected":"yes"},"annotations":{"a.b/c":"1","lockstep.dev/unit":"shop/web","other":"x"},"finalizers":["q/z","x/y"]},
 "spec":{"replicas":5,"progressDeadlineSeconds":600,"selector":{"matchLabels":{"app":"web"}},
  "template":{"metadata":{"labels":{"app":"web"}},
   "spec":{"restartPolicy":"Always","containers":[
     {"name":"sidecar","image":"mesh:1"},
     {"name":"web","image":"web:1","args":["-v","2"],"imagePullPolicy":"Always","ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":81,"protocol":"TCP"}]}]}}},
 "status":{"replicas":5}}`

func fieldSet(t testing.TB, s string) FieldSet {
	t.Helper()
	f, err := ParseFieldSet([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestOwn(t *testing.T) {
	want := tree(t, `{
	 "metadata":{"labels":{"app":"web"},"annotations":{"a.b/c":"1"},"finalizers":["x/y"]},
	 "spec":{"replicas":5,"selector":{"matchLabels":{"app":"web"}},
	  "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[
	   {"name":"web","image":"web:1","args":["-v","2"],"ports":[{"containerPort":80,"protocol":"TCP"}]}]}}}}`)
	got := Own(tree(t, liveDeployment), fieldSet(t, deploymentFields))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Own keeps what is ours and nothing else (-want +got):\n%s", diff)
	}
	if got := Own(tree(t, liveDeployment), FieldSet{}); len(got) != 0 {
		t.Errorf("Own of no fields: %v, want nothing", got)
	}
}

func TestMissing(t *testing.T) {
	cases := map[string]struct {
		why     string
		desired string
		fields  string
		want    []string
	}{
		"InStep": {
			why:     "Defaults, empty maps, status and our own annotations are no drift.",
			desired: deployment, fields: deploymentFields,
		},
		"TakenOver": {
			why:     "A field that somebody else wrote is not in our set any more.",
			desired: deployment,
			fields: `{"f:metadata":{"f:annotations":{"f:a.b/c":{}},"f:labels":{"f:app":{}},"f:finalizers":{"v:\"x/y\"":{}}},
 "f:spec":{"f:selector":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},
  "f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:args":{},"f:name":{},
    "f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}}}}}}}}`,
			want: []string{"spec.replicas", "spec.template.spec.containers[name=web].image"},
		},
		"ItemRemoved": {
			why:     "A removed container is one line, not one for each of its fields.",
			desired: `{"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]}}`,
			fields:  `{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{},"f:name":{}}}}}`,
			want:    []string{"spec.containers[name=b]"},
		},
		"SetElementRemoved": {
			why:     "A finalizer that somebody removed is missing by its value.",
			desired: `{"metadata":{"finalizers":["a","b"]}}`,
			fields:  `{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}`,
			want:    []string{`metadata.finalizers["b"]`},
		},
		"MapGone": {
			why:     "A map whose owner we are no longer shows each of its fields.",
			desired: `{"data":{"a.conf":"1","b":"2","c":null}}`,
			fields:  `{"f:metadata":{}}`,
			want:    []string{`data.b`, `data["a.conf"]`},
		},
		"NothingOwned": {
			why:     "An object we never applied lacks everything but identity.",
			desired: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1"}}`,
			fields:  `{}`,
			want:    []string{"data.a"},
		},
		"StringData": {
			why:     "stringData is sent as data, so data is what is owned.",
			desired: `{"apiVersion":"v1","kind":"Secret","stringData":{"a":"1","b":"2"}}`,
			fields:  `{"f:data":{"f:a":{}}}`,
			want:    []string{"data.b"},
		},
		"Ports": {
			why:     "Two ports of one number differ by protocol, and TCP need not be written.",
			desired: `{"spec":{"ports":[{"port":53},{"port":53,"protocol":"UDP"}]}}`,
			fields:  `{"f:spec":{"f:ports":{"k:{\"port\":53,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}`,
			want:    []string{"spec.ports[port=53,protocol=UDP]"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Missing(lockstep.Object{Tree: tree(t, tc.desired)}, fieldSet(t, tc.fields))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nMissing (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestDrift(t *testing.T) {
	live := tree(t, `{"kind":"Deployment","metadata":{"managedFields":[
	  {"manager":"lockstep","operation":"Apply","fieldsV1":{"f:spec":{"f:paused":{}}}},
	  {"manager":"mia","operation":"Update","fieldsV1":{"f:spec":{"f:replicas":{}}}},
	  {"manager":"kcm","operation":"Update","subresource":"status","fieldsV1":{"f:status":{}}}]},
	 "spec":{"replicas":5,"paused":true}}`)
	desired := lockstep.Object{Tree: tree(t, `{"kind":"Deployment","spec":{"replicas":3,"paused":true,"minReadySeconds":4}}`)}
	want := []lockstep.FieldChange{
		{Path: "spec.minReadySeconds", To: "4"},
		{Path: "spec.replicas", From: "5", To: "3", Manager: "mia", Operation: "Update"},
	}
	got := Drift(desired, live, Managers(live), "lockstep", Digester{})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Drift names who did it (-want +got):\n%s", diff)
	}
}

func TestParseFieldSetRefuses(t *testing.T) {
	for _, s := range []string{``, `[]`, `{"f:a":1}`, `{"f:a":{}`, `{"f:a":{}}x`, `{"k:[]":{}}`, `{"k:{":{}}`, `{"i:-1":{}}`, `{"f:a`, `{"f:a\`} {
		if _, err := ParseFieldSet([]byte(s)); !errors.Is(err, ErrFieldSet) {
			t.Errorf("ParseFieldSet(%q) = %v, want ErrFieldSet", s, err)
		}
	}
}

// FuzzFieldSet holds our parser to the API server's own: what both accept
// covers the same fields, and nothing makes ours panic.
func FuzzFieldSet(f *testing.F) {
	f.Add(deploymentFields, liveDeployment)
	f.Add(`{"f:a":{"i:0":{},"v:1":{}}}`, `{"a":[1,2]}`)
	f.Add(`{"f:a\n":{".":{}},"x:y":{}}`, `{"a\n":{}}`)
	f.Fuzz(func(t *testing.T, fields, live string) {
		got, err := ParseFieldSet([]byte(fields))
		if err != nil {
			return
		}
		v, err := decode(live)
		m, ok := v.(map[string]any)
		if err != nil || !ok {
			return
		}
		once := Own(m, got)
		if diff := cmp.Diff(content(once), once); diff != "" {
			t.Errorf("Own keeps system fields (-want +got):\n%s", diff)
		}
		Missing(lockstep.Object{Tree: m}, got)
		var generic map[string]any
		if json.Unmarshal([]byte(fields), &generic) == nil {
			if tree, err := FieldSetOf(generic); err == nil {
				if diff := cmp.Diff(Own(m, tree), once); diff != "" && keyedOnce(fields) {
					t.Errorf("parsed bytes and parsed tree differ (-tree +bytes):\n%s", diff)
				}
			}
		}
	})
}

// keyedOnce says whether the server's own parser reads the document and writes
// it back, that is, whether it has no doubled names.
func keyedOnce(fields string) bool {
	s := fieldpath.NewSet()
	if s.FromJSON(strings.NewReader(fields)) != nil {
		return false
	}
	out, err := s.ToJSON()
	if err != nil {
		return false
	}
	var a, b any
	return json.Unmarshal([]byte(fields), &a) == nil && json.Unmarshal(out, &b) == nil && cmp.Equal(a, b)
}

func BenchmarkParseFieldSet(b *testing.B) {
	raw := []byte(deploymentFields)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFieldSet(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDriftOfWhole: a map that is one value drifted as one value, also where the
// keys that we set are as they were.
func TestDriftOfWhole(t *testing.T) {
	live := tree(t, `{"spec":{"selector":{"app":"web","extra":"x"}},"metadata":{"managedFields":[
	  {"manager":"lockstep","operation":"Apply","fieldsV1":{"f:spec":{"f:type":{}}}},
	  {"manager":"kubectl-edit","operation":"Update","fieldsV1":{"f:spec":{"f:selector":{}}}}
	]}}`)
	desired := lockstep.Object{Tree: tree(t, `{"kind":"Service","apiVersion":"v1","spec":{"selector":{"app":"web"}}}`)}
	got := Drift(desired, live, Managers(live), "lockstep", Digester{})
	want := []lockstep.FieldChange{{Path: "spec.selector", From: `{"app":"web","extra":"x"}`, To: `{"app":"web"}`, Manager: "kubectl-edit", Operation: "Update"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Drift (-want +got):\n%s", diff)
	}
}

// TestDriftTellsApart: equal texts mean equal values, and long values that
// differ behind the cut read differently.
func TestDriftTellsApart(t *testing.T) {
	long := strings.Repeat("x", 2*maxValue)
	live := map[string]any{"data": map[string]any{"same": "1", "long": long + "a"}}
	desired := lockstep.Object{Tree: map[string]any{"kind": "ConfigMap", "apiVersion": "v1", "data": map[string]any{"same": "1", "long": long + "b"}}}
	for _, c := range Drift(desired, live, nil, "lockstep", Digester{}) {
		if equal := c.From == c.To; equal != (c.Path == "data.same") {
			t.Errorf("%s: %q and %q", c.Path, c.From, c.To)
		}
	}
}

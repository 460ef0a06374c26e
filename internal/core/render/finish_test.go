package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestFinish(t *testing.T) {
	in := `apiVersion: example.com/v1
kind: Wide
metadata: {name: w}
---
apiVersion: other.com/v1
kind: Unknown
metadata: {name: u}
---
apiVersion: third.com/v1
kind: Told
metadata: {name: t}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, labels: {a: own, b: own}}
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: set}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: r, namespace: wrong}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: wides.example.com}
spec: {group: example.com, scope: Cluster, names: {kind: Wide}}
`
	objs, err := Decode("f.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	before := make([]lockstep.Object, len(objs))
	for i, o := range objs {
		before[i] = o.Clone()
	}
	res, err := Finish(objs, Request{
		Namespace: "web", Labels: map[string]string{"a": "stack"}, Annotations: map[string]string{"n": "1"},
		Namespaced: func(gk lockstep.GroupKind) (bool, bool) { return false, gk.Kind == "Told" },
	})
	if err != nil {
		t.Fatal(err)
	}
	out, warnings := res.Objects, res.Warnings
	var got []string
	for _, o := range out {
		got = append(got, o.Key().String())
		if o.Label("a") != "stack" || o.Annotation("n") != "1" {
			t.Errorf("%s lacks the labels and annotations of the Stack", o.Key())
		}
	}
	want := []string{
		"ConfigMap/web/c", "Service/set/s", "CustomResourceDefinition.apiextensions.k8s.io/wides.example.com",
		"Wide.example.com/w", "Unknown.other.com/web/u", "ClusterRole.rbac.authorization.k8s.io/r", "Told.third.com/t",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if out[0].Label("b") != "own" {
		t.Error("a label of the object's own is lost")
	}
	wantWarnings := []string{`f.yaml:21: metadata.namespace "wrong" is dropped, because ClusterRole lives in no namespace`}
	if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, objs); diff != "" {
		t.Errorf("the input was changed:\n%s", diff)
	}
}

func TestDuplicatesAfterDefaulting(t *testing.T) {
	objs, err := Decode("f.yaml", []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: web}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Finish(objs, Request{Namespace: "other"}); err != nil {
		t.Errorf("two namespaces are two objects: %v", err)
	}
	_, err = Finish(objs, Request{Namespace: "web"})
	want := "f.yaml:5: ConfigMap/web/c is declared twice, first at f.yaml:1"
	if err == nil || fault.As(err).Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

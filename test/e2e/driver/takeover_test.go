package driver_test

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const byHand = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NS, annotations: {note: old}}
data: {a: "0", dropped: "x"}
`

// clientSide creates an object as kubectl apply does.
func (p place) clientSide(t *testing.T, o lockstep.Object, manager string) {
	t.Helper()
	o = o.Clone()
	last, err := json.Marshal(o.Tree)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: o.Tree}
	a := u.GetAnnotations()
	if a == nil {
		a = map[string]string{}
	}
	a["kubectl.kubernetes.io/last-applied-configuration"] = string(last)
	u.SetAnnotations(a)
	if _, err := p.on(o.Key()).Create(t.Context(), u, metav1.CreateOptions{FieldManager: manager}); err != nil {
		t.Fatal(err)
	}
}

func (p place) serverSide(t *testing.T, o lockstep.Object, manager string) {
	t.Helper()
	_, err := p.on(o.Key()).Apply(t.Context(), o.Key().Name, &unstructured.Unstructured{Object: o.Clone().Tree}, metav1.ApplyOptions{FieldManager: manager})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTakeover puts an object under Git that another tool made. What Git does
// not have of it goes, at once.
func TestTakeover(t *testing.T) {
	cases := map[string]struct {
		why     string
		manager string
		make    func(place, *testing.T, lockstep.Object, string)
		agree   bool // with Git in every field that Git has
		gone    bool // the field that Git does not have
	}{
		"kubectl apply":               {why: "by far the commonest", manager: "kubectl-client-side-apply", make: place.clientSide, gone: true},
		"kubectl apply, agreeing":     {why: "without a conflict nothing would stop the apply", manager: "kubectl-client-side-apply", make: place.clientSide, agree: true, gone: true},
		"kubectl apply --server-side": {why: "an Apply entry is not what csaupgrade knows", manager: "kubectl", make: place.serverSide, gone: true},
		"helm 3":                      {why: "updates", manager: "helm", make: place.clientSide, gone: true},
		"helm 4":                      {why: "applies", manager: "helm", make: place.serverSide, gone: true},
		"flux":                        {why: "people migrate", manager: "kustomize-controller", make: place.serverSide, gone: true},
		"a controller":                {why: "is no deployer: it keeps what Git does not have", manager: "some-operator", make: place.clientSide},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			x := connect(t, p)
			old, o := p.object(t, byHand), p.object(t, settings)
			if tc.agree {
				old.Tree["data"].(map[string]any)["a"] = "1"
			}
			tc.make(p, t, old, tc.manager)
			out := x.must(lockstep.Create, o)
			if !strings.Contains(out.Note, tc.manager) {
				t.Errorf("%s\nthe note is %q", tc.why, out.Note)
			}
			tree := p.Get(t, o.Key())
			data := tree["data"].(map[string]any)
			if data["a"] != "1" {
				t.Errorf("%s\ndata: %v", tc.why, data)
			}
			if _, there := data["dropped"]; there == tc.gone {
				t.Errorf("%s\nthe field that Git does not have: there is %t", tc.why, there)
			}
			u := unstructured.Unstructured{Object: tree}
			_, last := u.GetAnnotations()["kubectl.kubernetes.io/last-applied-configuration"]
			if tc.gone && last {
				t.Error("kubectl's copy of the object is still on it")
			}
			l := x.live(o)
			if !l.Managed || len(l.Drift) != 0 {
				t.Errorf("got %+v", l)
			}
		})
	}
}

// TestAnotherUnitUnseen is refused even where no watch has shown the object yet.
func TestAnotherUnitUnseen(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, settings)
	x.must(lockstep.Create, o)
	y := connect(t, p)
	y.unit.Name = "warehouse"
	y.refused(y.apply(lockstep.Create, o), fault.KindConflict, x.unit.String(), "apps/shop.yaml:7")
}

package driver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NS}
data: {a: "1"}
`

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NS, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1.27
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 1000m, memory: 0.5Gi}}
        env: [{name: A, value: "1"}]
`

const service = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: NS}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
`

// TestRequests holds the promise that the whole design is about: what changes
// costs one request, what does not costs none.
func TestRequests(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, settings)
	want := func(when string, calls map[string]int) {
		t.Helper()
		if d := cmp.Diff(calls, x.calls.take(), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
	}
	x.observe(o)
	x.calls.watching(t, "configmaps")
	want("the first question", map[string]int{"GET api": 1, "GET apis": 1, "GET configmaps": 1, "WATCH configmaps": 1})
	x.must(lockstep.Create, o)
	want("a create", map[string]int{"PATCH configmaps": 1})
	x.observe(o)
	want("a second question", nil)
	o.Tree["data"] = map[string]any{"a": "2"}
	x.must(lockstep.Update, o)
	want("an update", map[string]int{"PATCH configmaps": 1})
	if out := x.apply(lockstep.Update, o); out.Result != lockstep.Unchanged {
		t.Errorf("an equal update is %s", out.Result)
	}
	want("an equal update", map[string]int{"PATCH configmaps": 1})
	x.must(lockstep.Delete, o)
	want("a delete", map[string]int{"DELETE configmaps": 1})
}

// TestRestart proves what is there by one list for each kind, without a write
// and without a request for any object, and then knows drift when it comes.
func TestRestart(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	objects := []lockstep.Object{p.object(t, settings), p.object(t, web), p.object(t, service)}
	for _, o := range objects {
		x.must(lockstep.Create, o)
	}
	x.Close()

	x = connect(t, p)
	for _, l := range x.observe(objects...).Objects {
		if len(l.Drift) != 0 || !l.Managed {
			t.Errorf("%s: managed %t, drift %+v", l.Key, l.Managed, l.Drift)
		}
	}
	x.calls.watching(t, "configmaps", "deployments", "services")
	want := map[string]int{
		"GET api": 1, "GET apis": 1, "GET configmaps": 1, "GET deployments": 1, "GET services": 1,
		"WATCH configmaps": 1, "WATCH deployments": 1, "WATCH services": 1,
	}
	if d := cmp.Diff(want, x.calls.take()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}

	p.Edit(t, objects[1].Key(), func(tree map[string]any) { tree["spec"].(map[string]any)["replicas"] = int64(3) })
	eventually(t, "drift", func() bool { return len(x.live(objects[1]).Drift) == 1 })
	if d := cmp.Diff([]lockstep.FieldChange{{Path: "spec.replicas", From: "3", To: "1", Manager: "somebody", Operation: "Update"}}, x.live(objects[1]).Drift); d != "" {
		t.Errorf("drift (-want +got):\n%s", d)
	}
	if calls := x.calls.take(); len(calls) != 0 {
		t.Errorf("noticing drift made requests: %v", calls)
	}
}

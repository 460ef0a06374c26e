package driver_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const job = `
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: NS}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: run, image: "busybox:1"}]
`

const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: NS}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: fast
  resources: {requests: {storage: 1Gi}}
`

const database = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: NS}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "postgres:17"}]
`

func spec(o lockstep.Object) map[string]any { return o.Tree["spec"].(map[string]any) }

// TestImmutable changes what the API does not let change in place.
func TestImmutable(t *testing.T) {
	cases := map[string]struct {
		why    string
		doc    string
		change func(lockstep.Object)
		field  string
	}{
		"Selector": {
			why: "the commonest of all", doc: web, field: "spec.selector",
			change: func(o lockstep.Object) {
				labels := map[string]any{"app": "web", "tier": "front"}
				spec(o)["selector"] = map[string]any{"matchLabels": labels}
				spec(o)["template"].(map[string]any)["metadata"] = map[string]any{"labels": labels}
			},
		},
		"JobTemplate": {
			why: "every new image of a Job", doc: job, field: "spec.template",
			change: func(o lockstep.Object) {
				spec(o)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"] = "busybox:2"
			},
		},
		"ClusterIP": {
			why: "a Service becomes headless", doc: service, field: "spec.clusterIP",
			change: func(o lockstep.Object) { spec(o)["clusterIP"] = "None" },
		},
		"ServiceName": {
			why: "a StatefulSet keeps its pods when it is replaced", doc: database, field: "spec",
			change: func(o lockstep.Object) { spec(o)["serviceName"] = "other" },
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			x := connect(t, p)
			o := p.object(t, tc.doc)
			x.must(lockstep.Create, o)
			before := x.live(o).UID
			tc.change(o)

			s := stepFor(lockstep.Update, o)
			x.refused(x.send(driver.Actor{Unit: x.unit}, s), fault.KindInvalid, "cannot change in place", tc.field, "lockstep.dev/replace", "apps/shop.yaml:7")
			if x.live(o).UID != before {
				t.Error("it was replaced without leave")
			}
			s.Replace = true
			out := x.send(driver.Actor{Unit: x.unit}, s)
			if out.Result != lockstep.Done || out.Verb != lockstep.Replace {
				t.Fatalf("%s\ngot %s %s: %v", tc.why, out.Verb, out.Result, out.Err)
			}
			if after := x.live(o); after.UID == before || after.UID == "" || len(after.Drift) != 0 {
				t.Errorf("%s\nafter the replace: %+v", tc.why, after)
			}
		})
	}
}

// TestKeepers are never replaced, whatever the Stack allows.
func TestKeepers(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, claim)
	x.must(lockstep.Create, o)
	before := x.live(o).UID
	spec(o)["storageClassName"] = "slow"
	s := stepFor(lockstep.Update, o)
	s.Replace = true
	x.refused(x.send(driver.Actor{Unit: x.unit}, s), fault.KindInvalid, "cannot change in place", "never replaced", "volume")
	s.Verb = lockstep.Replace
	x.refused(x.send(driver.Actor{Unit: x.unit}, s), fault.KindInvalid, "never replaced")
	if x.live(o).UID != before {
		t.Error("it was replaced")
	}
}

// TestInvalidIsNotImmutable: a wrong object is not mistaken for a wrong change,
// and nothing is deleted for it.
func TestInvalidIsNotImmutable(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, web)
	x.must(lockstep.Create, o)
	before := x.live(o).UID
	spec(o)["replicas"] = int64(-1)
	s := stepFor(lockstep.Update, o)
	s.Replace = true
	x.refused(x.send(driver.Actor{Unit: x.unit}, s), fault.KindInvalid, "spec.replicas")
	if x.live(o).UID != before {
		t.Error("it was replaced")
	}
}

// TestFinalizer holds a deletion; it is seen as such and ends by itself.
func TestFinalizer(t *testing.T) {
	p := newPlace(t)
	x := connect(t, p)
	o := p.object(t, settings)
	o.Tree["metadata"].(map[string]any)["finalizers"] = []any{"shop.example/hold"}
	x.must(lockstep.Create, o)
	x.must(lockstep.Delete, o)
	if l := x.live(o); !l.Terminating {
		t.Errorf("got %+v", l)
	}
	if out := x.apply(lockstep.Delete, o); out.Result != lockstep.Unchanged {
		t.Errorf("a second delete is %s, %v", out.Result, out.Err)
	}
	p.Edit(t, o.Key(), func(tree map[string]any) { delete(tree["metadata"].(map[string]any), "finalizers") })
	eventually(t, "it to be gone", func() bool { return x.live(o).UID == "" })
	eventually(t, "the news", func() bool { return x.heard(o.Key()) > 0 })
}

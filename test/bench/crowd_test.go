package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// seen is what one fleet cost in one surrounding.
type seen struct {
	coldX, coldRequests, coldCPU, oneX, oneRequests, idleRequests, idleCPU, peak float64
}

// BenchmarkCRDs: what a fleet costs without, with and again without 500 kinds in
// the cluster that nobody deploys. A new fleet and a new server each time; with is
// compared with the mean of the two without.
func BenchmarkCRDs(b *testing.B) {
	f := newField(b)
	before := f.look()
	gone := f.crowd(500)
	with := f.look()
	gone()
	after := f.look()
	b.Logf("without %+v\nwith    %+v\nwithout %+v", before, with, after)
	for _, m := range []struct {
		unit string
		of   func(seen) float64
	}{
		{"crds-cold-x-limit-moves", func(s seen) float64 { return s.coldX }},
		{"crds-cold-requests-moves", func(s seen) float64 { return s.coldRequests }},
		{"crds-cold-cpu-moves", func(s seen) float64 { return s.coldCPU }},
		{"crds-one-path-x-limit-moves", func(s seen) float64 { return s.oneX }},
		{"crds-one-path-requests-moves", func(s seen) float64 { return s.oneRequests }},
		{"crds-idle-requests-moves", func(s seen) float64 { return s.idleRequests }},
		{"crds-idle-cpu-moves", func(s seen) float64 { return s.idleCPU }},
		{"crds-peak-moves", func(s seen) float64 { return s.peak }},
	} {
		mean := (m.of(before) + m.of(after)) / 2
		report(b, m.unit, m.of(with)/mean-1)
	}
}

// look measures one fleet of 300 Stacks: cold, 25 commits, 45 seconds of nothing.
func (f *field) look() seen {
	const n = 300
	limit := f.fairLimit(cm, n)
	x := f.fleet(cm, n)
	c := x.cold()
	o := x.onePathOf(25, 7)
	i := x.idle(45 * time.Second)
	x.end()
	return seen{
		coldX: c.wall.Seconds() / limit.Seconds(), coldRequests: float64(c.own.total()), coldCPU: c.used.cpu,
		oneX: o.walls.median() / o.limits.median(), oneRequests: o.requests, idleRequests: i.requests, idleCPU: i.cpu, peak: c.used.peak,
	}
}

// crowd puts n kinds into the cluster and returns what takes them out again.
func (f *field) crowd(n int) (gone func()) {
	f.b.Helper()
	all(f.b, n, 8, func(i int) error { return f.Client.Create(f.b.Context(), extra(i)) })
	f.Eventually("extra kinds served", 5*time.Minute, func() (bool, string) {
		served := f.extraKinds()
		return served == n, fmt.Sprint(served)
	})
	time.Sleep(10 * time.Second) // the API server makes one document of all
	return func() {
		all(f.b, n, 8, func(i int) error { return f.Client.Delete(f.b.Context(), extra(i)) })
		f.Eventually("extra kinds gone", 5*time.Minute, func() (bool, string) {
			served := f.extraKinds()
			return served == 0, fmt.Sprint(served)
		})
		time.Sleep(10 * time.Second)
	}
}

func (f *field) extraKinds() int {
	lists, err := f.api.Discovery().ServerPreferredResources()
	if err != nil {
		return -1
	}
	n := 0
	for _, l := range lists {
		if strings.Contains(l.GroupVersion, "crowd.example.com") {
			n += len(l.APIResources)
		}
	}
	return n
}

// extra is a kind with forty fields, one of ten in its group.
func extra(i int) *apiextensionsv1.CustomResourceDefinition {
	fields := map[string]apiextensionsv1.JSONSchemaProps{}
	for j := range 40 {
		fields[fmt.Sprintf("field%02d", j)] = apiextensionsv1.JSONSchemaProps{Type: "string", Description: "What somebody has to say about a field of theirs."}
	}
	plural, group := fmt.Sprintf("extra%03ds", i), fmt.Sprintf("g%02d.crowd.example.com", i/10)
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Singular: plural[:len(plural)-1], Kind: fmt.Sprintf("Extra%03d", i)},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": {Type: "object", Properties: fields}},
				}},
			}},
		},
	}
}

// BenchmarkForeign: ten thousand ConfigMaps appear that nobody manages.
func BenchmarkForeign(b *testing.B) {
	f := newField(b)
	x := f.fleet(cm, 200)
	x.cold()
	const n = 10000
	content := made(b, cm, n, "1")
	time.Sleep(15 * time.Second)
	// What the server gains or gives back meanwhile without any is part of neither.
	quiet := x.grows(func() { time.Sleep(20 * time.Second) })
	crowded := x.grows(func() {
		x.bare.objectLimit(b, x.limits, content)
		time.Sleep(5 * time.Second)
	})
	b.Logf("MiB that the server grew by: %.2f with %d foreign objects, %.2f without", crowded, n, quiet)
	report(b, "KiB/foreign", math.Max(crowded-math.Max(quiet, 0), 0)*1024/n)
	x.server.Stop()
}

func (x *fleet) grows(meanwhile func()) float64 {
	before := usageOf(x.b, x.server.PID).rss
	meanwhile()
	return usageOf(x.b, x.server.PID).rss - before
}

// BenchmarkSick: commits to healthy Stacks beside 5 % that never become healthy,
// and beside the same while they are suspended, in turns of blocks. Every commit
// changes a healthy Stack and one of those, so that they get no rest either.
func BenchmarkSick(b *testing.B) {
	const n, sick, blocks, each = 400, 20, 8, 15
	f := newField(b)
	x := f.fleetIn(cm, n, sickFiles(n, sick))
	x.cold()
	all(b, sick, 4, func(i int) error { return x.Client.Create(b.Context(), newStack(x.Namespace, n+i)) })
	var alone, beside sample
	for block := range blocks {
		x.suspend(n, sick, block%2 == 0)
		time.Sleep(3 * time.Second)
		to := &alone
		if block%2 == 1 {
			to = &beside
		}
		x.besideSick(to, n, sick, block*each, each)
	}
	b.Logf("ms until live: alone median %.1f, p99 %.1f; beside %d sick ones median %.1f, p99 %.1f",
		alone.median(), alone.at(0.99), sick, beside.median(), beside.at(0.99))
	report(b, "sick-median-moves", beside.median()/alone.median()-1)
	report(b, "sick-p90-moves", beside.at(0.9)/alone.at(0.9)-1)
	report(b, "sick-p99-moves", beside.at(0.99)/alone.at(0.99)-1)
	x.server.Stop()
}

// besideSick times commits of a ConfigMap each.
func (x *fleet) besideSick(to *sample, n, sick, first, commits int) {
	for r := first; r < first+commits; r++ {
		i, rev := r*7%n, fmt.Sprintf("sick-%d", r)
		change := map[string]string{"apps/" + app(i) + "/configmap.yaml": configMap(i, rev)}
		for path, text := range sickOne(n + r%sick) {
			change[path] = text + fmt.Sprintf("# %s\n", rev)
		}
		if _, err := x.repo.Change("main", "one path, and a sick one", change); err != nil {
			x.b.Fatal(err)
		}
		live := x.watchData(x.Namespace, app(i), rev)
		began := time.Now()
		x.Poke(x.src)
		live()
		to.add(time.Since(began))
		time.Sleep(100 * time.Millisecond)
	}
}

func (x *fleet) suspend(first, n int, suspended bool) {
	pause := "null"
	if suspended {
		pause = "{}"
	}
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"pause":%s}}`, pause))
	all(x.b, n, 4, func(i int) error {
		s := &v1alpha1.Stack{ObjectMeta: newStack(x.Namespace, first+i).ObjectMeta}
		return x.Client.Patch(x.b.Context(), s, patch)
	})
}

func sickFiles(n, sick int) map[string]string {
	out := files(cm, n, "1")
	for i := range sick {
		for path, text := range sickOne(n + i) {
			out[path] = text
		}
	}
	return out
}

// sickOne is a Stack that never becomes healthy: by turns a claim that nobody
// fulfils, a Deployment whose pod no node takes, and a kind that does not exist.
func sickOne(i int) map[string]string {
	text := [...]string{pendingClaim, pendingPod, noSuchKind}[i%3]
	return map[string]string{"apps/" + app(i) + "/sick.yaml": strings.ReplaceAll(text, "NAME", app(i))}
}

const (
	pendingClaim = `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: NAME, labels: {tier: bench}}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: nobody-has-it
  resources: {requests: {storage: 1Gi}}
`
	pendingPod = `apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {tier: bench}}
spec:
  replicas: 1
  progressDeadlineSeconds: 5
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      nodeSelector: {no-node: has-this}
      containers:
      - {name: app, image: ghcr.io/stefanprodan/podinfo:6.7.0}
`
	noSuchKind = `apiVersion: nobody.example.com/v1
kind: Unheard
metadata: {name: NAME}
`
)

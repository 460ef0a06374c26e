package kubernetes

import (
	"context"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func workload(rv string, available int64) map[string]any {
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": rv,
			"annotations": map[string]any{"lockstep.dev/unit": "team/shop"}},
		"spec":   map[string]any{"replicas": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}},
		"status": map[string]any{"replicas": int64(1), "updatedReplicas": int64(1), "readyReplicas": available, "availableReplicas": available, "conditions": []any{map[string]any{"type": "Available", "status": "True"}}},
	}
}

// TestWorryIsCarried: what the pods said stays while the workload is unhealthy,
// whatever else happens to it, and goes when it is well.
func TestWorryIsCarried(t *testing.T) {
	v := newView(diff.Digester{})
	key := lockstep.Key{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	message := func() string { return v.get(key).live().Health.Message }

	v.seen(workload("1", 0))
	if news := v.heard(key, "u", "1 pod: it is ill"); len(news) == 0 {
		t.Error("nobody is told what the pods said")
	}
	if news := v.heard(key, "u", "1 pod: it is ill"); len(news) != 0 {
		t.Error("the same words are told twice")
	}
	const want = "0 of 1 replica is available: 1 pod: it is ill"
	if got := message(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if news := v.seen(workload("2", 0)); len(news) != 0 || message() != want {
		t.Errorf("an event in which nothing is new gives %v and %q", news, message())
	}
	v.heard(key, "another", "of an object that is gone")
	if got := message(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	v.heard(key, "u", "")
	if got := message(); got != "0 of 1 replica is available" {
		t.Errorf("words that do not hold any more stay: %q", got)
	}
	v.heard(key, "u", "1 pod: it is ill")
	v.seen(workload("3", 1))
	if got := message(); got != "" {
		t.Errorf("a healthy workload says %q", got)
	}
	v.heard(key, "u", "1 pod: it is ill")
	if got := message(); got != "" {
		t.Errorf("a late answer is put on a healthy workload: %q", got)
	}
}

// TestGrace: workloads that become healthy in time are never looked at, and those
// that stay unhealthy ever more seldom.
func TestGrace(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop() // nothing runs; the turns are asked for by hand
	c := &carer{cluster: &Cluster{ctx: ctx}, running: true}
	r := func(name string, h lockstep.Health, w *worry) *record {
		return &record{key: lockstep.Key{Kind: "X", Name: name}, uid: name, health: h, worry: w}
	}
	starting := lockstep.Health{Status: lockstep.Progressing, Message: "0 of 1"}
	for _, name := range []string{"a", "b", "c"} {
		c.worry(r(name, starting, &worry{parent: health.Parent{Selector: "a=b"}}))
	}
	if _, wait, more := c.next(time.Now()); !more || wait < graceProgressing-time.Second {
		t.Errorf("the first look is due in %s (%v), want about %s", wait, more, graceProgressing)
	}
	c.worry(r("a", lockstep.Health{Status: lockstep.Degraded}, &worry{}))
	if key, wait, _ := c.next(time.Now()); key.Name != "a" || wait > graceDegraded {
		t.Errorf("%s is due in %s, want a soon", key, wait)
	}
	before := c.cases[lockstep.Key{Kind: "X", Name: "b"}].due
	c.worry(r("b", starting, &worry{told: "x"}))
	if due := c.cases[lockstep.Key{Kind: "X", Name: "b"}].due; due != before {
		t.Error("an event without news puts the look off")
	}
	c.worry(r("b", lockstep.Health{Status: lockstep.Progressing, Message: "1 of 2"}, &worry{}))
	if due := c.cases[lockstep.Key{Kind: "X", Name: "b"}].due; !due.After(before) {
		t.Error("progress does not put the look off")
	}
	for _, name := range []string{"a", "b", "c"} {
		c.worry(r(name, lockstep.Health{}, nil))
	}
	if key, _, more := c.next(time.Now()); more || c.running {
		t.Errorf("all are well, and %s is looked at", key)
	}
}

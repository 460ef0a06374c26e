package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/test/faulty"
)

const (
	// calmWithin is how long the fleet may take to come to rest. Retries double up
	// to 3 s, and a request that hung is given up after half a minute at most.
	calmWithin = 2 * time.Minute
	// still is for how long nothing may move then.
	still = 1500 * time.Millisecond
)

// rest ends all trouble, waits until the fleet is at rest, and lets the oracle
// look.
func (s *scene) rest(when string) {
	s.t.Helper()
	defer s.witness()
	s.calm()
	for _, r := range s.replicas {
		// One that lost its Lease to the others ends; whoever started it starts it
		// again.
		if r.server.Ended() {
			s.done["ended by itself"]++
			r.server = s.Serve(r.options)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.model.stacks)) {
		u := s.model.stacks[name]
		u.broken = false
		if u.paused {
			u.paused = false
			s.suspend(u)
		}
	}
	s.commit("whole again")
	for _, name := range slices.Sorted(maps.Keys(s.model.stacks)) {
		if u := s.model.stacks[name]; !u.exists {
			s.awaitGone(when, u)
			s.createStack(u)
		}
	}
	s.Poke(s.source)
	began := time.Now()
	s.Eventually(fmt.Sprintf("%s (seed %d): Git and live are the same", when, *seed), calmWithin, func() (bool, string) {
		wrong := s.differences()
		return len(wrong) == 0, strings.Join(wrong, "\n")
	})
	s.t.Logf("%s: at rest after %s", when, time.Since(began).Round(10*time.Millisecond))
	s.standStill(when)
}

func (s *scene) awaitGone(when string, u *unit) {
	s.Eventually(when+": stack "+u.name+" is gone", calmWithin, func() (bool, string) {
		stack := &v1alpha1.Stack{}
		stack.Namespace, stack.Name = s.Namespace, u.name
		gone := s.Gone(stack)
		if gone {
			left := s.marked()
			maps.DeleteFunc(left, func(_ string, o found) bool { return o.stack != u.name })
			if len(left) > 0 {
				s.t.Fatalf("%s (seed %d): stack %s is gone and left %v", when, *seed, u.name, slices.Sorted(maps.Keys(left)))
			}
		}
		return gone, fmt.Sprint(stack.Status.Conditions)
	})
}

// standStill fails when anything is changed while nothing happens.
func (s *scene) standStill(when string) {
	s.t.Helper()
	// Pods that were killed and Deployments that roll are the cluster's business,
	// and health that follows them may be reported; so the first look may be too
	// early, not the second.
	var last map[faulty.Call]int
	for range 8 {
		before := s.api.Counts()
		time.Sleep(still)
		last = s.api.Since(before)
		maps.DeleteFunc(last, func(c faulty.Call, _ int) bool { return !changing(c) })
		if len(last) == 0 {
			return
		}
	}
	s.t.Fatalf("%s (seed %d): nothing happens and something moves: %v", when, *seed, last)
}

func changing(c faulty.Call) bool {
	switch c.Verb {
	case "get", "list", "watch":
		return false
	}
	return c.Resource != "leases" && c.Resource != "events"
}

// found is an object on the cluster that carries the mark of a Stack.
type found struct {
	stack, kind, value, foreign, uid string
}

// differences is the oracle: what is not as Git says, in words.
func (s *scene) differences() []string {
	var out []string
	live := s.marked()
	for _, name := range slices.Sorted(maps.Keys(s.model.stacks)) {
		u := s.model.stacks[name]
		for _, o := range u.ids() {
			path := o.kind + "/" + u.live(o)
			have, ok := live[path]
			delete(live, path)
			switch {
			case !ok:
				out = append(out, path+" is missing")
			case have.stack != name:
				out = append(out, fmt.Sprintf("%s belongs to %q, not %q", path, have.stack, name))
			case have.value != u.objects[o]:
				out = append(out, fmt.Sprintf("%s is %q, Git says %q", path, have.value, u.objects[o]))
			case s.strange[have.uid] != "" && have.foreign != s.strange[have.uid]:
				// This cannot come right by waiting.
				s.t.Fatalf("seed %d: %s lost the label that somebody else put on it", *seed, path)
			}
		}
	}
	for path, o := range live {
		out = append(out, fmt.Sprintf("%s of %s is left over", path, o.stack))
	}
	slices.Sort(out)
	return append(out, s.unready()...)
}

// unready are the Stacks that do not say that they are at rest.
func (s *scene) unready() []string {
	var out []string
	var list v1alpha1.StackList
	if err := s.Client.List(s.ctx(), &list, client.InNamespace(s.Namespace)); err != nil {
		s.t.Fatal(err)
	}
	for _, st := range list.Items {
		c := meta.FindStatusCondition(st.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case c == nil:
			out = append(out, "stack "+st.Name+" has no condition")
		case c.Status != "True" || st.Status.ObservedGeneration != st.Generation:
			out = append(out, fmt.Sprintf("stack %s: %s: %s", st.Name, c.Reason, c.Message))
		}
	}
	bystander := &corev1.ConfigMap{}
	if err := s.Client.Get(s.ctx(), s.key("bystander"), bystander); err != nil || bystander.Data["mine"] != "yes" {
		s.t.Fatalf("seed %d: an object that is nobody's business was touched: %v %v", *seed, err, bystander.Data)
	}
	return out
}

// marked returns the objects that carry the mark of a Stack, by "Kind/name".
func (s *scene) marked() map[string]found {
	out := map[string]found{}
	for _, list := range []client.ObjectList{&corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{}, &corev1.ServiceList{}, &appsv1.DeploymentList{}} {
		if err := s.Client.List(s.ctx(), list, client.InNamespace(s.Namespace), client.HasLabels{v1alpha1.LabelStack}); err != nil {
			s.t.Fatal(err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, item := range items {
			o := item.(client.Object)
			k := kinds[slices.IndexFunc(kinds, func(k kind) bool { return fmt.Sprintf("%T", k.new()) == fmt.Sprintf("%T", o) })]
			_, name, _ := strings.Cut(o.GetAnnotations()[v1alpha1.AnnotationUnit], "/")
			out[k.name+"/"+o.GetName()] = found{stack: name, kind: k.name, value: k.read(o), foreign: o.GetLabels()[foreign], uid: string(o.GetUID())}
		}
	}
	return out
}

package health

import (
	"fmt"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// of writes "1 of 3 replicas are" and "0 of 1 replica is".
func of(n, want int64, noun, verb string) string {
	if want == 1 {
		return fmt.Sprintf("%d of 1 %s is %s", n, noun, verb)
	}
	return fmt.Sprintf("%d of %d %ss are %s", n, want, noun, verb)
}

func deployment(t tree) lockstep.Health {
	conditions := t.conditions()
	if c, found := conditions.of("Progressing"); found && c.reason == "ProgressDeadlineExceeded" {
		return degraded("%s", overdue(t))
	}
	want := t.numberOr(1, "spec", "replicas")
	have, updated := t.count("status", "replicas"), t.count("status", "updatedReplicas")
	available, ready := t.count("status", "availableReplicas"), t.count("status", "readyReplicas")
	rolling := deploymentRollout(want, have, updated, available, ready)
	if t.truth("spec", "paused") {
		return paused(rolling)
	}
	if rolling != "" {
		return progressing("%s", withFailure(rolling, conditions))
	}
	if _, limited := t.number("spec", "progressDeadlineSeconds"); limited {
		if c, found := conditions.of("Progressing"); !found || c.status != "True" || c.reason != "NewReplicaSetAvailable" {
			return progressing("the new ReplicaSet is not available yet")
		}
	}
	if !conditions.is("Available", "True") {
		return progressing("is not available yet")
	}
	return ok()
}

func deploymentRollout(want, have, updated, available, ready int64) string {
	switch {
	case have < want:
		return of(have, want, "replica", "created")
	case updated < want:
		return of(updated, want, "replica", "updated")
	case have > want:
		return extra(have - want)
	case available < updated:
		return of(available, updated, "replica", "available")
	case ready < want:
		return of(ready, want, "replica", "ready")
	}
	return ""
}

func extra(n int64) string {
	if n == 1 {
		return "1 replica too many is being removed"
	}
	return fmt.Sprintf("%d replicas too many are being removed", n)
}

// paused is Suspended also while the rollout is not through: nobody works on it,
// and it would wait for ever.
func paused(rolling string) lockstep.Health {
	if rolling == "" {
		return suspended("is paused")
	}
	return suspended("is paused; %s", rolling)
}

func overdue(t tree) string {
	s := "did not progress in time"
	if d, ok := t.number("spec", "progressDeadlineSeconds"); ok {
		s = fmt.Sprintf("did not progress for %d s", d)
	}
	want := t.numberOr(1, "spec", "replicas")
	return withFailure(s+"; "+of(t.count("status", "availableReplicas"), want, "replica", "available"), t.conditions())
}

func (t tree) has(path ...string) bool { return t.at(path...) != nil }

// withFailure adds why pods cannot even be created: a quota, a webhook, a
// missing service account.
func withFailure(s string, conditions conditions) string {
	c, found := conditions.of("ReplicaFailure")
	if !found || c.status != "True" {
		return s
	}
	return s + ": " + c.words()
}

func statefulSet(t tree) lockstep.Health {
	if t.text("spec", "updateStrategy", "type") == "OnDelete" {
		return ok() // a person decides when pods are replaced
	}
	want := t.numberOr(1, "spec", "replicas")
	have, ready := t.count("status", "replicas"), t.count("status", "readyReplicas")
	updated := t.count("status", "updatedReplicas")
	switch {
	case have < want:
		return progressing("%s", of(have, want, "replica", "created"))
	case ready < want:
		return progressing("%s", of(ready, want, "replica", "ready"))
	case have > want:
		return progressing("%s", extra(have-want))
	}
	if partition, set := t.number("spec", "updateStrategy", "rollingUpdate", "partition"); set {
		return partitioned(want-partition, updated)
	}
	if t.count("status", "currentReplicas") < want || t.text("status", "currentRevision") != t.text("status", "updateRevision") {
		return progressing("%s", of(updated, want, "replica", "updated"))
	}
	return ok()
}

func partitioned(want, updated int64) lockstep.Health {
	if updated < want {
		return progressing("%s, above the partition", of(updated, want, "replica", "updated"))
	}
	return ok()
}

func daemonSet(t tree) lockstep.Health {
	want, reported := t.number("status", "desiredNumberScheduled")
	if !reported || !t.has("status", "observedGeneration") || !t.has("metadata", "generation") {
		return progressing("its controller has not seen it yet")
	}
	updated, available := t.count("status", "updatedNumberScheduled"), t.count("status", "numberAvailable")
	onDelete := t.text("spec", "updateStrategy", "type") == "OnDelete"
	switch current, ready := t.count("status", "currentNumberScheduled"), t.count("status", "numberReady"); {
	case current < want:
		return progressing("%s", of(current, want, "pod", "scheduled"))
	case updated < want && !onDelete:
		return progressing("%s", of(updated, want, "pod", "updated"))
	case available < want:
		return progressing("%s", of(available, want, "pod", "available"))
	case ready < want:
		return progressing("%s", of(ready, want, "pod", "ready"))
	}
	return ok()
}

// replicaSet judges ReplicaSets and ReplicationControllers, which report alike.
func replicaSet(t tree) lockstep.Health {
	want := t.numberOr(1, "spec", "replicas")
	have := t.count("status", "replicas")
	conditions := t.conditions()
	switch labelled, available, ready := t.count("status", "fullyLabeledReplicas"), t.count("status", "availableReplicas"), t.count("status", "readyReplicas"); {
	case conditions.is("ReplicaFailure", "True") && have < want:
		return progressing("%s", withFailure(of(have, want, "replica", "created"), conditions))
	case labelled < want:
		return progressing("%s", of(labelled, want, "replica", "created"))
	case available < want:
		return progressing("%s", of(available, want, "replica", "available"))
	case ready < want:
		return progressing("%s", of(ready, want, "replica", "ready"))
	case have > want:
		return progressing("%s", extra(have-want))
	}
	return ok()
}

func job(t tree) lockstep.Health {
	conditions := t.conditions()
	if c, found := conditions.of("Failed"); found && c.status == "True" {
		return degraded("failed: %s", c.words())
	}
	if conditions.is("Complete", "True") {
		return ok()
	}
	if conditions.is("Suspended", "True") || t.truth("spec", "suspend") {
		return suspended("is suspended")
	}
	if c, found := conditions.of("FailureTarget"); found && c.status == "True" {
		return progressing("is failing: %s", c.words())
	}
	if t.text("status", "startTime") == "" {
		return progressing("has not started yet")
	}
	want := t.numberOr(t.numberOr(1, "spec", "parallelism"), "spec", "completions")
	return progressing("%d of %d completed", t.count("status", "succeeded"), want)
}

func cronJob(t tree) lockstep.Health {
	if t.truth("spec", "suspend") {
		return suspended("is suspended")
	}
	return ok()
}

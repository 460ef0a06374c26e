package v1alpha1

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Condition types. Ready is the summary that kstatus reads; Reconciling and
// Stalled are present only while they are true.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
)

// Reasons of conditions that are not faults; a fault brings its own
// (internal/fault).
const (
	ReasonReady       = "Ready"
	ReasonFetched     = "Fetched"
	ReasonConnected   = "Connected"
	ReasonProgressing = "Progressing"
	ReasonSuspended   = "Suspended"
	ReasonPaused      = "Paused"
	ReasonHeld        = "Held"
	ReasonWaiting     = "WaitingForDependency"
	ReasonDegraded    = "Degraded"
	ReasonDrifted     = "Drifted"
	ReasonDeleting    = "Deleting"
	ReasonTimeout     = "HealthTimeout"
	ReasonRelease     = "ReleaseFailed"
)

// Verdict is the set of conditions that one pass ends in. Exactly one of its
// constructors makes it.
type Verdict struct {
	Ready       metav1.Condition
	Reconciling bool
	Stalled     bool
}

func verdict(status metav1.ConditionStatus, reason, message string) Verdict {
	return Verdict{Ready: metav1.Condition{Type: ConditionReady, Status: status, Reason: reason, Message: message}}
}

// InSync: live and healthy at a revision.
func InSync(short string, objects int) Verdict {
	if objects == 0 {
		return verdict(metav1.ConditionTrue, ReasonReady, short+" asks for no object; is the path the right one?")
	}
	return verdict(metav1.ConditionTrue, ReasonReady, fmt.Sprintf("%s is live and healthy (%s)", short, count(objects, "object")))
}

// Standing: what a module describes is there, as far as was looked.
func Standing(short string, resources int) Verdict {
	return verdict(metav1.ConditionTrue, ReasonReady, fmt.Sprintf("%s is carried out (%s)", short, count(resources, "resource")))
}

// Fetched: a Source knows its newest commit.
func Fetched(short string) Verdict {
	return verdict(metav1.ConditionTrue, ReasonFetched, "at "+short)
}

// Connected: a Target answers.
func Connected(version string) Verdict {
	return verdict(metav1.ConditionTrue, ReasonConnected, "answers as Kubernetes "+version)
}

// Progressing: applied, not healthy yet.
func Progressing(message string) Verdict {
	v := verdict(metav1.ConditionFalse, ReasonProgressing, message)
	v.Reconciling = true
	return v
}

// Deleting: the objects of a deleted Stack are being dealt with.
func Deleting(message string) Verdict {
	v := verdict(metav1.ConditionFalse, ReasonDeleting, message)
	v.Reconciling = true
	return v
}

// Suspended: nothing is done on purpose.
func Suspended() Verdict {
	return verdict(metav1.ConditionFalse, ReasonSuspended, "suspended; nothing is changed until it is resumed")
}

// Paused: somebody wants a Stack to be left as it is.
func Paused(p *Pause) Verdict {
	return verdict(metav1.ConditionFalse, ReasonPaused, p.String()+"; nothing is changed until it is resumed")
}

// Held: a gate is closed.
func Held(gate, reason string) Verdict {
	return verdict(metav1.ConditionFalse, ReasonHeld, fmt.Sprintf("held by %s: %s", gate, reason))
}

// WaitingFor: a dependency is not ready.
func WaitingFor(what string) Verdict {
	return verdict(metav1.ConditionFalse, ReasonWaiting, "waits for "+what)
}

// Degraded: applied and not healthy, and will not get there by itself.
func Degraded(message string) Verdict { return verdict(metav1.ConditionFalse, ReasonDegraded, message) }

// ReleaseFailed: a hook or a wave of the release did not come right.
func ReleaseFailed(message string) Verdict {
	return verdict(metav1.ConditionFalse, ReasonRelease, message)
}

// TimedOut: applied and not healthy within the time allowed.
func TimedOut(message string) Verdict { return verdict(metav1.ConditionFalse, ReasonTimeout, message) }

// Drifted: live differs from Git, and either healing waits or an object is gone.
func Drifted(message string) Verdict { return verdict(metav1.ConditionFalse, ReasonDrifted, message) }

// DriftedAndHealthy: live differs from Git as its Stack allows, and is well.
func DriftedAndHealthy(short string, objects int, message string) Verdict {
	return verdict(metav1.ConditionTrue, ReasonDrifted, fmt.Sprintf("%s is live and healthy (%s); %s", short, count(objects, "object"), message))
}

// Failing: a fault; stalled when only a change can help.
func Failing(reason, message string, stalled bool) Verdict {
	v := verdict(metav1.ConditionFalse, reason, message)
	v.Stalled = stalled
	return v
}

// maxMessage bounds a condition's message; the API allows 32768.
const maxMessage = 4096

// SetVerdict writes v into conditions, keeping transition times of what did not
// change, and returns whether anything did.
func SetVerdict(conditions *[]metav1.Condition, v Verdict, generation int64, now metav1.Time) bool {
	v.Ready.Message = truncate(v.Ready.Message)
	changed := set(conditions, v.Ready, generation, now)
	changed = setOrRemove(conditions, ConditionReconciling, v.Reconciling, v.Ready, generation, now) || changed
	return setOrRemove(conditions, ConditionStalled, v.Stalled, v.Ready, generation, now) || changed
}

func setOrRemove(conditions *[]metav1.Condition, kind string, present bool, from metav1.Condition, generation int64, now metav1.Time) bool {
	if present {
		return set(conditions, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: from.Reason, Message: from.Message}, generation, now)
	}
	for i, c := range *conditions {
		if c.Type == kind {
			*conditions = append((*conditions)[:i], (*conditions)[i+1:]...)
			return true
		}
	}
	return false
}

func set(conditions *[]metav1.Condition, c metav1.Condition, generation int64, now metav1.Time) bool {
	c.ObservedGeneration = generation
	c.LastTransitionTime = now
	for i, old := range *conditions {
		if old.Type != c.Type {
			continue
		}
		if old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
		(*conditions)[i] = c
		return old != c
	}
	*conditions = append(*conditions, c)
	return true
}

func truncate(s string) string {
	if len(s) <= maxMessage {
		return s
	}
	// The cut may go through a character.
	return strings.ToValidUTF8(s[:maxMessage-len("…")], "") + "…"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Package standing says in two words and one line how a Stack is doing, the same
// everywhere: in the HTTP API, the web UI and the commands.
//
// The two words are apart on purpose. [Health] says whether it works, [Step] whether
// it is what Git says, and the [Flow] line what Lockstep does about it. From the
// three follows what people sort by, [Attention].
//
// Nothing here asks anybody: what is said follows from the status of the Stack.
package standing

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Health says whether what is live works.
type Health string

// The words of health.
const (
	Healthy     Health = "Healthy"
	Progressing Health = "Progressing"
	Degraded    Health = "Degraded"
	Missing     Health = "Missing"
	Suspended   Health = "Suspended"
	Unknown     Health = "Unknown" // nothing was ever seen of it
)

// Healths are all of them, the worst first.
var Healths = []Health{Degraded, Missing, Unknown, Progressing, Suspended, Healthy}

// Step says whether what is live is what Git says.
type Step string

// The words of step.
const (
	InStep  Step = "InStep"
	Behind  Step = "Behind"  // Git or the spec asks for something that is not applied yet
	Drifted Step = "Drifted" // somebody else changed what is live
	Blocked Step = "Blocked" // by a gate, or by another Stack that has to come first
	Failing Step = "Failing" // the last pass ended in an error
	Paused  Step = "Paused"  // on purpose
)

// Steps are all of them, the worst first.
var Steps = []Step{Failing, Blocked, Drifted, Behind, Paused, InStep}

// Attention says who has to do something.
type Attention string

// The classes of attention.
const (
	NeedsYou Attention = "NeedsYou" // nothing gets better until a person does something
	Moving   Attention = "Moving"   // Lockstep is at it, or waits for something that is
	Resting  Attention = "Paused"   // on purpose
	Settled  Attention = "InStep"   // nobody
)

// Attentions are all of them, the most pressing first.
var Attentions = []Attention{NeedsYou, Moving, Resting, Settled}

// Verb says what Lockstep does about a Stack just now.
type Verb string

// The verbs of the flow line.
const (
	Starting   Verb = "starting"   // nobody has looked at it yet
	Applying   Verb = "applying"   // a plan is being carried out
	RollingOut Verb = "rollingOut" // applied; its objects are not healthy yet
	Waiting    Verb = "waiting"    // for something else that comes first
	Holding    Verb = "holding"    // until a person opens a gate
	Reverting  Verb = "reverting"  // drift, at once or at a time
	Reporting  Verb = "reporting"  // drift, and leaves it
	Retrying   Verb = "retrying"   // after an error
	Stopped    Verb = "stopped"    // after an error that only a change can help
	Pausing    Verb = "paused"
	Deleting   Verb = "deleting"
	Checking   Verb = "checking" // now and then, and otherwise when something changes
)

// Flow is what Lockstep does now and when.
type Flow struct {
	Verb Verb
	// What it does that with or waits for.
	What string
	// Since is when that began, Until when it ends or comes next; zero where nobody
	// can say.
	Since, Until time.Time
	// Every is the pause between two looks.
	Every time.Duration
}

// Standing is how a Stack is doing.
type Standing struct {
	Health    Health
	Step      Step
	Attention Attention
	Flow      Flow
	// Reason is that of the Stack's condition, CamelCase; Message says the same in a
	// sentence.
	Reason, Message string
	// Since is when the condition became what it is.
	Since time.Time
}

// Of reads the status of a Stack. s is not changed.
func Of(s *v1alpha1.Stack) Standing {
	st := Standing{Health: healthOf(s)}
	ready := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		st.Reason, st.Message = "New", "not looked at yet"
		st.Since = s.CreationTimestamp.Time
	} else {
		st.Reason, st.Message, st.Since = ready.Reason, ready.Message, ready.LastTransitionTime.Time
	}
	if stale(s) && ready != nil {
		st.Reason, st.Message = "NewSpec", "its spec was just changed"
	}
	st.Step = stepOf(s, ready)
	st.Flow = flowOf(s, st)
	st.Attention = attentionOf(s, st)
	return st
}

// stale says that the status speaks of an older spec.
func stale(s *v1alpha1.Stack) bool { return s.Status.ObservedGeneration < s.Generation }

func healthOf(s *v1alpha1.Stack) Health {
	if s.Status.Health == nil {
		return Unknown
	}
	switch h := Health(s.Status.Health.Status); h {
	case Healthy, Progressing, Degraded, Missing, Suspended:
		return h
	case "Terminating": // on its way out, which is a way of being under way
		return Progressing
	}
	return Unknown
}

// stepOfReason is what a reason of the condition Ready says about the step. Every
// other reason is a fault.
var stepOfReason = map[string]Step{
	v1alpha1.ReasonReady:       InStep,
	v1alpha1.ReasonProgressing: InStep, // applied, and not healthy yet: that is the other word
	v1alpha1.ReasonDegraded:    InStep,
	v1alpha1.ReasonDrifted:     Drifted,
	v1alpha1.ReasonHeld:        Blocked,
	v1alpha1.ReasonWaiting:     Blocked,
	"Waiting":                  Behind, // a fault of that kind: nothing is wrong, something comes first
	v1alpha1.ReasonDeleting:    Behind,
	v1alpha1.ReasonPaused:      Paused,
}

// paused says whether a pause is in force: one that has run out stays in the spec,
// and the condition knows the time.
func paused(s *v1alpha1.Stack, ready *metav1.Condition) bool {
	return s.Spec.Pause != nil && (ready == nil || stale(s) || ready.Reason == v1alpha1.ReasonPaused)
}

func stepOf(s *v1alpha1.Stack, ready *metav1.Condition) Step {
	switch {
	case paused(s, ready):
		return Paused
	case ready == nil, stale(s):
		return Behind
	}
	step, known := stepOfReason[ready.Reason]
	switch {
	case !known:
		return Failing
	case step == Paused:
		return Behind // it was just resumed
	case s.DeletionTimestamp != nil && step == InStep:
		return Behind
	case step == InStep && running(s):
		return Behind
	case step == InStep && s.Status.Drift != nil && s.Status.Drift.Fields > 0:
		return Drifted
	}
	return step
}

// ended are the states of a run in which nothing more of it is to come.
var ended = map[string]bool{"": true, "Succeeded": true, "Failed": true, "Superseded": true, "Gone": true}

// running says whether a release of several passes is not all applied yet.
func running(s *v1alpha1.Stack) bool { return s.Status.Run != nil && !ended[s.Status.Run.State] }

func attentionOf(s *v1alpha1.Stack, st Standing) Attention {
	switch st.Step {
	case Paused:
		return Resting
	case Failing:
		return NeedsYou
	case Blocked:
		if st.Reason == v1alpha1.ReasonHeld {
			return NeedsYou
		}
		return Moving // what it waits for is what needs somebody, if anything does
	case Drifted:
		if st.Flow.Verb != Reverting || fought(s) {
			return NeedsYou
		}
		return Moving
	}
	if st.Health == Degraded || st.Health == Missing && st.Step == InStep && st.Reason != v1alpha1.ReasonProgressing {
		return NeedsYou
	}
	if st.Step == Behind || st.Health == Progressing || s.DeletionTimestamp != nil || st.Reason == v1alpha1.ReasonProgressing {
		return Moving
	}
	return Settled
}

// fought says whether two managers fight over a field: healing it again does not
// end that.
func fought(s *v1alpha1.Stack) bool {
	return s.Status.Drift != nil && slices.ContainsFunc(s.Status.Drift.Records, func(r v1alpha1.DriftRecord) bool {
		return r.State == string(lockstep.DriftResting)
	})
}

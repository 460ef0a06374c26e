// Package standing says in one word how a Stack, Source or Target is doing, and
// which of many need a person first.
package standing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
)

// Standing is how something is doing.
type Standing uint8

// From what needs a person most to what needs nobody.
const (
	Failing     Standing = iota // will not get better by itself, or says so
	Blocked                     // a gate holds it
	Drifted                     // live differs from Git, and healing is off
	Waiting                     // for another Stack
	Progressing                 // on its way
	Paused                      // on purpose
	Ready
)

var words = [...]string{"failing", "blocked", "drifted", "waiting", "progressing", "paused", "ready"}

// String returns the word.
func (s Standing) String() string { return words[s] }

// Sign stands before a line: one character, told apart without colour.
func (s Standing) Sign() string {
	return [...]string{"✗", "■", "≠", "…", "○", "‖", "✓"}[s]
}

// Style is the colour of the word.
func (s Standing) Style() term.Style {
	switch s {
	case Failing:
		return term.Bad
	case Blocked, Drifted:
		return term.Warn
	case Ready:
		return term.Good
	case Paused:
		return term.Dim
	}
	return term.Plain
}

// NeedsYou says whether nothing will happen until a person does something.
func (s Standing) NeedsYou() bool { return s <= Drifted }

// Verdict is a standing with its reason.
type Verdict struct {
	Standing Standing
	Reason   string // CamelCase, as in the condition
	Message  string
	Since    metav1.Time
}

var byReason = map[string]Standing{
	v1alpha1.ReasonProgressing: Progressing,
	v1alpha1.ReasonDeleting:    Progressing,
	v1alpha1.ReasonSuspended:   Paused,
	v1alpha1.ReasonPaused:      Paused,
	v1alpha1.ReasonHeld:        Blocked,
	v1alpha1.ReasonWaiting:     Waiting,
	"Waiting":                  Waiting, // a fault of that kind: nothing is wrong
	v1alpha1.ReasonDrifted:     Drifted,
}

// OfStack reads a Stack's conditions.
func OfStack(s *v1alpha1.Stack) Verdict {
	if s.DeletionTimestamp != nil {
		v := of(s.Status.Conditions)
		if v.Standing != Failing {
			v.Standing = Progressing
		}
		return v
	}
	return current(of(s.Status.Conditions), s.Generation, s.Status.ObservedGeneration, s.Spec.Pause != nil)
}

// OfSource reads a Source's conditions.
func OfSource(s *v1alpha1.Source) Verdict {
	return current(of(s.Status.Conditions), s.Generation, s.Status.ObservedGeneration, s.Spec.Suspend)
}

// OfTarget reads a Target's conditions.
func OfTarget(t *v1alpha1.Target) Verdict {
	return current(of(t.Status.Conditions), t.Generation, t.Status.ObservedGeneration, t.Spec.Suspend)
}

func of(conditions []metav1.Condition) Verdict {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if c == nil {
		return Verdict{Standing: Progressing, Reason: "New", Message: "not looked at yet; is lockstep serve running?"}
	}
	v := Verdict{Standing: Failing, Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime}
	if s, ok := byReason[c.Reason]; ok {
		v.Standing = s
	}
	if c.Status == metav1.ConditionTrue {
		v.Standing = Ready
	}
	return v
}

// current lets no status speak of a spec that it has not seen.
func current(v Verdict, generation, observed int64, suspend bool) Verdict {
	if v.Reason == "New" || observed >= generation {
		return v
	}
	v.Standing, v.Reason = Progressing, "NewSpec"
	v.Message = "its spec was just changed"
	if suspend {
		v.Standing = Paused
	}
	return v
}

// SortStacks puts those that need a person first, then by name.
func SortStacks(items []v1alpha1.Stack) {
	slices.SortFunc(items, func(a, b v1alpha1.Stack) int {
		return cmp.Or(
			cmp.Compare(OfStack(&a).Standing, OfStack(&b).Standing),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	})
}

// SortSources is SortStacks for Sources.
func SortSources(items []v1alpha1.Source) {
	slices.SortFunc(items, func(a, b v1alpha1.Source) int {
		return cmp.Or(
			cmp.Compare(OfSource(&a).Standing, OfSource(&b).Standing),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	})
}

// SortTargets is SortStacks for Targets.
func SortTargets(items []v1alpha1.Target) {
	slices.SortFunc(items, func(a, b v1alpha1.Target) int {
		return cmp.Or(
			cmp.Compare(OfTarget(&a).Standing, OfTarget(&b).Standing),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name),
		)
	})
}

// Counts is how many are in each standing.
type Counts [Ready + 1]int

// Count counts Stacks.
func Count(items []v1alpha1.Stack) Counts {
	var c Counts
	for i := range items {
		c[OfStack(&items[i]).Standing]++
	}
	return c
}

// Sentence writes "12 stacks: 10 ready, 1 progressing, 1 failing".
func (c Counts) Sentence() string {
	total := 0
	var parts []string
	for s := Ready; ; s-- {
		if n := c[s]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
		if s == 0 {
			break
		}
	}
	switch {
	case total == 0:
		return "no stacks"
	case total > 1 && len(parts) == 1:
		return fmt.Sprintf("%d stacks, all %s", total, strings.TrimLeft(parts[0], "0123456789 "))
	}
	return term.Count(total, "stack") + ": " + strings.Join(parts, ", ")
}

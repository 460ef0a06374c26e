// Package risk says which steps of a plan can destroy what Git cannot bring back.
//
// The rules are a table, kind by kind: what a verb on the kind may cost, and what
// makes it cost less. They know Kubernetes; what they do not know is not risky. A
// rule speaks of what may be lost, not of what will be: an empty volume is judged as
// a full one, since nobody here can look into it.
package risk

import (
	"cmp"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Level is how much is at stake.
type Level uint8

// The levels.
const (
	None   Level = iota
	Review       // a person should look: it stops something, or leaves something behind
	Loss         // data that only the cluster has may be gone
)

// String returns the word, in lower case.
func (l Level) String() string { return [...]string{"none", "review", "loss"}[min(l, Loss)] }

// MarshalText makes a Level a word in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote; an unknown word is Loss, the worst.
func (l *Level) UnmarshalText(b []byte) error {
	*l = Loss
	for _, level := range []Level{None, Review} {
		if level.String() == string(b) {
			*l = level
		}
	}
	return nil
}

// Finding is one thing that may be lost, and why.
type Finding struct {
	Key   lockstep.Key  `json:"key"`
	Verb  lockstep.Verb `json:"-"`
	Level Level         `json:"level"`
	// Rule is the identifier of the rule, stable: "pvc-delete".
	Rule string `json:"rule"`
	// Why is one sentence: what is lost, or what lowers it.
	Why string `json:"why"`
	// Keep says what to do so that it is not lost, where something can be done.
	Keep string `json:"keep,omitempty"`
}

// Change is one step with what is known of the object.
type Change struct {
	Key  lockstep.Key
	Verb lockstep.Verb
	// Live is the object as it is, or what of it is known; nil if nothing is.
	Live map[string]any
	// Desired is the object as it is to be; nil where it goes.
	Desired map[string]any
}

// Facts are what a cluster knows and a plan does not. A zero Facts makes every
// rule judge by the worst case.
type Facts struct {
	// Reclaim is the reclaim policy of the volume that a claim is bound to, by the
	// key of the claim: "Retain", "Delete".
	Reclaim map[lockstep.Key]string
	// Instances is how many objects of a custom resource definition there are, by
	// the definition's name; absent if nobody counted.
	Instances map[string]int
	// Holds lists what of value is in a namespace, by its name; absent if nobody
	// looked. An empty list is a namespace without anything of value.
	Holds map[string][]lockstep.Key
}

// Limits is when a plan deletes more than one would mean to.
type Limits struct {
	// Share of the objects of the unit that one plan may delete, 0 to 1; 0 for no limit.
	Share float64
	// Least is how many deletions are never too many.
	Least int
}

// DefaultLimits is half of a unit, if that is more than a handful.
var DefaultLimits = Limits{Share: 0.5, Least: 5}

// ChangesOf returns the steps of p with what live knows of their objects.
func ChangesOf(p plan.Plan, live lockstep.Live) []Change {
	known := map[lockstep.Key]map[string]any{}
	for _, o := range live.Objects {
		known[o.Key] = o.Owned
	}
	var out []Change
	for _, stage := range p.Stages {
		for _, s := range stage.Steps {
			out = append(out, Change{Key: s.Key, Verb: s.Verb, Live: known[s.Key], Desired: s.Desired.Tree})
		}
	}
	return out
}

// Judge returns what changes may cost, worst first, then by key. total is how many
// objects the unit has now, for the limits.
func Judge(changes []Change, total int, facts Facts, limits Limits) []Finding {
	var out []Finding
	deletes := 0
	for _, c := range changes {
		if c.Verb == lockstep.Delete {
			deletes++
		}
		for _, r := range rules {
			if !r.matches(c) {
				continue
			}
			if f, ok := r.judge(c, facts); ok {
				f.Key, f.Verb, f.Rule = c.Key, c.Verb, r.id
				out = append(out, f)
			}
			break // the first rule that knows the kind decides
		}
	}
	if limits.Share > 0 && deletes > limits.Least && total > 0 && float64(deletes) > limits.Share*float64(total) {
		out = append(out, Finding{Level: Loss, Rule: "mass-delete", Why: massive(deletes, total), Keep: "check the path, the branch and the overlays"})
	}
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(-cmp.Compare(a.Level, b.Level), a.Key.Compare(b.Key), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// Worst is the highest level among findings.
func Worst(fs []Finding) Level {
	worst := None
	for _, f := range fs {
		worst = max(worst, f.Level)
	}
	return worst
}

// Named is what a person writes out to accept the finding: the key of what may be
// lost, or the rule where the finding is about the plan as a whole.
func (f Finding) Named() string {
	if f.Key == (lockstep.Key{}) {
		return f.Rule
	}
	return f.Key.String()
}

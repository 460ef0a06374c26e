// Package risk says which steps of a plan can destroy what Git cannot bring back.
//
// The rules are data, in rules/*.yaml: what an action on a type may cost, and what
// makes it cost more or less. [Judge] asks them about steps on a cluster, where what
// they do not know is not risky, and [JudgeSet] about what a tool would do, where the
// destruction of a type that they do not know deserves a look. A rule speaks of what
// may be lost, not of what will be: an empty volume is judged as a full one, since
// nobody here can look into it.
//
// rule.go and condition.go are the form of the rules, judge.go asks them, whole.go is
// about a plan as a whole, ways.go about what to do instead. Migrations of databases
// are in package sql below.
package risk

import (
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Level is how much is at stake.
type Level uint8

// The levels.
const (
	None   Level = iota
	Review       // a person should look: it stops something, or leaves something behind
	Outage       // what uses it stands still meanwhile, or cannot be brought back as it was
	Loss         // data that only the cluster has may be gone
)

var levelNames = [...]string{"none", "review", "outage", "loss"}

// String returns the word, in lower case.
func (l Level) String() string { return levelNames[min(l, Loss)] }

// MarshalText makes a Level a word in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote; an unknown word is Loss, the worst.
func (l *Level) UnmarshalText(b []byte) error {
	*l = Loss
	for _, level := range []Level{None, Review, Outage} {
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
	// ID is that of the rule in the table of rules, K01; several rules may share it.
	ID string `json:"id,omitempty"`
	// Rule is the identifier of the rule, stable: "pvc-delete".
	Rule string `json:"rule"`
	// Why is one sentence: what is lost, or what lowers it.
	Why string `json:"why"`
	// Keep says what to do so that it is not lost, where something can be done.
	Keep string `json:"keep,omitempty"`
	// Ways are what can be done instead, ready to be used.
	Ways []Way `json:"ways,omitempty"`
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
	// Stored lists the versions in which objects of a custom resource definition are
	// stored, by the definition's name; absent if nobody looked.
	Stored map[string][]string

	// Protected are the blocks that had prevent_destroy in the commit that was carried
	// out last, ProtectedNow those that have it in this one; nil if nobody looked. The
	// addresses of blocks have no keys of count and for_each.
	Protected, ProtectedNow map[string]bool
	// Weakened are the addresses of which the release before took a guard off; see
	// [Weakens]. Blocks that lost prevent_destroy are among them.
	Weakened map[string]bool
	// Locked are the blocks on which there is a management lock.
	Locked map[string]bool
	// Feeds lists the blocks that a block's values are used in.
	Feeds map[string][]string
	// Features are switches of providers, as "key_vault.purge_soft_delete_on_destroy".
	Features map[string]bool
	// Had is how many resources the unit had when it was carried out last, and State the
	// version of its state then.
	Had   int
	State change.StateRef
	// Destroying: the unit is to go altogether.
	Destroying bool
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
		out = append(out, findings(c.subject(), facts)...)
	}
	if limits.beyond(deletes, total) {
		out = append(out, about("mass-delete", massive(deletes, total)))
	}
	sortFindings(out)
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

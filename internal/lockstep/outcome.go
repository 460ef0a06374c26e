package lockstep

import "encoding/json"

// Verb is what a plan step does to one object.
type Verb uint8

// The verbs, in the order in which a plan lists them for a person: what may be
// lost comes first.
const (
	Delete  Verb = iota + 1 // gone from Git
	Replace                 // deleted and created anew, for a field that cannot change in place
	Update                  // fields change
	Create                  // not there yet
	Orphan                  // our marks are removed, the object stays
)

var verbNames = [...]string{"", "delete", "replace", "update", "create", "orphan"}

// String returns the word, in lower case.
func (v Verb) String() string {
	if int(v) < len(verbNames) {
		return verbNames[v]
	}
	return "unknown"
}

// Sign returns the character that stands before a step in a printed plan.
func (v Verb) Sign() string { return [...]string{" ", "-", "±", "~", "+", "·"}[v] }

// MarshalJSON writes the word.
func (v Verb) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// Result says how carrying out one step ended.
type Result uint8

// The results.
const (
	Done      Result = iota + 1 // the step changed the Target
	Unchanged                   // the Target was there already
	Failed                      // Err says why; nothing or part was changed
	Skipped                     // not tried: a stage before it failed, or the pass was superseded
)

var resultNames = [...]string{"", "done", "unchanged", "failed", "skipped"}

// String returns the word, in lower case.
func (r Result) String() string {
	if int(r) < len(resultNames) {
		return resultNames[r]
	}
	return "unknown"
}

// MarshalJSON writes the word.
func (r Result) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// Outcome is what one step did.
type Outcome struct {
	Key    Key
	Verb   Verb
	Result Result
	// Note is for the record: "took over from kubectl-client-side-apply".
	Note string
	Err  error // a *fault.Fault where Result is Failed
}

package plan

import (
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Facts is everything that a plan depends on.
type Facts struct {
	Unit     lockstep.Unit
	Target   lockstep.TargetRef
	Revision lockstep.Revision
	// Desired is what Git asks for, in any order.
	Desired []lockstep.Object
	Live    lockstep.Live
	Policy  Policy
	// Carried says that Desired, as it is, was carried out in full before.
	Carried bool
	// Ran are objects that the release which is under way has applied and that ask
	// to be removed once they ran.
	Ran []string
	// Hooks are those that carrying out the plan would run, in order; see run.
	Hooks []Hook
	// Key is the installation's key for digests of secrets; see diff.Digester.
	Key []byte
}

// Policy is the part of a Stack's spec that a plan depends on.
type Policy struct {
	Prune      bool
	AllowEmpty bool // a render without objects may prune everything
	// Replace lets a change of an immutable field delete and create the object.
	Replace bool
	Drift   DriftMode
	// Force applies even unchanged objects again.
	Force  bool
	Ignore []Ignore
	// Deleting: the unit itself goes, and with it what its hooks left behind.
	Deleting bool
}

// Ignore names fields whose difference is nobody's business. Zero selectors
// match everything.
type Ignore struct {
	Group, Kind, Namespace, Name string
	JSONPointers                 []string
	JQPaths                      []string
	Managers                     []string
}

// Plan is what will happen, in order. It holds no secret: values of Secrets are
// masked in every FieldChange, and Step.Desired never leaves memory.
type Plan struct {
	Unit     lockstep.Unit
	Target   lockstep.TargetRef
	Revision lockstep.Revision
	// Stages are carried out one after the other; the steps inside one in
	// parallel.
	Stages []Stage
	// Hooks run before, among and after the stages, in this order.
	Hooks []Hook
	// Outputs are the values for others that change, by name as their path: what a
	// tool's module hands on.
	Outputs []lockstep.FieldChange
	// Unchanged counts the desired objects that need no step.
	Unchanged int
	// Drifted are objects that somebody changed and that are left so, because
	// drift is only reported. They are among the Unchanged.
	Drifted []Drifted
	// Spared is drift that is not even reported: an annotation protects the
	// object, or the field is ignored.
	Spared []Drifted
	// Alone are objects that an annotation takes out of our hands altogether.
	Alone []lockstep.Key
	// Notes say, ordered, what the plan leaves alone on purpose and why.
	Notes []Note
	// Gates are all the reasons for which the plan may be held.
	Gates []Gate
	// Digest is "sha256:<hex>" over everything above that could differ between
	// two plans, Secrets' values as keyed hashes.
	Digest string
}

// Note is one object that is left alone, and why.
type Note struct {
	Key  lockstep.Key
	Text string // "is gone from Git, kept: annotation lockstep.dev/prune is disabled"
}

// Stage is a group of steps without order among them.
type Stage struct {
	Name  string // that of order, "foundation"; "prune foundation" for deletions
	Wave  int
	Steps []Step
}

// Deletes says whether the stage deletes.
func (s Stage) Deletes() bool { return len(s.Steps) > 0 && s.Steps[0].Verb == lockstep.Delete }

// Hook is an object that runs at a moment of carrying the plan out.
type Hook struct {
	Key    lockstep.Key // without a name where each run has one of its own
	Phase  string       // "pre-apply"
	Event  string       // as Git has it: "PreSync"
	Wave   int
	Origin lockstep.Origin
	Digest string
}

// Step is one object and what happens to it.
type Step struct {
	Key  lockstep.Key
	Verb lockstep.Verb
	// Reason is one sentence: "not on the target yet".
	Reason  string
	Changes []lockstep.FieldChange
	// Desired is the object to apply; zero for Delete and Orphan. Fields that a
	// Stack ignores are not in it, or carry the live value.
	Desired lockstep.Object
	// Digest of what Git asks for, ignored fields left out; the driver records it
	// on the object.
	Digest string
	// UID and ResourceVersion of the live object that Delete and Replace are
	// meant for.
	UID string
	// Replace allows delete-and-create if the API refuses the change in place.
	Replace bool
	// Wave that the object is in.
	Wave int
	// Once: the object is created; one that is there already stays as it is.
	Once bool
	// Unvalidated lets the API drop fields that the kind does not have.
	Unvalidated bool
	// Fresh: the object is a hook's, and whatever has its name makes way first: a
	// hook that does not run is worse than an object of another tool that is lost.
	Fresh bool
	// Heals is true for a step that undoes drift; Changes then say which.
	Heals bool
}

// Gate is one reason for which a plan may be held.
type Gate struct {
	Name   string // "empty-render"
	Open   bool
	Reason string
	Hint   string
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Stages) == 0 && len(p.Hooks) == 0 && len(p.Outputs) == 0 }

// Held returns the first closed gate.
func (p Plan) Held() (Gate, bool) {
	for _, g := range p.Gates {
		if !g.Open {
			return g, true
		}
	}
	return Gate{}, false
}

// Steps returns all steps in order.
func (p Plan) Steps() []Step {
	var out []Step
	for _, s := range p.Stages {
		out = append(out, s.Steps...)
	}
	return out
}

// Summary counts a plan's steps by verb.
type Summary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Replace   int `json:"replace"`
	Delete    int `json:"delete"`
	Orphan    int `json:"orphan,omitempty"`
	Unchanged int `json:"unchanged"`
}

// Summary returns the counts.
func (p Plan) Summary() Summary {
	s := Summary{Unchanged: p.Unchanged}
	for _, st := range p.Steps() {
		switch st.Verb {
		case lockstep.Create:
			s.Create++
		case lockstep.Update:
			s.Update++
		case lockstep.Replace:
			s.Replace++
		case lockstep.Delete:
			s.Delete++
		case lockstep.Orphan:
			s.Orphan++
		}
	}
	return s
}

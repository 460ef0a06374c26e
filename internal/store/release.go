package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Summary counts a plan's steps by verb.
type Summary = plan.Summary

// Release is the record of one plan carried out.
type Release struct {
	Unit lockstep.Unit `json:"-"`
	// UID is the Stack's: one that is made anew under an old name counts from 1.
	UID    string `json:"uid"`
	Number int64  `json:"number"` // per Stack, from 1

	Revision string `json:"revision"` // the commit's hash
	Ref      string `json:"ref,omitempty"`
	Author   string `json:"author,omitempty"` // of the commit, "Name <mail>"
	Subject  string `json:"subject,omitempty"`
	Key      string `json:"key,omitempty"`  // content key
	Plan     string `json:"plan,omitempty"` // digest
	Cause    string `json:"cause,omitempty"`
	Target   string `json:"target,omitempty"`

	Summary Summary `json:"summary"`
	Outcome Outcome `json:"outcome"`
	Message string  `json:"message,omitempty"` // why it failed
	// By is the number of the release that took over, Of that of the one whose
	// content a rollback went back to; 0 for none.
	By int64 `json:"supersededBy,omitempty"`
	Of int64 `json:"rollbackOf,omitempty"`
	// Times is how often the same was carried out, for drift that comes back.
	Times int `json:"times,omitempty"`

	Steps Times `json:"steps"`
	// Objects are those that the plan was about, with what would change in them and
	// what came of it. Nil in lists.
	Objects []ObjectChange `json:"objects,omitempty"`
	// More counts objects that Objects leaves out, since there were too many.
	More int `json:"more,omitempty"`
}

// Outcome is how a release ended.
type Outcome string

// The outcomes.
const (
	Progressing Outcome = "Progressing"
	Succeeded   Outcome = "Succeeded"
	Failed      Outcome = "Failed"
	Superseded  Outcome = "Superseded"
)

// Ended says whether o is final.
func (o Outcome) Ended() bool { return o != Progressing && o != "" }

// Times are when each step of a release was done; zero where it was not, or nobody
// knows.
type Times struct {
	Committed time.Time `json:"committed,omitzero"`
	Fetched   time.Time `json:"fetched,omitzero"` // the server had the commit
	Started   time.Time `json:"started,omitzero"` // the pass began
	Rendered  time.Time `json:"rendered,omitzero"`
	Planned   time.Time `json:"planned,omitzero"`
	Applied   time.Time `json:"applied,omitzero"`
	Healthy   time.Time `json:"healthy,omitzero"`
	Ended     time.Time `json:"ended,omitzero"`
}

// ObjectChange is one object of a release's plan.
type ObjectChange struct {
	Object  string                 `json:"object"` // lockstep.Key.String
	Verb    string                 `json:"verb"`
	Reason  string                 `json:"reason,omitempty"`
	Changes []lockstep.FieldChange `json:"changes,omitempty"` // masked
	// More counts changed fields that Changes leaves out.
	More   int    `json:"more,omitempty"`
	Result string `json:"result,omitempty"`
	Note   string `json:"note,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Lead is the time from the commit to healthy, of a release that was made for a
// commit and succeeded; 0 for others.
func (r Release) Lead() time.Duration {
	if r.Outcome != Succeeded || r.Cause != "commit" || r.Steps.Committed.IsZero() || r.Steps.Healthy.IsZero() {
		return 0
	}
	return max(0, r.Steps.Healthy.Sub(r.Steps.Committed))
}

// Clean returns r as every database can hold it.
func (r Release) Clean() Release {
	for _, s := range []*string{&r.Unit.Namespace, &r.Unit.Name, &r.UID, &r.Revision, &r.Ref, &r.Author, &r.Subject, &r.Key, &r.Plan, &r.Cause, &r.Target, &r.Message} {
		*s = Clean(*s)
	}
	for _, t := range []*time.Time{&r.Steps.Committed, &r.Steps.Fetched, &r.Steps.Started, &r.Steps.Rendered, &r.Steps.Planned, &r.Steps.Applied, &r.Steps.Healthy, &r.Steps.Ended} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	return r
}

// Digest is "sha256:<hex>" over all that is kept of r.
func (r Release) Digest() string {
	b, err := json.Marshal(r)
	if err != nil {
		return "" // a Release has nothing that JSON cannot hold
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Merge returns old with what r knows better: the server that ends a release need
// not be the one that began it, and knows nothing of the plan.
func (r Release) Merge(old Release) Release {
	keep(&r.Revision, old.Revision)
	keep(&r.Ref, old.Ref)
	keep(&r.Author, old.Author)
	keep(&r.Subject, old.Subject)
	keep(&r.Key, old.Key)
	keep(&r.Plan, old.Plan)
	keep(&r.Cause, old.Cause)
	keep(&r.Target, old.Target)
	if old.Summary != (Summary{}) {
		r.Summary = old.Summary // that of the first plan; later ones have what was left to do
	}
	keep(&r.By, old.By)
	keep(&r.Of, old.Of)
	r.Times = max(r.Times, old.Times)
	keepTimes(&r.Steps, old.Steps)
	// Who saw it begin knows best: a status has whole seconds, and a server that takes
	// over fetches a commit that was fetched before.
	first(&r.Steps.Fetched, old.Steps.Fetched)
	first(&r.Steps.Started, old.Steps.Started)
	r.Objects, r.More = union(r.Objects, old.Objects), max(r.More, old.More)
	// What ended does not begin again when an older record comes in late.
	if old.Outcome.Ended() && !r.Outcome.Ended() && !r.Steps.Applied.After(old.Steps.Applied) {
		r.Outcome, r.Message = old.Outcome, old.Message
	}
	return r
}

// union is old with what is newer of each object: a release may take several passes.
func union(newer, old []ObjectChange) []ObjectChange {
	if len(newer) == 0 || len(old) == 0 {
		return append(old[:len(old):len(old)], newer...)
	}
	at := make(map[string]int, len(old))
	out := slices.Clone(old)
	for i, o := range old {
		at[o.Object] = i
	}
	for _, o := range newer {
		i, there := at[o.Object]
		switch {
		case there && (o.Result != "" || out[i].Result == ""):
			out[i] = o
		case !there && len(out) < maxObjects:
			out = append(out, o)
		}
	}
	return out
}

func keep[T comparable](to *T, old T) {
	var zero T
	if *to == zero {
		*to = old
	}
}

func first(to *time.Time, old time.Time) {
	if !old.IsZero() {
		*to = old
	}
}

func keepTimes(to *Times, old Times) {
	for _, p := range []struct {
		to  *time.Time
		old time.Time
	}{
		{&to.Committed, old.Committed}, {&to.Fetched, old.Fetched}, {&to.Started, old.Started}, {&to.Rendered, old.Rendered},
		{&to.Planned, old.Planned}, {&to.Applied, old.Applied}, {&to.Healthy, old.Healthy}, {&to.Ended, old.Ended},
	} {
		if p.to.IsZero() {
			*p.to = p.old
		}
	}
}

// maxObjects and maxChanges bound what one release keeps.
const (
	maxObjects = 500
	maxChanges = 100
)

// Changes returns what is kept of a plan and of what came of it. Values were
// masked when the plan was made.
func Changes(p plan.Plan, outcomes []lockstep.Outcome) (objects []ObjectChange, more int) {
	came := make(map[lockstep.Key]lockstep.Outcome, len(outcomes))
	for _, o := range outcomes {
		came[o.Key] = o
	}
	steps := p.Steps()
	if n := len(steps) - maxObjects; n > 0 {
		steps, more = steps[:maxObjects], n
	}
	objects = make([]ObjectChange, 0, len(steps))
	for _, s := range steps {
		c := ObjectChange{Object: s.Key.String(), Verb: s.Verb.String(), Reason: Clean(s.Reason), Changes: s.Changes}
		if n := len(s.Changes) - maxChanges; n > 0 {
			c.Changes, c.More = s.Changes[:maxChanges], n
		}
		if o, ok := came[s.Key]; ok {
			c.Result, c.Note = o.Result.String(), Clean(o.Note)
			if o.Err != nil {
				c.Error = Clean(o.Err.Error())
			}
		}
		objects = append(objects, c)
	}
	return objects, more
}

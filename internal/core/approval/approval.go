// Package approval decides whether a plan may be carried out, or waits for a person.
//
// Two things hold a plan. The policy of its Stack says which changes a person has to
// approve. And a finding of package risk that says loss holds it under every policy:
// such an approval names the digest of the plan and each address whose data may be
// lost, gives a reason, is used once and expires. Nothing that acts by itself,
// healing, trying again, rolling back, carries one.
//
// Nothing here knows the time or what was approved before; callers pass it in as
// [Facts]. Start at [Decide]. losses.go is about loss, policy.go about the rest and
// words.go about the sentences.
package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

// Mode says which plans need a person.
type Mode string

// The modes; "" is Destructive.
const (
	Always      Mode = "always"
	Destructive Mode = "destructive"
	Never       Mode = "never"
)

// Policy is the part of a Stack's spec that a decision depends on.
type Policy struct {
	Mode Mode
	// For names the classes of changes that need a person, in place of Mode; nil leaves
	// it to Mode.
	For []change.Action
	// Heal names the classes of changes by which a module's drift is undone without a
	// person. A plan with a part of another class is a proposal.
	Heal []change.Action
	// ExcludeAuthor does not count the approval of who wrote the commit.
	ExcludeAuthor bool
	// Expires is how long the acceptance of a loss counts; 0 is a day.
	Expires time.Duration
}

// day is how long the acceptance of a loss counts where nothing else is said.
const day = 24 * time.Hour

// Cause is why the plan was made.
type Cause string

// The causes. Every other word is somebody's wish, and like Commit.
const (
	Commit   Cause = "commit"
	Heal     Cause = "drift"
	Retry    Cause = "retry"
	Rollback Cause = "rollback"
)

// Approval is what a person said to one plan.
type Approval struct {
	Digest string
	By     string
	Reason string
	At     time.Time
	// Accepts are the names whose loss is accepted, each written out; see
	// [risk.Finding.Named].
	Accepts  []string
	Rejected bool
	// InGit: it is a digest in the spec, and nobody is known to have said so.
	InGit bool
}

// ID names the approval, so that one that was used up is known again.
func (a Approval) ID() string {
	h := sha256.Sum256([]byte(strings.Join([]string{a.Digest, a.By, a.At.UTC().Format(time.RFC3339Nano)}, "\x00")))
	return hex.EncodeToString(h[:])[:32]
}

// Facts is everything that a decision depends on.
type Facts struct {
	Plan plan.Plan
	// Set is what the plan was made from; nil for a plan of objects on a cluster.
	Set *change.Set
	// Findings are those about the plan.
	Findings []risk.Finding
	Policy   Policy
	// Given is what was said last; nil if nothing was.
	Given *Approval
	// Approved is the set that Given is about; nil if it is not known any more.
	Approved *change.Set
	// Consumed are the IDs of approvals that were used up.
	Consumed []string
	// Author of the commit, "Name <mail>".
	Author string
	Cause  Cause
	Now    time.Time
}

// The names of gates.
const (
	GateApproval   = "approval"   // the policy asks for a person
	GateLoss       = "loss"       // data may be lost
	GateBreaker    = "breaker"    // more would change at once than anybody means to
	GateRejected   = "rejected"   // somebody said no
	GateUnfinished = "unfinished" // the tool gave up while planning
)

// Verdict says whether the plan may be carried out, and if not what it waits for.
type Verdict struct {
	Open bool
	// Gate, Reason and Hint of what holds it, as a plan shows them.
	Gate, Reason, Hint string
	// Accept are the names whose loss has to be accepted, all of them.
	Accept []string
	// Grew is what the plan does beyond what was approved.
	Grew []change.Growth
	// Uses is the ID of the approval that is used up by carrying the plan out; "" if
	// it needs none.
	Uses string
}

// PlanGate returns the verdict as a gate of the plan; false where it is open and
// nobody had to say so.
func (v Verdict) PlanGate() (plan.Gate, bool) {
	if v.Open && v.Uses == "" {
		return plan.Gate{}, false
	}
	g := plan.Gate{Name: v.Gate, Open: v.Open, Reason: v.Reason, Hint: v.Hint}
	if v.Open {
		g.Name = GateApproval
	}
	return g, true
}

// Decide says whether the plan of f may be carried out.
func Decide(f Facts) Verdict {
	losses := lossesOf(f.Findings)
	switch {
	case f.Set != nil && f.Set.Errored:
		return Verdict{Gate: GateUnfinished, Reason: "the tool could not finish the plan", Hint: "what it said is among the plan's notes"}
	case f.Given != nil && f.Given.Rejected && f.Given.Digest == f.Plan.Digest:
		return Verdict{Gate: GateRejected, Reason: rejected(*f.Given), Hint: "another commit makes another plan; to carry this one out after all: " + f.command(losses), Accept: names(losses)}
	case f.Plan.Empty():
		return Verdict{Open: true}
	case len(losses) > 0:
		return f.overLosses(losses)
	}
	asks := f.asks()
	if asks == "" {
		return Verdict{Open: true}
	}
	if f.Given == nil || f.Given.Rejected {
		return f.held(asks)
	}
	return f.overPolicy(asks)
}

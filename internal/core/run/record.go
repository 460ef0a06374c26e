package run

import (
	"strconv"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Record is what is remembered of a run between passes.
type Record struct {
	// ID is in the names and marks of what the run creates.
	ID      string
	Action  hook.Action
	Content string // the content key that is being released
	Digest  string // of the plan that it began with
	Request string // the request for tests that it answers
	State   State
	// FailedIn is the state that a failed run broke in, Message why.
	FailedIn State
	Message  string
	// Final: trying the same again would break again.
	Final bool
	// Wave that is being applied, if InWave.
	Wave   int
	InWave bool
	// Started is when the run began, Since when what it waits for did.
	Started, Since time.Time
	Attempt        int
	// Hooks are those of the state, in order; of Applying those of the wave.
	Hooks []HookRecord
}

// Applied says whether all that is released has been applied, and the release goes
// on.
func (r Record) Applied() bool {
	return r.Action != hook.Testing && (r.State == PostApply || r.State == Testing)
}

// HookRecord is how far one hook is.
type HookRecord struct {
	Key   lockstep.Key
	State HookState
	// Policies are here as well for when Git has moved on.
	Policies hook.Policy
	Message  string
}

// HookState is how far a hook is.
type HookState string

// The states of a hook.
const (
	Due       HookState = "Due"
	Intended  HookState = "Intended" // about to be created, or created a moment ago
	Running   HookState = "Running"
	Done      HookState = "Succeeded"
	HookBroke HookState = "Failed"
)

func (s HookState) ended() bool { return s == Done || s == HookBroke }

// Input is everything that the next step depends on.
type Input struct {
	Program Program
	Record  Record
	// Action, Content and Request are what is wanted.
	Action  hook.Action
	Content string
	Request string
	Digest  string
	// Tests are part of the release.
	Tests bool
	Live  lockstep.Live
	Unit  lockstep.Unit
	// Waves of what is kept live, in order.
	Waves []Wave
	// Deletions are the steps that delete, of the whole plan.
	Deletions int
	// Left counts objects that a deletion has not got rid of yet.
	Left int
	// Refused is why objects could not be planned for or applied; nil if all were.
	Refused error
	// Nudged: a person asked, or changed the spec, since the run failed.
	Nudged  bool
	Timeout time.Duration
	// RetryMax bounds the time between two attempts.
	RetryMax time.Duration
	Now      time.Time
}

// Wave is one wave of the objects that are kept live.
type Wave struct {
	Number int
	// Steps still to be carried out.
	Steps int
	// Unready says what is not healthy; "" when all of the wave is.
	Unready string
}

// Decision is what to do now. At most one of Create, Delete, and Apply is set;
// when it has been done, Next is asked again. When none is, the pass ends.
type Decision struct {
	Record Record
	// Create are hooks to create. Record has to be kept before.
	Create []Creation
	// Delete are objects of hooks to delete. If Ended, they are those of hooks of
	// this run, and Record has to be kept before: without it nobody could tell how
	// they ended.
	Delete []plan.Step
	Ended  bool
	// Apply the stages of waves up to UpTo; those that delete only if All.
	Apply bool
	UpTo  int
	All   bool
	// Waits says for what, when there is nothing to do now.
	Waits string
	// Again is how long at most until time itself changes the answer; 0 for never.
	Again time.Duration
}

// Creation is one hook to create.
type Creation struct {
	Index int // in Record.Hooks
	Step  plan.Step
}

// Begun says what became of a creation. An error that may pass leaves the hook
// intended.
func (r *Record) Begun(i int, err error, now time.Time) {
	h := &r.Hooks[i]
	switch {
	case err == nil:
		h.State, r.Since = Running, now
	case !passing(err):
		h.State, h.Message = HookBroke, fault.As(err).What
	}
}

// passing says whether what went wrong may come right by itself, so that the
// release did not fail.
func passing(err error) bool {
	for _, f := range fault.All(err) {
		switch f.Kind {
		case fault.KindUnavailable, fault.KindTimeout, fault.KindWaiting, fault.KindInternal:
		default:
			return false
		}
	}
	return true
}

// Passing says whether err may come right by itself.
func Passing(err error) bool { return passing(err) }

// newID names a run by the time at which it began.
func newID(now time.Time) string { return strconv.FormatInt(now.UnixMilli(), 36) }

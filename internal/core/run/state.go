package run

import "github.com/lockstep-dev/lockstep/internal/core/hook"

// State is how far a run is.
type State string

// The states. A run that does not exist is in the state None.
const (
	None       State = ""
	PreApply   State = "PreApply"
	Applying   State = "Applying"
	PostApply  State = "PostApply"
	Testing    State = "Testing"
	Failing    State = "Failing" // hooks for a failed apply run
	Succeeded  State = "Succeeded"
	Failed     State = "Failed"
	Superseded State = "Superseded"
	PreDelete  State = "PreDelete"
	Deleting   State = "Deleting"
	PostDelete State = "PostDelete"
	Gone       State = "Gone"
)

// Event is what happens to a run.
type Event string

// The events.
const (
	BeginApply      Event = "begin-apply"
	BeginTest       Event = "begin-test"
	BeginDelete     Event = "begin-delete"
	BeginPostDelete Event = "begin-post-delete" // again, after only that failed
	Passed          Event = "passed"            // all that the state is about is done
	Broke           Event = "broke"             // a hook failed, an object was refused, or time was up
	Overtaken       Event = "overtaken"         // something else is wanted now
	Crashed         Event = "crashed"           // the process ended; the record is as it was
)

// Table says which event leads from which state to which. What is not in it does
// not happen.
var Table = map[State]map[Event]State{
	None:       begins,
	PreApply:   {Passed: Applying, Broke: Failing, Overtaken: Superseded, Crashed: PreApply},
	Applying:   {Passed: PostApply, Broke: Failing, Overtaken: Superseded, Crashed: Applying},
	PostApply:  {Passed: Testing, Broke: Failing, Overtaken: Superseded, Crashed: PostApply},
	Testing:    {Passed: Succeeded, Broke: Failing, Overtaken: Superseded, Crashed: Testing},
	Failing:    {Passed: Failed, Broke: Failed, Overtaken: Superseded, Crashed: Failing},
	PreDelete:  {Passed: Deleting, Broke: Failed, Crashed: PreDelete},
	Deleting:   {Passed: PostDelete, Broke: Failed, Crashed: Deleting},
	PostDelete: {Passed: Gone, Broke: Failed, Crashed: PostDelete},
	Succeeded:  begins,
	Failed:     again,
	Superseded: begins,
	Gone:       {Crashed: Gone},
}

var begins = map[Event]State{BeginApply: PreApply, BeginTest: Testing, BeginDelete: PreDelete}

var again = map[Event]State{BeginApply: PreApply, BeginTest: Testing, BeginDelete: PreDelete, BeginPostDelete: PostDelete}

// Ended says whether nothing more happens to a run in state s by itself.
func (s State) Ended() bool {
	switch s {
	case None, Succeeded, Failed, Superseded, Gone:
		return true
	}
	return false
}

// phases are the hooks that belong to a state.
var phases = map[State]hook.Phase{
	PreApply: hook.PreApply, Applying: hook.Apply, PostApply: hook.PostApply, Testing: hook.Test,
	Failing: hook.ApplyFailed, PreDelete: hook.PreDelete, PostDelete: hook.PostDelete,
}

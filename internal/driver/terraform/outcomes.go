package terraform

import (
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// shown is the event that people see of one of the keeper's.
func shown(phase string, e keeper.Event) (driver.Event, bool) {
	out := driver.Event{Phase: phase, Address: e.Address, Action: e.Action, Seconds: e.Seconds, Message: e.Message}
	of, moment, _ := strings.Cut(e.Type, "_")
	switch moment {
	case "start":
		out.Moment = "start"
	case "progress":
		out.Moment = "progress"
	case "complete":
		out.Moment = "done"
	case "errored":
		out.Moment = "failed"
	default:
		return out, false
	}
	if of == "refresh" {
		out.Phase = "refresh"
	}
	return out, true
}

// tellNotes shows what the tool said, when it can be said without secrets.
func tellNotes(tell func(driver.Event), phase string, notes []change.Note) {
	for _, n := range notes {
		tell(driver.Event{Phase: phase, Address: n.Address, Message: strings.TrimSpace(n.Severity + ": " + n.Summary + "\n" + n.Detail)})
	}
}

// tally matches what happens with what was planned.
type tally struct {
	changes []change.Change
	state   []ending
	order   []int // of changes, as they ended
	began   bool
}

// ending is how far one change has got. A replacement ends twice.
type ending struct {
	done, failed, begun int
	seconds             float64
}

func newTally(s change.Set) *tally {
	return &tally{changes: s.Changes, state: make([]ending, len(s.Changes))}
}

func (t *tally) note(e keeper.Event) {
	of, moment, _ := strings.Cut(e.Type, "_")
	if of != "apply" {
		return
	}
	if e.Action != change.Read {
		t.began = true
	}
	i := t.find(e)
	if i < 0 {
		return
	}
	s := &t.state[i]
	switch moment {
	case "start":
		s.begun++
	case "complete":
		s.done++
		s.seconds += e.Seconds
	case "errored":
		s.failed++
		s.seconds += e.Seconds
	default:
		return
	}
	if s.failed == 1 || s.done == parts(t.changes[i]) {
		t.order = append(t.order, i)
	}
}

// find returns the change that an event is about. A resource and what a replacement
// of it left behind have one address, and differ in what happens to them.
func (t *tally) find(e keeper.Event) int {
	found := -1
	for i, c := range t.changes {
		if c.Address != e.Address {
			continue
		}
		fits := c.Action == e.Action || c.Action == change.Replace && (e.Action == change.Create || e.Action == change.Delete)
		if fits && (found < 0 || t.state[found].done >= parts(t.changes[found])) {
			found = i
		}
	}
	return found
}

// parts is how many endings a change has.
func parts(c change.Change) int {
	if c.Action == change.Replace {
		return 2
	}
	return 1
}

// outcomes is one for each change.
func (a *application) outcomes(notes []change.Note, res keeper.Result) driver.Applied {
	t := a.tally
	var out driver.Applied
	seen := make([]bool, len(t.changes))
	add := func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		out.Outcomes = append(out.Outcomes, t.outcome(i, notes, res))
	}
	for _, i := range t.order {
		add(i)
	}
	for i := range t.changes {
		add(i)
	}
	return out
}

func (t *tally) outcome(i int, notes []change.Note, res keeper.Result) driver.ResourceOutcome {
	c, s := t.changes[i], t.state[i]
	o := driver.ResourceOutcome{Address: c.Address, Action: c.Action, Seconds: s.seconds, Result: lockstep.Skipped}
	switch {
	case s.failed > 0:
		o.Result, o.Err = lockstep.Failed, reason(c.Address, notes)
	case s.done == parts(c), res.Exit == 0: // what the tool tells nothing of, it did on the way
		o.Result = lockstep.Done
	case s.begun > 0:
		o.Result, o.Err = lockstep.Failed, fault.New(fault.KindInternal, "it was begun, and the tool did not say how it ended").At("%s", c.Address)
	}
	return o
}

// reason finds what the tool said of a resource that failed.
func reason(address string, notes []change.Note) error {
	for _, n := range notes {
		if n.Severity == "error" && n.Address == address {
			return noteFault(fault.KindUnavailable, n)
		}
	}
	return fault.Unavailable("it failed").At("%s", address)
}

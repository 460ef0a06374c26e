package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/core/order"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func stage(o lockstep.Object) (int, string) { return order.Stage(o) }

// Next says what to do now.
func Next(in Input) Decision {
	d := decider{Input: in}
	d.Record.Hooks = slices.Clone(in.Record.Hooks)
	if !d.Record.State.Ended() && !d.same() {
		if done, out := d.overtake(); !done {
			return out
		}
	}
	if d.Record.State.Ended() {
		if wait, begun := d.begin(); !begun {
			return wait
		}
	}
	for !d.Record.State.Ended() {
		out, event := d.step()
		if event == "" {
			out.Record = d.Record
			return out
		}
		d.fire(event)
	}
	return d.ended()
}

// ended is the answer of a run that has nothing more to do, but to be tried again
// later if it failed.
func (d *decider) ended() Decision {
	d.Nudged = false // whoever asked got this attempt
	out := Decision{Record: d.Record}
	if left := d.pause(); d.Record.State == Failed && d.same() && left > 0 {
		out.Waits, out.Again = "the next attempt", left
	}
	return out
}

type decider struct{ Input }

// same says whether the run is about what is wanted.
func (d *decider) same() bool {
	r := d.Record
	if d.Action == hook.Delete {
		return r.Action == d.Action // a commit that comes while it goes starts nothing anew
	}
	return r.Action == d.Action && r.Content == d.Content && r.Request == d.Request
}

// fire moves the record along an edge of the Table.
func (d *decider) fire(e Event) {
	r := &d.Record
	to, ok := Table[r.State][e]
	if !ok {
		to, r.Message = Failed, fmt.Sprintf("the state machine has no way from %q by %q", r.State, e)
	}
	if e == Broke && r.State != Failing {
		r.FailedIn = r.State
	}
	if to == Failing && len(d.Program.due(hook.ApplyFailed, r.Action)) == 0 {
		to = Table[Failing][Passed] // with what failed still in the record
	}
	r.State, r.Since = to, d.Now
	if !to.Ended() {
		r.Hooks, r.InWave = nil, false
	}
}

// begin starts a run, unless the one before failed and it is too soon to try
// again.
func (d *decider) begin() (Decision, bool) {
	r := d.Record
	if d.Refused != nil && d.Action != hook.Delete && len(d.Program.due(hook.PreApply, d.Action)) > 0 {
		return Decision{Record: r}, false // nothing runs for a release that cannot be carried out
	}
	attempt := 1
	if r.State == Failed && d.same() {
		if left := d.pause(); left != 0 {
			return Decision{Record: r, Waits: "the next attempt", Again: max(left, 0)}, false
		}
		attempt = r.Attempt + 1
	}
	if r.State == Gone {
		return Decision{Record: r}, false
	}
	event := map[hook.Action]Event{hook.Delete: BeginDelete, hook.Testing: BeginTest}[d.Action]
	switch {
	case event == "":
		event = BeginApply
	case event == BeginDelete && r.State == Failed && r.FailedIn == PostDelete && d.same():
		event = BeginPostDelete
	}
	id := newID(d.Now)
	if id == r.ID { // in the same millisecond
		id = newID(d.Now.Add(time.Millisecond))
	}
	d.Record = Record{
		ID: id, Action: d.Action, Content: d.Content, Request: d.Request, Digest: d.Digest,
		State: r.State, Started: d.Now, Attempt: attempt,
	}
	d.fire(event)
	d.Record.FailedIn = None
	return Decision{}, true
}

// firstPause is the time between the first two attempts; each is twice as long
// as the one before.
const firstPause = 10 * time.Second

// pause is how long until the next attempt; negative for never, 0 for now.
func (d *decider) pause() time.Duration {
	r := d.Record
	if d.Nudged {
		return 0
	}
	if r.Final || r.Action == hook.Testing {
		return -1
	}
	return max(0, min(firstPause<<min(r.Attempt-1, 16), d.RetryMax)-d.Now.Sub(r.Since))
}

// step says what the present state asks for, or the event that it is done with.
func (d *decider) step() (Decision, Event) {
	switch d.Record.State {
	case Applying:
		return d.applying()
	case Deleting:
		return d.deleting()
	}
	if wave, any := d.undone(); any {
		return Decision{Apply: true, UpTo: wave}, ""
	}
	phase := phases[d.Record.State]
	hooks := d.Program.due(phase, d.Record.Action)
	if phase == hook.Test && d.Action != hook.Testing && !d.Tests {
		hooks = nil
	}
	out, event := d.phase(phase, hooks)
	if event != Passed || d.Record.State != PostApply {
		return out, event
	}
	return d.healthy()
}

// undone says whether somebody has deleted or changed what was applied while the
// release goes on to its end, and up to which wave. Without it nothing would become
// healthy, and hooks would run beside something else than what is released.
func (d *decider) undone() (wave int, any bool) {
	if !d.Record.Applied() || d.Action == hook.Testing || d.Refused != nil {
		return 0, false
	}
	for _, w := range d.Waves {
		if w.Steps > 0 {
			wave, any = w.Number, true
		}
	}
	return wave, any
}

// healthy waits until everything is.
func (d *decider) healthy() (Decision, Event) {
	for _, w := range d.Waves {
		if w.Unready != "" {
			return d.waitFor(w.Unready, "not healthy within %s: "+escape(w.Unready))
		}
	}
	return Decision{}, Passed
}

// escape keeps words of others from being read as a format.
func escape(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// waitFor waits until time is up; late is the message for then, with the time
// allowed to be filled in.
func (d *decider) waitFor(what, late string) (Decision, Event) {
	left := d.Timeout - d.Now.Sub(d.Record.Since)
	if left <= 0 {
		if late != "" {
			d.Record.Message = fmt.Sprintf(late, d.Timeout)
		}
		return Decision{}, Broke
	}
	return Decision{Waits: what, Again: left}, ""
}

// applying carries out wave after wave.
func (d *decider) applying() (Decision, Event) {
	waves := d.waves()
	if len(waves) == 0 {
		if d.Deletions > 0 && d.Refused == nil {
			return Decision{Apply: true, All: true}, ""
		}
		return Decision{}, d.refused()
	}
	r := &d.Record
	i := slices.Index(waves, r.Wave)
	if !r.InWave || i < 0 {
		i = 0
		r.Wave, r.InWave, r.Hooks = waves[0], true, nil
	}
	for {
		last := i == len(waves)-1
		out, event := d.wave(last)
		if event != Passed || last {
			return out, event
		}
		i++
		r.Wave, r.Since, r.Hooks = waves[i], d.Now, nil
	}
}

// wave carries out the present wave.
func (d *decider) wave(last bool) (Decision, Event) {
	r := &d.Record
	steps := 0
	for _, w := range d.Waves {
		if w.Number <= r.Wave {
			steps += w.Steps
		}
	}
	if d.Refused == nil && (steps > 0 || last && d.Deletions > 0) {
		return Decision{Apply: true, UpTo: r.Wave, All: last}, ""
	}
	if d.Refused != nil && steps > 0 {
		// One that is refused does not hold up the others of its wave.
		return Decision{Apply: true, UpTo: r.Wave}, ""
	}
	if event := d.refused(); event == Broke {
		return Decision{}, Broke
	}
	var hooks []render.Hook
	for _, h := range d.Program.due(hook.Apply, r.Action) {
		if h.Wave == r.Wave {
			hooks = append(hooks, h)
		}
	}
	out, event := d.phase(hook.Apply, hooks)
	if event != Passed || last {
		return out, event
	}
	for _, w := range d.Waves {
		if w.Number <= r.Wave && w.Unready != "" {
			return d.waitFor(fmt.Sprintf("wave %d: %s", r.Wave, w.Unready), fmt.Sprintf("wave %d was not healthy within %%s: ", r.Wave)+escape(w.Unready))
		}
	}
	return Decision{}, Passed
}

// refused says whether the release broke because of objects that could not be
// applied.
func (d *decider) refused() Event {
	if d.Refused == nil {
		return Passed
	}
	d.Record.Message = firstLine(d.Refused)
	d.Record.Final = true
	for _, f := range fault.All(d.Refused) {
		if f.Kind.Consequence().Retry != fault.OnEvent {
			d.Record.Final = false
		}
	}
	return Broke
}

func firstLine(err error) string {
	all := fault.All(err)
	line := all[0].Error()
	if all[0].Hint != "" {
		line += " (" + all[0].Hint + ")"
	}
	if n := len(all) - 1; n > 0 {
		line += fmt.Sprintf("; and %d more", n)
	}
	return line
}

// waves returns the numbers of all waves of objects and of hooks among them.
func (d *decider) waves() []int {
	var out []int
	for _, w := range d.Waves {
		out = append(out, w.Number)
	}
	for _, h := range d.Program.due(hook.Apply, d.Record.Action) {
		out = append(out, h.Wave)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// deleting deletes what is left and waits until it is gone.
func (d *decider) deleting() (Decision, Event) {
	if d.Refused != nil {
		d.Record.Message = firstLine(d.Refused)
		return Decision{}, Broke
	}
	if d.Deletions > 0 {
		return Decision{Apply: true, All: true}, ""
	}
	if d.Left > 0 {
		return d.waitFor(fmt.Sprintf("%d objects to be gone", d.Left), fmt.Sprintf("%d objects were not gone within %%s", d.Left))
	}
	return Decision{}, Passed
}

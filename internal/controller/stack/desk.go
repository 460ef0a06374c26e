package stack

import (
	"errors"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/runs"
)

// desk is what lies open of one module between passes: a proposal that waits, an
// approval that is being carried out, what failed last. All of it can be lost: a plan
// that is made again has the same digest, and goes ahead under the same approval.
type desk struct {
	// key is what Git and the spec ask for, as it was when the desk was set up.
	key string
	// opened: what was kept of it before a restart is on it.
	opened bool
	// shelved is the digest of the plan that was kept for people last.
	shelved string
	// destroying: the Stack is being deleted, and what it made goes with it.
	destroying bool
	// asked: a person wants a pass now, or wanted the plan that lies here; by this
	// request.
	asked   bool
	request string
	// proposal that may be carried out, if a person lets it; nil without one.
	proposal *driver.Proposal
	planned  time.Time
	// proved: planning found that nothing is to be done.
	proved bool
	// approved is the set that was let through, for plans that are made again.
	approved *change.Set
	// known is the set that people were shown last: what an approval may be about.
	known   *change.Set
	consent string // the approval that let it through; "" if none was needed
	// drift is what the newest look found; looked is when.
	drift  []change.Change
	looked time.Time
	// applied is set for the one pass that learns how an apply ended.
	applied *driver.Applied
	carried *driver.Proposal // what was carried out
	// failed is why the newest run failed, until when nothing is tried again because
	// of it, and how often that was so.
	failed error
	until  time.Time
	tries  int
	began  time.Time
	// outputs are those that were seen last; nil if none were.
	outputs map[string]driver.Output
	state   change.StateRef
	objects int
	tool    string
}

// desks are safe for concurrent use. There is one pass of a unit at a time, and only
// that one touches its desk.
type desks struct {
	mu sync.Mutex
	of map[lockstep.Unit]*desk
}

// at returns the unit's desk, cleared if something else is asked for since.
func (d *desks) at(u lockstep.Unit, key string) *desk {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.of[u]
	if x == nil {
		x = &desk{key: key}
		if d.of == nil {
			d.of = map[lockstep.Unit]*desk{}
		}
		d.of[u] = x
	}
	if x.key != key {
		x.turn(key)
	}
	return x
}

func (d *desks) forget(u lockstep.Unit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.of, u)
}

// ask notes that a person wants a pass. Whoever asks wants to know how things are now.
func (d *desk) ask(request string) {
	if d.request == request {
		return
	}
	d.request, d.asked, d.failed, d.proved, d.proposal = request, true, nil, false, nil
}

// recall puts a plan on the desk that waits since before a restart. The tool's own plan
// is not with it. One for something else is what may have been approved.
func (d *desk) recall(k shelf.Plan) {
	if k.Cut {
		return // it cannot be compared with what is planned next
	}
	d.known = &k.Set
	if k.Key != d.key || k.Destroys != d.destroying {
		return
	}
	d.proposal = &driver.Proposal{Set: k.Set, Digest: k.Digest, ToolVersion: k.Tool}
	d.planned, d.shelved, d.state = k.Planned, k.Digest, k.Set.State
}

// turn makes room for what is asked for now. What was approved stays: the plan that
// comes may do no more than that.
func (d *desk) turn(key string) {
	d.key, d.proposal, d.proved = key, nil, false
	d.failed, d.until, d.tries = nil, time.Time{}, 0
}

// take puts what a run came to on the desk. retryMax bounds the pause after a failure.
func (d *desk) take(r runs.Run, key string, now time.Time, retryMax time.Duration) {
	switch {
	case r.Intent == intentApply && (r.Err == nil || len(r.Result.Applied.Outcomes) > 0):
		d.applied, d.carried = &r.Result.Applied, d.proposal
		d.began, d.proposal, d.proved = r.Began, nil, false
	case r.Intent == intentApply:
		d.proposal = nil // it is stale, or nothing was begun: it is planned again
	}
	if r.Err != nil {
		d.fail(r, now, retryMax)
		return
	}
	d.failed, d.until, d.tries = nil, time.Time{}, 0
	p := r.Result.Proposal
	switch r.Intent {
	case intentDrift:
		d.drift, d.looked = p.Set.Drift, r.Ended
		if len(d.drift) > 0 {
			d.proved, d.proposal = false, nil // it is planned what undoes it
		}
	case intentPlan, intentDestroy:
		if idOf(r.ID) != shortKey(key) || d.destroying != (r.Intent == intentDestroy) {
			return // a plan of what nobody asks for any more
		}
		d.planned, d.state, d.objects, d.outputs, d.tool = r.Ended, p.Set.State, p.Resources, p.Outputs, p.ToolVersion
		d.looked, d.drift = r.Ended, p.Set.Drift
		if d.proved = p.Set.Empty(); !d.proved {
			d.proposal = &p
		}
	}
	if a := d.applied; a != nil {
		d.state, d.objects, d.outputs = a.State, a.Resources, a.Outputs
	}
}

// firstPause is that after one failure; it doubles with each.
const firstPause = 5 * time.Second

func (d *desk) fail(r runs.Run, now time.Time, retryMax time.Duration) {
	if errors.Is(r.Err, fault.KindConflict) && r.Intent == intentApply {
		return // the state moved: planning again is the answer, at once
	}
	if r.Canceled && r.Intent != intentApply {
		return // it was stopped on purpose, whatever the tool says of that
	}
	d.failed = r.Err
	d.tries++
	pause := firstPause << min(d.tries-1, 10)
	d.until = now.Add(min(pause, max(retryMax, firstPause)))
}

// paused says whether what failed is left alone for now. A mistake in Git or in the
// spec is left until one of them changes, or a person asks.
func (d *desk) paused(now time.Time) bool {
	if d.failed == nil || d.asked {
		return false
	}
	if fault.As(d.failed).Kind.Consequence().Retry == fault.OnEvent {
		return true
	}
	return now.Before(d.until)
}

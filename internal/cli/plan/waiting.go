package plan

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/cli/approve"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// WaitingAnswer is what -o json prints of the plan of a module.
type WaitingAnswer struct {
	form.Head `json:",inline"`
	Plan      live.Waiting `json:"plan"`
}

// waiting shows the plan that a module's tool made and that waits for somebody: it is
// not made here, and takes what only the server has.
func (o *options) waiting(ctx context.Context, f form.Form) error {
	way, err := o.Waiting()
	if err != nil {
		return err
	}
	w, err := way.Waiting(ctx, o.Unit)
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		err = f.Write(o.IO.Out, WaitingAnswer{form.Of("WaitingPlan"), w})
	} else {
		approve.Print(o.IO, o.Unit, w, o.Fields)
		o.IO.Notef("next: lockstep approve %s, or lockstep reject %s", o.Unit, o.Unit)
	}
	if err != nil {
		return err
	}
	return o.exit(len(w.Changes) > 0 || len(w.Outputs) > 0)
}

package plan

import (
	"context"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// ServedAnswer is what -o json prints of a plan that a server made: as [Answer].
type ServedAnswer struct {
	form.Head `json:",inline"`
	Plan      any      `json:"plan"`
	Warnings  []string `json:"warnings,omitempty"`
	Error     string   `json:"error,omitempty"`
}

// served has a server plan what its Source, or a revision, says.
func (o *options) served(ctx context.Context, g *gateway.Client, f form.Form) error {
	fields := int64(o.Fields)
	in := &client.PreviewPlanParams{Fields: &fields}
	if o.Revision != "" {
		in.Revision = &o.Revision
	}
	p, err := gateway.Read[client.PlanPreview](g)(g.API().PreviewPlan(ctx, o.Unit.Namespace, o.Unit.Name, in))
	if err != nil {
		return o.perhapsDir(err)
	}
	if f.ForPeople() {
		o.IO.Printf("%s  at %s\n", o.IO.Paint(term.Bold, "stack "+o.Unit.String()), p.Revision)
		for _, l := range p.Lines {
			printLine(o.IO, core.Line{Kind: core.LineKind(l.Kind), Indent: int(l.Indent), Sign: l.Sign, Text: l.Text})
		}
		for _, w := range p.Warnings {
			o.IO.Notef("warning: %s", w)
		}
		o.fate(live.Fate(p.Fate))
	} else if err := f.Write(o.IO.Out, ServedAnswer{form.Of("Plan"), p.Plan, p.Warnings, p.Problem}); err != nil {
		return err
	}
	if p.Problem != "" {
		return fault.Invalid("%s", p.Problem).At("stack %s", o.Unit)
	}
	return o.exit(live.Fate(p.Fate) != live.FateNone)
}

// fate says what becomes of the plan, which is the next thing one asks.
func (o *options) fate(f live.Fate) {
	switch f {
	case live.FatePaused:
		o.IO.Notef("the stack is paused; next: lockstep resume %s", o.Unit)
	case live.FateManual:
		o.IO.Notef("the stack is applied on request; next: lockstep reconcile %s --wait", o.Unit)
	case live.FateApplied:
		o.IO.Notef("the server applies this by itself; at once: lockstep reconcile %s --wait", o.Unit)
	case live.FateTrial:
		o.IO.Notef("nothing of this is applied: it is of a commit that was asked about")
	}
}

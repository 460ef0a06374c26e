package history

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Stats is what --stats -o json prints.
type Stats struct {
	form.Head `json:",inline"`
	// Namespace and Name say what it is about; all that one may see without.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	client.Insights
}

// stats asks a server how delivery did: the status of a Stack has ten releases, which
// is no history to count.
func stats(ctx context.Context, o *options) error {
	f, err := form.Parse(o.Output, form.Listing)
	if err != nil {
		return err
	}
	g, err := o.Gateway()
	if err != nil {
		return err
	}
	days := int64(o.Days)
	in := &client.GetInsightsParams{Days: &days}
	if o.Unit.Namespace != "" {
		in.Namespace = &o.Unit.Namespace
	}
	if o.Unit.Name != "" {
		in.Name = &o.Unit.Name
	}
	got, err := gateway.Read[client.Insights](g)(g.API().GetInsights(ctx, in))
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, Stats{form.Of("DeliveryStats"), o.Unit.Namespace, o.Unit.Name, *got})
	}
	o.IO.Printf("%s  the last %s\n", o.IO.Paint(term.Bold, of(o.Unit)), term.Count(o.Days, "day"))
	t := term.Table{}
	row := func(what, value, note string) {
		t.Add("  "+what, value, term.Cell{Text: note, Style: term.Dim})
	}
	failed := "-"
	if got.Releases > 0 {
		failed = fmt.Sprintf("%.1f%%", 100*got.FailureRate)
	}
	row("releases", strconv.FormatInt(got.Releases, 10), fmt.Sprintf("%.1f a day, of %s", got.PerDay, term.Count(int(got.Stacks), "stack")))
	row("change failure rate", failed, strconv.FormatInt(got.Failed, 10)+" failed")
	row("lead time, median", lasted(got.Leads, got.LeadP50Seconds), fmt.Sprintf("from commit to healthy, of %s", term.Count(int(got.Leads), "release")))
	row("lead time, 90%", lasted(got.Leads, got.LeadP90Seconds), "nine of ten took no longer")
	row("drift undone", strconv.FormatInt(got.Heals, 10), "times")
	o.IO.Print(t)
	return nil
}

func of(u lockstep.Unit) string {
	switch {
	case u.Name != "":
		return "stack " + u.String()
	case u.Namespace != "":
		return "namespace " + u.Namespace
	}
	return "all stacks"
}

func lasted(of int64, seconds float64) string {
	if of == 0 {
		return "-"
	}
	return term.Took(time.Duration(seconds * float64(time.Second)))
}

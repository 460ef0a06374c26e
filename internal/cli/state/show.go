package state

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
)

// Shown is what -o json prints of show.
type Shown struct {
	form.Head `json:",inline"`
	State     wire.KeptState     `json:"state"`
	Content   *wire.StateContent `json:"content,omitempty"`
}

func newShow(e *env.Env) *cobra.Command {
	o := &options{}
	var version int64
	cmd := of(e, o, &cobra.Command{
		Use:   "show STACK",
		Short: "Show versions and lock of a state, and what it knows",
		Long: `Show versions and lock of a state, and what it knows.

Of what a version knows there are addresses and types, and the names of outputs. Values
are not shown, whether they are sensitive or not.`,
		Example: `  lockstep state show payments/network
  lockstep state show payments/network --version 41`,
	}, func(ctx context.Context, g *gateway.Client) error { return show(ctx, o, g, version) })
	cmd.Flags().Int64Var(&version, "version", 0, "number of a version (default the newest)")
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

func show(ctx context.Context, o *options, g *gateway.Client, version int64) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	kept, err := o.kept(ctx, g)
	if err != nil {
		return err
	}
	out := Shown{Head: form.Of("State"), State: *kept}
	if version == 0 && kept.Newest != nil {
		version = kept.Newest.Number
	}
	if version > 0 {
		out.Content, err = gateway.Read[wire.StateContent](g)(g.API().GetStateVersion(ctx, o.Unit.Namespace, o.Unit.Name, version, &wire.GetStateVersionParams{Workspace: &o.Workspace}))
		if err != nil {
			return err
		}
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, out)
	}
	o.shown(out)
	return nil
}

func (o *options) shown(s Shown) {
	o.IO.Printf("%s\n", o.IO.Paint(term.Bold, "state of "+o.name()))
	if l := s.State.Lock; l != nil {
		o.IO.Printf("locked by %s since %s\n", holder(l).Text, l.Since.UTC().Format(time.RFC3339))
	}
	t := term.Table{Header: []string{"VERSION", "SERIAL", "AGE", "BY", "COMMIT", "RESOURCES", "WHAT"}}
	for _, v := range s.State.Versions {
		t.Add(number(v.Number), number(v.Serial), term.Age(o.Now().Sub(v.At)), writer(v), orDash(term.Commit(v.Commit)), counted(v.Resources), what(v))
	}
	o.IO.Print(t)
	c := s.Content
	if c == nil {
		o.IO.Printf("\nthere is no state now\n")
		return
	}
	o.IO.Printf("\nversion %d, serial %d, lineage %s, written by %s\n", c.Version.Number, c.Version.Serial, c.Version.Lineage, orDash(c.Version.Tool))
	if c.Sealed {
		o.IO.Printf("the tool encrypts it itself: what is in it is not known\n")
		return
	}
	t = term.Table{Header: []string{"ADDRESS", "TYPE", ""}}
	for _, r := range c.Resources {
		note := ""
		if r.Tainted {
			note = "tainted"
		}
		if r.Deposed != "" {
			note = "deposed " + r.Deposed
		}
		t.Add(r.Address, r.Type, note)
	}
	if len(c.Resources) > 0 {
		o.IO.Print(t)
	}
	if c.More != nil && *c.More > 0 {
		o.IO.Printf("and %s more\n", term.Count(int(*c.More), "resource"))
	}
	if len(c.Outputs) > 0 {
		t = term.Table{Header: []string{"OUTPUT", "TYPE", ""}}
		for _, x := range c.Outputs {
			note := ""
			if x.Sensitive {
				note = "sensitive"
			}
			t.Add(x.Name, strings.Trim(x.Type, `"`), note)
		}
		o.IO.Print(t)
	}
}

// what says what is special about a version.
func what(v wire.StateVersion) string {
	switch {
	case v.Deleted:
		return "deleted"
	case v.RestoredFrom != nil && *v.RestoredFrom > 0:
		return strings.TrimSuffix(fmt.Sprintf("content of version %d: %s", *v.RestoredFrom, v.Reason), ": ")
	}
	return v.Reason
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func newDiff(e *env.Env) *cobra.Command {
	o := &options{}
	var in wire.DiffStateParams
	var from, to int64
	cmd := of(e, o, &cobra.Command{
		Use:   "diff STACK",
		Short: "Show what one version of a state has otherwise than another",
		Long: `Show what one version of a state has otherwise than another.

By address, with the names of attributes whose values differ. Values are not shown.`,
		Example: `  # what the newest version changed
  lockstep state diff payments/network

  lockstep state diff payments/network --from 38 --to 41`,
	}, func(ctx context.Context, g *gateway.Client) error {
		in.Workspace, in.From, in.To = &o.Workspace, &from, &to
		return diff(ctx, o, g, in)
	})
	cmd.Flags().Int64Var(&from, "from", 0, "number of a version (default the one before --to)")
	cmd.Flags().Int64Var(&to, "to", 0, "number of a version (default the newest)")
	env.Output(cmd, &o.Output, form.Single)
	return cmd
}

// Differs is what -o json prints of diff.
type Differs struct {
	form.Head  `json:",inline"`
	Difference wire.StateDifference `json:"difference"`
}

var signs = map[string]string{"added": "+", "removed": "-", "changed": "~"}

func diff(ctx context.Context, o *options, g *gateway.Client, in wire.DiffStateParams) error {
	f, err := form.Parse(o.Output, form.Single)
	if err != nil {
		return err
	}
	d, err := gateway.Read[wire.StateDifference](g)(g.API().DiffState(ctx, o.Unit.Namespace, o.Unit.Name, &in))
	if err != nil {
		return err
	}
	if !f.ForPeople() {
		return f.Write(o.IO.Out, Differs{form.Of("StateDifference"), *d})
	}
	o.IO.Printf("%s  version %d (serial %d) → %d (serial %d)\n", o.IO.Paint(term.Bold, o.name()), d.From.Number, d.From.Serial, d.To.Number, d.To.Serial)
	if !d.Comparable {
		o.IO.Printf("the tool encrypts its state itself: what differs is not known\n")
		return nil
	}
	for _, r := range d.Resources {
		line := signs[r.How] + " " + clean(r.Address)
		if r.Deposed != "" {
			line += " (deposed " + clean(r.Deposed) + ")"
		}
		if len(r.Attributes) > 0 {
			line += "  " + o.IO.Paint(term.Dim, clean(strings.Join(r.Attributes, ", ")))
		}
		o.IO.Printf("%s\n", line)
	}
	if d.More != nil && *d.More > 0 {
		o.IO.Printf("and %d more\n", *d.More)
	}
	for _, x := range d.Outputs {
		o.IO.Printf("%s output %s\n", signs[x.How], clean(x.Name))
	}
	if len(d.Resources)+len(d.Outputs) == 0 {
		o.IO.Printf("the same\n")
	}
	return nil
}

// clean keeps what a state has in a name from moving the cursor.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

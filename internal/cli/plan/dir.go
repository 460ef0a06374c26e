package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/checkout"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/lookup"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/worktree"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// atOnce is how many Stacks are planned at the same time.
const atOnce = 4

// dir plans every Stack that reads from the repository of a working tree.
func (o *options) dir(ctx context.Context, c *api.Client, p planner, f form.Form) error {
	tree, err := checkout.Find(ctx, o.Dir)
	if err != nil {
		return err
	}
	sources, err := o.sources(ctx, c, tree)
	if err != nil {
		return err
	}
	snap, err := worktree.Open(tree.Root, tree.Revision)
	if err != nil {
		return err
	}
	defer func() { _ = snap.Close() }()
	for _, src := range sources {
		p.Instead(src, snap)
	}
	stacks, err := o.stacksOf(ctx, c, sources)
	if err != nil {
		return err
	}
	all := planAll(ctx, p, stacks)
	if !f.ForPeople() {
		if err := f.Write(o.IO.Out, listOf(all)); err != nil {
			return err
		}
	} else {
		o.showAll(all, sources)
	}
	changes := false
	var errs []error
	for _, x := range all {
		errs = append(errs, x.err)
		changes = changes || !x.Plan.Empty()
	}
	if err := fault.Join(errs...); err != nil {
		return err
	}
	return o.exit(changes)
}

// sources are those that the working tree stands for.
func (o *options) sources(ctx context.Context, c *api.Client, tree checkout.Checkout) ([]lockstep.Unit, error) {
	if o.Source != "" {
		u, err := lockstep.ParseUnit(o.Source, o.Default)
		if err != nil {
			return nil, fault.Usage("--source: %v", err)
		}
		_, err = c.Source(ctx, u)
		return []lockstep.Unit{u}, err
	}
	if len(tree.Remotes) == 0 {
		return nil, fault.Invalid("%q has no Git remote, so no source can be told from it", o.Dir).
			WithHint("name the source that it stands for with --source")
	}
	list, err := c.Sources(ctx, o.Namespace)
	if err != nil {
		return nil, err
	}
	var out []lockstep.Unit
	for _, s := range list.Items {
		if s.Spec.Git != nil && tree.Of(s.Spec.Git.URL) {
			out = append(out, lockstep.Unit{Namespace: s.Namespace, Name: s.Name})
		}
	}
	if len(out) == 0 {
		return nil, fault.NotFound("no source pulls from %s", strings.Join(tree.Remotes, " or ")).
			WithHint("name the source that %q stands for with --source; lockstep list sources -A -o wide shows all", o.Dir)
	}
	return out, nil
}

func (o *options) stacksOf(ctx context.Context, c *api.Client, sources []lockstep.Unit) ([]*v1alpha1.Stack, error) {
	list, err := c.Stacks(ctx, o.Namespace)
	if err != nil {
		return nil, err
	}
	var out []*v1alpha1.Stack
	for i := range list.Items {
		s := &list.Items[i]
		for _, src := range stack.SourcesOf(s) {
			if slices.Contains(sources, src) && s.Spec.Source.Revision == "" && s.Spec.Hold.At(time.Now()) == nil {
				out = append(out, s)
				break
			}
		}
	}
	return out, nil
}

// planned is one Stack's answer.
type planned struct {
	lookup.Looked
	unit lockstep.Unit
	err  error
}

// planAll plans all; those that lose something come first, then those that
// change, then the rest.
func planAll(ctx context.Context, p planner, stacks []*v1alpha1.Stack) []planned {
	out := make([]planned, len(stacks))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, s := range stacks {
		g.Go(func() error {
			k, err := p.Plan(ctx, s)
			out[i] = planned{Looked: k, unit: stack.UnitOf(s), err: err}
			return nil
		})
	}
	_ = g.Wait() // each says its own
	slices.SortFunc(out, func(a, b planned) int {
		return cmp.Or(cmp.Compare(b.loss(), a.loss()), cmp.Compare(a.unit.String(), b.unit.String()))
	})
	return out
}

// loss orders plans by what they take away.
func (p planned) loss() int {
	s := p.Plan.Summary()
	switch {
	case s.Delete+s.Replace > 0:
		return 3
	case p.err != nil:
		return 2
	case !p.Plan.Empty():
		return 1
	}
	return 0
}

func (o *options) showAll(all []planned, sources []lockstep.Unit) {
	same := 0
	for _, x := range all {
		if x.err == nil && x.Plan.Empty() && len(x.Plan.Notes)+len(x.Plan.Drifted) == 0 {
			same++
			continue
		}
		if x.Plan.Unit.Name == "" {
			continue
		}
		o.show(x.Looked)
		o.IO.Printf("\n")
	}
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.String()
	}
	o.IO.Printf("%s of source %s: %s\n", term.Count(len(all), "stack"), strings.Join(names, ", "), verdict(len(all), same))
}

func verdict(all, same int) string {
	switch {
	case all == 0:
		return "nothing to plan"
	case same == all:
		return "nothing would change"
	case same == 0 && all == 1:
		return "it would change"
	}
	return fmt.Sprintf("%d would change, %d stay as they are", all-same, same)
}

// List is what -o json prints of a directory.
type List struct {
	form.Head `json:",inline"`
	Items     []Answer `json:"items"`
}

func listOf(all []planned) List {
	l := List{Head: form.Of("PlanList"), Items: []Answer{}}
	for _, x := range all {
		a := one(x.Looked)
		a.Plan.Unit = x.unit
		if x.err != nil {
			a.Error = x.err.Error()
		}
		l.Items = append(l.Items, a)
	}
	return l
}

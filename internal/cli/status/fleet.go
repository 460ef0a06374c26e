package status

import (
	"context"
	"fmt"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/form"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
)

// Fleet is the answer about everything.
type Fleet struct {
	form.Head `json:",inline"`
	Sentence  string         `json:"sentence"`
	Counts    map[string]int `json:"counts"`
	NeedsYou  []Report       `json:"needsYou"`
	Sources   []Trouble      `json:"sources"`
	Targets   []Trouble      `json:"targets"`
}

// Trouble is a Source or Target that does not work.
type Trouble struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

func (o *options) fleet(ctx context.Context, c api.Kinds, f form.Form) error {
	stacks, err := c.Find(ctx, o.Namespace, "")
	if err != nil {
		return err
	}
	sources, err := c.Sources(ctx, o.Namespace)
	if err != nil {
		return err
	}
	targets, err := c.Targets(ctx, o.Namespace)
	if err != nil {
		return err
	}
	standing.SortStacks(stacks.Items)
	counts := standing.Count(stacks.Items)
	fleet := Fleet{Head: form.Of("FleetStatus"), Sentence: counts.Sentence(), Counts: map[string]int{}}
	for s, n := range counts {
		fleet.Counts[standing.Standing(s).String()] = n
	}
	fleet.Sources, fleet.Targets = troubles(sources.Items, targets.Items)
	for i := range stacks.Items {
		if standing.OfStack(&stacks.Items[i]).Standing.NeedsYou() {
			fleet.NeedsYou = append(fleet.NeedsYou, report(&stacks.Items[i], nil))
		}
	}
	if !f.ForPeople() {
		err = f.Write(o.IO.Out, fleet)
	} else {
		o.printFleet(fleet, stacks.Items)
	}
	if err != nil {
		return err
	}
	return o.strict(counts[standing.Blocked] > 0)
}

func troubles(sources []v1alpha1.Source, targets []v1alpha1.Target) (srcs, tgts []Trouble) {
	standing.SortSources(sources)
	for i := range sources {
		if v := standing.OfSource(&sources[i]); v.Standing == standing.Failing {
			srcs = append(srcs, Trouble{sources[i].Namespace, sources[i].Name, v.Reason, v.Message})
		}
	}
	standing.SortTargets(targets)
	for i := range targets {
		if v := standing.OfTarget(&targets[i]); v.Standing == standing.Failing {
			tgts = append(tgts, Trouble{targets[i].Namespace, targets[i].Name, v.Reason, v.Message})
		}
	}
	return srcs, tgts
}

func (o *options) printFleet(f Fleet, stacks []v1alpha1.Stack) {
	o.IO.Printf("%s\n", f.Sentence)
	for _, kind := range []struct {
		noun  string
		items []Trouble
	}{{"source", f.Sources}, {"target", f.Targets}} {
		for _, t := range kind.items {
			o.item(standing.Failing, fmt.Sprintf("%s %s/%s", kind.noun, t.Namespace, t.Name), t.Message, "")
		}
	}
	for i := range stacks {
		s := &stacks[i]
		v := standing.OfStack(s)
		if v.Standing == standing.Ready || v.Standing == standing.Paused {
			continue
		}
		o.item(v.Standing, s.Namespace+"/"+s.Name, v.Message, next(s, v))
	}
	if len(stacks) == 0 {
		o.IO.Notef("next: create a Source and a Stack (docs/guides/getting-started.md)")
	}
}

func (o *options) item(st standing.Standing, name, message, hint string) {
	o.IO.Printf("\n%s %s  %s\n", o.IO.Paint(st.Style(), st.Sign()), o.IO.Paint(term.Bold, name), st)
	if message != "" {
		o.IO.Printf("    %s\n", message)
	}
	if hint != "" {
		o.IO.Printf("    %s %s\n", o.IO.Paint(term.Dim, "next:"), hint)
	}
}

// next is the command that a person would type after reading v.
func next(s *v1alpha1.Stack, v standing.Verdict) string {
	name := s.Namespace + "/" + s.Name
	switch v.Standing {
	case standing.Failing:
		return "lockstep explain " + name
	case standing.Blocked:
		return "lockstep plan " + name
	case standing.Drifted:
		return "lockstep diff " + name + " --owners"
	case standing.Waiting:
		return "lockstep explain " + name
	case standing.Progressing:
		return "lockstep wait " + name
	case standing.Paused:
		return "lockstep resume " + name
	}
	return ""
}

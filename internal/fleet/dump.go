package fleet

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Dump is all that a Fleet knows, for a person who asks why nothing happens. It
// holds names, hashes and messages that conditions show as well, and no content.
type Dump struct {
	Sources []SourceDump `json:"sources"`
	Units   []UnitDump   `json:"stacks"`
}

// SourceDump is one Source.
type SourceDump struct {
	Name   string `json:"name"`
	Commit string `json:"commit,omitempty"`
	Error  string `json:"error,omitempty"`
	Users  int    `json:"users"`
}

// UnitDump is one Stack.
type UnitDump struct {
	Name       string   `json:"name"`
	Ready      bool     `json:"ready"`
	Why        string   `json:"why,omitempty"`
	Sources    []string `json:"sources,omitempty"`
	Target     string   `json:"target"`
	DependsOn  []string `json:"dependsOn,omitempty"`
	WaitedFor  []string `json:"waitedForBy,omitempty"`
	Pin        string   `json:"pin,omitempty"`
	Remembered bool     `json:"remembered"` // nothing has to be rendered to know it
	Key        string   `json:"key,omitempty"`
	Commit     string   `json:"commit,omitempty"`
	Generation int64    `json:"generation,omitempty"`
	Renderer   string   `json:"renderer,omitempty"`
	Objects    int      `json:"objects"`
	Mistake    string   `json:"mistake,omitempty"`
}

// Dump returns all of it, in order.
func (f *Fleet) Dump() Dump {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Dump{Sources: []SourceDump{}, Units: []UnitDump{}}
	for name, o := range f.sources {
		d := SourceDump{Name: name.String(), Users: len(o.users)}
		if o.snapshot != nil {
			d.Commit = o.snapshot.Revision().Commit
		}
		if o.err != nil {
			d.Error = o.err.Error()
		}
		out.Sources = append(out.Sources, d)
	}
	for name, x := range f.units {
		if x.links.Sources != nil { // else it is only waited for
			out.Units = append(out.Units, dumpUnit(name, x))
		}
	}
	slices.SortFunc(out.Sources, func(a, b SourceDump) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(out.Units, func(a, b UnitDump) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// DumpOf returns what a Fleet knows of one Stack.
func (f *Fleet) DumpOf(u lockstep.Unit) UnitDump {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.units[u]; x != nil {
		return dumpUnit(u, x)
	}
	return UnitDump{Name: u.String()}
}

func dumpUnit(name lockstep.Unit, x *unit) UnitDump {
	d := UnitDump{
		Name: name.String(), Ready: x.state.Ready, Why: x.state.Why,
		Sources: names(x.links.Sources), Target: x.links.Target.String(),
		DependsOn: names(x.links.Dependencies), Pin: x.links.Pin,
		WaitedFor: names(slices.SortedFunc(maps.Keys(x.waiters), graph.Compare)),
	}
	m := x.memo
	if m == nil {
		return d
	}
	d.Remembered, d.Key, d.Commit, d.Generation = true, m.Key, m.Commit, m.Generation
	d.Renderer, d.Objects = string(m.Renderer), len(m.Wants)
	if m.Err != nil {
		d.Mistake = m.Err.Error()
	}
	return d
}

func names(us []lockstep.Unit) []string {
	var out []string
	for _, u := range us {
		out = append(out, u.String())
	}
	return out
}

package board

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/filter"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// Schema is what lists of Stacks can be filtered by.
var Schema = filter.NewSchema(
	filter.Field{Name: "name"},
	filter.Field{Name: "namespace", Aliases: []string{"ns", "project"}},
	filter.Field{Name: "health", Kind: filter.Choice, Choices: words(standing.Healths)},
	filter.Field{Name: "step", Kind: filter.Choice, Choices: words(standing.Steps)},
	filter.Field{Name: "is", Kind: filter.Choice, Choices: words(standing.Attentions)},
	filter.Field{Name: "env"},
	filter.Field{Name: "owner", Aliases: []string{"team"}},
	filter.Field{Name: "source"},
	filter.Field{Name: "path"},
	filter.Field{Name: "target", Aliases: []string{"cluster"}},
	filter.Field{Name: "driver"},
	filter.Field{Name: "author"},
	filter.Field{Name: "reason"},
	filter.Field{Name: "revision", Aliases: []string{"commit"}, Kind: filter.Prefix},
	filter.Field{Name: "changed", Kind: filter.Age},
	filter.Field{Name: "created", Kind: filter.Age},
	filter.Field{Name: "label", Kind: filter.Pair},
	filter.Field{Name: "release", Kind: filter.Number},
	filter.Field{Name: "objects", Kind: filter.Number},
	filter.Field{Name: "drifted", Kind: filter.Number},
)

func words[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, w := range in {
		out[i] = string(w)
	}
	return out
}

// Query chooses rows.
type Query struct {
	Filter  filter.Filter
	Context filter.Context
	Sort    string
	// After is where the page before ended.
	After *Cursor
	Limit int
}

// Page is an answer to a Query.
type Page struct {
	Rows    []StackRow
	Next    *Cursor // nil on the last page
	Matches Counts
	Fleet   Counts
	Facets  Facets
	Version uint64
}

// Page returns the rows that see and the query let through. What may not be seen is
// in no number either.
func (b *Board) Page(see Sight, q Query) Page {
	all, version := b.sorted(q.Sort)
	p := Page{Version: version, Rows: make([]StackRow, 0, min(q.Limit, len(all)))}
	order := orderOf(q.Sort)
	var after *entry
	if q.After != nil {
		after = q.After.entry()
	}
	var t tally
	for _, e := range all {
		if !see.Contains(e.unit) {
			continue
		}
		p.Fleet.add(e)
		if !q.Filter.Match(e, q.Context) {
			continue
		}
		p.Matches.add(e)
		t.add(e)
		if after != nil && order(e, after) <= 0 {
			continue
		}
		if len(p.Rows) < q.Limit {
			p.Rows = append(p.Rows, e.row)
		} else if p.Next == nil {
			p.Next = cursorAt(q.Sort, p.Rows[len(p.Rows)-1])
		}
	}
	p.Facets = t.facets()
	return p
}

// Counts returns the numbers of all that see lets through.
func (b *Board) Counts(see Sight, of func(StackRow) bool) Counts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var c Counts
	for _, e := range b.rows {
		if see.Contains(e.unit) && (of == nil || of(e.row)) {
			c.add(e)
		}
	}
	return c
}

// CountsBy returns the numbers of all that see lets through, by one field.
func (b *Board) CountsBy(see Sight, of func(StackRow) string) map[string]Counts {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := map[string]Counts{}
	for _, e := range b.rows {
		if see.Contains(e.unit) {
			k := of(e.row)
			c := out[k]
			c.add(e)
			out[k] = c
		}
	}
	return out
}

func (c *Counts) add(e *entry) {
	c.Total++
	switch standing.Attention(e.row.Attention) {
	case standing.NeedsYou:
		c.NeedsYou++
	case standing.Moving:
		c.Moving++
	case standing.Resting:
		c.Paused++
	case standing.Settled:
		c.InStep++
	}
}

// tally counts the values of the fields that have facets.
type tally [8]map[string]int

func (t *tally) add(e *entry) {
	r := &e.row
	for i, v := range [8]string{r.Health, r.Step, r.Namespace, r.Source, r.Target, r.Driver, r.Env, r.Owner} {
		if v == "" {
			continue
		}
		if t[i] == nil {
			t[i] = map[string]int{}
		}
		t[i][v]++
	}
}

// maxFacets is how many values of a field are worth a line; the filter finds the rest.
const maxFacets = 50

func (t *tally) facets() Facets {
	of := func(i int) []Facet {
		out := make([]Facet, 0, len(t[i]))
		for _, v := range slices.Sorted(maps.Keys(t[i])) {
			out = append(out, Facet{v, t[i][v]})
		}
		slices.SortStableFunc(out, func(a, b Facet) int { return cmp.Compare(b.Count, a.Count) })
		return out[:min(len(out), maxFacets)]
	}
	return Facets{of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7)}
}

// Map is the name and state of every Stack, in columns.
type Map struct {
	Groups  []string
	Sizes   []int
	Names   []string
	States  string
	Counts  Counts
	Version uint64
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

// Map returns all that see and the filter let through, grouped by a field.
func (b *Board) Map(see Sight, f filter.Filter, c filter.Context, group string) Map {
	key := group
	all, version := b.sorted(key)
	m := Map{Version: version, Groups: []string{}, Sizes: []int{}, Names: make([]string, 0, len(all))}
	var states strings.Builder
	for _, e := range all {
		if !see.Contains(e.unit) || !f.Match(e, c) {
			continue
		}
		g := e.group(group)
		if n := len(m.Groups); n == 0 || m.Groups[n-1] != g {
			m.Groups, m.Sizes = append(m.Groups, g), append(m.Sizes, 0)
		}
		m.Sizes[len(m.Sizes)-1]++
		name := e.unit.Name
		if group != "namespace" {
			name = e.unit.String()
		}
		m.Names = append(m.Names, name)
		states.WriteByte(digits[e.state])
		m.Counts.add(e)
	}
	m.States = states.String()
	return m
}

func (e *entry) group(by string) string {
	switch by {
	case "target":
		return e.row.Target
	case "source":
		return e.row.Source
	case "env":
		return e.row.Env
	case "owner":
		return e.row.Owner
	case "driver":
		return e.row.Driver
	}
	return e.unit.Namespace
}

// Others returns the row of u where see lets it through.
func (b *Board) Others(see Sight, u lockstep.Unit) (StackRow, bool) {
	if !see.Contains(u) {
		return StackRow{}, false
	}
	return b.Row(u)
}

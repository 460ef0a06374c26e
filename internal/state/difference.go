package state

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Difference is what one version has otherwise than another, by address. No value is
// in it.
type Difference struct {
	// Comparable is false where the tool encrypts its state itself.
	Comparable bool
	Resources  []ResourceDifference // by address
	Outputs    []OutputDifference   // by name
	Unchanged  int
}

// The ways in which something differs.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// ResourceDifference is one object that differs.
type ResourceDifference struct {
	Address, Type, Deposed string
	How                    string
	// Attributes whose values differ, by name.
	Attributes []string
}

// OutputDifference is one output that differs.
type OutputDifference struct {
	Name, How string
	Sensitive bool
}

// Compare says what b has otherwise than a.
func Compare(a, b Content) Difference {
	if a.Sealed || b.Sealed {
		return Difference{}
	}
	d := Difference{Comparable: true}
	type at struct{ address, deposed string }
	before := map[at]Resource{}
	for _, r := range a.Resources {
		before[at{r.Address, r.Deposed}] = r
	}
	for _, r := range b.Resources {
		k := at{r.Address, r.Deposed}
		old, was := before[k]
		delete(before, k)
		out := ResourceDifference{Address: r.Address, Type: r.Type, Deposed: r.Deposed, How: Changed}
		if was {
			out.Attributes = differing(old.attributes, r.attributes)
		}
		switch {
		case !was:
			out.How = Added
		case len(out.Attributes) == 0 && old.Tainted == r.Tainted:
			d.Unchanged++
			continue
		}
		d.Resources = append(d.Resources, out)
	}
	for _, r := range before {
		d.Resources = append(d.Resources, ResourceDifference{Address: r.Address, Type: r.Type, Deposed: r.Deposed, How: Removed})
	}
	slices.SortFunc(d.Resources, func(x, y ResourceDifference) int {
		return bytes.Compare([]byte(x.Address+"\x00"+x.Deposed), []byte(y.Address+"\x00"+y.Deposed))
	})
	d.Outputs = outputs(a.Outputs, b.Outputs)
	return d
}

func outputs(a, b []Output) []OutputDifference {
	before := map[string]Output{}
	for _, o := range a {
		before[o.Name] = o
	}
	var out []OutputDifference
	for _, o := range b {
		old, was := before[o.Name]
		delete(before, o.Name)
		switch {
		case !was:
			out = append(out, OutputDifference{Name: o.Name, How: Added, Sensitive: o.Sensitive})
		case !same(old.value, o.value) || old.Sensitive != o.Sensitive:
			out = append(out, OutputDifference{Name: o.Name, How: Changed, Sensitive: o.Sensitive})
		}
	}
	for _, o := range before {
		out = append(out, OutputDifference{Name: o.Name, How: Removed, Sensitive: o.Sensitive})
	}
	slices.SortFunc(out, func(x, y OutputDifference) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
	return out
}

// differing returns the names of the attributes whose values differ. Names are the
// provider's; what is in them is not looked into.
func differing(a, b map[string]json.RawMessage) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if old, was := a[name]; !was || !same(old, b[name]) {
			out = append(out, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, is := b[name]; !is {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// same says whether two values are, however they are indented.
func same(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return bytes.Equal(compact(a), compact(b))
}

func compact(raw json.RawMessage) []byte {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return raw
	}
	return out.Bytes()
}

package shard

import (
	"slices"
	"strings"
)

// ID names a member.
type ID string

// Item is something that one member at a time acts on.
type Item struct {
	Kind      string // "Stack", "Source" or "Target"
	Namespace string
	Name      string
}

// View is a set of members, sorted.
type View []ID

// NewView returns the view of ids.
func NewView(ids ...ID) View {
	v := slices.Clone(View(ids))
	slices.Sort(v)
	return slices.Compact(v)
}

// Has says whether id is in v.
func (v View) Has(id ID) bool {
	_, found := slices.BinarySearch(v, id)
	return found
}

// Equal says whether v and w hold the same members.
func (v View) Equal(w View) bool { return slices.Equal(v, w) }

// String is the form in which a view is published.
func (v View) String() string {
	parts := make([]string, len(v))
	for i, id := range v {
		parts[i] = string(id)
	}
	return strings.Join(parts, ",")
}

// ParseView reads what String wrote. Anything is some view: words that are no
// member's name win nothing for anybody who asks.
func ParseView(s string) View {
	var ids []ID
	for part := range strings.SplitSeq(s, ",") {
		if part != "" {
			ids = append(ids, ID(part))
		}
	}
	return NewView(ids...)
}

// Winner returns the member that acts on it where all go by v; "" for an empty
// view.
func (v View) Winner(it Item) ID {
	key := it.hash()
	var best ID
	var top uint64
	for _, id := range v {
		// Of equal weights, as good as impossible, the first name wins.
		if w := mix(key ^ mix(hash(string(id)))); best == "" || w > top {
			best, top = id, w
		}
	}
	return best
}

func (it Item) hash() uint64 {
	h := hash(it.Kind)
	h = mix(h ^ hash(it.Namespace))
	return mix(h + hash(it.Name))
}

// hash is FNV-1a. It has to be the same in every replica and every version of
// this program, so it is nobody else's.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix spreads every bit of x over all of them (the finalizer of splitmix64):
// names that differ in one letter must not have weights that go together.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

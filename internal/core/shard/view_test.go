package shard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func items(n int) []Item {
	out := make([]Item, n)
	for i := range out {
		out[i] = Item{Kind: "Stack", Namespace: fmt.Sprintf("team-%d", i%7), Name: fmt.Sprintf("app-%05d", i)}
	}
	return out
}

func members(n int) View {
	var ids []ID
	for i := range n {
		ids = append(ids, ID(fmt.Sprintf("lockstep-%d", i)))
	}
	return NewView(ids...)
}

// TestShares checks that members with names alike share items with names alike
// evenly.
func TestShares(t *testing.T) {
	for n := 2; n <= 8; n++ {
		const total = 8400
		got := map[ID]int{}
		for _, it := range items(total) {
			got[members(n).Winner(it)]++
		}
		fair := total / n
		for id, k := range got {
			if k < fair*85/100 || k > fair*115/100 {
				t.Errorf("of %d members %s has %d of %d items, fair are %d", n, id, k, total, fair)
			}
		}
	}
}

// TestOnlyTheirOwnMove checks what rendezvous hashing is for.
func TestOnlyTheirOwnMove(t *testing.T) {
	all := members(5)
	for i, gone := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, it := range items(2000) {
			before, after := all.Winner(it), rest.Winner(it)
			if before != gone && before != after {
				t.Fatalf("%s left, and %v went from %s to %s", gone, it, before, after)
			}
			if after == gone {
				t.Fatalf("%v is with %s, which left", it, gone)
			}
		}
	}
}

// TestWinnersStay holds the hash where it is: replicas of two versions that go by
// different ones would both act.
func TestWinnersStay(t *testing.T) {
	v := NewView("c", "a", "b")
	var got []ID
	for _, it := range items(12) {
		got = append(got, v.Winner(it))
	}
	want := []ID{"a", "b", "b", "c", "a", "b", "c", "c", "c", "c", "a", "b"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the hash has changed (-want +got):\n%s", diff)
	}
}

func TestEmptyViewHasNoWinner(t *testing.T) {
	if got := (View{}).Winner(items(1)[0]); got != "" {
		t.Errorf("got %q", got)
	}
}

func FuzzParseView(f *testing.F) {
	for _, s := range []string{"", "a", "b,a", ",,a,", "a,a", "ü,\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := ParseView(s)
		if again := ParseView(v.String()); !again.Equal(v) {
			t.Fatalf("%q became %q", v, again)
		}
		for _, id := range v {
			if !v.Has(id) {
				t.Fatalf("%q lacks %q", v, id)
			}
		}
	})
}

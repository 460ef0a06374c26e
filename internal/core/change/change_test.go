package change

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func set(cs ...Change) Set { return Set{Changes: cs} }

func TestGrew(t *testing.T) {
	grow := Change{Address: "db.a", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "2"}, {Path: "tag", From: `"a"`, To: `"b"`}}}
	with := func(f func(*Change)) Change {
		c := grow
		c.Fields = append([]Field(nil), grow.Fields...)
		f(&c)
		return c
	}
	for name, tt := range map[string]struct {
		why           string
		approved, now Set
		want          []Growth
	}{
		"Same":       {"What was approved may be done.", set(grow), set(grow), nil},
		"Less":       {"Leaving something out is within the approval.", set(grow), set(), nil},
		"FewerField": {"Somebody has done a part of it meanwhile.", set(grow), set(with(func(c *Change) { c.Fields = c.Fields[:1] })), nil},
		"Value":      {"Another value is another change.", set(grow), set(with(func(c *Change) { c.Fields[0].To = "9" })), []Growth{{"db.a", "would change otherwise than was approved: size"}}},
		"From":       {"The world moved: what is overwritten is not what was read.", set(grow), set(with(func(c *Change) { c.Fields[0].From = "7" })), []Growth{{"db.a", "would change otherwise than was approved: size"}}},
		"Replace":    {"From an update to a replacement data goes.", set(grow), set(with(func(c *Change) { c.Action = Replace })), []Growth{{"db.a", "would be replaced; approved was that it is changed in place"}}},
		"New":        {"Somebody added a resource.", set(), set(grow), []Growth{{"db.a", "would be changed in place; it was not in what was approved"}}},
		"Read":       {"Reading is no change.", set(), set(Change{Address: "data.x", Action: Read}), nil},
		"Known":      {"What was unknown when it was approved may be known now.", set(with(func(c *Change) { c.Fields[0] = Field{Path: "size", From: "1", Unknown: true} })), set(grow), nil},
		"Unknown":    {"What was known may not become unknown.", set(grow), set(with(func(c *Change) { c.Fields[0] = Field{Path: "size", From: "1", Unknown: true} })), []Growth{{"db.a", "would change otherwise than was approved: size"}}},
		"Errored":    {"A plan that broke off is never within anything.", set(grow), Set{Errored: true}, []Growth{{"the plan", "could not be finished"}}},
		"Deposed":    {"A deposed object is not the resource that has its address.", set(grow), set(Change{Address: "db.a", Deposed: "x1", Action: Delete}), []Growth{{"db.a", "would be destroyed; it was not in what was approved"}}},
		"Output":     {"Others build on an output.", set(grow), Set{Outputs: []OutputChange{{Name: "url", Action: Update, To: `"x"`}}}, []Growth{{"output url", "would change otherwise than was approved"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(tt.why)
			if diff := cmp.Diff(tt.want, tt.now.Grew(tt.approved)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	base := Change{Address: "db.a", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "2"}}}
	for name, tt := range map[string]struct {
		why  string
		s    Set
		same bool
	}{
		"Reason": {"Sentences are no part of it.", set(Change{Address: "db.a", Type: "db", Action: Update, Reason: "x", Fields: base.Fields}), true},
		"State":  {"The serial moves with every apply.", Set{Changes: []Change{base}, State: StateRef{"l", 7}}, true},
		"Read":   {"A read changes nothing.", set(base, Change{Address: "data.x", Action: Read}), true},
		"Action": {"What happens is.", set(Change{Address: "db.a", Type: "db", Action: Replace, Fields: base.Fields}), false},
		"Value":  {"What is set is.", set(Change{Address: "db.a", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "3"}}}), false},
		"Output": {"Others build on it.", Set{Changes: []Change{base}, Outputs: []OutputChange{{Name: "u", Action: Create}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(tt.why)
			if got := tt.s.Digest() == set(base).Digest(); got != tt.same {
				t.Errorf("the same: %v, want %v", got, tt.same)
			}
		})
	}
}

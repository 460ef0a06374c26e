package change

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var shop = lockstep.Unit{Namespace: "shop", Name: "db"}

// TestPlan: what a tool would do reads like any other plan.
func TestPlan(t *testing.T) {
	for name, tt := range map[string]struct {
		why  string
		s    Set
		want string
	}{
		"Order": {"What may be lost comes first, whatever order the addresses have.", set(
			Change{Address: "db.a", Type: "db", Action: Create},
			Change{Address: "db.b", Type: "db", Action: Forget},
			Change{Address: "db.c", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "2"}, {Path: "url", From: `"x"`, Unknown: true}}},
			Change{Address: `db.d["a/b"]`, Type: "db", Action: Replace, Reason: "replace_because_cannot_update", Fields: []Field{{Path: "name", From: `"x"`, To: `"y"`, Forces: true}}},
			Change{Address: "db.e", Type: "db", Action: Delete, Reason: "delete_because_no_resource_config"},
			Change{Address: "data.db.f", Type: "db", Action: Read},
		), `
  - db.e          its block is gone from the configuration
  ± db.d["a/b"]   cannot be changed in place: name
      ~ name  "x" → "y"
  ~ db.c          2 fields change in place
      ~ size  1 → 2
      ~ url  "x" → (known after apply)
  + db.a          is not there yet
  · db.b          stays as it is, and is not looked after any more
1 to create, 1 to change, 1 to replace, 1 to delete, 1 to give up
`},
		"Moves": {"A resource that only moves, or is taken over, is something to carry out.", set(
			Change{Address: "db.a", Type: "db", Previous: "db.old"},
			Change{Address: "db.b", Type: "db", Import: "i-1", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "2"}}},
			Change{Address: "db.c", Type: "db", Action: Delete, Deposed: "00ff"},
			Change{Address: "db.c", Type: "db", Action: Replace, CreateFirst: true, Reason: "replace_because_tainted"},
		), `
  - db.c (deposed 00ff)   is left over from a replacement that was not finished
  ± db.c                  is marked as broken by a run before (tainted); the new one is made before the old one goes
  ~ db.a                  moves here from db.old; nothing else changes
  ~ db.b                  exists and is taken over under the ID "i-1"; 1 field changes
      ~ size  1 → 2
2 to change, 1 to replace, 1 to delete
`},
		"Outputs": {"What others build on is part of it, and enough for a plan.", Set{Unchanged: 3, Outputs: []OutputChange{
			{Name: "gone", Action: Delete, From: "1"}, {Name: "new", Action: Create, Unknown: true}, {Name: "url", Action: Update, From: `"a"`, To: `"b"`},
		}}, `
  - output gone  1
  + output new  (known after apply)
  ~ output url  "a" → "b"
3 outputs to change, 3 unchanged
`},
		"Notes": {"What the tool said is said with its place.", Set{Notes: []Note{
			{Severity: "error", Summary: "No such variable", Detail: "There is\n  none.", File: "net/main.tf", Line: 3},
			{Severity: "warning", Summary: "Old", Address: "db.a"},
			{Severity: "warning", Summary: "Odd", Address: "a place"},
		}}, `
  · error: No such variable: There is none. (net/main.tf:3)
  · db.a   warning: Old
  · a place: warning: Odd
nothing to do
`},
		"Drift": {"What others changed is undone, or shown where nothing says what it should be.", Set{
			Changes: []Change{{Address: "db.a", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "2", To: "1"}}}},
			Drift: []Change{
				{Address: "db.a", Type: "db", Action: Update, Fields: []Field{{Path: "size", From: "1", To: "2"}}},
				{Address: "db.b", Type: "db", Action: Update, Fields: []Field{{Path: "tag", From: `"x"`, To: `"y"`}}},
			},
		}, `
  ~ db.a   1 field changes in place
      ~ size  2 → 1
  ≠ db.b   drift, left alone: changed on the target
      ~ tag  "y" → "x"
1 to change, 1 drifted
`},
	} {
		t.Run(name, func(t *testing.T) {
			p := tt.s.Plan(shop, lockstep.TargetRef{}, lockstep.Revision{Commit: "c1"})
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), plan.Format(p, plan.Detail{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.why, diff)
			}
			if p.Digest != tt.s.Digest() || p.Unit != shop || p.Revision.Commit != "c1" || p.Empty() != tt.s.Empty() {
				t.Errorf("digest %s, unit %s, commit %s, empty %v", p.Digest, p.Unit, p.Revision.Commit, p.Empty())
			}
		})
	}
}

// TestHeals: only a step that does nothing else is a heal.
func TestHeals(t *testing.T) {
	size, tag := Field{Path: "size", From: "2", To: "1"}, Field{Path: "tag", From: "1", To: "2"}
	drift := []Change{{Address: "db.a", Type: "db", Action: Update, Fields: []Field{size}}}
	for name, tt := range map[string]struct {
		why   string
		c     Change
		drift []Change
		want  bool
	}{
		"Undone":    {"It takes back what somebody did.", Change{Action: Update, Fields: []Field{size}}, drift, true},
		"More":      {"It does what Git asks for, too.", Change{Action: Update, Fields: []Field{size, tag}}, drift, false},
		"Nobody":    {"Nothing drifted.", Change{Action: Update, Fields: []Field{size}}, nil, false},
		"Recreated": {"What somebody deleted is made again.", Change{Action: Create}, []Change{{Address: "db.a", Type: "db", Action: Delete}}, true},
		"Replaced":  {"A replacement destroys what is there.", Change{Action: Replace, Fields: []Field{size}}, drift, false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.c.Address, tt.c.Type = "db.a", "db"
			p := Set{Changes: []Change{tt.c}, Drift: tt.drift}.Plan(shop, lockstep.TargetRef{}, lockstep.Revision{})
			if got := p.Steps()[0].Heals; got != tt.want {
				t.Errorf("%s\nheals: %v, want %v", tt.why, got, tt.want)
			}
		})
	}
}

package change

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// StageName is that of the one stage of a plan which a tool carries out as a whole.
const StageName = "apply"

// unknown stands in a plan for a value that only carrying it out tells.
const unknown = "(known after apply)"

// Key returns the identity that c has in plans, findings and approvals: its address.
func (c Change) Key() lockstep.Key { return lockstep.ResourceKey(c.Type, c.Address, c.Deposed) }

// Verb is what happens to the resource, as a step of a plan says it; 0 where nothing
// does. What merely moves or is taken over is an update without fields.
func (c Change) Verb() lockstep.Verb {
	switch c.Action {
	case Delete:
		return lockstep.Delete
	case Replace:
		return lockstep.Replace
	case Update:
		return lockstep.Update
	case Create:
		return lockstep.Create
	case Forget:
		return lockstep.Orphan
	case None:
		if c.Previous != "" || c.Import != "" {
			return lockstep.Update
		}
	}
	return 0
}

// ActionOf is what a step of a plan does, as a tool would call it: what Verb makes of
// the five actions that change something, the other way round.
func ActionOf(v lockstep.Verb) Action {
	switch v {
	case lockstep.Delete:
		return Delete
	case lockstep.Replace:
		return Replace
	case lockstep.Update:
		return Update
	case lockstep.Create:
		return Create
	case lockstep.Orphan:
		return Forget
	}
	return None
}

// Plan returns s as every list, page and record shows a plan. Its steps are in the
// order in which people read them; the tool has an order of its own. Its digest is
// that of s.
func (s Set) Plan(u lockstep.Unit, t lockstep.TargetRef, r lockstep.Revision) plan.Plan {
	p := plan.Plan{Unit: u, Target: t, Revision: r, Unchanged: s.Unchanged, Digest: s.Digest()}
	drift := map[lockstep.Key]Change{}
	for _, d := range s.Drift {
		drift[d.Key()] = d
	}
	stage := plan.Stage{Name: StageName}
	for _, c := range s.Changes {
		if c.Verb() == 0 {
			continue
		}
		found, drifted := drift[c.Key()]
		delete(drift, c.Key())
		step := plan.Step{Key: c.Key(), Verb: c.Verb(), Reason: c.sentence(), Changes: fieldChanges(c.Fields)}
		step.Heals = drifted && c.undoes(found)
		stage.Steps = append(stage.Steps, step)
	}
	slices.SortStableFunc(stage.Steps, func(a, b plan.Step) int {
		return cmp.Or(cmp.Compare(a.Verb, b.Verb), cmp.Compare(a.Key.Name, b.Key.Name))
	})
	if len(stage.Steps) > 0 {
		p.Stages = []plan.Stage{stage}
	}
	// Of what differs and is not touched, the configuration says nothing.
	for _, d := range s.Drift {
		if left, there := drift[d.Key()]; there && len(left.Fields) > 0 {
			p.Drifted = append(p.Drifted, plan.Drifted{
				Key: d.Key(), Changes: turned(fieldChanges(d.Fields)), State: lockstep.DriftReported, Why: "the configuration does not say what it should be",
			})
		}
	}
	for _, o := range s.Outputs {
		p.Outputs = append(p.Outputs, o.field())
	}
	for _, n := range s.Notes {
		p.Notes = append(p.Notes, n.planned())
	}
	return p
}

// undoes says whether all that c does is to take back what others did.
func (c Change) undoes(found Change) bool {
	if c.Action == Create {
		return found.Action == Delete
	}
	if c.Action != Update || len(c.Fields) == 0 {
		return false
	}
	theirs := map[string]bool{}
	for _, f := range found.Fields {
		theirs[f.Path] = true
	}
	return !slices.ContainsFunc(c.Fields, func(f Field) bool { return !theirs[f.Path] })
}

func fieldChanges(fields []Field) []lockstep.FieldChange {
	var out []lockstep.FieldChange
	for _, f := range fields {
		to := f.To
		if f.Unknown {
			to = unknown
		}
		out = append(out, lockstep.FieldChange{Path: f.Path, From: f.From, To: to})
	}
	return out
}

// turned has what is live first, as drift is shown: a tool tells it the other way
// round, from what it had left to what it found.
func turned(changes []lockstep.FieldChange) []lockstep.FieldChange {
	for i, c := range changes {
		changes[i].From, changes[i].To = c.To, c.From
	}
	return changes
}

func (o OutputChange) field() lockstep.FieldChange {
	to := o.To
	if o.Unknown {
		to = unknown
	}
	return lockstep.FieldChange{Path: o.Name, From: o.From, To: to}
}

func (n Note) planned() plan.Note {
	text := n.Summary
	if n.Detail != "" {
		text += ": " + strings.Join(strings.Fields(n.Detail), " ")
	}
	if n.Severity != "" {
		text = n.Severity + ": " + text
	}
	if at := (lockstep.Origin{File: n.File, Line: n.Line}).String(); at != "" {
		text += " (" + at + ")"
	}
	var k lockstep.Key
	if n.Address != "" {
		// The tool's own word; one that is no address is shown all the same.
		if parsed, err := lockstep.ParseKey(n.Address); err == nil {
			k = parsed
		} else {
			text = n.Address + ": " + text
		}
	}
	return plan.Note{Key: k, Text: text}
}

// reasons are the tools' words for why, in ours. A %s takes the fields that force it.
var reasons = map[string]string{
	"replace_because_tainted":           "is marked as broken by a run before (tainted)",
	"replace_because_cannot_update":     "cannot be changed in place%s",
	"replace_by_request":                "is to be replaced by request",
	"replace_by_triggers":               "what it is tied to changes (replace_triggered_by)",
	"delete_because_no_resource_config": "its block is gone from the configuration",
	"delete_because_no_module":          "its module is gone from the configuration",
	"delete_because_wrong_repetition":   "its block has count or for_each now, or no longer",
	"delete_because_count_index":        "its index is beyond count",
	"delete_because_each_key":           "its key is gone from for_each",
	"delete_because_no_move_target":     "what it would have moved to is gone from the configuration",
	"delete_because_enabled_false":      "it is not enabled any more",
}

// sentence says why c is done, in one line.
func (c Change) sentence() string {
	why := c.why()
	switch {
	case c.Import != "":
		why = fmt.Sprintf("exists and is taken over under the ID %q", c.Import) + butFields(c.Fields)
	case c.Previous != "":
		why = "moves here from " + c.Previous + butFields(c.Fields)
	}
	if c.Action == Replace && c.CreateFirst {
		why += "; the new one is made before the old one goes"
	}
	return why
}

func (c Change) why() string {
	known, ok := reasons[c.Reason]
	switch {
	case c.Deposed != "":
		return "is left over from a replacement that was not finished"
	case ok && strings.Contains(known, "%s"):
		return fmt.Sprintf(known, forcing(c.Fields))
	case ok:
		return known
	case c.Reason != "":
		return strings.ReplaceAll(c.Reason, "_", " ")
	}
	switch c.Action {
	case Delete:
		return "is to be destroyed"
	case Replace:
		return "cannot be changed in place" + forcing(c.Fields)
	case Update:
		return fieldCount(len(c.Fields)) + " in place"
	case Create:
		return "is not there yet"
	case Forget:
		return "stays as it is, and is not looked after any more"
	}
	return ""
}

func butFields(fields []Field) string {
	if len(fields) == 0 {
		return "; nothing else changes"
	}
	return "; " + fieldCount(len(fields))
}

func fieldCount(n int) string {
	switch n {
	case 0:
		return "changes"
	case 1:
		return "1 field changes"
	}
	return fmt.Sprintf("%d fields change", n)
}

// forcing names the fields that force a replacement.
func forcing(fields []Field) string {
	var paths []string
	for _, f := range fields {
		if f.Forces {
			paths = append(paths, f.Path)
		}
	}
	switch n := len(paths); {
	case n == 0:
		return ""
	case n > 3:
		return fmt.Sprintf(": %s and %d more fields", strings.Join(paths[:3], ", "), n-3)
	}
	return ": " + strings.Join(paths, ", ")
}

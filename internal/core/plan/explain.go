package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// LineKind says what a Line is about; colour is chosen by it.
type LineKind string

// The kinds of Line beside those named by verbs ("delete", "update", …).
const (
	FieldLine   LineKind = "field"
	NoteLine    LineKind = "note"
	DriftLine   LineKind = "drift"
	GateLine    LineKind = "gate"
	SummaryLine LineKind = "summary"
	HookLine    LineKind = "hook"
	OutputLine  LineKind = "output"
)

// Line is one line of a printed plan, before colour.
type Line struct {
	Kind   LineKind
	Indent int    // in columns
	Sign   string // "-", "±", "~", "+", "·", or "" for lines without
	Text   string
}

// String returns the line as plain text.
func (l Line) String() string {
	s := strings.Repeat(" ", l.Indent)
	if l.Sign != "" {
		s += l.Sign + " "
	}
	return s + l.Text
}

// Detail says how much of a plan is printed.
type Detail struct {
	// MaxFields of one object; 0 means all, negative none.
	MaxFields int
}

// Format returns the plan as text, one newline after each line.
func Format(p Plan, d Detail) string {
	var b strings.Builder
	for _, l := range Lines(p, d) {
		b.WriteString(l.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// Lines returns the plan for a person: what may be lost first, then what
// changes, what is left alone, what holds it, and the counts. The order of
// carrying out is in the JSON form.
func Lines(p Plan, d Detail) []Line {
	steps := p.Steps()
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Verb, b.Verb), a.Key.Compare(b.Key))
	})
	width := column(p, steps)
	var out []Line
	for _, s := range steps {
		out = append(out, Line{LineKind(s.Verb.String()), 2, s.Verb.Sign(), pad(s.Key.Short(), width) + inWave(s.Wave) + s.Reason})
		out = append(out, fieldLines(s.Changes, d)...)
	}
	for _, h := range p.Hooks {
		out = append(out, Line{HookLine, 2, "»", pad(h.Name(), width) + inWave(h.Wave) + h.Sentence()})
	}
	for _, x := range p.Drifted {
		out = append(out, Line{DriftLine, 2, "≠", pad(x.Key.Short(), width) + "drift, left alone: " + culprits(x.Changes)})
		out = append(out, fieldLines(x.Changes, d)...)
	}
	for _, o := range p.Outputs {
		l := fieldLine(o)
		l.Kind, l.Indent, l.Text = OutputLine, 2, "output "+l.Text
		out = append(out, l)
	}
	for _, n := range p.Notes {
		text := n.Text
		if n.Key != (lockstep.Key{}) { // else it is about the whole
			text = pad(n.Key.Short(), width) + text
		}
		out = append(out, Line{NoteLine, 2, "·", text})
	}
	for _, g := range p.Gates {
		if g.Open {
			continue
		}
		out = append(out, Line{GateLine, 0, "", "held: " + g.Reason})
		if g.Hint != "" {
			out = append(out, Line{GateLine, 0, "", "hint: " + g.Hint})
		}
	}
	return append(out, Line{SummaryLine, 0, "", p.Sentence()})
}

// inWave names a wave that is not the usual one.
func inWave(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("wave %d: ", n)
}

// Name returns the hook's object as people read it.
func (h Hook) Name() string {
	if h.Key.Name != "" {
		return h.Key.Short()
	}
	return h.Key.Short() + "(new name)"
}

// Sentence says when the hook runs.
func (h Hook) Sentence() string {
	if h.Event == h.Phase {
		return "runs as " + h.Phase + " hook"
	}
	return "runs as " + h.Phase + " hook (" + h.Event + ")"
}

// maxColumn keeps one long name from pushing all reasons off the screen.
const maxColumn = 56

func column(p Plan, steps []Step) int {
	w := 0
	see := func(k lockstep.Key) {
		if n := utf8.RuneCountInString(k.Short()); n <= maxColumn {
			w = max(w, n)
		}
	}
	for _, s := range steps {
		see(s.Key)
	}
	for _, h := range p.Hooks {
		see(h.Key)
	}
	for _, d := range p.Drifted {
		see(d.Key)
	}
	for _, n := range p.Notes {
		see(n.Key)
	}
	return w
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s))+3)
}

func fieldLines(changes []lockstep.FieldChange, d Detail) []Line {
	if d.MaxFields < 0 {
		return nil
	}
	shown := changes
	if d.MaxFields > 0 && len(changes) > d.MaxFields {
		shown = changes[:d.MaxFields]
	}
	var out []Line
	for _, c := range shown {
		if c.Path != "" { // else it is about the object, and said already
			out = append(out, fieldLine(c))
		}
	}
	if n := len(changes) - len(shown); n > 0 {
		out = append(out, Line{FieldLine, 6, "", "and " + count(n, "more field")})
	}
	return out
}

func fieldLine(c lockstep.FieldChange) Line {
	l := Line{Kind: FieldLine, Indent: 6}
	switch {
	case c.From == "":
		l.Sign, l.Text = "+", c.Path+"  "+c.To
	case c.To == "":
		l.Sign, l.Text = "-", c.Path+"  "+c.From
	default:
		l.Sign, l.Text = "~", c.Path+"  "+c.From+" → "+c.To
	}
	if c.Manager != "" {
		l.Text += "  (" + c.Manager + ")"
	}
	return l
}

// Sentence returns the counts: "1 to create, 2 to change, 1 to delete, 5
// unchanged". What does not occur is left out.
func (p Plan) Sentence() string {
	s := p.Summary()
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{s.Create, "to create"}, {s.Update, "to change"}, {s.Replace, "to replace"}, {s.Delete, "to delete"},
		{s.Orphan, "to give up"}, {len(p.Hooks), "hooks to run"}, {len(p.Outputs), "outputs to change"}, {s.Unchanged, "unchanged"}, {len(p.Drifted), "drifted"},
	} {
		if c.n == 1 {
			c.what = strings.Replace(strings.Replace(c.what, "hooks", "hook", 1), "outputs", "output", 1)
		}
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

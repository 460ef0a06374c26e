package graph

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	words "github.com/lockstep-dev/lockstep/internal/stack/standing"
)

// drawing is a picture on its way to a terminal.
type drawing struct {
	*term.IO
	core.Picture
	nodes        map[lockstep.Unit]core.Node
	name, driver int // widths of the columns
}

// widest is where a long name stops pushing the next column to the right.
const widest = 48

// draw writes p wave by wave: each Stack on a line, and below it what it depends on.
func draw(io *term.IO, p core.Picture) {
	d := drawing{IO: io, Picture: p, nodes: make(map[lockstep.Unit]core.Node, len(p.Nodes))}
	for _, n := range p.Nodes {
		d.nodes[n.Unit] = n
		d.name = max(d.name, min(widest, utf8.RuneCountInString(core.Printable(n.Unit.String()))))
		d.driver = max(d.driver, utf8.RuneCountInString(core.Printable(n.Driver)))
	}
	d.Printf("%s\n", sentence(p))
	at := 0
	for wave := 1; wave <= p.Waves; wave++ {
		d.Printf("\n%s\n", d.Paint(term.Bold, fmt.Sprintf("wave %d", wave)))
		for ; at < len(p.Nodes) && p.Nodes[at].Wave == wave; at++ {
			d.stack(p.Nodes[at])
		}
	}
	if at == len(p.Nodes) {
		return
	}
	d.Printf("\n%s\n", d.Paint(term.Bold, "never"))
	for _, c := range p.Circles {
		d.Printf("  %s %s\n", d.Paint(term.Bad, "circle:"), core.Printable(core.Print(c)))
	}
	for ; at < len(p.Nodes); at++ {
		d.stack(p.Nodes[at])
	}
}

// sentence writes "12 stacks in 3 waves; 4 never go: they wait in a circle".
func sentence(p core.Picture) string {
	never := 0
	for _, n := range p.Nodes {
		if n.Wave == 0 {
			never++
		}
	}
	out := term.Count(len(p.Nodes), "stack") + " in " + term.Count(p.Waves, "wave")
	switch {
	case never == 1:
		out += "; 1 never goes: it waits for a circle"
	case never > 0:
		out += fmt.Sprintf("; %d never go: they wait in a circle, or for one", never)
	}
	return out
}

func (d *drawing) stack(n core.Node) {
	sign, style := mark(n)
	name := core.Printable(n.Unit.String())
	line := d.Paint(style, sign) + " " + d.Paint(term.Bold, name)
	switch n.Presence {
	case core.Missing:
		line += "  there is no such stack"
	case core.Unseen:
		line += "  you may not look there"
	default:
		line += pad(name, d.name) + "  " + core.Printable(n.Driver) + pad(n.Driver, d.driver) + "  " + core.Printable(n.Health) + ", " + core.Printable(n.Step)
	}
	d.Printf("  %s\n", line)
	var below []string
	for _, e := range d.Of(n.Unit) {
		below = append(below, d.edge(e))
	}
	if n.LeftOut > 0 {
		below = append(below, d.Paint(term.Dim, fmt.Sprintf("and %d more, not shown here", n.LeftOut)))
	}
	for i, text := range below {
		branch := "├─"
		if i == len(below)-1 {
			branch = "└─"
		}
		d.Printf("    %s %s\n", d.Paint(term.Dim, branch), text)
	}
}

// edge names what is depended on and what is taken from it. It has a sign where it has
// to be waited for.
func (d *drawing) edge(e core.Edge) string {
	if e.Hidden() {
		return d.Paint(term.Dim, core.HiddenName) + d.outputs(e)
	}
	out := core.Printable(e.On.String()) + d.outputs(e)
	if n := d.nodes[e.On]; !n.Ready {
		sign, style := mark(n)
		out = d.Paint(style, sign) + " " + out
	}
	return out
}

func (d *drawing) outputs(e core.Edge) string {
	if len(e.Outputs) == 0 {
		return ""
	}
	return ": " + core.Printable(strings.Join(e.Outputs, ", "))
}

func pad(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(core.Printable(text))))
}

// mark is the sign that the same Stack has in a list.
func mark(n core.Node) (string, term.Style) {
	switch n.Presence {
	case core.Missing:
		return standing.Failing.Sign(), term.Bad
	case core.Unseen:
		return "?", term.Dim
	}
	s := standing.Progressing
	switch words.Attention(n.Attention) {
	case words.Settled:
		s = standing.Ready
	case words.Resting:
		s = standing.Paused
	case words.NeedsYou:
		s = standing.Failing
	}
	switch step := words.Step(n.Step); {
	case step == words.Drifted && s == standing.Failing:
		s = standing.Drifted
	case step == words.Blocked && s == standing.Failing:
		s = standing.Blocked
	case step == words.Blocked:
		s = standing.Waiting
	}
	return s.Sign(), s.Style()
}

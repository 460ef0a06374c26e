package graph

import (
	"fmt"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// HiddenName stands for what who looks may not know.
const HiddenName = "a Stack that you may not see"

// Dot writes p for Graphviz. Arrows go the way things happen, from what is depended
// on to what waits for it; the same picture is always written the same.
func Dot(p Picture) string {
	var b strings.Builder
	b.WriteString("digraph lockstep {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n")
	circled := p.Circled()
	for i := 0; i < len(p.Nodes); {
		wave := p.Nodes[i].Wave
		b.WriteString("  {\n")
		if wave > 0 {
			fmt.Fprintf(&b, "    // wave %d\n    rank=same;\n", wave)
		}
		for ; i < len(p.Nodes) && p.Nodes[i].Wave == wave; i++ {
			fmt.Fprintf(&b, "    %s [%s];\n", dotID(p.Nodes[i].Unit), dotNode(p.Nodes[i]))
		}
		b.WriteString("  }\n")
	}
	hidden := 0
	for _, e := range p.Edges {
		attrs := "label=" + dotText(strings.Join(e.Outputs, ", "))
		from := dotID(e.On)
		switch {
		case e.Hidden():
			hidden++
			// No name of a unit is without a slash.
			from = fmt.Sprintf("%q", fmt.Sprintf("hidden %d", hidden))
			fmt.Fprintf(&b, "  %s [label=%s, style=\"rounded,dashed\"];\n", from, dotText(HiddenName))
		case circled[e.Unit] && circled[e.On]:
			attrs += ", color=\"#c62828\", penwidth=2"
		}
		fmt.Fprintf(&b, "  %s -> %s [%s];\n", from, dotID(e.Unit), attrs)
	}
	b.WriteString("}\n")
	return b.String()
}

func dotNode(n Node) string {
	second := strings.Join(words(n.Driver, n.Health, n.Step), " · ")
	colour := "#ffffff"
	switch {
	case n.Presence == Missing:
		second, colour = "there is no such Stack", "#ffcdd2"
	case n.Presence == Unseen:
		second = "not looked at"
	case n.Attention == "NeedsYou":
		colour = "#ffcdd2"
	case n.Attention == "Moving":
		colour = "#bbdefb"
	case n.Attention == "Paused":
		colour = "#eeeeee"
	case n.Attention == "InStep":
		colour = "#c8e6c9"
	}
	label := strings.TrimSuffix(dotText(n.Unit.String()), `"`) + `\n` + strings.TrimPrefix(dotText(second), `"`)
	out := fmt.Sprintf("label=%s, fillcolor=%q", label, colour)
	if n.Presence != Known {
		out += `, style="rounded,filled,dashed"`
	}
	return out
}

func words(in ...string) (out []string) {
	for _, w := range in {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

// dotID names a node. Of the characters in quotes Graphviz takes only the quotation
// mark out; a backslash at the end would take it back in.
func dotID(u lockstep.Unit) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(Printable(u.String())) + `"`
}

// dotText writes a text that is to be read: there backslashes and entities have a
// meaning.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, `&`, `&amp;`).Replace(Printable(s)) + `"`
}

// Printable replaces what would move a cursor or break a line.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

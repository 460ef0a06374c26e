package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// picture reads "a>b,c:out b>?": a depends on b, and on c for its output out; b on
// something hidden.
func picture(s string) Picture {
	var nodes []Node
	var all []Edge
	for _, part := range strings.Fields(s) {
		from, to, _ := strings.Cut(part, ">")
		nodes = append(nodes, Node{Unit: unit(from), Presence: Known})
		for _, d := range strings.FieldsFunc(to, func(r rune) bool { return r == ',' }) {
			on, output, used := strings.Cut(d, ":")
			e := Edge{Unit: unit(from)}
			if on != "?" {
				e.On = unit(on)
			}
			if used {
				e.Outputs = []string{output}
			}
			all = append(all, e)
		}
	}
	return Draw(nodes, all, Missing)
}

// said is p in one line a node: "1 a>b" and so on.
func said(p Picture) (out []string) {
	for _, n := range p.Nodes {
		line := fmt.Sprintf("%d %s", n.Wave, n.Unit.Name)
		if n.Presence != Known {
			line += " " + string(n.Presence)
		}
		for _, e := range p.Of(n.Unit) {
			line += " >" + e.On.Name + strings.Join(e.Outputs, "")
		}
		if n.LeftOut > 0 {
			line += fmt.Sprintf(" +%d", n.LeftOut)
		}
		out = append(out, line)
	}
	return out
}

func TestDraw(t *testing.T) {
	around := func(name string, d Direction) func(Picture) Picture {
		return func(p Picture) Picture { return p.Around(unit(name), d) }
	}
	cases := map[string]struct {
		why     string
		in      string
		part    func(Picture) Picture
		want    []string
		circles []string
	}{
		"Nothing": {why: "There need be no Stacks."},
		"Waves":   {why: "By wave, then by name, whatever came first.", in: "shop>db:url,net b> db>net:vpc net>", want: []string{"1 b", "1 net", "2 db >netvpc", "3 shop >dburl >net"}},
		"Missing": {why: "What is named and is not there is shown, once.", in: "a>x b>x", want: []string{"1 x missing", "2 a >x", "2 b >x"}},
		"Hidden":  {why: "What may not be known holds no place in the order.", in: "a>?,b b>?", want: []string{"1 b >", "2 a > >b"}},
		"Circles": {
			why: "Each circle is named once, and who waits for one is last with it.", in: "a>b b>c c>a,b d>e e>d s>s w>a ok>",
			want:    []string{"1 ok", "0 a >b", "0 b >c", "0 c >a >b", "0 d >e", "0 e >d", "0 s >s", "0 w >a"},
			circles: []string{"n/a → n/b → n/c → n/a", "n/d → n/e → n/d", "n/s → n/s"},
		},
		"Around": {why: "Both ways, and what else is needed is counted.", in: "web>db,auth db>net net> auth>net other>web,auth", part: around("web", Both), want: []string{"1 net", "2 auth >net", "2 db >net", "3 web >auth >db", "4 other >auth >web"}},
		"Up":     {why: "Only what comes first.", in: "web>db db>net net> other>net", part: around("db", Up), want: []string{"1 net", "2 db >net"}},
		"Down":   {why: "Only what waits; what it waits for beside is counted.", in: "web>db,auth,net db>net net> auth>net other>net", part: around("db", Down), want: []string{"1 db +1", "2 web >db +2"}},
		"Twice":  {why: "A part of a part forgets nothing.", in: "web>db,auth db>net", part: func(p Picture) Picture { return p.Around(unit("db"), Down).Around(unit("web"), Down) }, want: []string{"1 web +2"}},
		"InRing": {why: "A circle is followed once round.", in: "a>b b>a c>", part: around("a", Both), want: []string{"0 a >b", "0 b >a"}, circles: []string{"n/a → n/b → n/a"}},
		"Within": {why: "A namespace that has nothing is empty.", in: "a>b", part: func(p Picture) Picture { return p.Within("else") }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := picture(tc.in)
			if tc.part != nil {
				p = tc.part(p)
			}
			if diff := cmp.Diff(tc.want, said(p)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
			var got []string
			for _, c := range p.Circles {
				got = append(got, Print(c))
			}
			if diff := cmp.Diff(tc.circles, got); diff != "" {
				t.Errorf("%s\ncircles (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestWithin: a namespace comes with all that it depends on, and without its users.
func TestWithin(t *testing.T) {
	at := func(s string) lockstep.Unit { u, _ := lockstep.ParseUnit(s, ""); return u }
	var nodes []Node
	for _, s := range []string{"shop/web", "infra/db", "infra/net", "other/x"} {
		nodes = append(nodes, Node{Unit: at(s), Presence: Known})
	}
	p := Draw(nodes, []Edge{{Unit: at("shop/web"), On: at("infra/db")}, {Unit: at("infra/db"), On: at("infra/net")}, {Unit: at("other/x"), On: at("shop/web")}, {Unit: at("other/x"), On: at("shop/gone")}}, Missing)
	var got []string
	for _, n := range p.Within("shop").Nodes {
		got = append(got, n.Unit.String())
	}
	if diff := cmp.Diff([]string{"infra/net", "infra/db", "shop/web"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDot(t *testing.T) {
	p := picture("web>db:url,? db> a>b b>a")
	p.Nodes[0].Driver, p.Nodes[0].Health, p.Nodes[0].Attention = "helm", "Healthy", "InStep"
	want := `digraph lockstep {
  rankdir=LR;
  node [shape=box, style="rounded,filled", fillcolor="#ffffff", fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=10];
  {
    // wave 1
    rank=same;
    "n/db" [label="n/db\nhelm · Healthy", fillcolor="#c8e6c9"];
  }
  {
    // wave 2
    rank=same;
    "n/web" [label="n/web\n", fillcolor="#ffffff"];
  }
  {
    "n/a" [label="n/a\n", fillcolor="#ffffff"];
    "n/b" [label="n/b\n", fillcolor="#ffffff"];
  }
  "n/b" -> "n/a" [label="", color="#c62828", penwidth=2];
  "n/a" -> "n/b" [label="", color="#c62828", penwidth=2];
  "hidden 1" [label="a Stack that you may not see", style="rounded,dashed"];
  "hidden 1" -> "n/web" [label=""];
  "n/db" -> "n/web" [label="url"];
}
`
	if diff := cmp.Diff(want, Dot(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// hostile are names that nobody should have, and that a server of another version or
// an API without our rules may hand out.
var hostile = []string{`a"]; evil [label="x`, `a\`, "a\nb", "\x1b[31mred", "&lt;b&gt;", "<b>", "\u202egnp", "\xff", "}", "//", `\N`}

func TestDotHostile(t *testing.T) {
	for _, name := range hostile {
		t.Run(name, func(t *testing.T) { wellFormed(t, name) })
	}
}

func FuzzDot(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Fuzz(wellFormed)
}

// wellFormed reads what is written as Graphviz does: outside of quotes there is nothing
// that the name could have brought.
func wellFormed(t *testing.T, name string) {
	plain := outside(t, Dot(named("x")))
	if diff := cmp.Diff(plain, outside(t, Dot(named(name)))); diff != "" {
		t.Errorf("%q gets out of its quotes (-plain +got):\n%s", name, diff)
	}
}

func named(name string) Picture {
	a, b := lockstep.Unit{Namespace: "n", Name: name}, lockstep.Unit{Namespace: "o", Name: "b"}
	return Draw([]Node{{Unit: a, Presence: Known, Driver: name}, {Unit: b, Presence: Known}}, []Edge{{Unit: b, On: a, Outputs: []string{name}}, {Unit: b, Outputs: []string{name}}}, Missing)
}

// outside returns a text without what is in quotes.
func outside(t *testing.T, text string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted && (c < ' ' || c == 0x7f):
			t.Errorf("a control character is in quotes: %q", text)
		case !quoted:
			b.WriteByte(c)
		}
	}
	if quoted {
		t.Errorf("a quote stays open:\n%s", text)
	}
	return b.String()
}

// TestThousand: neither many units in a row nor many in circles take long.
func TestThousand(t *testing.T) {
	const many = 1000
	shapes := map[string]func(i int) []int{
		"Chain": func(i int) []int { return []int{i + 1} },
		"Ring":  func(i int) []int { return []int{(i + 1) % many} },
		"Pairs": func(i int) []int { return []int{i ^ 1, (i + 2) % (many * 2)} }, // each pair waits for the next
		"Dense": func(i int) []int {
			var out []int
			for d := 1; d <= 64; d++ {
				out = append(out, (i+d*7)%many)
			}
			return out
		},
	}
	for name, to := range shapes {
		t.Run(name, func(t *testing.T) {
			var nodes []Node
			var edges []Edge
			for i := range many {
				u := unit(fmt.Sprintf("s%04d", i))
				nodes = append(nodes, Node{Unit: u, Presence: Known})
				for _, d := range to(i) {
					edges = append(edges, Edge{Unit: u, On: unit(fmt.Sprintf("s%04d", d))})
				}
			}
			began := time.Now()
			p := Draw(nodes, edges, Missing)
			size := len(Dot(p))
			p = p.Around(unit("s0500"), Both)
			took := time.Since(began)
			t.Logf("%d nodes, %d edges, %d waves, %d circles, %d bytes: %s", len(p.Nodes), len(p.Edges), p.Waves, len(p.Circles), size, took)
			if took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if len(p.Nodes) < many/2 || p.Waves == 0 && len(p.Circles) == 0 {
				t.Errorf("%d nodes in %d waves, %d circles", len(p.Nodes), p.Waves, len(p.Circles))
			}
		})
	}
}

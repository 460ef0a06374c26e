package graph

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	core "github.com/lockstep-dev/lockstep/internal/core/graph"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func unit(s string) lockstep.Unit {
	u, err := lockstep.ParseUnit(s, "")
	if err != nil {
		panic(err)
	}
	return u
}

func node(name, driver, health, step, attention string) core.Node {
	return core.Node{Unit: unit(name), Presence: core.Known, Driver: driver, Health: health, Step: step, Attention: attention, Ready: attention == "InStep"}
}

func drawn(p core.Picture) string {
	var out bytes.Buffer
	draw(&term.IO{Out: &out}, p)
	return out.String()
}

func TestDraw(t *testing.T) {
	infra := []core.Node{
		node("infra/network", "terraform", "Healthy", "InStep", "InStep"), node("infra/database", "terraform", "Progressing", "Behind", "Moving"),
		node("shop/web", "helm", "Healthy", "Blocked", "Moving"),
	}
	cases := map[string]struct {
		why  string
		in   core.Picture
		want string
	}{
		"Waves": {
			why: "Who is waited for now has a sign; what is taken is named.",
			in: core.Draw(infra, []core.Edge{
				{Unit: unit("infra/database"), On: unit("infra/network"), Outputs: []string{"subnets", "vpc"}}, {Unit: unit("shop/web"), On: unit("infra/database"), Outputs: []string{"url"}},
				{Unit: unit("shop/web"), On: unit("infra/network")}, {Unit: unit("shop/web"), Outputs: []string{"token"}},
			}, core.Missing),
			want: `3 stacks in 3 waves

wave 1
  ✓ infra/network   terraform  Healthy, InStep

wave 2
  ○ infra/database  terraform  Progressing, Behind
    └─ infra/network: subnets, vpc

wave 3
  … shop/web        helm       Healthy, Blocked
    ├─ a Stack that you may not see: token
    ├─ ○ infra/database: url
    └─ infra/network
`,
		},
		"Circle": {
			why: "A circle is named, and who waits for one is below it.",
			in: core.Draw([]core.Node{
				node("n/a", "helm", "Healthy", "Failing", "NeedsYou"), node("n/b", "helm", "Unknown", "Drifted", "NeedsYou"), node("n/w", "", "Unknown", "Paused", "Paused"),
			}, []core.Edge{{Unit: unit("n/a"), On: unit("n/b")}, {Unit: unit("n/b"), On: unit("n/a")}, {Unit: unit("n/w"), On: unit("n/a")}}, core.Missing),
			want: `3 stacks in 0 waves; 3 never go: they wait in a circle, or for one

never
  circle: n/a → n/b → n/a
  ✗ n/a  helm  Healthy, Failing
    └─ ≠ n/b
  ≠ n/b  helm  Unknown, Drifted
    └─ ✗ n/a
  ‖ n/w        Unknown, Paused
    └─ ✗ n/a
`,
		},
		"Part": {
			why:  "What a part leaves out is counted.",
			in:   core.Draw(infra, []core.Edge{{Unit: unit("infra/database"), On: unit("infra/network")}}, core.Missing).Around(unit("infra/database"), core.Down),
			want: "1 stack in 1 wave\n\nwave 1\n  ○ infra/database  terraform  Progressing, Behind\n    └─ and 1 more, not shown here\n",
		},
		"Missing": {
			why:  "A name that nobody has is likely a typing error.",
			in:   core.Draw([]core.Node{node("n/a", "helm", "Healthy", "Blocked", "NeedsYou")}, []core.Edge{{Unit: unit("n/a"), On: unit("n/gone")}}, core.Missing),
			want: "2 stacks in 2 waves\n\nwave 1\n  ✗ n/gone  there is no such stack\n\nwave 2\n  ■ n/a     helm  Healthy, Blocked\n    └─ ✗ n/gone\n",
		},
		"Unseen": {
			why:  "What nobody could look at is not said to be missing.",
			in:   core.Draw([]core.Node{node("n/a", "helm", "Healthy", "InStep", "InStep")}, []core.Edge{{Unit: unit("n/a"), On: unit("m/b")}}, core.Unseen),
			want: "2 stacks in 2 waves\n\nwave 1\n  ? m/b  you may not look there\n\nwave 2\n  ✓ n/a  helm  Healthy, InStep\n    └─ ? m/b\n",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, drawn(tc.in)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestHostile: a name moves no cursor, and makes no line of its own.
func TestHostile(t *testing.T) {
	for _, name := range []string{"a\nwave 9", "\x1b[2Jgone", "\u202egnp", "\xff", "a\rb", strings.Repeat("x", 5000)} {
		evil := lockstep.Unit{Namespace: "n", Name: name}
		n := node("n/x", name, name, name, name)
		n.Unit = evil
		got := drawn(core.Draw([]core.Node{n, node("n/b", "helm", "Healthy", "InStep", "InStep")}, []core.Edge{{Unit: unit("n/b"), On: evil, Outputs: []string{name}}, {Unit: evil, On: evil}}, core.Missing))
		if lines := strings.Count(got, "\n"); lines != 8 {
			t.Errorf("%.20q makes %d lines:\n%s", name, lines, got)
		}
		for _, r := range got {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%.20q prints %U", name, r)
			}
		}
	}
}

// TestThousand: every Stack has its line, and a long name does not push the others out
// of sight.
func TestThousand(t *testing.T) {
	nodes := []core.Node{node("n/"+strings.Repeat("long", 60), "helm", "Healthy", "InStep", "InStep")}
	var edges []core.Edge
	for i := range 1000 {
		nodes = append(nodes, node(fmt.Sprintf("n/s%d", i), "helm", "Healthy", "InStep", "InStep"))
		if i > 0 {
			edges = append(edges, core.Edge{Unit: nodes[i+1].Unit, On: nodes[i].Unit})
		}
	}
	got := strings.Split(drawn(core.Draw(nodes, edges, core.Missing)), "\n")
	if want := "1001 stacks in 1000 waves"; got[0] != want {
		t.Errorf("%q, want %q", got[0], want)
	}
	stacks := 0
	for _, line := range got {
		if strings.HasPrefix(line, "  ✓ ") {
			stacks++
			if len(line) > 100 && !strings.Contains(line, "longlong") {
				t.Errorf("a line has %d bytes: %s", len(line), line)
			}
		}
	}
	if stacks != len(nodes) {
		t.Errorf("%d lines of Stacks, want %d", stacks, len(nodes))
	}
}

// TestPictureOf: straight from the cluster it is the same picture as through a server.
func TestPictureOf(t *testing.T) {
	net, web := v1alpha1.Stack{}, v1alpha1.Stack{}
	net.Namespace, net.Name, net.Spec.Terraform = "infra", "net", &v1alpha1.Terraform{}
	web.Namespace, web.Name, web.Spec.Helm = "shop", "web", &v1alpha1.HelmRender{}
	web.Spec.DependsOn = []v1alpha1.Dependency{{Name: "cache"}}
	web.Spec.Inputs = []v1alpha1.Input{{From: "infra/net", Output: "vpc", As: "global.vpc"}}
	p := pictureOf([]v1alpha1.Stack{web, net}, core.Missing)
	var got []string
	for _, n := range p.Nodes {
		got = append(got, fmt.Sprintf("%d %s %s %s", n.Wave, n.Unit, n.Presence, n.Driver))
	}
	if diff := cmp.Diff([]string{"1 infra/net known terraform", "1 shop/cache missing ", "2 shop/web known helm"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]core.Edge{{Unit: unit("shop/web"), On: unit("infra/net"), Outputs: []string{"vpc"}}, {Unit: unit("shop/web"), On: unit("shop/cache")}}, p.Edges); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

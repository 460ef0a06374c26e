package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// TestGraph: each person gets the part that they may see, and of the rest neither name
// nor whether it exists.
func TestGraph(t *testing.T) {
	web, db, net := stackIn("team-a", "web"), stackIn("team-a", "db"), stackIn("team-b", "net")
	web.Spec.DependsOn = []v1alpha1.Dependency{{Name: "db"}}
	db.Spec.Inputs = []v1alpha1.Input{{From: "team-b/net", Output: "vpc"}, {From: "team-b/nowhere", Output: "zone"}}
	net.Spec.DependsOn = []v1alpha1.Dependency{{Name: "team-b/gone"}}
	x, y := stackIn("team-c", "x"), stackIn("team-c", "y")
	x.Spec.DependsOn, y.Spec.DependsOn = []v1alpha1.Dependency{{Name: "y"}, {Name: "team-a/web"}}, []v1alpha1.Dependency{{Name: "x"}}
	h := newHouse(t, web, db, net, x, y)
	cases := map[string]struct {
		why, person, query string
		nodes, edges       []string
		cycles             [][]string
	}{
		"All": {
			why: "Who may see all gets the order of all.", person: "root",
			nodes: []string{"1 team-b/gone missing", "1 team-b/nowhere missing", "2 team-b/net known", "3 team-a/db known", "4 team-a/web known", "0 team-c/x known", "0 team-c/y known"},
			edges: []string{
				"team-a/db < team-b/net vpc", "team-a/db < team-b/nowhere zone", "team-a/web < team-a/db ", "team-b/net < team-b/gone ",
				"team-c/x < team-a/web ", "team-c/x < team-c/y ", "team-c/y < team-c/x ",
			},
			cycles: [][]string{{"team-c/x", "team-c/y"}},
		},
		"Part": {
			why: "What exists and what does not look the same to who may see neither.", person: "ana",
			nodes: []string{"1 team-a/db known", "2 team-a/web known"},
			edges: []string{"team-a/db < hidden vpc", "team-a/db < hidden zone", "team-a/web < team-a/db "}, cycles: [][]string{},
		},
		"Namespace": {
			why: "A namespace comes with what it depends on elsewhere.", person: "root", query: "?namespace=team-b",
			nodes: []string{"1 team-b/gone missing", "2 team-b/net known"}, edges: []string{"team-b/net < team-b/gone "}, cycles: [][]string{},
		},
		"Elsewhere": {why: "A namespace that may not be seen is empty.", person: "ana", query: "?namespace=team-b", cycles: [][]string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, body, _ := h.do(t, tc.person, "GET", Prefix+"/graph"+tc.query, "")
			var g Graph
			if err := json.Unmarshal([]byte(body), &g); err != nil || status != 200 {
				t.Fatalf("%d %v %s", status, err, body)
			}
			var nodes, edges []string
			for _, n := range g.Nodes {
				nodes = append(nodes, string(rune('0'+n.Wave))+" "+n.Namespace+"/"+n.Name+" "+n.Presence)
			}
			for _, e := range g.Edges {
				on := e.DependsOn
				if e.Hidden {
					on += "hidden"
				}
				edges = append(edges, e.Stack+" < "+on+" "+strings.Join(e.Outputs, ","))
			}
			if diff := cmp.Diff(tc.nodes, nodes); diff != "" {
				t.Errorf("%s\nnodes (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.edges, edges); diff != "" {
				t.Errorf("%s\nedges (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.cycles, g.Cycles); diff != "" {
				t.Errorf("%s\ncycles (-want +got):\n%s", tc.why, diff)
			}
			if tc.person == "ana" && (strings.Contains(body, "team-b") || strings.Contains(body, "team-c")) {
				t.Errorf("%s\n%s", tc.why, body)
			}
		})
	}
	if status, body, _ := h.do(t, "", "GET", Prefix+"/graph", ""); status != 401 {
		t.Errorf("nobody gets %d %s", status, body)
	}
}

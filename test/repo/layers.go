package repo

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// layer is a folder with what its packages may import of this module. Packages
// of one folder may import one another.
type layer struct {
	dir string
	may []string
	why string
}

// below is what every package on the level of the drivers may import.
var below = []string{"internal/core", "internal/lockstep", "internal/fault"}

// seen is what packages that act say what they are doing with. The core does not:
// it has no time and is over at once.
var seen = slices.Concat(below, []string{"internal/observe"})

// level is where Lockstep touches the world: what fetches, renders, keeps and
// applies.
var level = []string{"internal/source", "internal/render", "internal/driver", "internal/secret", "internal/state", "internal/store"}

const (
	leaf     = "everything imports it, so that whatever it imports is imported by everything"
	siblings = "sources, renderers and drivers do not know each other; a controller introduces them, so that each can be replaced and tested alone"
	downward = "imports point one way (docs/adr/0001-the-house.md): cmd → cli → server → controller → fleet → stack → source, render, driver → core → lockstep"
)

// layers is the import rule. The longest matching folder counts, and a package
// in no folder of the table is refused, so that a new one has to be placed.
var layers = []layer{
	{dir: "internal/lockstep", why: leaf},
	{dir: "internal/fault", why: leaf},
	{dir: "internal/observe", may: []string{"internal/lockstep", "internal/fault"}, why: "whatever acts imports it, so that whatever it imports is imported by all that acts"},
	{dir: "internal/core", may: below, why: "the middle decides from what it is given; it does not know who asks or who acts"},
	{dir: "internal/source", may: seen, why: siblings},
	{dir: "internal/render", may: seen, why: siblings},
	{dir: "internal/driver", may: slices.Concat([]string{"api"}, seen), why: siblings}, // api for the names that are written on objects
	{dir: "internal/secret", may: seen, why: siblings},
	{dir: "internal/state", may: seen, why: siblings},
	{dir: "internal/store", may: seen, why: siblings},
	{dir: "api", may: []string{"internal/lockstep"}, why: "others import the kinds; they should get types and nothing that acts"},
	{dir: "client", why: "others import it; it knows the contract and nothing of how it is fulfilled"},
	{dir: "deploy", why: "it holds files to be embedded and decides nothing"},
	{dir: "ui", why: "it holds the built web UI to be embedded and decides nothing"},
	{dir: "internal/stack", may: slices.Concat([]string{"api"}, level, seen), why: "it is the pass that controller and CLI share, and knows neither"},
	{dir: "internal/fleet", may: slices.Concat([]string{"internal/stack", "api"}, level, seen), why: "it is what a server remembers of all Stacks, and asks nobody"},
	{dir: "internal/member", may: below, why: "it says whether a replica may act, and knows nothing of what it acts on"},
	{dir: "internal/runs", may: slices.Concat([]string{"internal/driver"}, below), why: "it runs what it is given in the background, and does not know what that is for"},
	{dir: "internal/controller", may: slices.Concat([]string{"internal/runs", "internal/member", "internal/fleet", "internal/stack", "api"}, level, seen), why: downward},
	{dir: "internal/server", may: slices.Concat([]string{"internal/runs", "internal/member", "internal/controller", "internal/fleet", "internal/stack", "api", "deploy", "ui"}, level, seen), why: downward},
	{dir: "internal/cli", may: slices.Concat([]string{"internal/runs", "internal/member", "internal/server", "internal/controller", "internal/fleet", "internal/stack", "api", "client", "deploy", "ui"}, level, seen), why: downward},
	{dir: "cmd", may: []string{"internal/cli", "internal/server", "internal/controller"}, why: "main is a dozen lines; what it would have to decide belongs into cli"},
	{dir: "test", may: []string{"api", "client", "cmd", "deploy", "internal"}, why: "tests may look at everything"},
}

// contracts are packages that declare an interface which the packages below them
// implement.
var contracts = []string{"internal/driver", "internal/source", "internal/state", "internal/store"}

// nothingActs lists folders whose packages have no business with a cluster.
var nothingActs = []string{"api", "internal/core", "internal/source", "internal/render"}

var clusterClients = []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime/pkg/client", "sigs.k8s.io/controller-runtime/pkg/manager"}

// Imports is the import rule. Files of tests are exempt: a test may need to stand
// up what its package must not know.
func Imports(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if f.Test || f.Nested != "" {
			continue
		}
		l, known := layerOf(f.Dir)
		if !known {
			out = append(out, Problem{f.Path, "package " + f.Dir + " is in no layer; place it in the table of test/repo/layers.go", downward})
			continue
		}
		for _, p := range slices.Sorted(maps.Keys(f.imports())) {
			if what, why := refused(f.Dir, l, p); what != "" {
				out = append(out, Problem{f.Path, what, why})
			}
		}
	}
	return out
}

func refused(dir string, l layer, imported string) (what, why string) {
	own, ours := strings.CutPrefix(imported, Module+"/")
	switch {
	case !ours && l.dir == "internal/lockstep" && !standard(imported):
		return "imports " + imported + ", and internal/lockstep takes the standard library only", leaf
	case !ours && l.dir == "internal/fault" && !standard(imported):
		return "imports " + imported + ", and internal/fault takes the standard library only", leaf
	case !ours && withinAny(dir, nothingActs) && withinAny(imported, clusterClients):
		return "imports " + imported, "only drivers, controllers and what is above them talk to a cluster"
	case imported == "testing" && !supportsTests(dir):
		return "imports testing", "what is linked into the product must not register test flags or panic outside tests"
	case !ours:
		return "", ""
	case supportsTests(own) && !supportsTests(dir):
		return "imports " + own, "a package that serves tests must not be linked into the product"
	case slices.Contains(contracts, dir) && within(own, dir):
		return "imports " + own, "a contract does not know who fulfils it"
	case own == l.dir, within(own, l.dir), withinAny(own, l.may):
		return "", ""
	}
	return "imports " + own + ", which " + l.dir + " may not", l.why
}

func layerOf(dir string) (layer, bool) {
	var best layer
	for _, l := range layers {
		if within(dir, l.dir) && len(l.dir) > len(best.dir) {
			best = l
		}
	}
	return best, best.dir != ""
}

// supportsTests says whether a package exists for tests: drivertest, testrepo,
// everything in test/.
func supportsTests(dir string) bool {
	base := path.Base(dir)
	return within(dir, "test") || strings.HasSuffix(base, "test") || strings.HasPrefix(base, "test")
}

// standard says whether an import is of the standard library.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

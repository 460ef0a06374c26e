package repo

import (
	"go/ast"
	"maps"
	"slices"
	"strings"
)

const pure = "internal/core decides from what it is given: equal facts give equal answers, in the server, the CLI and the tests alike, " +
	"and that ends where it reads a file, a socket, the clock or a dice"

// outward lists imports that reach out of the process, or bring chance in.
// Packages below an entry are meant too.
var outward = []string{
	"os", "io/ioutil", "path/filepath", "syscall", "plugin", "unsafe",
	"net", "database/sql", "log", "expvar", "runtime/debug",
	"math/rand", "crypto/rand", "testing",
	"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "helm.sh/helm", "sigs.k8s.io/kustomize/api",
	"golang.org/x/sync",
}

// harmless are below an entry of outward and only transform values.
var harmless = []string{"net/url", "net/netip"}

// calls that read the clock, wait for it, or print. A deadline is a clock too.
var impureCalls = map[string][]string{
	"time":    {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
	"fmt":     {"Print", "Printf", "Println"},
	"runtime": {"GC", "NumGoroutine", "Gosched"},
}

// Purity checks internal/core. Of our own packages core may import only core
// itself, lockstep and fault (see layers), so looking at direct imports covers
// all of our code beneath it. fault is exempt: it names HTTP's status numbers and
// opens nothing.
func Purity(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if f.Test || !(within(f.Dir, "internal/core") || within(f.Dir, "internal/lockstep")) {
			continue
		}
		for _, p := range slices.Sorted(maps.Keys(f.imports())) {
			if reachesOut(p) {
				out = append(out, Problem{f.Path, "imports " + p, pure})
			}
		}
		out = append(out, impureCode(t, f)...)
	}
	return out
}

func reachesOut(imported string) bool {
	return withinAny(imported, outward) && !withinAny(imported, harmless)
}

func impureCode(t *Tree, f *GoFile) []Problem {
	var out []Problem
	names := localNames(f)
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, Problem{t.At(n.Pos()), "starts a goroutine", pure + "; a caller that wants to work in parallel may"})
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if ok && slices.Contains(impureCalls[names[pkg.Name]], n.Sel.Name) {
				out = append(out, Problem{t.At(n.Pos()), "uses " + names[pkg.Name] + "." + n.Sel.Name, pure})
			}
		}
		return true
	})
	return out
}

// localNames maps the name under which a file knows an import to its path.
func localNames(f *GoFile) map[string]string {
	out := map[string]string{}
	for p, s := range f.imports() {
		name := p[strings.LastIndex(p, "/")+1:]
		if s.Name != nil {
			name = s.Name.Name
		}
		out[name] = p
	}
	return out
}

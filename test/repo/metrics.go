package repo

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
)

var metricName = regexp.MustCompile(`^lockstep_[a-z_]+$`)

// Metrics wants every metric of ours on the page about watching Lockstep.
func Metrics(t *Tree) []Problem {
	const page = "docs/guides/observability.md"
	var out []Problem
	for _, f := range t.Written() {
		if supportsTests(f.Dir) || within(f.Dir, "test") {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(lit.Value)
			if err == nil && metricName.MatchString(name) && !bytes.Contains(t.Text[page], []byte("`"+name+"`")) {
				out = append(out, Problem{t.At(lit.Pos()), fmt.Sprintf("names the metric %s, which %s does not have", name, page),
					"whoever is woken at night by a metric looks up what it means"})
			}
			return true
		})
	}
	return out
}

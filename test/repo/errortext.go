package repo

import (
	"go/ast"
	"go/token"
	"slices"
)

// textual lists files that may decide by the text of an error, with the reason
// for which nothing better exists. An entry that is no longer needed is refused.
var textual = map[string]string{}

// matchers are calls that look for something in a string.
var matchers = map[string][]string{
	"strings": {"Contains", "ContainsAny", "HasPrefix", "HasSuffix", "Index", "EqualFold", "Cut", "CutPrefix", "CutSuffix"},
	"regexp":  {"MatchString"},
}

// ErrorText refuses decisions by the text of an error. Reading a place out of it,
// as with FindStringSubmatch, is none.
func ErrorText(t *Tree) []Problem { return errorText(t, textual) }

func errorText(t *Tree, allowed map[string]string) []Problem {
	var out []Problem
	used := map[string]bool{}
	for _, f := range t.Written() {
		if supportsTests(f.Dir) {
			continue // a suite may ask what people are told
		}
		for _, pos := range textDecisions(f) {
			if used[f.Path] = true; allowed[f.Path] != "" {
				continue
			}
			out = append(out, Problem{t.At(pos), "decides by the text of an error",
				"the text is for people and changes under us; use errors.Is, errors.As or a kind, or list the file with its reason in test/repo/errortext.go"})
		}
	}
	for p := range allowed {
		if !used[p] {
			out = append(out, Problem{p, "is listed in test/repo/errortext.go and does not need to be",
				"an exception that nothing uses hides the next one"})
		}
	}
	return out
}

func textDecisions(f *GoFile) []token.Pos {
	var out []token.Pos
	names := localNames(f)
	ast.Inspect(f.AST, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || !slices.ContainsFunc(n.Args, isErrorText) {
				return true
			}
			pkg, _ := sel.X.(*ast.Ident)
			matches := pkg != nil && slices.Contains(matchers[names[pkg.Name]], sel.Sel.Name)
			if matches || sel.Sel.Name == "MatchString" {
				out = append(out, n.Pos())
			}
		case *ast.BinaryExpr:
			// Two errors may be asked whether they say the same.
			if (n.Op == token.EQL || n.Op == token.NEQ) && isErrorText(n.X) != isErrorText(n.Y) {
				out = append(out, n.Pos())
			}
		case *ast.SwitchStmt:
			if n.Tag != nil && isErrorText(n.Tag) {
				out = append(out, n.Pos())
			}
		}
		return true
	})
	return out
}

// isErrorText says whether e is a call of a method Error without arguments,
// perhaps lowered first.
func isErrorText(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	if len(c.Args) == 0 {
		return sel.Sel.Name == "Error"
	}
	return (sel.Sel.Name == "ToLower" || sel.Sel.Name == "TrimSpace") && isErrorText(c.Args[0])
}

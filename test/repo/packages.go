package repo

import (
	"bytes"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// longest is the number of lines that a file may have.
const longest = 800

// nameless are words that say nothing about what is inside.
var nameless = []string{"util", "utils", "common", "helper", "helpers", "shared", "misc"}

// PackageDocs wants exactly one package comment in each package.
func PackageDocs(t *Tree) []Problem {
	docs := map[string][]string{}
	for _, f := range t.Go {
		if strings.HasSuffix(f.AST.Name.Name, "_test") {
			continue
		}
		if _, seen := docs[f.Dir]; !seen {
			docs[f.Dir] = nil
		}
		if f.AST.Doc != nil {
			docs[f.Dir] = append(docs[f.Dir], path.Base(f.Path))
		}
	}
	var out []Problem
	for _, dir := range slices.Sorted(maps.Keys(docs)) {
		const why = "the package comment is where a reader starts; with two of them nobody keeps either true"
		switch in := docs[dir]; len(in) {
		case 0:
			out = append(out, Problem{dir, "has no package comment", why})
		case 1:
		default:
			out = append(out, Problem{dir, fmt.Sprintf("has %d package comments: %s", len(in), strings.Join(in, ", ")), why})
		}
	}
	return out
}

// Names refuses packages and folders that are named for nothing.
func Names(t *Tree) []Problem {
	const why = "what has no noun collects everything, and is imported by everything; find the noun"
	seen := map[string]bool{}
	var out []Problem
	for _, f := range t.Go {
		if seen[f.Dir] {
			continue
		}
		seen[f.Dir] = true
		for _, word := range append(strings.Split(f.Dir, "/"), f.AST.Name.Name) {
			if slices.Contains(nameless, word) {
				out = append(out, Problem{f.Dir, fmt.Sprintf("is named %q", word), why})
				break
			}
		}
	}
	return out
}

// Lengths refuses long files.
func Lengths(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Go {
		if !f.Generated && f.Lines > longest {
			out = append(out, Problem{f.Path, fmt.Sprintf("has %d lines, more than %d", f.Lines, longest),
				"a file answers one question; one of this length answers several"})
		}
	}
	return out
}

// documented are the packages that others read without reading their code.
var documented = []string{
	"internal/lockstep", "internal/fault",
	"internal/source", "internal/driver", "internal/core/plan", "internal/core/render",
	"api/v1alpha1",
}

// ExportedDocs wants a comment on everything that the vocabulary, the contracts
// and the kinds export. Fields are left to their authors, since many say all with
// their name.
func ExportedDocs(t *Tree) []Problem {
	var out []Problem
	for _, f := range t.Written() {
		if !slices.Contains(documented, f.Dir) {
			continue
		}
		for _, bare := range undocumented(f) {
			out = append(out, Problem{t.At(bare.Pos()), bare.Name + " has no comment",
				"people use this package by its documentation and need not read its code"})
		}
	}
	return out
}

func undocumented(f *GoFile) []*ast.Ident {
	var out []*ast.Ident
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
				out = append(out, d.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				out = append(out, undocumentedSpec(d, s)...)
			}
		}
	}
	return out
}

func undocumentedSpec(d *ast.GenDecl, s ast.Spec) []*ast.Ident {
	var out []*ast.Ident
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				out = append(out, n)
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		if d.Doc == nil && s.Doc == nil && s.Comment == nil {
			out = append(out, s.Name)
		}
		out = append(out, undocumentedMethods(s.Type)...)
	}
	return out
}

// undocumentedMethods looks into an interface: its methods are the promise.
func undocumentedMethods(e ast.Expr) []*ast.Ident {
	promise, ok := e.(*ast.InterfaceType)
	if !ok {
		return nil
	}
	var out []*ast.Ident
	for _, m := range promise.Methods.List {
		for _, n := range m.Names {
			if n.IsExported() && m.Doc == nil && m.Comment == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if generic, ok := e.(*ast.IndexExpr); ok {
		e = generic.X
	}
	id, ok := e.(*ast.Ident)
	return ok && id.IsExported()
}

// machinePath matches a path that exists on somebody's machine only. It has to
// start a word, so that a URL's path or a repository's "team/work/x" is not one.
var machinePath = regexp.MustCompile("(?m)(?:^|[\\s\"'`=(:,])(/(?:home|Users)/[a-z][\\w.-]*/|/(?:work|root)/[\\w.-]+)")

// MachinePaths refuses paths of the machine on which something was written.
func MachinePaths(t *Tree) []Problem {
	var out []Problem
	for _, p := range t.Paths() {
		content := t.Text[p]
		for _, m := range machinePath.FindAllSubmatchIndex(content, -1) {
			line := 1 + bytes.Count(content[:m[2]], []byte("\n"))
			out = append(out, Problem{fmt.Sprintf("%s:%d", p, line), fmt.Sprintf("names %q", content[m[2]:m[3]]),
				"what works on one machine only is broken on every other"})
		}
	}
	return out
}

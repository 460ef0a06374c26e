package repo

import (
	"fmt"
	"go/ast"
	"io"
	"slices"
	"strings"
)

// Figures are eight numbers about style that tell codebases apart where medians
// do not: they look at the tail and at the seams. They are a report. A single
// one of them may be bad in good code.
type Figures struct {
	Longest, LongestReconcile, Widest Located
	Median                            int // lines of a function
	ElsePerKLOC                       float64
	BoolPer100                        float64 // bool parameters per 100 functions
	ErrorText                         int     // decisions by the text of an error
	Nameless                          int     // packages named util, common, ...
	Documented                        float64 // percent of packages with a comment
	GeneratedPerWritten               float64 // lines
}

// Located is a number and where it was found.
type Located struct {
	N     int
	Where string
}

func (l *Located) raise(n int, where string) {
	if n > l.N {
		*l = Located{n, where}
	}
}

// Measure counts over the files that end up in a binary.
func Measure(t *Tree) Figures {
	var out Figures
	var lengths []int
	var lines, generated, elses, bools int
	packages := map[string]bool{}
	for _, f := range t.Go {
		if f.Generated {
			generated += f.Lines
		}
	}
	for _, f := range t.Written() {
		lines += f.Lines
		packages[f.Dir] = true
		out.ErrorText += len(textDecisions(f))
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				if n.Else != nil {
					elses++
				}
			case *ast.FuncDecl:
				if n.Body == nil {
					return true
				}
				where, long := t.At(n.Pos())+" "+n.Name.Name, t.span(n)
				lengths = append(lengths, long)
				out.Longest.raise(long, where)
				if strings.HasPrefix(n.Name.Name, "Reconcile") {
					out.LongestReconcile.raise(long, where)
				}
				wide, flags := parameters(n.Type)
				out.Widest.raise(wide, where)
				bools += flags
			}
			return true
		})
	}
	out.Nameless = len(Names(t))
	if len(lengths) == 0 {
		return out
	}
	slices.Sort(lengths)
	out.Median = lengths[len(lengths)/2]
	out.ElsePerKLOC = 1000 * float64(elses) / float64(lines)
	out.BoolPer100 = 100 * float64(bools) / float64(len(lengths))
	out.Documented = 100 - 100*float64(len(PackageDocs(t)))/float64(len(packages))
	out.GeneratedPerWritten = float64(generated) / float64(lines)
	return out
}

func (t *Tree) span(n ast.Node) int {
	return t.Fset.Position(n.End()).Line - t.Fset.Position(n.Pos()).Line + 1
}

func parameters(f *ast.FuncType) (wide, bools int) {
	for _, p := range f.Params.List {
		n := max(1, len(p.Names))
		wide += n
		if id, ok := p.Type.(*ast.Ident); ok && id.Name == "bool" {
			bools += n
		}
	}
	return wide, bools
}

// Print writes the eight figures, one a line.
func (f Figures) Print(w io.Writer) {
	fmt.Fprintf(w, "longest function            %4d lines  %s (median %d)\n", f.Longest.N, f.Longest.Where, f.Median)
	fmt.Fprintf(w, "longest Reconcile           %4d lines  %s\n", f.LongestReconcile.N, f.LongestReconcile.Where)
	fmt.Fprintf(w, "widest parameter list       %4d        %s\n", f.Widest.N, f.Widest.Where)
	fmt.Fprintf(w, "else per 1,000 lines        %6.1f\n", f.ElsePerKLOC)
	fmt.Fprintf(w, "bool params per 100 funcs   %6.1f\n", f.BoolPer100)
	fmt.Fprintf(w, "decisions by error text     %4d\n", f.ErrorText)
	fmt.Fprintf(w, "packages named for nothing  %4d\n", f.Nameless)
	fmt.Fprintf(w, "packages with a comment     %6.1f %%\n", f.Documented)
	fmt.Fprintf(w, "generated per written line  %7.2f\n", f.GeneratedPerWritten)
}

package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// A Mistake is why an expression cannot be used, with where in it.
type Mistake struct {
	Line, Column int // counted from 1; 0 when it is about the whole expression
	What         string
}

// Error returns "line 1, column 9: …".
func (m *Mistake) Error() string {
	switch {
	case m.Line == 0:
		return m.What
	case m.Line == 1:
		return fmt.Sprintf("column %d: %s", m.Column, m.What)
	}
	return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, m.What)
}

// Test is an expression that is true or false of an object.
type Test struct{ program cel.Program }

// Text is an expression that gives text.
type Text struct{ program cel.Program }

// CompileTest compiles the condition of a rule. An error is a *Mistake.
func CompileTest(source string) (*Test, error) {
	p, err := compile(source, cel.BoolType)
	if err != nil {
		return nil, err
	}
	return &Test{p}, nil
}

// CompileText compiles the message of a rule. An error is a *Mistake.
func CompileText(source string) (*Text, error) {
	p, err := compile(source, cel.StringType)
	if err != nil {
		return nil, err
	}
	return &Text{p}, nil
}

// True says whether the expression holds of o; a missing key is ErrMissing.
func (t *Test) True(o Object) (bool, error) {
	v, err := evaluate(t.program, o)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("it is neither true nor false but %s", kindOf(v))
	}
	return b, nil
}

// Of returns the text for o; a missing key is ErrMissing.
func (t *Text) Of(o Object) (string, error) {
	v, err := evaluate(t.program, o)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("it is not text but %s", kindOf(v))
	}
	return s, nil
}

func evaluate(p cel.Program, o Object) (v any, err error) {
	defer func() {
		// The library must not be able to take the server down with it.
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("it cannot be evaluated: %v", r)
		}
	}()
	out, _, err := p.Eval(o.vars)
	if err != nil {
		return nil, err
	}
	return out.Value(), nil
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case int64, uint64, float64:
		return "a number"
	case bool:
		return "true or false"
	}
	return fmt.Sprintf("a %T", v)
}

func compile(source string, want *cel.Type) (cel.Program, error) {
	env, err := environment()
	if err != nil {
		return nil, &Mistake{What: err.Error()}
	}
	tree, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, mistake(issues)
	}
	if m := rewrite(tree.NativeRep()); m != nil {
		return nil, m
	}
	checked, issues := env.Check(tree)
	if issues.Err() != nil {
		return nil, mistake(issues)
	}
	if t := checked.OutputType(); t.Kind() != types.DynKind && t.Kind() != want.Kind() {
		return nil, &Mistake{What: fmt.Sprintf("it gives a %s where a %s is needed", t, want)}
	}
	p, err := env.Program(checked, cel.CostLimit(maxCost), cel.CostTracking(price{}))
	if err != nil {
		return nil, &Mistake{What: err.Error()}
	}
	return p, nil
}

func mistake(issues *cel.Issues) *Mistake {
	errs := issues.Errors()
	if len(errs) == 0 {
		return &Mistake{What: issues.Err().Error()}
	}
	first := errs[0]
	return &Mistake{Line: first.Location.Line(), Column: first.Location.Column() + 1, What: strings.TrimSuffix(first.Message, " (in container '')")}
}

// rewrite turns selections and indexes into calls of get, and condition(type)
// into a call that is also given the object.
func rewrite(a *ast.AST) *Mistake {
	r := rewriter{info: a.SourceInfo(), make: ast.NewExprFactory()}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(r.visit))
	return r.wrong
}

type rewriter struct {
	info  *ast.SourceInfo
	make  ast.ExprFactory
	wrong *Mistake
	last  int64
	loops int
}

func (r *rewriter) visit(e ast.Expr) {
	switch e.Kind() {
	case ast.SelectKind:
		r.selection(e)
	case ast.CallKind:
		r.call(e)
	case ast.ListKind, ast.MapKind:
		r.made(e)
	case ast.ComprehensionKind:
		if r.loops++; r.loops > maxLoops {
			r.fail(e, fmt.Sprintf("it has more than %d loops (all, exists, map, filter)", maxLoops))
		}
	}
}

func (r *rewriter) selection(e ast.Expr) {
	s := e.AsSelect()
	if isCondition(s.Operand()) && !slices.Contains(conditionFields, s.FieldName()) {
		r.fail(e, fmt.Sprintf("a condition has no field %q", s.FieldName()))
	}
	if s.IsTestOnly() {
		return
	}
	r.become(e, nameGet, s.Operand(), r.make.NewLiteral(r.id(e), types.String(s.FieldName())))
}

func (r *rewriter) call(e ast.Expr) {
	c := e.AsCall()
	switch {
	case c.FunctionName() == operators.Index:
		r.become(e, nameGet, c.Args()...)
	case c.FunctionName() == "replace" && c.IsMemberFunction():
		e.SetKindCase(r.make.NewMemberCall(e.ID(), nameSwap, c.Target(), c.Args()...))
	case c.FunctionName() == "join" && c.IsMemberFunction():
		e.SetKindCase(r.make.NewMemberCall(e.ID(), nameJoin, c.Target(), c.Args()...))
	case c.FunctionName() == "condition" && !c.IsMemberFunction() && len(c.Args()) == 1:
		r.become(e, nameCondition, r.make.NewIdent(r.id(e), nameObject), c.Args()[0])
	}
}

// made has a list or map measured that is not written out in constants.
func (r *rewriter) made(e ast.Expr) {
	if constant(e) {
		return
	}
	inner := r.make.CopyExpr(e)
	inner.RenumberIDs(func(old int64) int64 {
		if old == e.ID() {
			return r.id(e)
		}
		return old
	})
	r.become(e, nameSized, inner)
}

func constant(e ast.Expr) bool {
	if e.Kind() != ast.ListKind {
		return false
	}
	for _, x := range e.AsList().Elements() {
		if x.Kind() != ast.LiteralKind {
			return false
		}
	}
	return true
}

var conditionFields = append(fields[:], "observedGeneration")

func isCondition(e ast.Expr) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == nameCondition
}

func (r *rewriter) become(e ast.Expr, function string, args ...ast.Expr) {
	e.SetKindCase(r.make.NewCall(e.ID(), function, args...))
}

// id returns a new one, with the place of e.
func (r *rewriter) id(e ast.Expr) int64 {
	if r.last == 0 {
		r.last = 1 << 20
	}
	r.last++
	if at, ok := r.info.GetOffsetRange(e.ID()); ok {
		r.info.SetOffsetRange(r.last, at)
	}
	return r.last
}

func (r *rewriter) fail(e ast.Expr, what string) {
	if r.wrong != nil {
		return
	}
	at := r.info.GetStartLocation(e.ID())
	r.wrong = &Mistake{Line: at.Line(), Column: at.Column() + 1, What: what}
}

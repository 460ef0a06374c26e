package script

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// maxSource bounds a script; the longest of Argo CD has 10 KiB.
const maxSource = 64 << 10

// maxUpvalues bounds what one closure captures, and so what one step allocates.
const maxUpvalues = 24

// A Mistake is why a script cannot be used, with where in it.
type Mistake struct {
	Line, Column int // counted from 1; 0 when unknown
	What         string
}

// Error returns "line 3, column 9: …".
func (m *Mistake) Error() string {
	switch {
	case m.Line == 0:
		return m.What
	case m.Column == 0:
		return fmt.Sprintf("line %d: %s", m.Line, m.What)
	}
	return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, m.What)
}

// Script is a compiled script. It may be run any number of times at once.
type Script struct {
	proto *lua.FunctionProto
	now   Clock
}

// Compile compiles a script; now answers os.time(). An error is a *Mistake.
func Compile(source string, now Clock) (s *Script, err error) {
	defer func() {
		// The parser and the compiler give up on what is too deep by panicking.
		if r := recover(); r != nil {
			s, err = nil, &Mistake{What: fmt.Sprintf("it cannot be compiled: %v", r)}
		}
	}()
	if len(source) > maxSource {
		return nil, &Mistake{What: fmt.Sprintf("it has %d bytes, more than the limit of %d", len(source), maxSource)}
	}
	if line := tooDeep(source); line > 0 {
		return nil, &Mistake{Line: line, What: fmt.Sprintf("it nests deeper than %d", maxNesting)}
	}
	chunk, err := parse.Parse(strings.NewReader(source), "health")
	if err != nil {
		return nil, mistakeOf(err, source)
	}
	guard := guard{}
	guard.block(chunk)
	proto, err := lua.Compile(chunk, "health")
	if err != nil {
		return nil, mistakeOf(err, source)
	}
	if err := check(proto); err != nil {
		return nil, err
	}
	return &Script{proto: proto, now: now}, nil
}

const maxNesting = 100

// tooDeep returns the line at which brackets nest deeper than any real script's,
// 0 if none does. Brackets in strings and comments are counted too; a script of
// which that is more than a hundred open ones is refused with them.
func tooDeep(source string) int {
	depth, line := 0, 1
	for i := range len(source) {
		switch source[i] {
		case '\n':
			line++
		case '(', '{', '[':
			if depth++; depth > maxNesting {
				return line
			}
		case ')', '}', ']':
			depth = max(depth-1, 0)
		}
	}
	return 0
}

func mistakeOf(err error, source string) *Mistake {
	var p *parse.Error
	if errors.As(err, &p) {
		m := &Mistake{Line: p.Pos.Line, Column: p.Pos.Column, What: p.Message}
		if m.Line <= 0 { // the parser's word for the end
			m.Line, m.Column = 1+strings.Count(strings.TrimRight(source, "\n"), "\n"), 0
			m.What += " at the end"
			return m
		}
		if p.Token != "" {
			m.What += fmt.Sprintf(" near %q", p.Token)
		}
		return m
	}
	var c *lua.CompileError
	if errors.As(err, &c) {
		return &Mistake{Line: c.Line, What: c.Message}
	}
	return &Mistake{What: err.Error()}
}

// check looks at the instructions: closures that capture much, and room that
// constructors ask for in advance, which is charged when it is really used.
func check(p *lua.FunctionProto) error {
	if p.NumUpvalues > maxUpvalues {
		return &Mistake{Line: p.LineDefined, What: fmt.Sprintf("the function captures %d variables, more than the limit of %d", p.NumUpvalues, maxUpvalues)}
	}
	for i, inst := range p.Code {
		if inst>>26 == uint32(lua.OP_NEWTABLE) {
			p.Code[i] = inst &^ (1<<18 - 1) // leaves the operation and its target
		}
	}
	for _, f := range p.FunctionPrototypes {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

// Names that a script cannot write, of the functions that guarded operations
// become. There is no _G and no getfenv by which it could reach them.
const (
	nameConcat = "@concat"
	nameTable  = "@table"
	nameSet    = "@set"
	nameKey    = "@key"
	nameLess   = "@less"
	nameAtMost = "@atmost"
)

// guard rewrites what may allocate without bound into calls of ours.
type guard struct{ temps int }

func (g *guard) block(stmts []ast.Stmt) {
	for i, s := range stmts {
		stmts[i] = g.stmt(s)
	}
}

func (g *guard) stmt(s ast.Stmt) ast.Stmt {
	switch s := s.(type) {
	case *ast.AssignStmt:
		g.exprs(s.Lhs)
		g.exprs(s.Rhs)
		return g.assignment(s)
	case *ast.LocalAssignStmt:
		g.exprs(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = g.expr(s.Expr)
	case *ast.DoBlockStmt:
		g.block(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = g.expr(s.Condition)
		g.block(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = g.expr(s.Condition)
		g.block(s.Stmts)
	case *ast.IfStmt:
		s.Condition = g.expr(s.Condition)
		g.block(s.Then)
		g.block(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit, s.Step = g.expr(s.Init), g.expr(s.Limit), g.expr(s.Step)
		g.block(s.Stmts)
	case *ast.GenericForStmt:
		g.exprs(s.Exprs)
		g.block(s.Stmts)
	case *ast.FuncDefStmt:
		g.block(s.Func.Stmts)
	case *ast.ReturnStmt:
		g.exprs(s.Exprs)
	}
	return s
}

func (g *guard) exprs(list []ast.Expr) {
	for i, e := range list {
		list[i] = g.expr(e)
	}
}

func (g *guard) expr(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = g.expr(e.Object), g.expr(e.Key)
	case *ast.TableExpr:
		return g.table(e)
	case *ast.FuncCallExpr:
		e.Func, e.Receiver = g.expr(e.Func), g.expr(e.Receiver)
		g.exprs(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
		return compared(e)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = g.expr(e.Lhs), g.expr(e.Rhs)
	case *ast.StringConcatOpExpr:
		return call(e, nameConcat, g.expr(e.Lhs), g.expr(e.Rhs))
	case *ast.UnaryMinusOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = g.expr(e.Expr)
	case *ast.FunctionExpr:
		g.block(e.Stmts)
	}
	return e
}

// compared: the virtual machine compares texts byte by byte in one step.
func compared(e *ast.RelationalOpExpr) ast.Expr {
	switch e.Operator {
	case "<":
		return call(e, nameLess, e.Lhs, e.Rhs)
	case "<=":
		return call(e, nameAtMost, e.Lhs, e.Rhs)
	case ">":
		return call(e, nameLess+">", e.Lhs, e.Rhs)
	case ">=":
		return call(e, nameAtMost+">", e.Lhs, e.Rhs)
	}
	return e
}

func (g *guard) table(e *ast.TableExpr) ast.Expr {
	for _, f := range e.Fields {
		f.Key, f.Value = g.expr(f.Key), g.expr(f.Value)
		if f.Key != nil && !isName(f.Key) {
			f.Key = call(e, nameKey, f.Key)
		}
	}
	return call(e, nameTable, e)
}

// assignment leaves variables and fields as they are. `t[k] = v` may have to fill
// the table up to k, so it becomes a call.
func (g *guard) assignment(s *ast.AssignStmt) ast.Stmt {
	if !computes(s.Lhs) {
		return s
	}
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		return g.set(s, s.Lhs[0], s.Rhs[0])
	}
	return g.several(s)
}

// several assigns to many at once: all tables, keys and values are computed before
// the first is assigned.
func (g *guard) several(s *ast.AssignStmt) ast.Stmt {
	block := &ast.DoBlockStmt{}
	place(block, s)
	keep := func(values ...ast.Expr) *ast.LocalAssignStmt {
		l := &ast.LocalAssignStmt{Exprs: values}
		place(l, s)
		block.Stmts = append(block.Stmts, l)
		return l
	}
	for i, to := range s.Lhs {
		a, ok := to.(*ast.AttrGetExpr)
		if !ok {
			continue
		}
		object, key := g.temp(), g.temp()
		keep(single(a.Object), single(a.Key)).Names = []string{object, key}
		at := &ast.AttrGetExpr{Object: ident(s, object), Key: ident(s, key)}
		place(at, s)
		s.Lhs[i] = at
	}
	values := keep(s.Rhs...)
	for _, to := range s.Lhs {
		name := g.temp()
		values.Names = append(values.Names, name)
		block.Stmts = append(block.Stmts, g.set(s, to, ident(s, name)))
	}
	return block
}

func (g *guard) temp() string {
	g.temps++
	return fmt.Sprintf("@%d", g.temps)
}

func computes(to []ast.Expr) bool {
	for _, e := range to {
		if a, ok := e.(*ast.AttrGetExpr); ok && !isName(a.Key) {
			return true
		}
	}
	return false
}

func (g *guard) set(s ast.Stmt, to, value ast.Expr) ast.Stmt {
	var out ast.Stmt
	a, ok := to.(*ast.AttrGetExpr)
	if ok && !isName(a.Key) {
		out = &ast.FuncCallStmt{Expr: call(to, nameSet, a.Object, a.Key, value)}
	} else {
		out = &ast.AssignStmt{Lhs: []ast.Expr{to}, Rhs: []ast.Expr{value}}
	}
	place(out, s)
	return out
}

func isName(key ast.Expr) bool {
	_, ok := key.(*ast.StringExpr)
	return ok
}

// call calls a function of ours with exactly these values, for exactly one.
func call(at ast.PositionHolder, name string, args ...ast.Expr) ast.Expr {
	c := &ast.FuncCallExpr{Func: ident(at, name), AdjustRet: true}
	for _, a := range args {
		c.Args = append(c.Args, single(a))
	}
	place(c, at)
	return c
}

// single makes one value of what may be several.
func single(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return e
}

func ident(at ast.PositionHolder, name string) ast.Expr {
	i := &ast.IdentExpr{Value: name}
	place(i, at)
	return i
}

func place(n, at ast.PositionHolder) {
	n.SetLine(at.Line())
	n.SetLastLine(at.LastLine())
}

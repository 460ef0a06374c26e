package diff

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Rule names fields whose difference is nobody's business. Empty selectors match
// everything.
type Rule struct {
	Group, Kind, Namespace, Name string
	JSONPointers                 []string // RFC 6901: /spec/replicas
	JQPaths                      []string // .spec.template.spec.containers[] | select(.name == "web") | .image
	Managers                     []string // fields that these managers own
	// Source is where the rule stands, for those who ask why a field is ignored.
	Source string
}

// Ignore is a compiled list of rules. The nil Ignore ignores nothing.
type Ignore struct{ rules []compiled }

type compiled struct {
	Rule
	pointers []path
	queries  []*gojq.Code
}

// CompileIgnore reads rules; an error names the rule that cannot be read.
func CompileIgnore(rules []Rule) (*Ignore, error) {
	out := &Ignore{}
	var errs []error
	for i, r := range rules {
		c := compiled{Rule: r}
		for _, p := range r.JSONPointers {
			parsed, err := parsePointer(p)
			errs = append(errs, place(err, i))
			c.pointers = append(c.pointers, parsed)
		}
		for _, q := range r.JQPaths {
			code, err := parseQuery(q)
			errs = append(errs, place(err, i))
			c.queries = append(c.queries, code)
		}
		out.rules = append(out.rules, c)
	}
	if err := fault.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func place(err error, i int) error {
	if err == nil {
		return nil
	}
	return fault.As(err).At("ignoreDifferences[%d]", i)
}

func parsePointer(s string) (path, error) {
	if !strings.HasPrefix(s, "/") {
		return nil, fault.Invalid("%q is not a JSON pointer", s).WithHint("write /spec/replicas; ~1 stands for a slash in a name")
	}
	var p path
	for _, name := range strings.Split(s[1:], "/") {
		p = p.field(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return p, nil
}

func parseQuery(s string) (*gojq.Code, error) {
	// Alone first: "1) | (2" is no query, and only looks like one in brackets.
	if _, err := gojq.Parse(s); err != nil {
		return nil, fault.Invalid("%q is not a jq path", s).WithHint("%s", err.Error()).Because(err)
	}
	q, err := gojq.Parse("path(" + s + "\n)") // a comment must not swallow the bracket
	if err != nil {
		return nil, fault.Invalid("%q is not a jq path", s).WithHint("%s", err.Error()).Because(err)
	}
	code, err := gojq.Compile(q)
	if err != nil {
		return nil, fault.Invalid("%q is not a jq path", s).WithHint("%s", err.Error()).Because(err)
	}
	return code, nil
}

func (r compiled) matches(k lockstep.Key) bool {
	fits := func(want, have string) bool { return want == "" || want == have }
	return fits(r.Group, k.Group) && fits(r.Kind, k.Kind) && fits(r.Namespace, k.Namespace) && fits(r.Name, k.Name)
}

// An Ignored is the places of one object that are ignored.
type Ignored struct {
	paths    []ignoredPath
	managers []ignoredManager
}

type ignoredPath struct {
	at   path
	text string // at, printed
	from string
}

type ignoredManager struct{ name, from string }

// For resolves the rules that match key against trees of that object: what Git
// asks for and what is live. A query that fails on a tree ignores nothing in it.
func (i *Ignore) For(key lockstep.Key, trees ...map[string]any) Ignored {
	var out Ignored
	if i == nil {
		return out
	}
	for _, r := range i.rules {
		if !r.matches(key) {
			continue
		}
		out.add(r, trees)
	}
	return out
}

func (i *Ignored) add(r compiled, trees []map[string]any) {
	for _, m := range r.Managers {
		i.managers = append(i.managers, ignoredManager{m, r.Source})
	}
	for _, t := range trees {
		for _, p := range r.resolve(t) {
			i.paths = append(i.paths, ignoredPath{p, p.String(), r.Source})
		}
	}
}

// And returns i with JSON pointers that are ignored as well, because of what
// stands at from. Those that cannot be read are left out and returned.
func (i Ignored) And(pointers []string, from string, trees ...map[string]any) (Ignored, []string) {
	r := compiled{Rule: Rule{Source: from}}
	var bad []string
	for _, p := range pointers {
		parsed, err := parsePointer(p)
		if err != nil {
			bad = append(bad, p)
			continue
		}
		r.pointers = append(r.pointers, parsed)
	}
	out := Ignored{paths: slices.Clone(i.paths), managers: i.managers}
	out.add(r, trees)
	return out, bad
}

func (r compiled) resolve(t map[string]any) []path {
	var out []path
	for _, p := range r.pointers {
		if len(p) > 0 {
			out = append(out, settle(t, p))
		}
	}
	if len(r.queries) == 0 {
		return out
	}
	input := plainNumbers(t)
	for _, q := range r.queries {
		for _, p := range run(q, input) {
			out = append(out, settle(t, p))
		}
	}
	return out
}

// settle turns names and numbers into the segments that Changes and Missing
// use: items of a list by their keys where they have some.
func settle(t any, p path) path {
	var out path
	for _, s := range p {
		list, ok := t.([]any)
		if !ok {
			out = out.with(s)
			t, _ = s.in(t)
			continue
		}
		i := s.index
		if s.form == field {
			n, err := strconv.Atoi(s.name)
			if err != nil {
				return out.with(s) // resolves nowhere
			}
			i = n
		}
		if i < 0 || i >= len(list) {
			return out.with(segment{form: indexed, index: i})
		}
		out = out.with(itemSegment(out, list, i))
		t = list[i]
	}
	return out
}

func itemSegment(at path, list []any, i int) segment {
	names, ok := mergeKeys(at, list, nil)
	if !ok {
		return segment{form: indexed, index: i}
	}
	return segment{form: keyed, keys: keysOf(list[i].(map[string]any), names)}
}

// maxPaths bounds what one query may name.
const maxPaths = 1000

func run(q *gojq.Code, input any) []path {
	var out []path
	it := q.RunWithContext(&fuel{left: maxSteps}, input)
	for len(out) < maxPaths {
		v, ok := it.Next()
		if !ok {
			return out
		}
		if _, failed := v.(error); failed {
			return out
		}
		if p, ok := queryPath(v); ok {
			out = append(out, p)
		}
	}
	return out
}

func queryPath(v any) (path, bool) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, false
	}
	var p path
	for _, e := range list {
		switch e := e.(type) {
		case string:
			p = p.field(e)
		case int:
			p = p.at(e)
		default:
			return nil, false
		}
	}
	return p, true
}

// maxSteps is some hundred times what a sensible query over a large object
// takes.
const maxSteps = 1_000_000

var errFuel = errors.New("the query takes too long")

// fuel is a context that ends after so many looks at it. A deadline would make
// the same facts give different plans on a slower machine.
type fuel struct {
	left int
	done chan struct{}
}

var _ context.Context = (*fuel)(nil)

func (f *fuel) Deadline() (time.Time, bool) { return time.Time{}, false }
func (f *fuel) Value(any) any               { return nil }

func (f *fuel) Done() <-chan struct{} {
	if f.done == nil {
		f.done = make(chan struct{})
	}
	if f.left--; f.left == 0 {
		close(f.done)
	}
	return f.done
}

func (f *fuel) Err() error {
	if f.left <= 0 {
		return errFuel
	}
	return nil
}

// plainNumbers copies a tree for gojq, which knows int but not int64, and may
// keep parts of what it is given.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = plainNumbers(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plainNumbers(e)
		}
		return out
	case int64:
		return int(v)
	case string, bool, float64, int, nil:
		return v
	}
	return fmt.Sprint(v)
}

// Empty says whether nothing is ignored.
func (i Ignored) Empty() bool { return len(i.paths) == 0 && len(i.managers) == 0 }

// Filter returns the changes that are not ignored.
func (i Ignored) Filter(changes []lockstep.FieldChange) []lockstep.FieldChange {
	if i.Empty() {
		return changes
	}
	var out []lockstep.FieldChange
	for _, c := range changes {
		if _, ignored := i.Why(c); !ignored {
			out = append(out, c)
		}
	}
	return out
}

// Why says whether a change is ignored, and where that is asked for.
func (i Ignored) Why(c lockstep.FieldChange) (from string, ignored bool) {
	for _, m := range i.managers {
		if c.Manager != "" && c.Manager == m.name {
			return m.from, true
		}
	}
	for _, p := range i.paths {
		if below(c.Path, p.text) {
			return p.from, true
		}
	}
	return "", false
}

// below says whether a printed path is prefix or lies below it.
func below(p, prefix string) bool {
	rest, ok := strings.CutPrefix(p, prefix)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Yield returns desired without the ignored fields that owned lacks: somebody
// else has them, and sending them would take them back. Ignored fields that are
// still ours stay, or the server would remove them. Drifted fields whose manager
// is ignored are left out too.
func (i Ignored) Yield(desired lockstep.Object, owned map[string]any, drift []lockstep.FieldChange) lockstep.Object {
	var leave []path
	for _, p := range i.paths {
		_, ours := lookup(owned, p.at)
		_, asked := lookup(desired.Tree, p.at)
		if asked && !ours {
			leave = append(leave, p.at)
		}
	}
	leave = append(leave, i.byManager(desired.Tree, drift)...)
	if len(leave) == 0 {
		return desired
	}
	out := desired.Clone()
	for _, p := range leave {
		remove(out.Tree, p)
	}
	return out
}

func (i Ignored) byManager(desired map[string]any, drift []lockstep.FieldChange) []path {
	names := map[string]bool{}
	for _, c := range drift {
		owned := func(m ignoredManager) bool { return m.name == c.Manager }
		if c.Manager != "" && slices.ContainsFunc(i.managers, owned) {
			names[c.Path] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	var out []path
	places(desired, nil, func(p path) {
		if names[p.String()] {
			out = append(out, p)
		}
	})
	return out
}

// places visits every field and item of a tree, parents first; a printed path is
// found again by asking which place prints so.
func places(v any, at path, visit func(path)) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedKeys(v) {
			visit(at.field(k))
			places(v[k], at.field(k), visit)
		}
	case []any:
		for i, e := range v {
			p := at.with(itemSegment(at, v, i))
			visit(p)
			places(e, p, visit)
		}
	}
}

// remove deletes a field of a map; an item of a list is left, since its
// neighbours would move.
func remove(tree map[string]any, p path) {
	if len(p) == 0 || p[len(p)-1].form != field {
		return
	}
	parent, ok := lookup(tree, p[:len(p)-1])
	if m, isMap := parent.(map[string]any); ok && isMap {
		delete(m, p[len(p)-1].name)
	}
}

package health

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/lockstep-dev/lockstep/internal/core/health/rules"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// library is every rule file by what it is for. Only the heads of the files are
// read to make it; rules are compiled when the first object of their kind comes.
type library struct {
	exact map[lockstep.GroupKind]*shelf // Kind "*" is every kind of the group
	globs []*shelf                      // longest first
}

// shelf is one file.
type shelf struct {
	name  string
	head  File // without rules
	once  sync.Once
	rules ruleSet
	err   error
}

var theLibrary = sync.OnceValue(func() *library { return newLibrary(rules.Files) })

// newLibrary reads the heads. A file that cannot be read is left out here and
// fails the tests of this package.
func newLibrary(files fs.FS) *library {
	l := &library{exact: map[lockstep.GroupKind]*shelf{}}
	for _, name := range ruleFiles(files) {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			continue
		}
		head, err := parseHead(name, data)
		if err != nil {
			continue
		}
		s := &shelf{name: name, head: head}
		if isGlob(head.Group) {
			l.globs = append(l.globs, s)
			continue
		}
		for _, kind := range head.Kinds {
			l.exact[lockstep.GroupKind{Group: head.Group, Kind: kind}] = s
		}
	}
	slices.SortStableFunc(l.globs, func(a, b *shelf) int { return len(b.head.Group) - len(a.head.Group) })
	return l
}

// ruleFiles returns the names of rule files, without those of their tests.
func ruleFiles(files fs.FS) []string {
	all, _ := fs.Glob(files, "*/*.yaml")
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, "_test.yaml") })
}

// parseHead reads what stands before the rules.
func parseHead(name string, data []byte) (File, error) {
	before, _, found := bytes.Cut(data, []byte("\nrules:"))
	if !found {
		return File{}, fault.Invalid("field %q is missing", "rules").At("%s", name)
	}
	r := fileReader{name: name}
	n := r.document(before)
	if n == nil {
		return File{}, fault.Join(r.errs...)
	}
	var f File
	r.head(n, &f)
	return f, fault.Join(r.errs...)
}

// inLibrary says cheaply that there are no rules for a kind: groups without a dot
// are Kubernetes' own, and the most common objects are theirs.
func inLibrary(gk lockstep.GroupKind) bool { return strings.Contains(gk.Group, ".") }

// find returns the file for a kind: the more exact one where there are two.
func (l *library) find(gk lockstep.GroupKind) *shelf {
	if s := l.exact[gk]; s != nil {
		return s
	}
	if s := l.exact[lockstep.GroupKind{Group: gk.Group, Kind: "*"}]; s != nil {
		return s
	}
	for _, exact := range [...]bool{true, false} {
		for _, s := range l.globs {
			if matchGroup(s.head.Group, gk.Group) && slices.Contains(s.head.Kinds, kindOrAny(gk.Kind, exact)) {
				return s
			}
		}
	}
	return nil
}

func kindOrAny(kind string, exact bool) string {
	if exact {
		return kind
	}
	return "*"
}

func isGlob(group string) bool { return strings.ContainsAny(group, "*?[") }

func matchGroup(pattern, group string) bool {
	if !isGlob(pattern) {
		return pattern == group
	}
	ok, err := path.Match(pattern, group)
	return ok && err == nil
}

// set returns the compiled rules.
func (s *shelf) set(files fs.FS) (ruleSet, error) {
	s.once.Do(func() { s.rules, s.err = s.compile(files) })
	return s.rules, s.err
}

func (s *shelf) compile(files fs.FS) (ruleSet, error) {
	data, err := fs.ReadFile(files, s.name)
	if err != nil {
		return nil, fault.Internal(err)
	}
	f, err := ParseFile(s.name, data)
	if err != nil {
		return nil, err
	}
	return compileFile(s.name, f)
}

// compileFile compiles the rules of a file; places are lines of it.
func compileFile(name string, f File) (ruleSet, error) {
	return compileRules(f.Rules, func(i int, field string) string {
		place := lockstep.Origin{File: name, Line: f.Rules[i].line}.String()
		if field == "" {
			return place
		}
		return fmt.Sprintf("%s, %s", place, field)
	})
}

package repo

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of the root module.
const Module = "github.com/lockstep-dev/lockstep"

// Tree is a repository as the rules see it.
type Tree struct {
	Fset *token.FileSet
	// Go holds every Go file outside testdata, ordered by path.
	Go []*GoFile
	// Text maps the path of every file that holds text, Go files included, to its
	// content.
	Text map[string][]byte

	nested []string
}

// GoFile is one parsed Go file.
type GoFile struct {
	Path string // slash-separated, from the root
	Dir  string
	AST  *ast.File
	// Nested is the directory of the nested module that the file belongs to; ""
	// for the root module.
	Nested    string
	Test      bool // _test.go
	Generated bool
	Lines     int
}

// Problem is one thing that is not as it should be.
type Problem struct {
	Where string // path or path:line
	What  string
	Why   string
}

// String puts the reason on a line of its own.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s\n\twhy: %s", p.Where, p.What, p.Why)
}

// skipped directories hold what is built, downloaded or generated at run time.
var skipped = []string{".git", "bin", "node_modules", "lockstep-demo", ".out"}

// Load reads the tree.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet(), Text: map[string][]byte{}}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(skipped, d.Name()) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return t.read(root, name)
	})
	if err != nil {
		return nil, err
	}
	for _, f := range t.Go {
		f.Nested = t.nestedModule(f.Dir)
	}
	return t, nil
}

func (t *Tree) read(root fs.FS, name string) error {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return nil
	}
	t.Text[name] = content
	if path.Base(name) == "go.mod" && path.Dir(name) != "." {
		t.nested = append(t.nested, path.Dir(name))
	}
	if path.Ext(name) != ".go" || inTestdata(name) {
		return nil
	}
	parsed, err := parser.ParseFile(t.Fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Go = append(t.Go, &GoFile{
		Path:      name,
		Dir:       path.Dir(name),
		AST:       parsed,
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(parsed),
		Lines:     bytes.Count(content, []byte("\n")),
	})
	return nil
}

func (t *Tree) nestedModule(dir string) string {
	for _, n := range t.nested {
		if within(dir, n) {
			return n
		}
	}
	return ""
}

// At returns "path:line" of a position.
func (t *Tree) At(pos token.Pos) string {
	p := t.Fset.Position(pos)
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// Written returns the files of people's own making that end up in a binary.
func (t *Tree) Written() []*GoFile {
	return slices.DeleteFunc(slices.Clone(t.Go), func(f *GoFile) bool { return f.Test || f.Generated })
}

// Paths returns the paths of all text files with one of the extensions, sorted.
func (t *Tree) Paths(extensions ...string) []string {
	var out []string
	for p := range t.Text {
		if len(extensions) == 0 || slices.Contains(extensions, path.Ext(p)) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// imports returns what f imports, by path.
func (f *GoFile) imports() map[string]*ast.ImportSpec {
	out := map[string]*ast.ImportSpec{}
	for _, s := range f.AST.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil {
			out[p] = s
		}
	}
	return out
}

// within says whether dir is base or lies below it.
func within(dir, base string) bool {
	return dir == base || strings.HasPrefix(dir, base+"/")
}

func withinAny(dir string, bases []string) bool {
	return slices.ContainsFunc(bases, func(b string) bool { return within(dir, b) })
}

func inTestdata(name string) bool {
	return slices.Contains(strings.Split(name, "/"), "testdata")
}

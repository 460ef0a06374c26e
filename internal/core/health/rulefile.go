package health

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Rule is one sentence of CEL about an object.
type Rule struct {
	// When is true of the objects that the rule decides.
	When string
	// Status is the verdict: Healthy, Suspended, Progressing or Degraded.
	Status string
	// Message is an expression that gives the words; "" takes those of the
	// object's own conditions.
	Message string

	line int // in its file; 0 if it is from none
}

// File is one file of rules.
type File struct {
	Group string // exact, or a glob such as *.upbound.io
	Kinds []string
	Doc   string
	Rules []Rule
}

// Bounds of a file that somebody else wrote.
const (
	maxFileBytes = 256 << 10
	maxRules     = 100
	maxKinds     = 1000
)

// ParseFile reads a file of rules. What is wrong with it is said with its line,
// all of it at once; whether the expressions compile is for Compile to say.
func ParseFile(name string, data []byte) (File, error) {
	r := fileReader{name: name}
	if len(data) > maxFileBytes {
		r.fail(0, "the file has %d bytes, more than the limit of %d", len(data), maxFileBytes)
		return File{}, fault.Join(r.errs...)
	}
	var f File
	if root := r.document(data); root != nil {
		f = r.file(root)
	}
	return f, fault.Join(r.errs...)
}

type fileReader struct {
	name string
	errs []error
}

func (r *fileReader) fail(line int, format string, args ...any) {
	r.errs = append(r.errs, fault.Invalid(format, args...).At("%s", lockstep.Origin{File: r.name, Line: line}))
}

// yamlPlace finds the line in a message of the YAML library, whose errors have
// no other form than text.
var yamlPlace = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

func (r *fileReader) document(data []byte) *yaml.Node {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		r.fail(0, "the file is empty")
		return nil
	}
	if err != nil {
		line, what := 0, err.Error()
		if m := yamlPlace.FindStringSubmatch(what); m != nil {
			line, _ = strconv.Atoi(m[1])
			what = m[2]
		}
		r.fail(line, "not valid YAML: %s", what)
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		r.fail(max(more.Line, 1), "a rule file is one document, and this one has more")
		return nil
	}
	return doc.Content[0]
}

func (r *fileReader) file(n *yaml.Node) File {
	var f File
	take := r.headFields(&f)
	take["rules"] = func(v *yaml.Node) {
		for _, e := range r.items(v) {
			f.Rules = append(f.Rules, r.rule(e))
		}
	}
	r.fields(n, take, "group", "kinds", "rules")
	if len(f.Rules) > maxRules || len(f.Kinds) > maxKinds {
		r.fail(n.Line, "it has %d rules for %d kinds, more than the limits of %d and %d", len(f.Rules), len(f.Kinds), maxRules, maxKinds)
	}
	return f
}

// head reads a file of which the rules were left out.
func (r *fileReader) head(n *yaml.Node, f *File) {
	r.fields(n, r.headFields(f), "group", "kinds")
}

func (r *fileReader) headFields(f *File) map[string]func(*yaml.Node) {
	return map[string]func(*yaml.Node){
		"group": func(v *yaml.Node) { f.Group = r.text(v) },
		"kinds": func(v *yaml.Node) { f.Kinds = r.texts(v) },
		"doc":   func(v *yaml.Node) { f.Doc = r.text(v) },
	}
}

func (r *fileReader) rule(n *yaml.Node) Rule {
	rule := Rule{line: n.Line}
	r.fields(n, map[string]func(*yaml.Node){
		"when":    func(v *yaml.Node) { rule.When = r.text(v) },
		"status":  func(v *yaml.Node) { rule.Status = r.text(v) },
		"message": func(v *yaml.Node) { rule.Message = r.text(v) },
	}, "when", "status")
	return rule
}

// fields reads a mapping that has no other fields than those of take, and all
// of needed.
func (r *fileReader) fields(n *yaml.Node, take map[string]func(*yaml.Node), needed ...string) {
	n = follow(n)
	if n.Kind != yaml.MappingNode {
		r.fail(n.Line, "here fields are needed (%s), not %s", strings.Join(needed, ", "), shape(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, known := take[key.Value]
		switch {
		case !known:
			r.fail(key.Line, "unknown field %q, known are %s", key.Value, names(take))
		case seen[key.Value]:
			r.fail(key.Line, "field %q is here twice", key.Value)
		default:
			read(value)
		}
		seen[key.Value] = true
	}
	for _, name := range needed {
		if !seen[name] {
			r.fail(n.Line, "field %q is missing", name)
		}
	}
}

func names(take map[string]func(*yaml.Node)) string {
	var out []string
	for _, name := range [...]string{"group", "kinds", "doc", "rules", "when", "status", "message"} {
		if take[name] != nil {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

func (r *fileReader) text(n *yaml.Node) string {
	n = follow(n)
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		r.fail(n.Line, "here text is needed, not %s", shape(n))
		return ""
	}
	return n.Value // also of a plain true, which is a fine expression
}

func (r *fileReader) texts(n *yaml.Node) []string {
	var out []string
	for _, e := range r.items(n) {
		out = append(out, r.text(e))
	}
	return out
}

func (r *fileReader) items(n *yaml.Node) []*yaml.Node {
	n = follow(n)
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fail(n.Line, "here a list with something in it is needed, not %s", shape(n))
		return nil
	}
	return n.Content
}

func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias.Kind != yaml.AliasNode {
		return n.Alias
	}
	return n
}

func shape(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "fields"
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		return "an empty list"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null", n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}

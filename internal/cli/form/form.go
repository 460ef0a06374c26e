// Package form writes what a command found in the form that was asked for by -o.
//
// Every answer has a versioned kind, so that scripts can tell what they read and
// survive our next idea.
package form

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Form is a form of output.
type Form struct {
	name     string
	template *template.Template
}

// The forms.
const (
	Table = "table"
	Wide  = "wide"
	Name  = "name"
	JSON  = "json"
	YAML  = "yaml"
	JSONL = "jsonl"
	Patch = "patch"
)

// Listing are the forms of commands that list something.
var Listing = []string{Table, Wide, Name, JSON, YAML, JSONL}

// Single are the forms of commands that answer with one thing.
var Single = []string{Table, JSON, YAML}

// Parse reads the value of -o. template=… is allowed wherever json is.
func Parse(value string, allowed []string) (Form, error) {
	if value == "" {
		return Form{name: allowed[0]}, nil
	}
	if text, ok := strings.CutPrefix(value, "template="); ok && slices.Contains(allowed, JSON) {
		t, err := template.New("-o").Option("missingkey=zero").Parse(text)
		if err != nil {
			return Form{}, fault.Usage("-o template: %v", err).WithHint("it is a Go template over what -o json prints")
		}
		return Form{name: "template", template: t}, nil
	}
	if !slices.Contains(allowed, value) {
		return Form{}, fault.Usage("-o is %q", value).WithHint("one of: %s", Usage(allowed))
	}
	return Form{name: value}, nil
}

// Usage lists forms for a flag's help.
func Usage(allowed []string) string {
	if slices.Contains(allowed, JSON) {
		allowed = append(slices.Clone(allowed), "template=…")
	}
	return strings.Join(allowed, ", ")
}

// Is says whether the form is one of names.
func (f Form) Is(names ...string) bool { return slices.Contains(names, f.name) }

// ForPeople says whether a command writes the form itself, as text.
func (f Form) ForPeople() bool { return f.Is(Table, Wide, Name, Patch) }

// Write writes v, a whole answer. items are its parts, for jsonl.
func (f Form) Write(w io.Writer, v any, items ...any) error {
	switch f.name {
	case JSONL:
		if items == nil {
			items = []any{v}
		}
		for _, i := range items {
			if err := Line(w, i); err != nil {
				return err
			}
		}
		return nil
	case YAML:
		out, err := yaml.Marshal(v)
		if err != nil {
			return fault.Internal(err)
		}
		return write(w, out)
	case "template":
		return f.execute(w, v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	// "<" is no danger in a terminal, and paths of fields are full of it.
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fault.Internal(err)
	}
	return write(w, b.Bytes())
}

// Line writes v as one line of JSON.
func Line(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fault.Internal(err)
	}
	return write(w, b.Bytes())
}

// execute runs the template over the JSON form, so that field names are those
// that -o json shows.
func (f Form) execute(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fault.Internal(err)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	// A float would turn 1000000 into 1e+06.
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return fault.Internal(err)
	}
	var b bytes.Buffer
	if err := f.template.Execute(&b, tree); err != nil {
		return fault.Usage("-o %v", err).WithHint("look at -o json for the names of the fields")
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteByte('\n')
	}
	return write(w, b.Bytes())
}

func write(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// Head is the version and kind that an answer begins with.
type Head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// Of returns the Head of a kind that exists in the CLI only.
func Of(kind string) Head { return Head{APIVersion: "cli.lockstep.dev/v1alpha1", Kind: kind} }

// Each returns the parts of an answer as Write takes them.
func Each[T any](items []T) []any {
	out := make([]any, len(items))
	for i := range items {
		out[i] = items[i]
	}
	return out
}

package filter

import "time"

// Kind says what the values of a field are.
type Kind uint8

// The kinds.
const (
	Word   Kind = iota // free text, compared as a whole, with globs
	Choice             // one of a fixed set
	Age                // a time; the value is an age
	Pair               // key=value, or key
	Prefix             // the beginning is enough: a commit
	Number             // compared with <, >, <= and >=
)

// Field is something that can be asked for.
type Field struct {
	Name    string
	Aliases []string
	Kind    Kind
	// Choices are the values of a Choice, as they are written.
	Choices []string
}

// Schema is the fields that a filter may name.
type Schema struct {
	Fields []Field
	byName map[string]*Field
}

// NewSchema returns the schema of fields. Names and aliases are lower case.
func NewSchema(fields ...Field) *Schema {
	s := &Schema{Fields: fields, byName: map[string]*Field{}}
	for i := range fields {
		f := &s.Fields[i]
		s.byName[f.Name] = f
		for _, a := range f.Aliases {
			s.byName[a] = f
		}
	}
	return s
}

// names lists the fields for a hint.
func (s *Schema) names() []string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Name
	}
	return out
}

// Subject is what a filter is held against. It is asked for fields of its schema
// by their names, never by an alias.
type Subject interface {
	// Text is what words are looked for in, in lower case.
	Text() string
	// Field returns the value of a field of kind Word, Choice or Prefix, in lower
	// case; Choices without hyphens.
	Field(name string) string
	// Time returns the value of an Age, zero if there is none.
	Time(name string) time.Time
	// Pair returns the value of a key, in lower case.
	Pair(name, key string) (value string, ok bool)
	// Number returns the value of a Number.
	Number(name string) int64
}

// Context is what the values of a filter may refer to.
type Context struct {
	Now time.Time
	// Me are the names that the value "me" stands for, in lower case.
	Me []string
}

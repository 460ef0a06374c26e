package filter

import (
	"strings"
)

// String prints f in its canonical form: fields by their names, choices as the schema
// spells them, quotes only where they are needed.
func (f Filter) String() string {
	var b strings.Builder
	for i, t := range f.terms {
		if i > 0 {
			b.WriteByte(' ')
		}
		if t.not {
			b.WriteByte('-')
		}
		if t.field == nil {
			b.WriteString(word(t.values[0].raw))
			continue
		}
		b.WriteString(t.field.Name)
		for j, v := range t.values {
			b.WriteByte(",:"[boolByte(j == 0)])
			b.WriteString(v.print(t.field))
		}
	}
	return b.String()
}

func boolByte(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (v value) print(f *Field) string {
	if f.Kind == Choice || f.Kind == Age || f.Kind == Number {
		return v.raw
	}
	// A star that stood in quotes must not come back as one that does not.
	if !v.glob && strings.ContainsAny(v.raw, "*?") {
		return quote(v.raw)
	}
	return bare(v.raw, " \t\r\n\",")
}

// word prints free text: a colon or a minus in front would make it something else.
func word(s string) string {
	if strings.HasPrefix(s, "-") {
		return quote(s)
	}
	return bare(s, " \t\r\n\":")
}

func bare(s, special string) string {
	if s == "" || strings.ContainsAny(s, special) {
		return quote(s)
	}
	return s
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

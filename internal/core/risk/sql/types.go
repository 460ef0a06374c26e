package sql

import (
	"strconv"
	"strings"
)

// columnType is a type as far as it says what fits into it.
type columnType struct {
	base string
	size int // 0 if there is none
	// scale of a decimal.
	scale    int
	unsigned bool
}

// aliases are other words for the same types.
var aliases = map[string]string{
	"INT": "INTEGER", "INT4": "INTEGER", "INT8": "BIGINT", "INT2": "SMALLINT", "SERIAL": "INTEGER", "BIGSERIAL": "BIGINT",
	"CHARACTER": "CHAR", "BPCHAR": "CHAR", "DEC": "DECIMAL", "NUMERIC": "DECIMAL", "FLOAT8": "DOUBLE", "FLOAT4": "REAL",
	"TIMESTAMPTZ": "TIMESTAMP", "DATETIME": "TIMESTAMP", "NVARCHAR": "VARCHAR", "BOOL": "BOOLEAN",
}

// widths order types that hold ever more, each within its family.
var widths = map[string]struct {
	family string
	width  int
}{
	"TINYINT": {"whole", 1}, "SMALLINT": {"whole", 2}, "MEDIUMINT": {"whole", 3}, "INTEGER": {"whole", 4}, "BIGINT": {"whole", 8},
	"REAL": {"floating", 4}, "FLOAT": {"floating", 5}, "DOUBLE": {"floating", 8},
	"CHAR": {"text", 1}, "VARCHAR": {"text", 1}, "TINYTEXT": {"text", 2}, "TEXT": {"text", 3}, "MEDIUMTEXT": {"text", 4}, "LONGTEXT": {"text", 5},
	"TINYBLOB": {"bytes", 2}, "BLOB": {"bytes", 3}, "BYTEA": {"bytes", 3}, "MEDIUMBLOB": {"bytes", 4}, "LONGBLOB": {"bytes", 5},
	"DATE": {"moment", 1}, "TIMESTAMP": {"moment", 2},
	"JSON": {"json", 1}, "JSONB": {"json", 1},
}

// typeAt reads a type at i.
func (s statement) typeAt(i int) (columnType, int) {
	if i >= len(s) || s[i].kind != word {
		return columnType{}, i
	}
	c := columnType{base: s[i].s}
	if a, ok := aliases[c.base]; ok {
		c.base = a
	}
	i++
	if c.base == "CHAR" && s.at(i, "VARYING") {
		c.base = "VARCHAR"
		i++
	}
	i = s.skip(i, "PRECISION")
	if s.at(i, "(") {
		var sizes []int
		for i++; i < len(s) && !s[i].is(")"); i++ {
			if n, err := strconv.Atoi(s[i].s); err == nil && s[i].kind == number {
				sizes = append(sizes, n)
			}
		}
		i++
		if len(sizes) > 0 {
			c.size = sizes[0]
		}
		if len(sizes) > 1 {
			c.scale = sizes[1]
		}
	}
	if s.at(i, "UNSIGNED") {
		c.unsigned = true
		i++
	}
	return c, i
}

// fits says how a type compares with the one before it.
type fit uint8

const (
	unsure fit = iota
	wider      // or the same
	narrower
)

// fits says whether what is of type was can be of type now.
func (now columnType) fits(was columnType) fit {
	if was.base == "" || now.base == "" {
		return unsure
	}
	if was == now {
		return wider
	}
	a, knownA := widths[was.base]
	b, knownB := widths[now.base]
	switch {
	case was.base == "DECIMAL" && now.base == "DECIMAL":
		if now.size == 0 || was.size > 0 && now.scale >= was.scale && now.size-now.scale >= was.size-was.scale {
			return wider
		}
		return narrower
	case knownB && b.family == "text" && b.width >= 3:
		if knownA && a.family == "text" && a.width > b.width {
			return narrower
		}
		return wider // everything can be written as text
	case !knownA || !knownB:
		return unsure
	case a.family != b.family:
		if a.family == "whole" && b.family == "floating" && b.width >= 8 && a.width <= 4 {
			return wider
		}
		return narrower
	case b.width < a.width, now.unsigned != was.unsigned && b.width <= a.width:
		return narrower
	case a.family == "text" && b.width == 1:
		if was.base == now.base && now.size == 0 && now.base == "VARCHAR" || was.size > 0 && now.size >= was.size {
			return wider
		}
		return narrower
	}
	return wider
}

// catalog remembers the types of columns, from the statements that were read.
type catalog map[string]columnType

func column(table, name string) string { return strings.ToLower(bare(table) + "." + name) }

// bare is a name without its schema.
func bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

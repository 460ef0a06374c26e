package render

import (
	"encoding/base64"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// value turns a parsed node into a JSON tree.
func (d *decoder) value(n *yaml.Node, depth int) any {
	if d.full {
		return nil
	}
	if depth > MaxDepth {
		d.fail(n.Line, fault.Invalid("values are nested more than %d deep", MaxDepth))
		d.full = true
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.mapping(n, depth)
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = d.value(c, depth+1)
		}
		return out
	case yaml.AliasNode:
		return d.alias(n, depth)
	}
	return d.scalar(n)
}

// alias expands an alias, within what the file may reach that way.
func (d *decoder) alias(n *yaml.Node, depth int) any {
	if !d.afford(n) {
		return nil
	}
	return d.value(n.Alias, depth+1)
}

// afford books the values below an alias. Nested aliases are booked when they
// are expanded in turn.
func (d *decoder) afford(n *yaml.Node) bool {
	d.aliased += size(n.Alias)
	if d.aliased <= MaxAliasValues {
		return true
	}
	d.fail(n.Line, fault.Invalid("alias %q expands the file to more than %d values", n.Value, MaxAliasValues).
		WithHint("write the values out, or use fewer nested aliases"))
	d.full = true
	return false
}

func size(n *yaml.Node) int {
	total := 1
	for _, c := range n.Content {
		total += size(c)
	}
	return total
}

// mapping decodes a mapping. Merge keys take effect where they stand, so a key
// before one is overridden by it: that is how kubectl's library has it.
func (d *decoder) mapping(n *yaml.Node, depth int) any {
	out := make(map[string]any, len(n.Content)/2)
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content) && !d.full; i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if isMerge(k) {
			d.merge(v, out, depth)
			continue
		}
		key, ok := d.key(k)
		if !ok {
			continue
		}
		if first, dup := seen[key]; dup {
			d.fail(k.Line, fault.Invalid("key %q is set twice in the same mapping, first on line %d", key, first).
				WithHint("remove one of the two; YAML would silently keep the last"))
			continue
		}
		seen[key] = k.Line
		out[key] = d.value(v, depth+1)
	}
	return out
}

func isMerge(k *yaml.Node) bool {
	return k.Kind == yaml.ScalarNode && k.Value == "<<" && k.Tag == "!!merge"
}

func (d *decoder) merge(v *yaml.Node, into map[string]any, depth int) {
	var sources []*yaml.Node
	switch v.Kind {
	case yaml.SequenceNode:
		// The first of a list wins, so the last is merged first.
		for i := len(v.Content) - 1; i >= 0; i-- {
			sources = append(sources, v.Content[i])
		}
	default:
		sources = []*yaml.Node{v}
	}
	for _, s := range sources {
		m, ok := d.value(s, depth+1).(map[string]any)
		if !ok {
			if !d.full {
				d.fail(s.Line, fault.Invalid("the merge key << wants a mapping or a list of mappings"))
			}
			return
		}
		for k, e := range m {
			into[k] = e
		}
	}
}

// key returns the text of a mapping's key. A plain number is taken as written
// when kubectl would read it as the same text ("8080: web" in the data of a
// ConfigMap); where the two differ ("on:", "0x10:") nobody can mean both.
func (d *decoder) key(k *yaml.Node) (string, bool) {
	line := k.Line
	k = follow(k)
	if k.Kind != yaml.ScalarNode {
		what := "list"
		if k.Kind == yaml.MappingNode {
			what = "mapping"
		}
		d.fail(line, fault.Invalid("a key is a %s, not a string", what))
		return "", false
	}
	v := d.scalar(k)
	var text string
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 32)
	case bool:
		text = strconv.FormatBool(v)
	}
	if text == k.Value && text != "" {
		return text, true
	}
	d.fail(line, fault.Invalid("key %q is a %s, not a string", k.Value, kindOf(v)).
		WithHint("quote it: \"%s\"", k.Value))
	return "", false
}

const quotedStyles = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar resolves one scalar as YAML 1.1 has it in kubectl's library.
func (d *decoder) scalar(n *yaml.Node) any {
	tagged := n.Style&yaml.TaggedStyle != 0
	if !tagged {
		if n.Style&quotedStyles != 0 {
			return n.Value
		}
		return d.number(n, plain(n.Value))
	}
	switch n.ShortTag() {
	case "!!bool", "!!int", "!!float", "!!null":
		v := d.number(n, plain(n.Value))
		if !hasTag(v, n.ShortTag()) {
			d.fail(n.Line, fault.Invalid("%q is not a %s", n.Value, strings.TrimPrefix(n.ShortTag(), "!!")))
		}
		return v
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil || !utf8.Valid(b) {
			d.fail(n.Line, fault.Invalid("a !!binary value is not base64 of text").
				WithHint("put bytes into binaryData of a ConfigMap, or data of a Secret, as a base64 string"))
			return nil
		}
		return string(b)
	}
	return n.Value
}

func hasTag(v any, tag string) bool {
	switch v.(type) {
	case bool:
		return tag == "!!bool"
	case int64:
		return tag == "!!int" || tag == "!!float"
	case float64:
		return tag == "!!float"
	case nil:
		return tag == "!!null"
	}
	return false
}

// number refuses the numbers that JSON does not have and gives the rest the
// type that a JSON decoder would give them.
func (d *decoder) number(n *yaml.Node, v any) any {
	f, ok := v.(float64)
	if !ok {
		return v
	}
	if math.IsInf(f, 0) || math.IsNaN(f) {
		d.fail(n.Line, fault.Invalid("%q is a number that JSON, and so Kubernetes, does not have", n.Value).
			WithHint("quote it if it is text"))
		return nil
	}
	return integral(f)
}

// integral returns a float with a whole value as int64: on its way to the API
// server 1.0 is written as 1, and so it must compare as 1 here.
func integral(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return f
}

var words = map[string]any{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	".nan": math.NaN(), ".NaN": math.NaN(), ".NAN": math.NaN(),
	".inf": math.Inf(1), ".Inf": math.Inf(1), ".INF": math.Inf(1),
	"+.inf": math.Inf(1), "+.Inf": math.Inf(1), "+.INF": math.Inf(1),
	"-.inf": math.Inf(-1), "-.Inf": math.Inf(-1), "-.INF": math.Inf(-1),
}

func init() {
	for v, spellings := range map[bool]string{
		true:  "y Y yes Yes YES true True TRUE on On ON",
		false: "n N no No NO false False FALSE off Off OFF",
	} {
		for _, s := range strings.Fields(spellings) {
			words[s] = v
		}
	}
}

var decimal = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

// plain resolves an unquoted scalar. Dates stay text, as JSON has none.
func plain(s string) any {
	if v, ok := words[s]; ok {
		return v
	}
	switch c := s[0]; {
	case c == '.':
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
		return s
	case c >= '0' && c <= '9', c == '-', c == '+':
	default:
		return s
	}
	digits := strings.ReplaceAll(s, "_", "")
	// Base 0 knows 0x, 0o, 0b and the leading zero of YAML 1.1's octals.
	if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(digits, 0, 64); err == nil {
		return float64(u)
	}
	if decimal.MatchString(digits) {
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			return f
		}
	}
	return s
}

// kindOf names the JSON type of v for a message.
func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "mapping"
	case []any:
		return "list"
	case string:
		return "string"
	case bool:
		return "boolean"
	case nil:
		return "null"
	}
	return "number"
}

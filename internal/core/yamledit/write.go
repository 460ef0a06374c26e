package yamledit

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// node returns a value as a parser would; keys are in order of name.
func node(v any, depth int) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, fault.Invalid("the value is nested more than %d deep", maxDepth)
	}
	scalar := func(tag, text string) (*yaml.Node, error) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}, nil
	}
	switch v := v.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case int:
		return scalar("!!int", strconv.Itoa(v))
	case int64:
		return scalar("!!int", strconv.FormatInt(v, 10))
	case float64:
		return number(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return scalar("!!int", strconv.FormatInt(n, 10))
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fault.Invalid("%q is no number", v.String())
		}
		return number(f)
	case string:
		if !utf8.ValidString(v) {
			return nil, fault.Invalid("a text that is not UTF-8 cannot be written as YAML")
		}
		return scalar("!!str", v)
	case []any:
		out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range v {
			n, err := node(item, depth+1)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, n)
		}
		return out, nil
	case map[string]any:
		out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			key, err := node(name, depth+1)
			if err != nil {
				return nil, err
			}
			n, err := node(v[name], depth+1)
			if err != nil {
				return nil, err
			}
			out.Content = append(out.Content, key, n)
		}
		return out, nil
	}
	return nil, fault.Internal(fmt.Errorf("a %T cannot be written as YAML", v))
}

func number(f float64) (*yaml.Node, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fault.Invalid("%v is no number that every reader knows", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	if i := strings.IndexByte(text, 'e'); i >= 0 && !strings.Contains(text[:i], ".") {
		text = text[:i] + ".0" + text[i:] // without the dot YAML 1.1 has a text
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: text}, nil
}

// same says whether what is written means want already, to readers of YAML 1.1 and
// 1.2 alike.
func same(old, want *yaml.Node) bool {
	if old.Kind != want.Kind || old.Anchor != "" || len(old.Content) != len(want.Content) {
		return false
	}
	switch old.Kind {
	case yaml.ScalarNode:
		if old.ShortTag() != want.ShortTag() {
			return false
		}
		switch old.ShortTag() {
		case "!!str":
			return old.Value == want.Value && (old.Style&^yaml.TaggedStyle != 0 || !ambiguous(old.Value))
		case "!!null":
			return true
		case "!!float":
			var a, b float64
			return old.Decode(&a) == nil && want.Decode(&b) == nil && a == b
		case "!!bool":
			return strings.EqualFold(old.Value, want.Value)
		}
		return old.Value == want.Value
	case yaml.SequenceNode:
		for i := range old.Content {
			if !same(old.Content[i], want.Content[i]) {
				return false
			}
		}
		return true
	case yaml.MappingNode:
		for i := 0; i < len(want.Content); i += 2 {
			j := slices.IndexFunc(old.Content, func(k *yaml.Node) bool { return k.Kind == yaml.ScalarNode && k.Value == want.Content[i].Value })
			if j < 0 || j%2 != 0 || !same(old.Content[j+1], want.Content[i+1]) {
				return false
			}
		}
		return true
	}
	return false
}

// oneLine writes a value on the line of its key, if that is how it is best read.
func (t *text) oneLine(n *yaml.Node, style yaml.Style) (string, bool) {
	if n.Kind != yaml.ScalarNode && len(n.Content) > 0 || n.Kind == yaml.ScalarNode && literally(n.Value) && n.ShortTag() == "!!str" {
		return "", false
	}
	return t.inline(n, style), true
}

// block writes a value behind the colon of a key that is indented so far.
func (t *text) block(n *yaml.Node, indent int) string {
	if n == t.root && n != nil {
		_, body := t.blockOf(n, -2)
		return body
	}
	if one, ok := t.oneLine(n, 0); ok {
		return " " + one
	}
	head, body := t.blockOf(n, indent)
	return head + body
}

// blockOf writes a value on the lines below its key: what stands beside the key, and
// the lines.
func (t *text) blockOf(n *yaml.Node, indent int) (head, body string) {
	in := strings.Repeat(" ", indent+2)
	var b strings.Builder
	switch n.Kind {
	case yaml.ScalarNode:
		head = " |"
		text, found := strings.CutSuffix(n.Value, "\n")
		if !found {
			head = " |-"
		}
		for line := range strings.SplitSeq(text, "\n") {
			b.WriteString(t.eol)
			if line != "" {
				b.WriteString(in + line)
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			b.WriteString(t.eol + in + "- " + t.inline(item, 0))
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			b.WriteString(t.eol + in + t.inline(n.Content[i], 0) + ":" + t.block(n.Content[i+1], indent+2))
		}
	}
	return head, b.String()
}

// inline writes a value so that it can stand anywhere, in the quotes that were there.
func (t *text) inline(n *yaml.Node, style yaml.Style) string {
	switch n.Kind {
	case yaml.SequenceNode:
		items := make([]string, len(n.Content))
		for i, c := range n.Content {
			items[i] = t.inline(c, 0)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case yaml.MappingNode:
		var items []string
		for i := 0; i < len(n.Content); i += 2 {
			items = append(items, t.inline(n.Content[i], 0)+": "+t.inline(n.Content[i+1], 0))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if n.ShortTag() != "!!str" {
		return n.Value
	}
	switch {
	case style&yaml.SingleQuotedStyle != 0 && printable(n.Value):
		return "'" + strings.ReplaceAll(n.Value, "'", "''") + "'"
	case style&yaml.DoubleQuotedStyle == 0 && simple.MatchString(n.Value) && !ambiguous(n.Value):
		return n.Value
	}
	return quote(n.Value)
}

// simple are texts that need no quotes anywhere.
var simple = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./@+-]*(:[A-Za-z0-9_./@+-]+)*$`)

// words mean something else than themselves to one reader or another.
var words = map[string]bool{
	"": true, "~": true, "null": true, "true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true, "<<": true, "=": true,
}

var numeric = regexp.MustCompile(`^[-+.]?[0-9.]`)

// ambiguous says whether a text without quotes may be read as something else.
func ambiguous(s string) bool {
	return words[strings.ToLower(s)] || numeric.MatchString(s)
}

// literally says whether a text is best read line by line.
func literally(s string) bool {
	if !strings.Contains(strings.TrimRight(s, "\n"), "\n") || strings.HasSuffix(s, "\n\n") || s[0] == ' ' || s[0] == '\t' || s[0] == '\n' {
		return false
	}
	return printable(strings.ReplaceAll(s, "\n", ""))
}

// printable says whether a text can be written without escapes.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case printable(string(r)):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r) // none of them is beyond that
		}
	}
	b.WriteByte('"')
	return b.String()
}

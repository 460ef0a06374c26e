package yamledit

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// start is where a node's text begins, its anchor and tag included; -1 where the parse
// and the text disagree.
func (t *text) start(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(t.lines) || n.Column < 1 {
		return -1
	}
	i := t.lines[n.Line-1]
	for range n.Column - 1 {
		if i >= len(t.doc) {
			return -1
		}
		_, size := utf8.DecodeRune(t.doc[i:])
		i += size
	}
	return i
}

// absent says whether nothing is written for a node, which is null then.
func absent(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value == "" && n.Anchor == "" && n.ShortTag() == "!!null"
}

func flow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// end is where a node's text ends; -1 where that cannot be told. A block ends behind
// the last thing in it, before any comment.
func (t *text) end(n *yaml.Node) int {
	i := t.start(n)
	if i < 0 || absent(n) {
		return i
	}
	switch n.Kind {
	case yaml.AliasNode:
		return t.word(i)
	case yaml.ScalarNode:
		return t.scalar(t.props(i), n)
	case yaml.MappingNode, yaml.SequenceNode:
	default:
		return -1
	}
	last := t.props(i) + 1
	if len(n.Content) > 0 {
		last = t.last(n)
	}
	if last < 0 || !flow(n) {
		return last
	}
	return t.closing(last)
}

// last is where the last child of a collection ends.
func (t *text) last(n *yaml.Node) int {
	c := n.Content[len(n.Content)-1]
	if n.Kind == yaml.MappingNode && absent(c) {
		return t.colon(n.Content[len(n.Content)-2])
	}
	return t.end(c)
}

// colon is the place behind the colon of a key; behind the key where it has none.
func (t *text) colon(key *yaml.Node) int {
	end := t.end(key)
	if end < 0 {
		return -1
	}
	i := end
	for i < len(t.doc) && (t.doc[i] == ' ' || t.doc[i] == '\t') {
		i++
	}
	if i < len(t.doc) && t.doc[i] == ':' {
		return i + 1
	}
	return end
}

// closing is the place behind the bracket that closes a flow collection, whose last
// child ends at i.
func (t *text) closing(i int) int {
	for i < len(t.doc) {
		switch c := t.doc[i]; {
		case c == '}' || c == ']':
			return i + 1
		case c == '#':
			i = t.lineEnd(i)
		case c == ' ' || c == '\t' || c == ',' || c == ':':
			i++
		case breakAt(t.doc, i) > 0:
			i += breakAt(t.doc, i)
		default:
			return -1
		}
	}
	return -1
}

// lineEnd is where the line of i ends, before its break.
func (t *text) lineEnd(i int) int {
	for i < len(t.doc) && breakAt(t.doc, i) == 0 {
		i++
	}
	return i
}

// word is where a run of what is no space and no bracket ends.
func (t *text) word(i int) int {
	for i < len(t.doc) && !strings.ContainsRune(" \t,]}", rune(t.doc[i])) && breakAt(t.doc, i) == 0 {
		i++
	}
	return i
}

// props skips an anchor and a tag.
func (t *text) props(i int) int {
	for i < len(t.doc) && (t.doc[i] == '&' || t.doc[i] == '!') {
		i = t.word(i)
		for i < len(t.doc) && (t.doc[i] == ' ' || t.doc[i] == '\t') {
			i++
		}
	}
	return i
}

func (t *text) scalar(i int, n *yaml.Node) int {
	if i >= len(t.doc) {
		return i
	}
	switch c := t.doc[i]; {
	case c == '"':
		return t.doubled(i + 1)
	case c == '\'':
		return t.single(i + 1)
	case c == '|' || c == '>':
		return t.literal(i)
	}
	return t.plain(i, n.Value)
}

func (t *text) doubled(i int) int {
	for ; i < len(t.doc); i++ {
		if t.doc[i] == '\\' {
			i++
			continue
		}
		if t.doc[i] == '"' {
			return i + 1
		}
	}
	return -1
}

func (t *text) single(i int) int {
	for ; i < len(t.doc); i++ {
		if t.doc[i] != '\'' {
			continue
		}
		if i+1 < len(t.doc) && t.doc[i+1] == '\'' {
			i++
			continue
		}
		return i + 1
	}
	return -1
}

// plain follows the value through the text: what is a space in it may be a line break
// there.
func (t *text) plain(i int, value string) int {
	for value != "" && i < len(t.doc) {
		if value[0] != ' ' && value[0] != '\n' {
			if t.doc[i] != value[0] {
				return -1
			}
			i, value = i+1, value[1:]
			continue
		}
		if value[0] == ' ' && t.doc[i] == ' ' && (len(value) == 1 || !t.blankTo(i)) {
			i, value = i+1, value[1:]
			continue
		}
		value = strings.TrimLeft(value, " \n")
		for i < len(t.doc) && (t.doc[i] == ' ' || t.doc[i] == '\t' || breakAt(t.doc, i) > 0) {
			i += max(breakAt(t.doc, i), 1)
		}
	}
	if value != "" {
		return -1
	}
	return i
}

// blankTo says whether nothing but space is left of the line from i on.
func (t *text) blankTo(i int) bool { return strings.TrimSpace(string(t.doc[i:t.lineEnd(i)])) == "" }

// literal is where a block scalar ends, before the break of its last line.
func (t *text) literal(i int) int {
	header := string(t.doc[i:t.lineEnd(i)])
	indicators, _, _ := strings.Cut(header, " ")
	keep := strings.Contains(indicators, "+")
	end, indent := t.lineEnd(i), -1
	for at := end; at < len(t.doc); {
		at += breakAt(t.doc, at)
		stop := t.lineEnd(at)
		line := string(t.doc[at:stop])
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if blank := strings.TrimSpace(line) == ""; blank && !keep {
			at = stop
			continue
		} else if !blank {
			if indent < 0 {
				indent = max(spaces, 1)
			}
			if spaces < indent {
				break
			}
		}
		end, at = stop, stop
	}
	return end
}

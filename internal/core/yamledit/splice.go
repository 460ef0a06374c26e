package yamledit

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// editor sets one value. It changes the parse along with the text, so that both can be
// held against each other in the end.
type editor struct {
	*text
	path []string
}

// at names the first n names of the path, as people write it.
func (e *editor) at(n int) string {
	names := make([]string, n)
	for i, name := range e.path[:n] {
		names[i] = strings.NewReplacer(`\`, `\\`, ".", `\.`).Replace(name)
	}
	return strings.Join(names, ".")
}

func (e *editor) done(rest []string) string { return e.at(len(e.path) - len(rest)) }

// set returns the text with want at path below n; nil if it is so already.
func (e *editor) set(n *yaml.Node, path []string, want *yaml.Node) ([]byte, error) {
	if n == nil || absent(n) && n == e.root {
		e.root = nested(path, want)
		body := strings.TrimLeft(e.block(e.root, 0), "\r\n")
		glue := ""
		if len(e.doc) > 0 && e.lines[len(e.lines)-1] != len(e.doc) {
			glue = e.eol
		}
		return slices.Concat(e.doc, []byte(glue+body+e.eol)), nil
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return nil, fault.Invalid("%q is used in more than one place of the document", e.done(path)).WithHint("write it out, without the anchor")
	case n.Kind == yaml.MappingNode:
		return e.inMapping(n, path, want)
	case n.Kind == yaml.SequenceNode:
		return e.inSequence(n, path, want)
	}
	return nil, fault.Invalid("%q is no mapping", e.done(path)).WithHint("%q cannot be set below it", path[0])
}

func (e *editor) inMapping(n *yaml.Node, path []string, want *yaml.Node) ([]byte, error) {
	merges := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		merges = merges || key.ShortTag() == "!!merge"
		if key.Kind != yaml.ScalarNode || key.Value != path[0] {
			continue
		}
		if len(path) > 1 && !empty(value) {
			return e.set(value, path[1:], want)
		}
		return e.replace(n, i+1, nested(path[1:], want), path)
	}
	if merges && len(path) > 1 {
		return nil, fault.Invalid("what %q has is merged from elsewhere in the document", e.done(path)).WithHint("write it out, without <<")
	}
	return e.add(n, path, nested(path[1:], want))
}

func (e *editor) inSequence(n *yaml.Node, path []string, want *yaml.Node) ([]byte, error) {
	i, ok := index(path[0])
	switch {
	case !ok || i > len(n.Content):
		return nil, fault.Invalid("%q has %d elements, and no %q", e.done(path), len(n.Content), path[0]).WithHint("elements are counted from 0")
	case i == len(n.Content):
		return e.append(n, nested(path[1:], want))
	case len(path) > 1 && !empty(n.Content[i]):
		return e.set(n.Content[i], path[1:], want)
	}
	return e.replace(n, i, nested(path[1:], want), path)
}

// empty says whether nothing is lost where a mapping takes the place of n.
func empty(n *yaml.Node) bool {
	if n.Anchor != "" {
		return false
	}
	return n.Kind == yaml.MappingNode && len(n.Content) == 0 || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
}

// nested puts want into as many mappings as path has names.
func nested(path []string, want *yaml.Node) *yaml.Node {
	for _, name := range slices.Backward(path) {
		want = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{plainText(name), want}}
	}
	return want
}

func plainText(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// replace puts want in the place of the i-th child of n.
func (e *editor) replace(n *yaml.Node, i int, want *yaml.Node, path []string) ([]byte, error) {
	old := n.Content[i]
	if same(old, want) {
		return nil, nil
	}
	if old.Kind == yaml.AliasNode || old.Anchor != "" || old.Style&yaml.TaggedStyle != 0 {
		return nil, fault.Invalid("%q has an anchor or a tag, or is one of elsewhere", e.at(len(e.path)-len(path)+1)).WithHint("write it plainly")
	}
	from, to := e.start(old), e.end(old)
	n.Content[i] = want
	if from < 0 || to < from {
		return nil, e.lost()
	}
	if flow(n) || n.Kind == yaml.SequenceNode {
		if !flow(n) && old.Kind != yaml.ScalarNode && !flow(old) {
			return nil, e.lost()
		}
		glue := ""
		if absent(old) && from > 0 && e.doc[from-1] != ' ' {
			glue = " "
		}
		return e.splice(from, to, glue+e.inline(want, old.Style)), nil
	}
	key := n.Content[i-1]
	after := e.colon(key)
	if after < 0 || from < after && !absent(old) {
		return nil, e.lost()
	}
	if absent(old) {
		from, to = after, after
	}
	indent := key.Column - 1
	if one, ok := e.oneLine(want, old.Style); ok {
		if old.Kind == yaml.ScalarNode || flow(old) {
			if absent(old) {
				one = " " + one
			}
			return e.splice(from, to, one), nil
		}
		// The block below the key goes, a comment beside the key stays.
		stop := e.lineEnd(after)
		return slices.Concat(e.doc[:after], []byte(" "+one), e.doc[after:stop], e.doc[e.lineEnd(to):]), nil
	}
	head, body := e.blockOf(want, indent)
	if old.Kind != yaml.ScalarNode && !flow(old) {
		stop := e.lineEnd(after)
		return slices.Concat(e.doc[:after], []byte(head), e.doc[after:stop], []byte(body), e.doc[e.lineEnd(to):]), nil
	}
	stop := e.lineEnd(to)
	return slices.Concat(e.doc[:after], []byte(head), trimmed(e.doc[to:stop]), []byte(body), e.doc[stop:]), nil
}

// trimmed is the rest of a line behind a value: its comment, if it has one.
func trimmed(rest []byte) []byte {
	if len(strings.TrimSpace(string(rest))) == 0 {
		return nil
	}
	return rest
}

// add puts a new key at the end of a mapping.
func (e *editor) add(n *yaml.Node, path []string, want *yaml.Node) ([]byte, error) {
	key := plainText(path[0])
	defer func() { n.Content = append(n.Content, key, want) }()
	if flow(n) {
		return e.inBrackets(n, e.inline(key, 0)+": "+e.inline(want, 0))
	}
	if len(n.Content) == 0 {
		return nil, e.lost()
	}
	first := n.Content[0]
	start, last := e.start(first), e.last(n)
	if start < 0 || last < 0 || first.Kind != yaml.ScalarNode {
		return nil, e.lost()
	}
	indent := first.Column - 1
	stop := e.lineEnd(last)
	return e.splice(stop, stop, e.eol+strings.Repeat(" ", indent)+e.inline(key, 0)+":"+e.block(want, indent)), nil
}

// append puts a new element at the end of a sequence.
func (e *editor) append(n *yaml.Node, want *yaml.Node) ([]byte, error) {
	if flow(n) {
		out, err := e.inBrackets(n, e.inline(want, 0))
		n.Content = append(n.Content, want)
		return out, err
	}
	if len(n.Content) == 0 {
		return nil, e.lost()
	}
	last := e.last(n)
	if last < 0 {
		return nil, e.lost()
	}
	stop := e.lineEnd(last)
	n.Content = append(n.Content, want)
	return e.splice(stop, stop, e.eol+strings.Repeat(" ", n.Column-1)+"- "+e.inline(want, 0)), nil
}

// inBrackets puts more at the end of a flow collection.
func (e *editor) inBrackets(n *yaml.Node, more string) ([]byte, error) {
	end := e.end(n)
	if end < 1 {
		return nil, e.lost()
	}
	at := end - 1
	if len(n.Content) == 0 {
		return e.splice(at, at, more), nil
	}
	last := e.last(n)
	if last < 0 || last > at {
		return nil, e.lost()
	}
	if strings.Contains(string(e.doc[last:at]), ",") {
		return e.splice(at, at, " "+more), nil // a comma stands there already
	}
	return e.splice(last, last, ", "+more), nil
}

func (e *editor) splice(from, to int, with string) []byte {
	return slices.Concat(e.doc[:from], []byte(with), e.doc[to:])
}

func (e *editor) lost() error {
	return fault.Invalid("%q cannot be set without writing the document anew", e.at(len(e.path))).
		WithHint("write it plainly once: a block mapping, without anchors around it").Because(fmt.Errorf("no place for it was found"))
}

// Package yamledit sets values in a YAML document and leaves every byte that is not
// about them as it is: comments, order, blank lines, quotes and line ends stay, so that
// a change of one value is a change of one line for whoever reviews it.
//
// A document is parsed to know where things are, and then its text is changed, not its
// parse. What came of it is parsed again and has to be what was meant; where a document
// is written in a way that does not allow that, it is left alone and the error says so.
//
// Equal input gives equal output, and a value that is set already changes nothing.
//
// Start at [Set]. locate.go finds where a value begins and ends, splice.go puts another
// there, write.go writes it down.
package yamledit

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Bounds on what is edited: a document comes from a repository.
const (
	maxBytes = 4 << 20
	maxDepth = 100
)

// Set returns doc with value at path: names of keys, and for an element of a sequence
// its number, or the length of it for one more. Mappings on the way that do not exist
// are made. value is nil, a bool, string, int, int64 or float64, a []any or
// map[string]any of these.
//
// With an error it returns doc as it is.
func Set(doc []byte, path []string, value any) ([]byte, error) {
	out, err := set(doc, path, value)
	if err != nil || out == nil {
		return doc, err
	}
	return out, nil
}

// set is Set that returns nil where nothing changes.
func set(doc []byte, path []string, value any) ([]byte, error) {
	if len(path) == 0 || len(path) > maxDepth {
		return nil, fault.Invalid("a path has 1 to %d names", maxDepth)
	}
	want, err := node(value, 0)
	if err != nil {
		return nil, err
	}
	t, err := parse(doc)
	if err != nil {
		return nil, err
	}
	e := &editor{text: t, path: path}
	out, err := e.set(t.root, path, want)
	if err != nil || out == nil {
		return nil, err
	}
	after, err := parse(out)
	if err != nil || !equal(t.root, after.root) {
		return nil, fault.Invalid("%q cannot be set without writing the document anew", e.at(len(path))).
			WithHint("write it plainly once: a block mapping, without anchors around it").Because(err)
	}
	return out, nil
}

// ParsePath reads "a.b.0.c"; a dot in a name is written \. and a backslash \\.
func ParsePath(s string) ([]string, error) {
	var out []string
	var name strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			name.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '.':
			out = append(out, name.String())
			name.Reset()
		default:
			name.WriteRune(r)
		}
	}
	out = append(out, name.String())
	for _, part := range out {
		if part == "" || escaped {
			return nil, fault.Invalid("%q is no path", s).WithHint("write names with dots between: image.tag")
		}
	}
	return out, nil
}

// text is a document, and where its lines begin.
type text struct {
	doc   []byte
	lines []int
	eol   string
	root  *yaml.Node // nil where there is nothing but comments
}

func parse(doc []byte) (*text, error) {
	if len(doc) > maxBytes {
		return nil, fault.TooLarge("the document has %d bytes, and %d may be edited", len(doc), maxBytes)
	}
	if bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
		return nil, fault.Invalid("the document begins with a byte order mark").WithHint("save it as UTF-8 without one")
	}
	t := &text{doc: doc, eol: "\n", lines: []int{0}}
	for i := 0; i < len(doc); {
		n := breakAt(doc, i)
		if n == 0 {
			i++
			continue
		}
		if n == 2 && doc[i] == '\r' && len(t.lines) == 1 {
			t.eol = "\r\n"
		}
		i += n
		t.lines = append(t.lines, i)
	}
	d := yaml.NewDecoder(bytes.NewReader(doc))
	var root, second yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return t, nil
	case err != nil:
		return nil, fault.Invalid("the document is no YAML").Because(err).WithHint("%v", err)
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, fault.Invalid("there is more than one document in it").WithHint("give each a file of its own").Because(err)
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, fault.Invalid("the document is no YAML that can be edited")
	}
	t.root = root.Content[0]
	if deeper(t.root, maxDepth) {
		return nil, fault.Invalid("the document is nested more than %d deep", maxDepth)
	}
	return t, nil
}

func deeper(n *yaml.Node, left int) bool {
	if left == 0 {
		return true
	}
	for _, c := range n.Content {
		if deeper(c, left-1) {
			return true
		}
	}
	return false
}

// breakAt returns how long the line break at i is; zero where there is none. YAML 1.1
// knows more of them than editors do.
func breakAt(doc []byte, i int) int {
	switch {
	case doc[i] == '\n':
		return 1
	case doc[i] == '\r':
		if i+1 < len(doc) && doc[i+1] == '\n' {
			return 2
		}
		return 1
	case bytes.HasPrefix(doc[i:], []byte("\u0085")):
		return 2
	case bytes.HasPrefix(doc[i:], []byte("\u2028")), bytes.HasPrefix(doc[i:], []byte("\u2029")):
		return 3
	}
	return 0
}

// equal says whether two trees mean the same, however they are written.
func equal(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.ShortTag() != b.ShortTag() || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	for i := range a.Content {
		if !equal(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

// index reads the number of an element.
func index(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == name
}

package render

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Decode turns the bytes of one file, YAML of one or many documents or JSON,
// into objects, each with the line that it starts at.
//
// Scalars mean what they mean to kubectl (YAML 1.1: on, yes and y are booleans),
// lists are expanded into their items, and documents of comments alone are
// passed over. All mistakes of the file are reported at once.
func Decode(file string, data []byte) ([]lockstep.Object, error) {
	d := &decoder{file: file}
	d.read(data)
	if err := fault.Join(d.errs...); err != nil {
		return nil, err
	}
	return d.objects, nil
}

// decoder collects what one file holds.
type decoder struct {
	file    string
	objects []lockstep.Object
	errs    []error
	aliased int  // values reached through aliases so far
	full    bool // a bound was hit; the rest of the file is not read
}

// document is one value of a file with what finds the lines of its parts.
type document struct {
	tree any
	line int
	// node is what tree was decoded from; nil for JSON.
	node *yaml.Node
	// items are the lines of the elements of a JSON list.
	items []int
}

func (d *decoder) read(data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > MaxFileBytes {
		d.fail(0, fault.Invalid("the file has %d bytes, more than the limit of %d", len(data), MaxFileBytes))
		return
	}
	if !utf8.Valid(data) {
		d.fail(lineOfInvalidUTF8(data), fault.Invalid("the file is not UTF-8 text").
			WithHint("save the file as UTF-8 without UTF-16 or Latin-1 characters"))
		return
	}
	if isJSON(d.file, data) {
		d.json(data)
		return
	}
	for _, c := range split(data) {
		if d.full {
			return
		}
		d.yaml(c)
	}
}

// fail records a mistake at a line of the file (0: the file as a whole).
func (d *decoder) fail(line int, f *fault.Fault) {
	if len(d.errs) == maxFaults {
		d.errs = append(d.errs, fault.Invalid("more mistakes are not shown").At("%s", d.file))
	}
	if len(d.errs) > maxFaults {
		d.full = true
		return
	}
	d.errs = append(d.errs, f.At("%s", lockstep.Origin{File: d.file, Line: line}))
}

// chunk is one document of a YAML stream.
type chunk struct {
	data []byte
	line int // 1-based line of its first byte
}

// split cuts a stream at its document markers, so that a mistake in one
// document does not hide the mistakes of the others. A line that starts with
// three dashes and a blank is a marker wherever it stands: YAML forbids it
// inside of scalars.
func split(data []byte) []chunk {
	var out []chunk
	start, startLine := 0, 1
	onlyPreamble := true // nothing but comments and %directives so far
	line := 0
	for at := 0; at < len(data); {
		end := at + lineLength(data[at:])
		text := data[at:end]
		line++
		switch {
		case isMarker(text):
			if !onlyPreamble {
				out = append(out, chunk{data[start:at], startLine})
				start, startLine = at, line
			}
			onlyPreamble = false
		case !isPreamble(text):
			onlyPreamble = false
		}
		at = end
	}
	if !onlyPreamble {
		out = append(out, chunk{data[start:], startLine})
	}
	return out
}

func lineLength(data []byte) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1
	}
	return len(data)
}

func isMarker(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || strings.IndexByte(" \t\r\n", rest[0]) >= 0)
}

func isPreamble(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#' || line[0] == '%'
}

func (d *decoder) yaml(c chunk) {
	dec := yaml.NewDecoder(bytes.NewReader(c.data))
	for !d.full {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			d.fail(syntaxFault(c, err))
			return
		}
		shift(&n, c.line-1)
		d.node(&n)
	}
}

// node takes one parsed document.
func (d *decoder) node(n *yaml.Node) {
	if n.Kind == yaml.DocumentNode {
		if len(n.Content) == 0 {
			return
		}
		n = n.Content[0]
	}
	before := len(d.errs)
	tree := d.value(n, 0)
	if len(d.errs) > before || d.full {
		return
	}
	d.take(document{tree: tree, line: n.Line, node: n})
}

// yamlLine finds the line in a message of the YAML library, whose errors have
// no other form than text.
var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n\s*)?(?:line (\d+): )?(?s:(.*))$`)

func syntaxFault(c chunk, err error) (int, *fault.Fault) {
	line, what := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		what = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		// The library counts lines from 0 in what its parser says of collections,
		// and from 1 in what its scanner says; the words alone tell which it was.
		if strings.HasPrefix(what, "did not find expected") && !strings.HasSuffix(what, "node content") {
			line++
		}
	}
	line = min(line, 1+bytes.Count(c.data, []byte("\n")))
	what = strings.ReplaceAll(strings.TrimSpace(what), "\n", " ")
	f := fault.Invalid("not valid YAML: %s", what)
	if at, ok := tabIndent(c.data); ok {
		return c.line + at - 1, fault.Invalid("not valid YAML: the line is indented with a tab").
			WithHint("YAML allows spaces alone for indentation")
	}
	if hint := syntaxHint(c.data, line); hint != "" {
		f = f.WithHint("%s", hint)
	}
	return c.line + line - 1, f
}

// tabIndent finds the first line whose indentation holds a tab and that is not
// blank. It is asked only of documents that did not parse.
func tabIndent(data []byte) (line int, found bool) {
	for i, l := range bytes.Split(data, []byte("\n")) {
		body := bytes.TrimLeft(l, " \t")
		indent := l[:len(l)-len(body)]
		if bytes.IndexByte(indent, '\t') >= 0 && len(bytes.TrimSpace(body)) > 0 && body[0] != '#' {
			return i + 1, true
		}
	}
	return 0, false
}

func syntaxHint(data []byte, line int) string {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return ""
	}
	text := bytes.TrimSpace(lines[line-1])
	if bytes.Contains(text, []byte("{{")) {
		return "this looks like a template of a Helm chart; render the chart's directory (the one with Chart.yaml) instead"
	}
	if bytes.Contains(text, []byte("<<<<<<<")) || bytes.Contains(text, []byte(">>>>>>>")) {
		return "this looks like a merge conflict that was committed"
	}
	return ""
}

func lineOfInvalidUTF8(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			return line
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return line
}

// shift moves the lines of a parsed chunk to where they are in the file.
// Aliases point into the same tree, so they are not followed.
func shift(n *yaml.Node, by int) {
	if by == 0 {
		return
	}
	n.Line += by
	for _, c := range n.Content {
		shift(c, by)
	}
}

// CheckSyntax reports every mistake of YAML itself in a file that is to be read
// by another library, whose messages name no place.
func CheckSyntax(file string, data []byte) error {
	d := &decoder{file: file}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(data) > MaxFileBytes {
		return fault.Invalid("the file has %d bytes, more than the limit of %d", len(data), MaxFileBytes).At("%s", file)
	}
	for _, c := range split(data) {
		dec := yaml.NewDecoder(bytes.NewReader(c.data))
		var n yaml.Node
		err := dec.Decode(&n)
		if err != nil && !errors.Is(err, io.EOF) {
			d.fail(syntaxFault(c, err))
			continue
		}
		if err == nil {
			shift(&n, c.line-1)
			d.value(follow(n.Content[0]), 0)
		}
	}
	return fault.Join(d.errs...)
}

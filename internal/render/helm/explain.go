package helm

import (
	"regexp"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Helm's engine and loader give places and causes as text and in no other way.
// All reading of that text is in this file. It decides what a message says and
// nothing else: text of another form is passed on whole.

// frame is a place in a template: file:line or file:line:column, where the file
// is named by the charts on the way to it.
var frame = regexp.MustCompile(`(?m)([^\s()"]+/templates/[^\s()":]+):(\d+)(?::\d+)?`)

// wrapped is what the engine puts around its messages.
var wrapped = regexp.MustCompile(`(?s)^(?:parse error|execution error) (?:at|in) \([^)]*\): (.*)$`)

// explain turns an error of the engine into a fault that names the template and
// the line at which it stopped, and the template that asked for that one.
func (j *job) explain(c *chart.Chart, err error) error {
	if ctxErr := j.ctx.Err(); ctxErr != nil {
		return fault.Timeout("rendering the chart took longer than allowed").At("%s", j.place()).Because(ctxErr)
	}
	names := j.names(c)
	text := err.Error()
	var places []string
	for _, m := range frame.FindAllStringSubmatch(text, -1) {
		file, ok := names[m[1]]
		if !ok {
			file = m[1]
		}
		places = append(places, file+":"+m[2])
	}
	f := fault.Invalid("%s", reason(text))
	if len(places) == 0 {
		return f.At("%s", j.place())
	}
	last := places[len(places)-1]
	if first := places[0]; first != last {
		f = f.WithHint("it is included from %s", first)
	}
	return f.At("%s", last)
}

// reason is the cause at the end of the engine's text. Text over several lines
// is a chain of places, with causes indented the deepest.
func reason(text string) string {
	if m := wrapped.FindStringSubmatch(text); m != nil {
		return oneLine(m[1])
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	expression, cause := "", ""
	for _, l := range lines {
		l = strings.TrimSpace(l)
		if m := executing.FindStringSubmatch(l); m != nil {
			expression = m[1]
			continue
		}
		if l != "" && !frame.MatchString(l) {
			cause = l
		}
	}
	switch {
	case cause == "":
		return lastPart(text)
	case expression != "" && !strings.Contains(cause, expression):
		return cause + " (in " + expression + ")"
	}
	return cause
}

var executing = regexp.MustCompile(`^executing ".*?" at (<.*>):`)

// explainLoad turns an error of the chart loader into a fault at the file that
// it names.
func explainLoad(err error, root string) error {
	text := err.Error()
	at := root + "/Chart.yaml"
	if m := cannotLoad.FindStringSubmatch(text); m != nil {
		at = root + "/" + m[1]
	}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		at += ":" + m[1]
	}
	return fault.Invalid("not a chart: %s", lastPart(text)).At("%s", strings.TrimPrefix(at, "./"))
}

var cannotLoad = regexp.MustCompile(`^cannot load (\S+): `)

// lastPart is what stands behind the places and the names of the layers that an
// error came through.
func lastPart(text string) string {
	text = oneLine(text)
	for _, layer := range []string{
		"cannot unmarshal yaml document: ", "error converting YAML to JSON: ", "error unmarshaling JSON: ",
		"while decoding JSON: ", "validation: ", "yaml: ", "json: ",
	} {
		if _, rest, ok := strings.Cut(text, layer); ok {
			text = rest
		}
	}
	if m := yamlPlace.FindStringIndex(text); m != nil {
		text = text[m[1]:]
	}
	return text
}

var yamlPlace = regexp.MustCompile(`^line \d+: `)

// oneLine makes a message of any text.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return s
}

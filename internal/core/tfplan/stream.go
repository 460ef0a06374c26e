package tfplan

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/change"
)

// Line is one line that plan -json or apply -json wrote.
type Line struct {
	// Type is the tool's own: apply_start, refresh_complete, diagnostic.
	Type    string
	Message string
	// Address of the resource that it is about; "" for none.
	Address string
	Action  change.Action
	Seconds float64
	// Diagnostic is set for Type diagnostic.
	Diagnostic *Diagnostic
	// Operation of a change_summary: plan, apply or destroy.
	Operation string
	// Output is what a provisioner printed.
	Output string
}

// Diagnostic is an error or a warning of the tool.
type Diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Range    *struct {
		File  string `json:"filename"`
		Start struct {
			Line int `json:"line"`
		} `json:"start"`
	} `json:"range"`
}

// Note is what is shown of it, without secrets.
func (d *Diagnostic) Note(dir string, r *Redactor) change.Note {
	n := change.Note{
		Severity: d.Severity, Address: d.Address,
		Summary: r.Text(oneLine(d.Summary)), Detail: r.Text(strings.TrimSpace(d.Detail)),
	}
	if d.Range != nil {
		n.File, n.Line = Place(dir, d.Range.File), d.Range.Start.Line
	}
	return n
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

type rawLine struct {
	Message    string      `json:"@message"`
	Type       string      `json:"type"`
	Hook       *rawHook    `json:"hook"`
	Diagnostic *Diagnostic `json:"diagnostic"`
	Changes    *struct {
		Operation string `json:"operation"`
	} `json:"changes"`
}

type rawHook struct {
	Resource struct {
		Address string `json:"addr"`
	} `json:"resource"`
	Action  string  `json:"action"`
	Elapsed float64 `json:"elapsed_seconds"`
	Output  string  `json:"output"` // of a provisioner
}

// ParseLine reads one line; false for what is no message of the tool, such as what a
// library below it printed.
func ParseLine(b []byte) (Line, bool) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '{' {
		return Line{}, false
	}
	var raw rawLine
	if err := json.Unmarshal(b, &raw); err != nil {
		return Line{}, false
	}
	l := Line{Type: raw.Type, Message: raw.Message, Diagnostic: raw.Diagnostic}
	if h := raw.Hook; h != nil {
		l.Address, l.Seconds, l.Output = h.Resource.Address, h.Elapsed, h.Output
		l.Action = actions[h.Action]
	}
	if raw.Changes != nil {
		l.Operation = raw.Changes.Operation
	}
	if l.Diagnostic != nil && l.Diagnostic.Severity == "" {
		l.Diagnostic = nil
	}
	return l, l.Type != "" || l.Message != ""
}

// actions are the tools' own words.
var actions = map[string]change.Action{
	"create": change.Create, "read": change.Read, "update": change.Update, "delete": change.Delete,
	"replace": change.Replace, "forget": change.Forget, "remove": change.Forget, "import": change.None, "noop": change.None,
}

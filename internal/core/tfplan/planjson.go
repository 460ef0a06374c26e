package tfplan

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Reader says how a plan is read.
type Reader struct {
	// Digester masks what is sensitive.
	Digester diff.Digester
	// Secrets are values that are known to be sensitive whatever the plan says.
	Secrets []string
	// Dir is the root module's directory in the Source: places are told from its root.
	Dir string
}

// Plan is what a saved plan says.
type Plan struct {
	Set change.Set
	// Redactor knows every sensitive value of the plan.
	Redactor *Redactor
	// Tool is the version that made the plan.
	Tool string
	// Resources counts what the state knew.
	Resources int
}

// document is the part of the format that is read.
type document struct {
	Format    string                     `json:"format_version"`
	Tool      string                     `json:"terraform_version"` // of OpenTofu too
	Variables map[string]variable        `json:"variables"`
	Drift     []resource                 `json:"resource_drift"`
	Changes   []resource                 `json:"resource_changes"`
	Outputs   map[string]difference      `json:"output_changes"`
	Prior     struct{ Values valueTree } `json:"prior_state"`
	Planned   valueTree                  `json:"planned_values"`
	Config    struct {
		Root struct {
			Variables map[string]declaration `json:"variables"`
		} `json:"root_module"`
	} `json:"configuration"`
	Checks  []check `json:"checks"`
	Errored bool    `json:"errored"`
}

type variable struct {
	Value json.RawMessage `json:"value"`
}

type declaration struct {
	Sensitive bool `json:"sensitive"`
}

type valueTree struct {
	Root    module `json:"root_module"`
	Outputs map[string]struct {
		Sensitive bool            `json:"sensitive"`
		Value     json.RawMessage `json:"value"`
	} `json:"outputs"`
}

type module struct {
	Resources []struct {
		Mode      string          `json:"mode"`
		Values    json.RawMessage `json:"values"`
		Sensitive json.RawMessage `json:"sensitive_values"`
	} `json:"resources"`
	Modules []module `json:"child_modules"`
}

type resource struct {
	Address  string     `json:"address"`
	Previous string     `json:"previous_address"`
	Module   string     `json:"module_address"`
	Mode     string     `json:"mode"`
	Type     string     `json:"type"`
	Name     string     `json:"name"`
	Provider string     `json:"provider_name"`
	Deposed  string     `json:"deposed"`
	Reason   string     `json:"action_reason"`
	Change   difference `json:"change"`
}

type difference struct {
	Actions         []string        `json:"actions"`
	Before          json.RawMessage `json:"before"`
	After           json.RawMessage `json:"after"`
	Unknown         json.RawMessage `json:"after_unknown"`
	BeforeSensitive json.RawMessage `json:"before_sensitive"`
	AfterSensitive  json.RawMessage `json:"after_sensitive"`
	Replace         [][]any         `json:"replace_paths"`
	Importing       *struct {
		ID      string `json:"id"`
		Unknown bool   `json:"unknown"`
	} `json:"importing"`

	decoded *values
}

type check struct {
	Address   displayed `json:"address"`
	Status    string    `json:"status"`
	Instances []struct {
		Address  displayed `json:"address"`
		Status   string    `json:"status"`
		Problems []struct {
			Message string `json:"message"`
		} `json:"problems"`
	} `json:"instances"`
}

type displayed struct {
	Kind    string `json:"kind"`
	Display string `json:"to_display"`
}

// Read translates what show -json printed of a saved plan.
func (r Reader) Read(data []byte) (Plan, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return Plan{}, fault.New(fault.KindInternal, "the tool printed a plan that is not the JSON it documents").Because(err)
	}
	if major, _, _ := strings.Cut(d.Format, "."); major != "1" {
		return Plan{}, fault.Invalid("the plan has format version %q; version 1 is understood", d.Format).
			WithHint("pin a version of the tool that this version of Lockstep knows")
	}
	g := &gatherer{secrets: slices.Clone(r.Secrets)}
	if err := g.document(&d); err != nil {
		return Plan{}, malformed(err)
	}
	red := NewRedactor(g.secrets)
	t := translator{digester: r.Digester, redactor: red}
	out := Plan{Redactor: red, Tool: d.Tool, Resources: g.managed}
	set, err := t.set(&d)
	if err != nil {
		return Plan{}, err
	}
	out.Set = set
	return out, nil
}

func malformed(err error) error {
	return fault.New(fault.KindInternal, "the tool printed a plan that is not the JSON it documents").Because(err)
}

func (t *translator) set(d *document) (change.Set, error) {
	s := change.Set{Errored: d.Errored, Changes: []change.Change{}}
	for i := range d.Changes {
		cs, err := t.change(&d.Changes[i])
		if err != nil {
			return s, err
		}
		if len(cs) == 0 && d.Changes[i].Mode == "managed" {
			s.Unchanged++
		}
		s.Changes = append(s.Changes, cs...)
	}
	for i := range d.Drift {
		cs, err := t.change(&d.Drift[i])
		if err != nil {
			return s, err
		}
		s.Drift = append(s.Drift, cs...)
	}
	slices.SortFunc(s.Changes, change.Compare)
	slices.SortFunc(s.Drift, change.Compare)
	if err := t.outputs(&s, d.Outputs); err != nil {
		return s, err
	}
	s.Notes = t.checks(d.Checks)
	return s, nil
}

// change returns what happens to one resource: nothing where it stays as it is, and
// two changes where the tool forgets one object and makes another.
func (t *translator) change(r *resource) ([]change.Change, error) {
	c := change.Change{
		Address: r.Address, Previous: r.Previous, Module: r.Module, Type: r.Type, Name: r.Name,
		Provider: r.Provider, Deposed: r.Deposed, Reason: r.Reason,
	}
	if c.Previous == c.Address {
		c.Previous = ""
	}
	if i := r.Change.Importing; i != nil {
		c.Import = t.redactor.Text(i.ID)
		if i.Unknown {
			c.Import = "known after apply"
		}
	}
	forgets := false
	switch strings.Join(r.Change.Actions, " ") {
	case "no-op", "":
		if c.Previous == "" && c.Import == "" {
			return nil, nil
		}
	case "create":
		c.Action = change.Create
	case "read":
		c.Action = change.Read
	case "update":
		c.Action = change.Update
	case "delete":
		c.Action = change.Delete
	case "delete create":
		c.Action = change.Replace
	case "create delete":
		c.Action, c.CreateFirst = change.Replace, true
	case "forget":
		c.Action = change.Forget
	case "forget create", "create forget":
		c.Action, forgets = change.Create, true
	default:
		return nil, fault.Invalid("the plan wants to do %q to %s, which this version of Lockstep does not know", strings.Join(r.Change.Actions, ", "), r.Address).
			WithHint("pin a version of the tool that this version of Lockstep knows")
	}
	v, err := r.Change.decode()
	if err != nil {
		return nil, malformed(err)
	}
	old := c
	if forgets {
		old.Before = t.tree(v.before, v.beforeSensitive)
		v.before, v.beforeSensitive = nil, nil
	}
	c.Fields = t.fields(v, r.Change.Replace)
	c.Before, c.After = t.tree(v.before, v.beforeSensitive), t.tree(v.after, v.afterSensitive)
	if !forgets {
		return []change.Change{c}, nil
	}
	// The one that is forgotten goes on to exist, as one that was deposed does.
	old.Action, old.Deposed = change.Forget, "former"
	return []change.Change{c, old}, nil
}

func (t *translator) outputs(s *change.Set, all map[string]difference) error {
	for name, d := range all {
		o := change.OutputChange{Name: name}
		switch strings.Join(d.Actions, " ") {
		case "create":
			o.Action = change.Create
		case "update":
			o.Action = change.Update
		case "delete":
			o.Action = change.Delete
		default:
			continue
		}
		v, err := d.decode()
		if err != nil {
			return malformed(err)
		}
		o.Unknown = truth(v.unknown)
		o.Sensitive = anyTrue(v.beforeSensitive) || anyTrue(v.afterSensitive)
		from, secretFrom := t.print(v.before, o.Sensitive)
		to, secretTo := t.print(v.after, o.Sensitive)
		o.Sensitive = o.Sensitive || secretFrom || secretTo
		if o.Action != change.Create {
			o.From = from
		}
		if o.Action != change.Delete && !o.Unknown {
			o.To = to
		}
		// A value that is known in parts is one that is not known.
		if anyTrue(v.unknown) {
			o.Unknown, o.To = true, ""
		}
		s.Outputs = append(s.Outputs, o)
	}
	slices.SortFunc(s.Outputs, func(a, b change.OutputChange) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (t *translator) checks(all []check) []change.Note {
	var out []change.Note
	for _, c := range all {
		severity := "error"
		if c.Address.Kind == "check" {
			severity = "warning" // a check block holds nothing up, by its definition
		}
		for _, i := range c.Instances {
			if i.Status != "fail" && i.Status != "error" {
				continue
			}
			n := change.Note{Severity: severity, Summary: "a check failed", Address: i.Address.Display}
			for _, p := range i.Problems {
				n.Detail = strings.TrimSpace(n.Detail + "\n" + t.redactor.Text(p.Message))
			}
			out = append(out, n)
		}
	}
	SortNotes(out)
	return out
}

// SortNotes puts errors first and otherwise keeps one order.
func SortNotes(ns []change.Note) {
	slices.SortStableFunc(ns, func(a, b change.Note) int {
		if a.Severity != b.Severity {
			return strings.Compare(a.Severity, b.Severity) // error, warning
		}
		return strings.Compare(a.Address+"\x00"+a.Summary+a.Detail, b.Address+"\x00"+b.Summary+b.Detail)
	})
}

// Place returns where a file is that the tool names as seen from the root module, as
// seen from the root of the Source; what lies outside of it is named as it is.
func Place(dir, file string) string {
	if file == "" || path.IsAbs(file) {
		return file
	}
	joined := path.Join(dir, file)
	if joined == ".." || strings.HasPrefix(joined, "../") {
		return file
	}
	return joined
}

// gatherer collects what is sensitive.
type gatherer struct {
	secrets []string
	managed int
}

func (g *gatherer) document(d *document) error {
	for name, v := range d.Variables {
		if d.Config.Root.Variables[name].Sensitive {
			if err := g.marked(v.Value, yes); err != nil {
				return err
			}
		}
	}
	for _, list := range [][]resource{d.Changes, d.Drift} {
		for i := range list {
			c := &list[i].Change
			if err := g.difference(c); err != nil {
				return err
			}
		}
	}
	for _, o := range d.Outputs {
		if err := g.difference(&o); err != nil {
			return err
		}
	}
	return g.values(&d.Prior.Values)
}

var yes = json.RawMessage("true")

func (g *gatherer) difference(d *difference) error {
	if !bytes.Contains(d.BeforeSensitive, trueWord) && !bytes.Contains(d.AfterSensitive, trueWord) {
		return nil
	}
	v, err := d.decode()
	if err != nil {
		return err
	}
	g.secrets = appendMarked(g.secrets, v.before, v.beforeSensitive)
	g.secrets = appendMarked(g.secrets, v.after, v.afterSensitive)
	return nil
}

func (g *gatherer) values(v *valueTree) error {
	for _, o := range v.Outputs {
		if o.Sensitive {
			if err := g.marked(o.Value, yes); err != nil {
				return err
			}
		}
	}
	return g.module(&v.Root)
}

func (g *gatherer) module(m *module) error {
	for i := range m.Resources {
		r := &m.Resources[i]
		if r.Mode == "managed" {
			g.managed++
		}
		if err := g.marked(r.Values, r.Sensitive); err != nil {
			return err
		}
	}
	for i := range m.Modules {
		if err := g.module(&m.Modules[i]); err != nil {
			return err
		}
	}
	return nil
}

var trueWord = []byte("true")

// marked gathers what of a value is marked. Most resources have no mark at all, and
// are not even decoded.
func (g *gatherer) marked(value, marks json.RawMessage) error {
	if len(value) == 0 || !bytes.Contains(marks, trueWord) {
		return nil
	}
	v, err := tree(value)
	if err != nil {
		return err
	}
	m, err := tree(marks)
	if err != nil {
		return err
	}
	g.secrets = appendMarked(g.secrets, v, m)
	return nil
}

func appendMarked(out []string, v, marks any) []string {
	if marks == nil || marks == false {
		return out
	}
	whole := marks == true
	switch v := v.(type) {
	case string:
		if whole {
			out = append(out, v)
		}
	case map[string]any:
		for k, below := range v {
			out = appendMarked(out, below, markOf(marks, k))
		}
	case []any:
		for i, below := range v {
			out = appendMarked(out, below, markAt(marks, i))
		}
	case nil, bool:
	default:
		if whole {
			out = append(out, string(diff.Canonical(v)))
		}
	}
	return out
}

// StateSecrets returns the sensitive values of a state as show -json prints it; what
// of it cannot be read has none.
func StateSecrets(data []byte) []string {
	var d struct {
		Values valueTree `json:"values"`
	}
	if json.Unmarshal(data, &d) != nil {
		return nil
	}
	g := &gatherer{}
	_ = g.values(&d.Values) // it was valid a moment ago
	return g.secrets
}

// Leaves returns every text and number in a JSON value.
func Leaves(value json.RawMessage) []string {
	v, err := tree(value)
	if err != nil {
		return nil
	}
	return appendMarked(nil, v, true)
}

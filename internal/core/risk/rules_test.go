package risk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ruleCase is one change in, and what one rule says about it.
type ruleCase struct {
	Why     string         `yaml:"why"`
	Type    string         `yaml:"type"` // the first of the rule, unless it is said
	Do      string         `yaml:"do"`
	Reason  string         `yaml:"reason"`
	Deposed string         `yaml:"deposed"`
	Before  map[string]any `yaml:"before"`
	After   map[string]any `yaml:"after"`
	// Set is for rules about a plan as a whole.
	Set struct {
		Creates, Deletes, Replaces, Unchanged int
	} `yaml:"set"`
	Facts ruleFacts `yaml:"facts"`
	Want  string    `yaml:"want"` // none, if the rule says nothing
	Says  string    `yaml:"says"`
	Way   *string   `yaml:"way"` // in a way out; "" for no command among them
}

// ruleFacts are facts about the resource that the case is about.
type ruleFacts struct {
	Retained     bool            `yaml:"retained"`
	Instances    *int            `yaml:"instances"`
	Holds        *[]string       `yaml:"holds"`
	Stored       []string        `yaml:"stored"`
	Protected    bool            `yaml:"protected"`
	ProtectedNow *bool           `yaml:"protectedNow"`
	Weakened     bool            `yaml:"weakened"`
	Locked       bool            `yaml:"locked"`
	Feeds        []string        `yaml:"feeds"`
	Features     map[string]bool `yaml:"features"`
	Had          int             `yaml:"had"`
	Lineage      string          `yaml:"lineage"`
	Destroying   bool            `yaml:"destroying"`
}

func (f ruleFacts) about(t *testing.T, k lockstep.Key, address string) Facts {
	out := Facts{
		Protected: map[string]bool{address: f.Protected}, Weakened: map[string]bool{address: f.Weakened},
		Locked: map[string]bool{address: f.Locked}, Feeds: map[string][]string{address: f.Feeds}, Features: f.Features,
		Had: f.Had, Destroying: f.Destroying, State: change.StateRef{Lineage: f.Lineage},
		Reclaim: map[lockstep.Key]string{}, Instances: map[string]int{}, Holds: map[string][]lockstep.Key{}, Stored: map[string][]string{},
	}
	if f.Retained {
		out.Reclaim[k] = "Retain"
	}
	if f.Instances != nil {
		out.Instances[k.Name] = *f.Instances
	}
	if f.Stored != nil {
		out.Stored[k.Name] = f.Stored
	}
	if f.ProtectedNow != nil {
		out.ProtectedNow = map[string]bool{address: *f.ProtectedNow}
	}
	if f.Holds != nil {
		out.Holds[k.Name] = nil
		for _, name := range *f.Holds {
			held, err := lockstep.ParseKey(name)
			if err != nil {
				t.Fatal(err)
			}
			out.Holds[k.Name] = append(out.Holds[k.Name], held)
		}
	}
	return out
}

// findings is what all rules say about the case.
func (c ruleCase) findings(t *testing.T, r Rule) []Finding {
	typ := c.Type
	if typ == "" {
		typ = example(r.Types[0])
	}
	action, known := change.ParseAction(c.Do)
	switch {
	case r.Whole && (c.Set.Deletes+c.Set.Replaces+c.Set.Creates == 0):
		t.Fatalf("a rule about the whole needs a set")
	case r.Whole:
		return JudgeSet(c.set(), c.Facts.about(t, lockstep.Key{}, "module.m.x_y.z"), DefaultLimits)
	case !known || c.Do == "":
		t.Fatalf("%q is no action", c.Do)
	}
	if r.Family == kubernetes {
		k := lockstep.Key{Namespace: "shop", Name: "it"}
		k.Kind, k.Group, _ = strings.Cut(typ, ".")
		verb := change.Change{Action: action}.Verb()
		return Judge([]Change{{Key: k, Verb: verb, Live: c.Before, Desired: c.After}}, 100, c.Facts.about(t, k, ""), DefaultLimits)
	}
	ch := change.Change{
		Address: `module.m["a/b"].` + typ + ".it[0]", Module: `module.m["a/b"]`, Type: typ, Name: "it", Action: action,
		Reason: c.Reason, Deposed: c.Deposed, Before: c.Before, After: c.After,
	}
	return JudgeSet(change.Set{Changes: []change.Change{ch}, Unchanged: 50}, c.Facts.about(t, ch.Key(), "module.m."+typ+".it"), DefaultLimits)
}

func (c ruleCase) set() change.Set {
	s := change.Set{Unchanged: c.Set.Unchanged, State: change.StateRef{Lineage: "same"}}
	for _, x := range []struct {
		n int
		a change.Action
	}{{c.Set.Creates, change.Create}, {c.Set.Deletes, change.Delete}, {c.Set.Replaces, change.Replace}} {
		for i := range x.n {
			s.Changes = append(s.Changes, change.Change{Address: fmt.Sprintf("x_y.%s%d", x.a, i), Type: "x_y", Action: x.a})
		}
	}
	return s
}

func example(pattern string) string { return strings.ReplaceAll(pattern, "*", "x") }

func casesOf(t *testing.T, r Rule) []ruleCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "rules", r.Slug+".yaml"))
	if err != nil {
		t.Fatalf("rule %s has no test: %v", r.Slug, err)
	}
	var cases []ruleCase
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestRules: each rule says what its file in testdata says it does, and each exception
// of it is among that.
func TestRules(t *testing.T) {
	slugs := map[string]bool{}
	for _, r := range Rules() {
		if slugs[r.Slug] {
			t.Errorf("two rules are called %s", r.Slug)
		}
		slugs[r.Slug] = true
		t.Run(r.Slug, func(t *testing.T) {
			spoke := map[string]bool{}
			for i, c := range casesOf(t, r) {
				if f, ok := c.check(t, r, fmt.Sprintf("case %d: %s", i+1, c.Why)); ok {
					spoke[f.Why] = true
				}
			}
			if len(spoke) == 0 {
				t.Error("no case has it say anything")
			}
			for _, but := range r.But {
				if !slices.ContainsFunc(slices.Collect(mapsKeys(spoke)), but.said) {
					t.Errorf("no case has it say: %s", but.Why)
				}
			}
		})
	}
	files, err := filepath.Glob("testdata/rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slugs[strings.TrimSuffix(filepath.Base(f), ".yaml")] {
			t.Errorf("%s is about no rule", f)
		}
	}
}

func mapsKeys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// said tells the sentence of e from others, whatever is put into it.
func (e exception) said(why string) bool {
	before, after, _ := strings.Cut(e.Why, "{what}")
	return strings.HasPrefix(why, before) && strings.HasSuffix(why, after)
}

func (c ruleCase) check(t *testing.T, r Rule, name string) (Finding, bool) {
	t.Helper()
	all := c.findings(t, r)
	i := slices.IndexFunc(all, func(f Finding) bool { return f.Rule == r.Slug })
	if c.Want == "none" {
		if i >= 0 {
			t.Errorf("%s\ngot %+v, want nothing", name, all[i])
		}
		return Finding{}, false
	}
	if i < 0 {
		t.Errorf("%s\ngot %+v, want %s", name, all, c.Want)
		return Finding{}, false
	}
	f := all[i]
	if f.Level.String() != c.Want || !strings.Contains(f.Why, c.Says) || f.ID != r.ID || strings.Contains(f.Why, "{what}") {
		t.Errorf("%s\ngot  %s %s: %s\nwant %s: %s", name, f.ID, f.Level, f.Why, c.Want, c.Says)
	}
	switch {
	case c.Way == nil:
	case *c.Way == "" && slices.ContainsFunc(f.Ways, func(w Way) bool { return strings.HasPrefix(w.Text, "aws ") }):
		t.Errorf("%s\ngot a command among %+v", name, f.Ways)
	case !slices.ContainsFunc(f.Ways, func(w Way) bool { return strings.Contains(w.Text, *c.Way) }):
		t.Errorf("%s\nno way out has %q: %+v", name, *c.Way, f.Ways)
	}
	return f, true
}

// TestTypes: each type that a rule names is judged by that rule.
func TestTypes(t *testing.T) {
	for _, r := range Rules() {
		if r.Beside || r.Whole || len(r.Any) > 0 || slices.Contains([]string{"crd-version", "statefulset-scale", "workload-volume"}, r.Slug) {
			continue
		}
		for _, typ := range r.Types {
			for _, do := range r.Actions {
				if typ == "*" {
					continue
				}
				got := ruleCase{Type: example(typ), Do: do}.findings(t, r)
				if !slices.ContainsFunc(got, func(f Finding) bool { return f.Rule == r.Slug }) {
					t.Errorf("%s of %s: rule %s says nothing; got %+v", do, typ, r.Slug, got)
				}
			}
		}
	}
}

// TestConditions: each condition of each rule is enough to have it speak.
func TestConditions(t *testing.T) {
	for _, r := range Rules() {
		for _, c := range r.Any {
			was, now := c.example(t)
			typ := example(r.Types[0])
			if typ == "x" {
				typ = map[bool]string{true: "ConfigMap", false: "x_y"}[r.Family == kubernetes]
			}
			got := ruleCase{Type: typ, Do: r.Actions[0], Before: put(c.path, was), After: put(c.path, now)}.findings(t, r)
			if !slices.ContainsFunc(got, func(f Finding) bool { return f.Rule == r.Slug }) {
				t.Errorf("rule %s is silent where %q: %+v", r.Slug, c.text, got)
			}
		}
	}
}

// example returns values of which c is true.
func (c condition) example(t *testing.T) (was, now any) {
	var arg any = c.arg
	if b, err := strconv.ParseBool(c.arg); err == nil {
		arg = b
	}
	switch c.verb {
	case "decreases":
		return int64(20), int64(10)
	case "changes", "changes major":
		return "a1", "b2"
	case "becomes":
		return nil, arg
	case "becomes set":
		return nil, "x"
	case "stops being":
		return arg, nil
	case "goes":
		return "x", nil
	case "shrinks":
		return []any{"a", "b"}, []any{"b"}
	}
	t.Fatalf("no example for %q", c.text)
	return nil, nil
}

// put makes a tree with a value at a path.
func put(path []string, v any) map[string]any {
	for i := len(path) - 1; i > 0; i-- {
		if _, err := strconv.Atoi(path[i]); err == nil {
			v = []any{v}
			continue
		}
		v = map[string]any{path[i]: v}
	}
	return map[string]any{path[0]: v}
}

// TestLevel: a level that nobody knows is the worst, and rules have none such.
func TestLevel(t *testing.T) {
	for l := None; l <= Loss; l++ {
		var got Level
		if err := got.UnmarshalText([]byte(l.String())); err != nil || got != l {
			t.Errorf("%s is read as %s, %v", l, got, err)
		}
	}
	for _, f := range families {
		data, err := files.ReadFile("rules/" + f + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			_, word, says := strings.Cut(line, "level: ")
			if word = strings.TrimSpace(word); says && !slices.Contains(levelNames[1:], word) {
				t.Errorf("%s: unknown level %q", f, word)
			}
		}
	}
}

// TestTable: every rule of the table is there, and says what a rule has to.
func TestTable(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range Rules() {
		ids[r.ID] = true
		if r.Slug == "" || r.Level == None || r.Why == "" || len(r.Types) == 0 || len(r.Actions) == 0 && !r.Whole {
			t.Errorf("rule %s %s is not complete", r.ID, r.Slug)
		}
		if r.Level == Loss && r.Keep == "" {
			t.Errorf("rule %s says what may be lost and not what to do", r.Slug)
		}
		if r.Judge != "" && judges[r.Judge] == nil {
			t.Errorf("rule %s has no judge %q", r.Slug, r.Judge)
		}
		for _, w := range r.Ways {
			if ways[w].text == nil {
				t.Errorf("rule %s has no way %q", r.Slug, w)
			}
		}
	}
	for kind, last := range map[string]int{"K": 17, "T": 14} {
		for i := range last {
			if id := fmt.Sprintf("%s%02d", kind, i+1); !ids[id] {
				t.Errorf("no rule is %s", id)
			}
		}
	}
	for name := range judges {
		if !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.Judge == name }) {
			t.Errorf("no rule asks judge %q", name)
		}
	}
	files, err := files.ReadDir("rules")
	if err != nil || len(files) != len(families) {
		t.Errorf("%d files for %d families: %v", len(files), len(families), err)
	}
}

// FuzzCondition: no sentence and no value makes a condition fall over.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{"size decreases", "before.a.0.b is true", `config.cleanup\.policy changes`, "action is replace", "before.x has not \"*\"", "x becomes set"} {
		f.Add(s, `{"size": 1, "a": [{"b": true}]}`, `{"size": "1Gi", "config": {"cleanup.policy": 3}}`)
	}
	f.Fuzz(func(t *testing.T, text, was, now string) {
		var c condition
		if c.UnmarshalText([]byte(text)) != nil {
			return
		}
		var s subject
		if yaml.Unmarshal([]byte(was), &s.before) != nil || yaml.Unmarshal([]byte(now), &s.after) != nil {
			return
		}
		if what, holds := c.holds(s); holds && what == "" {
			t.Errorf("%q holds and says nothing", text)
		}
	})
}

package risk

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/change"
)

//go:embed rules/*.yaml
var files embed.FS

// families are the files in the order in which their rules are asked; general comes
// last, since it knows every type.
var families = []string{"kubernetes", "aws", "google", "azure", "others", "fakecloud", "general"}

// kubernetes is the family about objects on a cluster; all others are about what
// modules make.
const kubernetes = "kubernetes"

// Rule says what actions on some types may cost. The rules are data: rules/*.yaml.
type Rule struct {
	// ID is that of the table of rules, K01 or T08; several rules may share one.
	ID string `yaml:"id"`
	// Slug names the rule alone, and stays as it is: "pvc-delete".
	Slug string `yaml:"slug"`
	// Types are Kind or Kind.group, or the type of a resource, with * for any part.
	Types   []string `yaml:"types"`
	Actions []string `yaml:"actions"`
	Level   Level    `yaml:"level"`
	// Why is one sentence; {what} is which condition of Any holds, in words.
	Why  string `yaml:"why"`
	Keep string `yaml:"keep"`
	// Any: one of them has to hold, if there are any.
	Any []condition `yaml:"any"`
	// But are what changes the rule's mind; the first whose conditions all hold does.
	But []exception `yaml:"but"`
	// Judge names a function for what no condition can express; see judges.
	Judge string `yaml:"judge"`
	// Beside others: the rule is asked also where another one decided.
	Beside bool `yaml:"beside"`
	// Whole: the rule is about a plan as a whole; see whole.go.
	Whole bool `yaml:"whole"`
	// Ways out that are offered, by name; see ways.go.
	Ways []string `yaml:"ways"`

	// Family is the file that the rule is in.
	Family  string `yaml:"-"`
	actions []change.Action
}

// exception is another judgement where conditions hold. What it does not say is as in
// its rule.
type exception struct {
	If    []condition `yaml:"if"`
	Level Level       `yaml:"level"`
	Why   string      `yaml:"why"`
	Keep  string      `yaml:"keep"`
}

// Exception is what changes a rule's mind, for people to read.
type Exception struct {
	If    []string
	Level Level
}

// Conditions returns those of which one has to hold, if there are any.
func (r Rule) Conditions() []string {
	var out []string
	for _, c := range r.Any {
		out = append(out, c.text)
	}
	return out
}

// Exceptions returns what changes the rule's mind, in the order in which it is asked.
func (r Rule) Exceptions() []Exception {
	var out []Exception
	for _, but := range r.But {
		x := Exception{Level: but.Level}
		for _, c := range but.If {
			x.If = append(x.If, strings.TrimPrefix(c.text, "before."))
		}
		out = append(out, x)
	}
	return out
}

// Rules returns all rules, in the order in which they are asked.
var Rules = sync.OnceValue(func() []Rule {
	var out []Rule
	for _, f := range families {
		rules, err := readFamily(f)
		if err != nil {
			panic("risk: " + err.Error()) // a test reads them all
		}
		out = append(out, rules...)
	}
	return out
})

func readFamily(name string) ([]Rule, error) {
	data, err := files.ReadFile("rules/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	var f struct {
		Family string `yaml:"family"`
		Rules  []Rule `yaml:"rules"`
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i := range f.Rules {
		r := &f.Rules[i]
		r.Family = f.Family
		for _, word := range r.Actions {
			a, known := change.ParseAction(word)
			if !known {
				return nil, fmt.Errorf("%s: %s: unknown action %q", name, r.Slug, word)
			}
			r.actions = append(r.actions, a)
		}
	}
	return f.Rules, nil
}

// ruleOf returns the rule with a slug.
func ruleOf(slug string) Rule {
	rules := Rules()
	return rules[slices.IndexFunc(rules, func(r Rule) bool { return r.Slug == slug })]
}

// of says whether the rule is about s.
func (r Rule) of(s subject) bool {
	if r.Whole || (r.Family == kubernetes) == s.key.HasAddress() || !slices.Contains(r.actions, s.action) {
		return false
	}
	return r.knows(s.typ)
}

// knows says whether typ is among the rule's types.
func (r Rule) knows(typ string) bool {
	return slices.ContainsFunc(r.Types, func(pattern string) bool {
		ok, err := path.Match(pattern, typ)
		return err == nil && ok
	})
}

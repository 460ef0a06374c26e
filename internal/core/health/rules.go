package health

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/health/expr"
	"github.com/lockstep-dev/lockstep/internal/core/health/script"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Entry is one wish about the health of some objects: rules, a script, or that
// it does not count.
type Entry struct {
	Group     string   `json:"group,omitempty"` // exact, or a glob such as *.example.com
	Kinds     []string `json:"kinds"`           // "*" is every kind
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty"`

	CEL    []Rule `json:"cel,omitempty"`
	Lua    string `json:"lua,omitempty"`
	Ignore bool   `json:"ignore,omitempty"`

	// Place is where a person finds the entry: spec.health[2].
	Place string `json:"-"`
	// Lines makes places lines of the file Place, not indexes.
	Lines bool `json:"-"`
}

// Rules are what somebody wishes beyond the judgements that come with Lockstep.
// They are never changed; nil is none.
type Rules struct {
	entries []compiled
	digest  string
}

type compiled struct {
	Entry
	set    ruleSet
	script *script.Script
}

// Compile compiles entries; now answers scripts that ask the time. All mistakes
// are reported at once, each with its place.
func Compile(entries []Entry, now func() time.Time) (*Rules, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	r := &Rules{digest: digestOf(entries)}
	var errs []error
	for _, e := range entries {
		c, err := e.compile(now)
		errs = append(errs, err)
		r.entries = append(r.entries, c)
	}
	if err := fault.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

func digestOf(entries []Entry) string {
	b, err := json.Marshal(entries)
	if err != nil {
		return fmt.Sprint(entries) // strings and bools always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

func (e Entry) compile(now func() time.Time) (compiled, error) {
	c := compiled{Entry: e}
	switch {
	case e.Lua != "":
		s, err := script.Compile(e.Lua, now)
		if err != nil {
			return c, fault.Invalid("%s", clean(err.Error())).At("%s", e.place("lua")).
				WithHint("docs/guides/health.md says what a script can use")
		}
		c.script = s
		return c, nil
	case e.Lines:
		set, err := compileFile(e.Place, File{Rules: e.CEL})
		c.set = set
		return c, err
	}
	set, err := compileRules(e.CEL, func(i int, field string) string {
		place := fmt.Sprintf("cel[%d]", i)
		if field != "" {
			place += "." + field
		}
		return e.place(place)
	})
	c.set = set
	return c, err
}

func (e Entry) place(field string) string {
	if e.Lines {
		return e.Place
	}
	return e.Place + "." + field
}

// Digest differs between different rules; "" is that of none.
func (r *Rules) Digest() string {
	if r == nil {
		return ""
	}
	return r.digest
}

// Concern says whether the rules may say something about the object.
func (r *Rules) Concern(key lockstep.Key) bool {
	return r != nil && slices.ContainsFunc(r.entries, func(c compiled) bool { return c.matches(key) })
}

func (e *Entry) matches(key lockstep.Key) bool {
	return matchGroup(e.Group, key.Group) &&
		(slices.Contains(e.Kinds, key.Kind) || slices.Contains(e.Kinds, "*")) &&
		(e.Namespace == "" || e.Namespace == key.Namespace) &&
		(e.Name == "" || e.Name == key.Name)
}

// ignored is the verdict on an object whose health does not count.
func ignored(by string) lockstep.Health {
	return lockstep.Health{Status: lockstep.Healthy, Message: "is not judged: " + by}
}

// ignores says whether the health of an object does not count.
func (r *Rules) ignores(key lockstep.Key) (lockstep.Health, bool) {
	if r == nil {
		return lockstep.Health{}, false
	}
	for i := range r.entries {
		if r.entries[i].Ignore && r.entries[i].matches(key) {
			return ignored(r.entries[i].Place), true
		}
	}
	return lockstep.Health{}, false
}

// judge returns the verdict of the first entry that has one.
func (r *Rules) judge(t tree, key lockstep.Key) (lockstep.Health, bool) {
	if r == nil {
		return lockstep.Health{}, false
	}
	for i := range r.entries {
		c := &r.entries[i]
		if c.Ignore || !c.matches(key) {
			continue
		}
		h, ok := lockstep.Health{}, false
		if c.script != nil {
			h, ok = c.run(t)
		} else {
			h, ok = c.set.judge(t, expr.Bind(t))
		}
		if ok {
			return h, true
		}
	}
	return lockstep.Health{}, false
}

// scriptVerdicts are Argo CD's words. What it calls Unknown is on its way as far
// as anybody can tell.
var scriptVerdicts = map[string]lockstep.HealthStatus{
	"Healthy": lockstep.Healthy, "Suspended": lockstep.Suspended, "Progressing": lockstep.Progressing,
	"Degraded": lockstep.Degraded, "Missing": lockstep.Missing, "Unknown": lockstep.Progressing,
}

func (c *compiled) run(t tree) (lockstep.Health, bool) {
	v, err := c.script.Run(t)
	if err != nil {
		return progressing("its health script %s fails: %s", c.place("lua"), err), true
	}
	if v.Status == "" {
		return lockstep.Health{}, false // as Argo CD: it has no verdict
	}
	status, known := scriptVerdicts[v.Status]
	if !known {
		return progressing("its health script %s returned %q, which is no status", c.place("lua"), v.Status), true
	}
	return lockstep.Health{Status: status, Message: clean(v.Message)}, true
}

// Annotations by which an object says that its health does not count: ours, and
// Argo CD's.
const (
	AnnotationHealth     = "lockstep.dev/health"
	annotationArgoIgnore = "argocd.argoproj.io/ignore-healthcheck"
)

func ignoredByItself(t tree) (lockstep.Health, bool) {
	annotations := t.sub("metadata", "annotations")
	switch {
	case annotations.text(AnnotationHealth) == "ignore":
		return ignored(AnnotationHealth + ": ignore"), true
	case annotations.text(annotationArgoIgnore) == "true":
		return ignored(annotationArgoIgnore + `: "true"`), true
	}
	return lockstep.Health{}, false
}

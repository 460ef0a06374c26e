package health

import (
	"errors"
	"fmt"

	"github.com/lockstep-dev/lockstep/internal/core/health/expr"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// verdicts are the words that a rule may use.
var verdicts = map[string]lockstep.HealthStatus{
	"Healthy": lockstep.Healthy, "Suspended": lockstep.Suspended,
	"Progressing": lockstep.Progressing, "Degraded": lockstep.Degraded,
}

const verdictWords = "Healthy, Suspended, Progressing or Degraded"

// ruleSet is rules in the order in which they are asked.
type ruleSet []compiledRule

type compiledRule struct {
	place   string // as a person would look for it
	when    *expr.Test
	status  lockstep.HealthStatus
	message *expr.Text // nil: the object's own words
}

// compileRules compiles rules; place names the one at an index.
func compileRules(rules []Rule, place func(i int, field string) string) (ruleSet, error) {
	var out ruleSet
	var errs []error
	for i, rule := range rules {
		c, err := compileRule(rule, func(field string) string { return place(i, field) })
		errs = append(errs, err)
		out = append(out, c)
	}
	return out, fault.Join(errs...)
}

func compileRule(rule Rule, place func(field string) string) (compiledRule, error) {
	c := compiledRule{place: place("")}
	var errs []error
	var err error
	if c.when, err = expr.CompileTest(rule.When); err != nil {
		errs = append(errs, badExpression(err, place("when")))
	}
	if rule.Message != "" {
		if c.message, err = expr.CompileText(rule.Message); err != nil {
			errs = append(errs, badExpression(err, place("message")))
		}
	}
	known := false
	if c.status, known = verdicts[rule.Status]; !known {
		errs = append(errs, fault.Invalid("%q is no status", rule.Status).At("%s", place("status")).
			WithHint("write %s", verdictWords))
	}
	return c, fault.Join(errs...)
}

func badExpression(err error, place string) error {
	return fault.Invalid("%s", clean(err.Error())).At("%s", place).
		WithHint("docs/guides/health.md says what an expression can use")
}

// judge returns the verdict of the first rule that applies.
func (rs ruleSet) judge(t tree, o expr.Object) (lockstep.Health, bool) {
	for i := range rs {
		yes, err := rs[i].when.True(o)
		switch {
		case errors.Is(err, expr.ErrMissing):
		case err != nil:
			return rs[i].broken(err), true
		case yes:
			return rs[i].verdict(t, o), true
		}
	}
	return lockstep.Health{}, false
}

func (r *compiledRule) verdict(t tree, o expr.Object) lockstep.Health {
	h := lockstep.Health{Status: r.status}
	if r.message == nil {
		if r.status != lockstep.Healthy {
			h.Message = clean(t.ownWords())
		}
		return h
	}
	words, err := r.message.Of(o)
	if err != nil && !errors.Is(err, expr.ErrMissing) {
		return r.broken(err)
	}
	h.Message = clean(words)
	if h.Message == "" && r.status != lockstep.Healthy {
		h.Message = clean(t.ownWords())
	}
	return h
}

// broken is never Healthy: a rule that nobody can evaluate proves nothing.
func (r *compiledRule) broken(err error) lockstep.Health {
	return progressing("its health rule %s fails: %s", r.place, err)
}

// ownWords are what the object says of itself, when a rule has no words.
func (t tree) ownWords() string {
	cs := t.conditions()
	for _, kind := range [...]string{"Ready", "Available", "Succeeded", "Synced", "Healthy"} {
		if c, found := cs.of(kind); found && c.status != "True" {
			return c.words()
		}
	}
	for _, field := range [...]string{"message", "reason"} {
		if s := t.text("status", field); s != "" {
			return s
		}
	}
	for _, field := range [...]string{"phase", "state"} {
		if s := t.text("status", field); s != "" {
			return fmt.Sprintf("its %s is %s", field, s)
		}
	}
	return ""
}

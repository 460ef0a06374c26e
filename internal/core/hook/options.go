package hook

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// options reads what does not depend on whether the object is a hook. What keeps
// an object adds up over the vocabularies: whoever says "keep" is heard.
func (r *reader) options(o *Options) error {
	return fault.Join(r.own(o), r.argo(o), r.flux(o), r.helm(o))
}

// switches reads an annotation with a fixed set of values.
func (r *reader) switches(name string, values map[string]func()) error {
	text, ok := r.text[name]
	if !ok {
		return nil
	}
	act, known := values[text]
	if !known {
		return r.unknown(name, text, slices.Sorted(maps.Keys(values)))
	}
	act()
	return nil
}

func nothing() {}

func (r *reader) own(o *Options) error {
	return fault.Join(
		r.switches(ownPrune, map[string]func(){
			"enabled":   nothing,
			"confirmed": nothing,
			"disabled":  func() { o.keep(ownPrune + " is disabled") },
			"confirm":   func() { o.Confirm = ownPrune + " is confirm" },
		}),
		r.switches(ownDelete, map[string]func(){
			"enabled":  nothing,
			"disabled": func() { o.KeptOnDelete = ownDelete + " is disabled" },
		}),
		r.switches(ownReplace, map[string]func(){"true": func() { o.Replace = true }, "false": nothing}),
	)
}

// keep keeps the object in both deletions.
func (o *Options) keep(why string) {
	if o.Kept == "" {
		o.Kept = why
	}
	if o.KeptOnDelete == "" {
		o.KeptOnDelete = why
	}
}

// argoKnown are Argo CD's options. Those without effect are what happens here
// anyhow, or concern its whole application.
var argoKnown = map[string]func(*Options){
	"Prune=false":                       func(o *Options) { o.Kept = argoOptions + " has Prune=false" },
	"Prune=true":                        nil,
	"Prune=confirm":                     func(o *Options) { o.Confirm = argoOptions + " has Prune=confirm" },
	"Delete=false":                      func(o *Options) { o.KeptOnDelete = argoOptions + " has Delete=false" },
	"Delete=true":                       nil,
	"Delete=confirm":                    func(o *Options) { o.Confirm = argoOptions + " has Delete=confirm" },
	"Replace=true":                      func(o *Options) { o.Replace = true },
	"Replace=false":                     nil,
	"Force=true":                        func(o *Options) { o.Replace = true },
	"Force=false":                       nil,
	"Validate=false":                    func(o *Options) { o.Unvalidated = true },
	"Validate=true":                     nil,
	"SkipDryRunOnMissingResource=true":  func(o *Options) { o.LateKind = true },
	"SkipDryRunOnMissingResource=false": nil,
	"ServerSideApply=true":              nil,
	"ServerSideApply=false":             nil,
	"PruneLast=true":                    nil,
	"PruneLast=false":                   nil,
	"ApplyOutOfSyncOnly=true":           nil,
	"ApplyOutOfSyncOnly=false":          nil,
	"RespectIgnoreDifferences=true":     nil,
	"RespectIgnoreDifferences=false":    nil,
	"FailOnSharedResource=true":         nil,
	"FailOnSharedResource=false":        nil,
	"ClientSideApplyMigration=true":     nil,
	"ClientSideApplyMigration=false":    nil,
	"CreateNamespace=true":              nil,
	"CreateNamespace=false":             nil,
	"PrunePropagationPolicy=foreground": nil,
	"PrunePropagationPolicy=background": nil,
	"PrunePropagationPolicy=orphan":     nil,
}

func (r *reader) argo(o *Options) error {
	var errs []error
	for _, w := range commas(r.text[argoOptions]) {
		act, known := argoKnown[w]
		if !known {
			errs = append(errs, r.unknown(argoOptions, w, slices.Sorted(maps.Keys(argoKnown))))
			continue
		}
		if act != nil {
			act(o)
		}
	}
	return fault.Join(errs...)
}

func (r *reader) flux(o *Options) error {
	// Flux takes every other value for "no", and so do repositories in use.
	if strings.EqualFold(r.text[fluxPrune], "disabled") {
		o.keep(fluxPrune + " is disabled")
	}
	if strings.EqualFold(r.text[fluxForce], "enabled") {
		o.Replace = true
	}
	if strings.EqualFold(r.text[fluxReconcile], "disabled") {
		o.leave(fluxReconcile + " is disabled")
	}
	text, ok := r.text[fluxSSA]
	if !ok {
		return nil
	}
	switch strings.ToLower(text) {
	case "override", "merge": // fields of others are left to them anyhow
	case "ifnotpresent":
		o.IfAbsent = true
	case "ignore":
		o.leave(fluxSSA + " is Ignore")
	default:
		return r.unknown(fluxSSA, text, []string{"IfNotPresent", "Ignore", "Merge", "Override"})
	}
	return nil
}

// leave lets nothing at all be done to the object, also not when it leaves Git.
func (o *Options) leave(why string) {
	if o.LeftAlone == "" {
		o.LeftAlone = why
	}
	o.keep(why)
}

func (r *reader) helm(o *Options) error {
	if strings.ToLower(strings.TrimSpace(r.text[helmKeep])) == "keep" {
		o.keep(helmKeep + " is keep")
	}
	return nil
}

package hook

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// The annotations that are read. A cluster's objects carry Marked* as well.
const (
	ownWave    = "lockstep.dev/wave"
	ownHook    = "lockstep.dev/hook"
	ownPolicy  = "lockstep.dev/hook-delete-policy"
	ownPrune   = "lockstep.dev/prune"
	ownDelete  = "lockstep.dev/delete"
	ownReplace = "lockstep.dev/replace"

	argoWave    = "argocd.argoproj.io/sync-wave"
	argoHook    = "argocd.argoproj.io/hook"
	argoPolicy  = "argocd.argoproj.io/hook-delete-policy"
	argoOptions = "argocd.argoproj.io/sync-options"

	fluxPrune     = "kustomize.toolkit.fluxcd.io/prune"
	fluxSSA       = "kustomize.toolkit.fluxcd.io/ssa"
	fluxForce     = "kustomize.toolkit.fluxcd.io/force"
	fluxReconcile = "kustomize.toolkit.fluxcd.io/reconcile"

	helmHook   = "helm.sh/hook"
	helmWeight = "helm.sh/hook-weight"
	helmPolicy = "helm.sh/hook-delete-policy"
	helmKeep   = "helm.sh/resource-policy"

	// RunMark is on the live object of a hook: the run that created it. What has
	// it is no part of what is kept live.
	RunMark = "lockstep.dev/run"
	// PhaseMark is on the live object of a hook: the phase it was created in.
	PhaseMark = ownHook
)

// MaxWave bounds waves in both directions.
const MaxWave = 1 << 20

// Of reads the role of o.
func Of(o lockstep.Object) (Role, error) {
	meta, _ := o.Tree["metadata"].(map[string]any)
	all, _ := meta["annotations"].(map[string]any)
	r := reader{object: o}
	for name, v := range all {
		s, ok := v.(string)
		if !ok || !concerns(name) {
			continue
		}
		if r.text == nil { // most objects say nothing, and plans ask of each
			r.text = make(map[string]string, 4)
		}
		r.text[name] = s
	}
	if r.text == nil {
		return Role{}, nil
	}
	return r.read()
}

// OfLive reads the options by which a live object is kept; annotations that
// cannot be read keep it, because Git is not asked any more.
//
// Both the annotations that are there and those that we applied count: either may
// keep an object.
func OfLive(o lockstep.LiveObject) Options {
	r := reader{text: maps.Clone(o.Annotations)}
	meta, _ := o.Owned["metadata"].(map[string]any)
	owned, _ := meta["annotations"].(map[string]any)
	for k, v := range owned {
		if s, ok := v.(string); ok && concerns(k) && r.text[k] == "" {
			if r.text == nil {
				r.text = map[string]string{}
			}
			r.text[k] = s
		}
	}
	role, err := r.read()
	if err != nil && role.Options.Kept == "" {
		role.Options.Kept = "an annotation that cannot be read: " + fault.All(err)[0].What
		role.Options.KeptOnDelete = role.Options.Kept
	}
	if o.Annotations[ownPrune] == "confirmed" {
		role.Options.Confirm = ""
	}
	return role.Options
}

// WaveOf reads the wave of a live object; 0 if there is none that can be read.
func WaveOf(o lockstep.LiveObject) int {
	r := reader{text: o.Annotations}
	n, _ := r.wave(Role{})
	return n
}

// Running returns the run that created a live object as a hook, and the phase;
// "" for an object that is kept live.
func Running(o lockstep.LiveObject) (run, phase string) {
	run = o.Annotations[RunMark]
	if run == "" {
		return "", ""
	}
	return run, o.Annotations[PhaseMark]
}

// Marked says whether annotations make a hook of an object, before it is one:
// such an object may have a generated name.
func Marked(annotations map[string]any) bool {
	for _, name := range [...]string{ownHook, argoHook, helmHook} {
		if s, ok := annotations[name].(string); ok && s != "" {
			return true
		}
	}
	return false
}

func concerns(name string) bool {
	for _, p := range [...]string{"lockstep.dev/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.sh/"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// reader reads the annotations of one object.
type reader struct {
	object lockstep.Object
	text   map[string]string
	warn   []string
}

func (r *reader) read() (Role, error) {
	var role Role
	var errs []error
	if _, marked := r.text[RunMark]; marked && r.object.Tree != nil {
		errs = append(errs, r.fault(RunMark, "it is Lockstep's own").WithHint("remove it; Lockstep writes it on the objects of hooks"))
	}
	errs = append(errs, r.moments(&role))
	wave, err := r.wave(role)
	role.Wave = wave
	errs = append(errs, err, r.policies(&role), r.options(&role.Options))
	role.Warnings = r.warn
	return role, fault.Join(errs...)
}

// fault says what is wrong with an annotation.
func (r *reader) fault(name, format string, args ...any) *fault.Fault {
	f := fault.Invalid("annotation %s is %q: %s", name, r.text[name], fmt.Sprintf(format, args...))
	if r.object.Tree == nil {
		return f
	}
	if at := r.object.Origin.String(); at != "" {
		return f.At("%s, %s", r.object.Key(), at)
	}
	return f.At("%s", r.object.Key())
}

func (r *reader) unknown(name, word string, known []string) *fault.Fault {
	hint := "known are: " + strings.Join(known, ", ")
	if near := fault.Nearest(word, known, 1); len(near) > 0 && fault.Edits(word, near[0]) <= 3 {
		hint = "did you mean " + near[0] + "? " + hint
	}
	return r.fault(name, "%q is not known", word).WithHint("%s", hint)
}

var ownMoments = map[string]Moment{
	"pre-apply":     {Phase: PreApply, On: applying},
	"apply":         {Phase: Apply, On: applying},
	"post-apply":    {Phase: PostApply, On: applying},
	"apply-failed":  {Phase: ApplyFailed, On: applying},
	"pre-install":   {Phase: PreApply, On: Install},
	"post-install":  {Phase: PostApply, On: Install},
	"pre-upgrade":   {Phase: PreApply, On: Upgrade},
	"post-upgrade":  {Phase: PostApply, On: Upgrade},
	"pre-rollback":  {Phase: PreApply, On: Rollback},
	"post-rollback": {Phase: PostApply, On: Rollback},
	"pre-delete":    {Phase: PreDelete, On: Delete},
	"post-delete":   {Phase: PostDelete, On: Delete},
	"test":          {Phase: Test, On: applying | Testing},
}

var argoMoments = map[string]Moment{
	"PreSync":    {Phase: PreApply, On: applying},
	"Sync":       {Phase: Apply, On: applying},
	"PostSync":   {Phase: PostApply, On: applying},
	"SyncFail":   {Phase: ApplyFailed, On: applying},
	"PreDelete":  {Phase: PreDelete, On: Delete},
	"PostDelete": {Phase: PostDelete, On: Delete},
}

// Helm has no moment for a failed release, and none between its objects.
var helmMoments = map[string]Moment{
	"pre-install":   ownMoments["pre-install"],
	"post-install":  ownMoments["post-install"],
	"pre-upgrade":   ownMoments["pre-upgrade"],
	"post-upgrade":  ownMoments["post-upgrade"],
	"pre-rollback":  ownMoments["pre-rollback"],
	"post-rollback": ownMoments["post-rollback"],
	"pre-delete":    ownMoments["pre-delete"],
	"post-delete":   ownMoments["post-delete"],
	"test":          ownMoments["test"],
	"test-success":  ownMoments["test"],
}

func (r *reader) moments(role *Role) error {
	if text, ok := r.text[ownHook]; ok {
		role.System = Own
		return r.listed(role, ownHook, text, ownMoments)
	}
	if text, ok := r.text[argoHook]; ok {
		if text == "Skip" {
			role.Options.LeftAlone = argoHook + " is Skip"
			return nil
		}
		role.System = ArgoCD
		return r.listed(role, argoHook, text, argoMoments)
	}
	text, ok := r.text[helmHook]
	if !ok {
		return nil
	}
	role.System = Helm
	for _, w := range commas(strings.ToLower(text)) {
		m, known := helmMoments[w]
		if !known {
			r.warnf("%s is left out, because Helm has no hook %q", r.object.Key(), w)
			role.Moments, role.LeftOut = nil, true
			return nil
		}
		m.Event = strings.TrimSuffix(w, "-success") // the name of Helm 2
		role.Moments = append(role.Moments, m)
	}
	return nil
}

func (r *reader) listed(role *Role, name, text string, known map[string]Moment) error {
	var errs []error
	for _, w := range commas(text) {
		m, ok := known[w]
		if !ok {
			errs = append(errs, r.unknown(name, w, slices.Sorted(maps.Keys(known))))
			continue
		}
		m.Event = w
		role.Moments = append(role.Moments, m)
	}
	if len(role.Moments) == 0 && len(errs) == 0 {
		errs = append(errs, r.fault(name, "it names no moment").WithHint("known are: %s", strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
	}
	return fault.Join(errs...)
}

func (r *reader) wave(role Role) (int, error) {
	for _, name := range [...]string{ownWave, argoWave} {
		text, ok := r.text[name]
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n > MaxWave || n < -MaxWave {
			return 0, r.fault(name, "it must be a whole number between -%d and %d", MaxWave, MaxWave).WithHint("quote it, for instance: %s: \"-1\"", name)
		}
		return n, nil
	}
	text, ok := r.text[helmWeight]
	if !ok || role.System != Helm && role.System != ArgoCD {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > MaxWave || n < -MaxWave {
		r.warnf("%s: annotation %s is %q, which is no weight; Helm takes it for 0", r.object.Key(), helmWeight, text)
		return 0, nil
	}
	return n, nil
}

var ownPolicies = map[string]Policy{"before-creation": BeforeCreation, "succeeded": OnSuccess, "failed": OnFailure, "never": 0}
var argoPolicies = map[string]Policy{"BeforeHookCreation": BeforeCreation, "HookSucceeded": OnSuccess, "HookFailed": OnFailure}
var helmPolicies = map[string]Policy{"before-hook-creation": BeforeCreation, "hook-succeeded": OnSuccess, "hook-failed": OnFailure}

// policies reads when the hook's object goes. The vocabulary that made the
// object a hook is asked last, so that one may be added beside another tool's.
func (r *reader) policies(role *Role) error {
	if !role.IsHook() {
		return nil
	}
	for _, v := range []struct {
		name  string
		known map[string]Policy
	}{{ownPolicy, ownPolicies}, {argoPolicy, argoPolicies}} {
		text, ok := r.text[v.name]
		if !ok {
			continue
		}
		for _, w := range commas(text) {
			p, known := v.known[w]
			if !known {
				return r.unknown(v.name, w, slices.Sorted(maps.Keys(v.known)))
			}
			role.Policies |= p
		}
		return nil
	}
	for _, w := range commas(strings.ToLower(r.text[helmPolicy])) {
		p, known := helmPolicies[w]
		if !known {
			r.warnf("%s: annotation %s: Helm has no policy %q", r.object.Key(), helmPolicy, w)
		}
		role.Policies |= p
	}
	if role.Policies == 0 {
		role.Policies = BeforeCreation
	}
	return nil
}

func (r *reader) warnf(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	if at := r.object.Origin.String(); at != "" {
		w = at + ": " + w
	}
	r.warn = append(r.warn, w)
}

// commas splits a list; empty words are left out.
func commas(text string) []string {
	var out []string
	for w := range strings.SplitSeq(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}

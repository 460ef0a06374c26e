package live

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	shelfctl "github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/approval"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Waiting is the plan of a Stack that waits for a person.
type Waiting struct {
	Digest   string           `json:"digest" doc:"of the plan; an approval names it" example:"sha256:4f…"`
	Gate     string           `json:"gate" doc:"what holds it: approval, loss, breaker, rejected, or a gate that no approval opens" example:"loss"`
	Message  string           `json:"message" doc:"why it is held, and what opens it"`
	Opens    bool             `json:"opens" doc:"an approval can open it"`
	Revision string           `json:"revision,omitempty" doc:"the commit that it was made for"`
	Destroys bool             `json:"destroys,omitempty" doc:"the Stack is being deleted, and this is what goes with it"`
	Tool     string           `json:"tool,omitempty" doc:"that planned, of a module" example:"tofu 1.12.6"`
	Lineage  string           `json:"lineage,omitempty" doc:"of the state that it was planned on"`
	Serial   int64            `json:"serial,omitempty" doc:"of that state"`
	Planned  *time.Time       `json:"planned,omitempty" doc:"when; absent where it was computed for this answer"`
	Moved    string           `json:"moved,omitempty" doc:"digest of what would be done now, where that is something else; it is planned anew soon"`
	Summary  plan.Summary     `json:"summary"`
	Changes  []WaitingChange  `json:"changes" doc:"what is destroyed first, then what is replaced, changed, created and given up"`
	Left     int              `json:"left,omitempty" doc:"changes that are left out, beyond the bound"`
	Cut      bool             `json:"cut,omitempty" doc:"the plan was too large to be kept with its fields"`
	Outputs  []WaitingField   `json:"outputs" doc:"outputs of the module that change, by name as their path"`
	Notes    []string         `json:"notes" doc:"what the tool said besides"`
	Findings []WaitingFinding `json:"findings" doc:"what may be lost, and what to do instead; worst first"`
	Accept   []string         `json:"accept" doc:"what an approval has to name, because its data may be lost"`
	Problem  string           `json:"problem,omitempty" doc:"objects that cannot be planned, and why"`
}

// WaitingChange is what happens to one resource or object.
type WaitingChange struct {
	ID      string         `json:"id" doc:"address of a resource, or id of an object"`
	Action  string         `json:"action" enum:"delete,replace,update,create,forget"`
	Type    string         `json:"type,omitempty"`
	Reason  string         `json:"reason,omitempty" doc:"one sentence"`
	Loss    bool           `json:"loss,omitempty" doc:"data may be lost by it"`
	Fields  []WaitingField `json:"fields,omitempty"`
	Further int            `json:"further,omitempty" doc:"fields that are left out"`
}

// WaitingField is one value that changes.
type WaitingField struct {
	Path      string `json:"path"`
	From      string `json:"from,omitempty" doc:"JSON, masked where secret; absent where there is none"`
	To        string `json:"to,omitempty"`
	Unknown   bool   `json:"unknown,omitempty" doc:"what comes is known after apply"`
	Sensitive bool   `json:"sensitive,omitempty" doc:"from and to are masks"`
	Forces    bool   `json:"forces,omitempty" doc:"this is why the resource is replaced"`
}

// WaitingFinding is one thing that a person should know before they say yes.
type WaitingFinding struct {
	ID    string   `json:"id" doc:"of what it is about; the rule where that is the plan"`
	Level string   `json:"level" enum:"none,review,outage,loss"`
	Rule  string   `json:"rule"`
	Why   string   `json:"why"`
	Keep  string   `json:"keep,omitempty" doc:"what to do so that it is not lost"`
	Ways  []WayOut `json:"ways,omitempty" doc:"what can be done instead, ready to be used"`
}

// WayOut is something to do so that what may be lost is not.
type WayOut struct {
	Name string `json:"name"`
	Text string `json:"text" doc:"what to write into Git or a shell"`
}

const (
	mostWaiting = 2000 // changes that are told of one plan
	mostFields  = 200  // fields of one change
)

// Opens says whether an approval can open a gate.
func Opens(gate string) bool {
	return slices.Contains([]string{approval.GateApproval, approval.GateLoss, approval.GateBreaker, approval.GateRejected}, gate)
}

// HeldPlan returns what the status of s says of a plan that is held; an error if none
// is.
func HeldPlan(s *v1alpha1.Stack) (v1alpha1.PlanSummary, error) {
	p := s.Status.Plan
	if p == nil || p.Held == "" {
		return v1alpha1.PlanSummary{}, fault.Conflict("holds no plan").At("stack %s", stack.UnitOf(s)).
			WithHint("nothing waits for an approval: lockstep status %s", stack.UnitOf(s))
	}
	return *p, nil
}

// Waiting returns the plan of u that waits for a person: a module's as it was kept,
// every other one computed against what is live.
func (l *Looker) Waiting(ctx context.Context, u lockstep.Unit) (Waiting, error) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return Waiting{}, err
	}
	if _, err := HeldPlan(s); err != nil {
		return Waiting{}, err
	}
	if s.Spec.Terraform != nil {
		if l.Kept == nil {
			return Waiting{}, fault.Unavailable("this server keeps no plans of modules").At("stack %s", u)
		}
		return KeptWaiting(ctx, s, l.Kept)
	}
	t, err := l.target(ctx, s)
	if err != nil {
		return Waiting{}, err
	}
	d, err := l.desired(ctx, u, "")
	if err != nil {
		return Waiting{}, err
	}
	p, found, problem, err := l.planNow(ctx, t, s, d)
	if err != nil {
		return Waiting{}, err
	}
	f := t.RiskFacts(ctx, risk.ChangesOf(p, found))
	return PlanWaiting(s, p, Judged(s, p, found, len(d.rendered.Objects), f), problem), nil
}

// Judged says what may be lost by p as the pass does, which holds the plan for it: among
// the objects of the Stack, unless all of it may go.
func Judged(s *v1alpha1.Stack, p plan.Plan, found lockstep.Live, wants int, f risk.Facts) []risk.Finding {
	own := 0
	for _, o := range found.Objects {
		if o.Unit == p.Unit {
			own++
		}
	}
	limits := risk.DefaultLimits
	if s.Spec.Sync.AllowEmpty && wants == 0 {
		limits = risk.Limits{}
	}
	return risk.Judge(risk.ChangesOf(p, found), own, f, limits)
}

// planNow plans what the Source says against what is live.
func (l *Looker) planNow(ctx context.Context, t target, s *v1alpha1.Stack, d *Desired) (p plan.Plan, found lockstep.Live, problem, err error) {
	rules, err := stack.HealthOf(s)
	if err != nil {
		return p, found, nil, err
	}
	found, err = t.Observe(ctx, driver.Query{Unit: stack.UnitOf(s), Kinds: stack.KindsOf(s), Desired: d.rendered.Objects, Health: rules})
	if err != nil {
		return p, found, nil, settle(err)
	}
	then := *d
	then.stack = s
	p, problem = l.plan(&then, found)
	return p, found, problem, nil
}

// KeptWaiting returns the plan of a module as kept has it.
func KeptWaiting(ctx context.Context, s *v1alpha1.Stack, kept keptFunc) (Waiting, error) {
	k, err := keptOf(ctx, s, kept)
	if err != nil {
		return Waiting{}, err
	}
	return moduleWaiting(s, k), nil
}

type keptFunc = func(context.Context, lockstep.Unit) (shelfctl.Plan, bool, error)

func keptOf(ctx context.Context, s *v1alpha1.Stack, kept keptFunc) (shelfctl.Plan, error) {
	u := stack.UnitOf(s)
	if _, err := HeldPlan(s); err != nil {
		return shelfctl.Plan{}, err
	}
	k, there, err := kept(ctx, u)
	if err == nil && !there {
		err = fault.Conflict("its plan is not kept any more").At("stack %s", u).WithHint("have it planned anew: lockstep reconcile %s", u)
	}
	return k, err
}

// gateOf is what holds the plan of s, as a plan shows it.
func gateOf(s *v1alpha1.Stack) plan.Gate {
	w := held(s, plan.Summary{}, "")
	return plan.Gate{Name: w.Gate, Reason: w.Message}
}

// keptPlan is Plan of a module: the plan that its tool made and that waits.
func (l *Looker) keptPlan(ctx context.Context, s *v1alpha1.Stack, revision string) (Planned, error) {
	u := stack.UnitOf(s)
	if revision != "" {
		return Planned{}, fault.Invalid("a module is planned by its tool, for the commit that its Source says").At("stack %s", u).
			WithHint("leave the revision out to see the plan that waits")
	}
	k, err := keptOf(ctx, s, l.Kept)
	if err != nil {
		return Planned{}, err
	}
	p := k.Set.Plan(u, stack.TargetOf(s), lockstep.Revision{Commit: k.Commit})
	p.Gates = append(p.Gates, gateOf(s))
	return Planned{Plan: p, Fate: FateHeld}, nil
}

func moduleWaiting(s *v1alpha1.Stack, k shelfctl.Plan) Waiting {
	p := k.Set.Plan(stack.UnitOf(s), stack.TargetOf(s), lockstep.Revision{})
	out := held(s, p.Summary(), k.Digest)
	out.Revision, out.Tool, out.Destroys, out.Cut = k.Commit, k.Tool, k.Destroys, k.Cut
	out.Lineage, out.Serial = k.Set.State.Lineage, k.Set.State.Serial
	if !k.Planned.IsZero() {
		out.Planned = &k.Planned
	}
	reasons := map[lockstep.Key]string{}
	for _, step := range p.Steps() {
		reasons[step.Key] = step.Reason
	}
	for _, c := range k.Set.Changes {
		key := c.Key()
		reason, done := reasons[key]
		if !done {
			continue // it is only read
		}
		x := WaitingChange{ID: key.String(), Action: classOf(c.Verb()), Type: c.Type, Reason: reason}
		for _, f := range c.Fields {
			x.Fields = append(x.Fields, WaitingField{Path: f.Path, From: f.From, To: f.To, Unknown: f.Unknown, Sensitive: f.Sensitive, Forces: f.Forces})
		}
		out.Changes = append(out.Changes, x)
	}
	for _, o := range k.Set.Outputs {
		out.Outputs = append(out.Outputs, WaitingField{Path: o.Name, From: o.From, To: o.To, Unknown: o.Unknown, Sensitive: o.Sensitive})
	}
	for _, n := range k.Set.Notes {
		out.Notes = append(out.Notes, n.Severity+": "+n.Summary)
	}
	return out.judged(k.Findings)
}

// PlanWaiting returns the plan of objects on a cluster, p, as it is held.
func PlanWaiting(s *v1alpha1.Stack, p plan.Plan, findings []risk.Finding, problem error) Waiting {
	out := held(s, p.Summary(), p.Digest)
	out.Revision = p.Revision.Commit
	if problem != nil {
		out.Problem = problem.Error()
	}
	for _, step := range p.Steps() {
		x := WaitingChange{ID: step.Key.String(), Action: classOf(step.Verb), Type: step.Key.Kind, Reason: step.Reason}
		for _, f := range step.Changes {
			x.Fields = append(x.Fields, WaitingField{Path: f.Path, From: f.From, To: f.To})
		}
		out.Changes = append(out.Changes, x)
	}
	for _, n := range p.Notes {
		out.Notes = append(out.Notes, n.Text)
	}
	return out.judged(findings)
}

// held is what a status says of a plan whose digest is now.
func held(s *v1alpha1.Stack, sum plan.Summary, now string) Waiting {
	out := Waiting{
		Digest: now, Summary: sum, Changes: []WaitingChange{}, Outputs: []WaitingField{}, Notes: []string{}, Findings: []WaitingFinding{}, Accept: []string{},
	}
	if p := s.Status.Plan; p != nil {
		out.Digest, out.Gate, out.Opens = p.Digest, p.Held, Opens(p.Held)
		if p.Digest != now {
			out.Moved = now
		}
	}
	if c := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Reason == v1alpha1.ReasonHeld {
		out.Message = c.Message
	}
	return out
}

// judged adds what was found, and brings all into the order in which people read it.
func (w Waiting) judged(findings []risk.Finding) Waiting {
	losses := map[string]bool{}
	for _, f := range findings {
		x := WaitingFinding{ID: f.Named(), Level: f.Level.String(), Rule: f.Rule, Why: f.Why, Keep: f.Keep}
		for _, way := range f.Ways {
			x.Ways = append(x.Ways, WayOut(way))
		}
		w.Findings = append(w.Findings, x)
		if f.Level == risk.Loss && !losses[x.ID] {
			losses[x.ID] = true
			w.Accept = append(w.Accept, x.ID)
		}
	}
	for i := range w.Changes {
		c := &w.Changes[i]
		c.Loss = losses[c.ID]
		if n := len(c.Fields); n > mostFields {
			c.Fields, c.Further = c.Fields[:mostFields], n-mostFields
		}
	}
	slices.SortStableFunc(w.Changes, func(a, b WaitingChange) int {
		return cmp.Or(cmp.Compare(rankOf(a), rankOf(b)), cmp.Compare(a.ID, b.ID))
	})
	if n := len(w.Changes); n > mostWaiting {
		w.Changes, w.Left = w.Changes[:mostWaiting], n-mostWaiting
	}
	return w
}

// rankOf puts what may lose data before everything else, and then what destroys.
func rankOf(c WaitingChange) int {
	a, _ := change.ParseAction(c.Action)
	if c.Loss {
		return 0
	}
	return 1 + int(a)
}

func classOf(v lockstep.Verb) string {
	switch v {
	case lockstep.Delete:
		return change.Delete.String()
	case lockstep.Replace:
		return change.Replace.String()
	case lockstep.Create:
		return change.Create.String()
	case lockstep.Orphan:
		return change.Forget.String()
	}
	return change.Update.String()
}

// Say is what somebody says to a plan.
type Say struct {
	Plan   string
	Reason string
	// Accept are what may be lost, each written out.
	Accept   []string
	Rejected bool
}

// Check refuses what is said to another plan than w, and what would not open it.
func (w Waiting) Check(u lockstep.Unit, say Say) error {
	at := func(f *fault.Fault, hint string, args ...any) error {
		return f.At("stack %s", u).WithHint(hint, args...)
	}
	switch {
	case say.Plan != w.Digest:
		return at(fault.Blocked("the plan moved: it is now %s", w.Digest), "read it with: lockstep plan %s", u)
	case say.Rejected:
		return nil
	case !w.Opens:
		return at(fault.Blocked("the plan is held by %s, which no approval opens", w.Gate), "%s", w.Message)
	}
	for _, id := range say.Accept {
		if !slices.Contains(w.Accept, id) {
			return at(fault.Blocked("%q is nothing that the plan would lose", id), "%s", mayLose(w.Accept))
		}
	}
	var missing []string
	for _, id := range w.Accept {
		if !slices.Contains(say.Accept, id) {
			missing = append(missing, id)
		}
	}
	switch {
	case len(missing) > 0:
		return at(fault.Blocked("it may lose the data of %s", strings.Join(missing, ", ")), "accept each by name (--accept-loss), with a reason; or %s", w.ways())
	case len(w.Accept) > 0 && strings.TrimSpace(say.Reason) == "":
		return at(fault.Blocked("a plan that may lose data needs a reason"), "say why: --reason \"…\"")
	}
	return nil
}

func mayLose(ids []string) string {
	if len(ids) == 0 {
		return "it would lose nothing"
	}
	return "what may be lost: " + strings.Join(ids, ", ")
}

// ways names, once each, what can be done instead.
func (w Waiting) ways() string {
	var out []string
	for _, f := range w.Findings {
		if f.Level != risk.Loss.String() {
			continue
		}
		all := []string{f.Keep}
		for _, way := range f.Ways {
			all = append(all, way.Name)
		}
		for _, x := range all {
			if x != "" && !slices.Contains(out, x) {
				out = append(out, x)
			}
		}
	}
	if len(out) == 0 {
		return "reject it: lockstep reject"
	}
	return strings.Join(out, "; ")
}

// Approval is what is written for say, by somebody.
func (say Say) Approval(by string, now time.Time) *v1alpha1.Approval {
	return &v1alpha1.Approval{
		Plan: say.Plan, Rejected: say.Rejected, AcceptLoss: say.Accept, Reason: strings.TrimSpace(say.Reason), By: by,
		// Kubernetes keeps whole seconds.
		At: &metav1.Time{Time: now.UTC().Truncate(time.Second)},
	}
}

// Said says whether a was said to s already, and still counts or has done its work: then
// nothing is written. One that was used up, or is too old, while the plan is held again,
// is to be given anew.
func Said(s *v1alpha1.Stack, a *v1alpha1.Approval) bool {
	g := s.Spec.Approval
	if g == nil || g.Plan != a.Plan || g.By != a.By || g.Rejected != a.Rejected || g.Reason != a.Reason || !slices.Equal(g.AcceptLoss, a.AcceptLoss) {
		return false
	}
	if p := s.Status.Plan; p == nil || p.Held == "" || p.Digest != a.Plan {
		return true
	}
	if slices.Contains(s.Status.Consumed, stack.ApprovalOf(s).ID()) {
		return false
	}
	return g.At != nil && a.At.Sub(g.At.Time) < renewed
}

// renewed is after how long the same words are a new approval.
const renewed = time.Hour

// ApprovalPatch is a merge patch that makes a the approval of a Stack. What was in the
// field goes first, or old losses would stay beside a new reason.
func ApprovalPatch(a *v1alpha1.Approval) map[string]any {
	all := map[string]any{"plan": a.Plan, "rejected": nil, "acceptLoss": nil, "reason": nil, "by": a.By, "at": a.At}
	if a.Rejected {
		all["rejected"] = true
	}
	if len(a.AcceptLoss) > 0 {
		all["acceptLoss"] = a.AcceptLoss
	}
	if a.Reason != "" {
		all["reason"] = a.Reason
	}
	return map[string]any{"spec": map[string]any{"approval": all}}
}

package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/board"
)

func registerPlaces(api huma.API, d *Deps) {
	huma.Register(api, operation(http.MethodGet, "/sources", "listSources", "Every Source, those that do not work first"), d.listSources)
	huma.Register(api, operation(http.MethodGet, "/sources/{namespace}/{name}", "getSource", "All that is known of one Source", 404), d.getSource)
	o := operation(http.MethodPost, "/sources/{namespace}/{name}/fetch", "fetchSource", "Look at a Source's remote now", 404)
	o.DefaultStatus = http.StatusAccepted
	huma.Register(api, o, d.fetchSource)
	huma.Register(api, operation(http.MethodGet, "/targets", "listTargets", "Every Target, those that do not answer first"), d.listTargets)
	huma.Register(api, operation(http.MethodGet, "/targets/{namespace}/{name}", "getTarget", "All that is known of one Target; - is the namespace of in-cluster", 404), d.getTarget)
}

// targetPath names one Target; the one of the server's own cluster has no namespace.
type targetPath struct {
	Namespace string `path:"namespace" minLength:"1" maxLength:"63" pattern:"^(-|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"`
	Name      string `path:"name" minLength:"1" maxLength:"253" pattern:"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"`
}

// TargetStanding is a connection of this server.
type TargetStanding struct {
	Name     string // as TargetRef.String has it
	Host     string
	Err      error
	Watches  int
	Objects  int
	Restarts int64
	Latency  time.Duration // of the last probe; 0 for none
	Seen     time.Time
}

// reads reads an object that p may get; ok is false where it does not exist as well.
func (d *Deps) reads(ctx context.Context, p lockstep.Person, r access.Resource, u lockstep.Unit, into client.Object, noun string) bool {
	return d.asks(ctx, p, access.Question{Verb: access.Get, Resource: r, Unit: u}) == nil && d.object(ctx, u, into, noun) == nil
}

// listed says of which namespaces p may list r. It asks once, and again for each
// namespace only where the first answer is no.
func (d *Deps) listed(ctx context.Context, p lockstep.Person, r access.Resource) func(namespace string) bool {
	may := func(namespace string) bool {
		return d.asks(ctx, p, access.Question{Verb: access.List, Resource: r, Unit: lockstep.Unit{Namespace: namespace}}) == nil
	}
	if may("") {
		return func(string) bool { return true }
	}
	known := map[string]bool{}
	return func(namespace string) bool {
		yes, ok := known[namespace]
		if !ok {
			yes = may(namespace)
			known[namespace] = yes
		}
		return yes
	}
}

func (d *Deps) listSources(ctx context.Context, _ *struct{}) (*struct{ Body SourceList }, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	all := &v1alpha1.SourceList{}
	if err := d.Cache.List(ctx, all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, problem(fault.Unavailable("the sources cannot be read just now").Because(err))
	}
	counts := d.Board.CountsBy(see, func(r board.StackRow) string { return r.Source })
	out := SourceList{Items: []SourceRow{}}
	shown := d.listed(ctx, p, access.Sources)
	for i := range all.Items {
		if s := &all.Items[i]; shown(s.Namespace) {
			out.Items = append(out.Items, sourceRow(s, counts[s.Namespace+"/"+s.Name]))
		}
	}
	states := []string{"Failing", "Fetching", "Paused", "Ready"}
	slices.SortFunc(out.Items, func(a, b SourceRow) int {
		return cmp.Or(cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return &struct{ Body SourceList }{out}, nil
}

func (d *Deps) sourceRow(see board.Sight, s *v1alpha1.Source) SourceRow {
	name := s.Namespace + "/" + s.Name
	return sourceRow(s, d.Board.Counts(see, func(r board.StackRow) bool { return r.Source == name }))
}

// state turns the condition Ready into one of three words.
func state(conditions []metav1.Condition, stale, paused bool, good, under, bad string) (word, reason, message string, since time.Time) {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if c != nil {
		reason, message, since = c.Reason, c.Message, c.LastTransitionTime.UTC()
	}
	switch {
	case paused:
		return "Paused", reason, message, since
	case c == nil:
		return under, "New", "not looked at yet", since
	case stale:
		return under, "NewSpec", "its spec was just changed", since
	case c.Status == metav1.ConditionTrue:
		return good, reason, message, since
	case reason == v1alpha1.ReasonProgressing:
		return under, reason, message, since
	}
	return bad, reason, message, since
}

func sourceRow(s *v1alpha1.Source, counts board.Counts) SourceRow {
	r := SourceRow{
		Namespace: s.Namespace, Name: s.Name, Revision: s.Status.Revision, Short: s.Status.ShortRevision, Subject: s.Status.Subject,
		Author: board.Author(s.Status.Author), Interval: int64(s.Spec.Interval.Seconds()), Webhook: s.Spec.Webhook != nil, Stacks: counts,
	}
	r.State, r.Reason, r.Message, r.Since = state(s.Status.Conditions, s.Status.ObservedGeneration < s.Generation, s.Spec.Suspend, "Ready", "Fetching", "Failing")
	if r.Since.IsZero() {
		r.Since = s.CreationTimestamp.UTC()
	}
	if g := s.Spec.Git; g != nil {
		r.URL, r.Ref = address(g.URL), refOf(g.Ref)
	}
	return r
}

// address leaves out what somebody may have put before the host after all.
func address(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw // user@host:path has no place for a password
	}
	if _, has := u.User.Password(); has || u.Scheme == "http" || u.Scheme == "https" {
		u.User = nil
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

func refOf(r *v1alpha1.GitRef) string {
	if r == nil {
		return "branch main"
	}
	for _, x := range [][2]string{{"branch", r.Branch}, {"tag", r.Tag}, {"semver", r.Semver}, {"ref", r.Name}, {"commit", r.Commit}} {
		if x[1] != "" {
			return x[0] + " " + x[1]
		}
	}
	return "branch main"
}

func (d *Deps) getSource(ctx context.Context, in *UnitPath) (*struct{ Body SourceDetail }, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	s := &v1alpha1.Source{}
	if !d.reads(ctx, p, access.Sources, in.unit(), s, "source") {
		return nil, problem(missing("source", in.unit()))
	}
	out := SourceDetail{
		SourceRow: d.sourceRow(see, s), Created: s.CreationTimestamp.UTC(), Labels: orEmpty(s.Labels),
		Conditions: conditionsOf(s.Status.Conditions), Request: requestOf(s, s.Status.LastHandledReconcileAt), Handled: s.Status.LastHandledReconcileAt,
	}
	if g := s.Spec.Git; g != nil {
		out.Submodules, out.LFS = g.Submodules, g.LFS
		if g.SecretRef != nil {
			out.Secret = g.SecretRef.Name
		}
	}
	if s.Spec.Webhook != nil {
		out.HookPath = "/hooks/" + s.Namespace + "/" + s.Name
	}
	return &struct{ Body SourceDetail }{out}, nil
}

// fetchSource needs the right to reconcile the Source: what comes of a fetch is what
// every Stack of it does next.
func (d *Deps) fetchSource(ctx context.Context, in *reconcileStack) (*asked, error) {
	u := in.unit()
	value := stamp()
	err := d.act(ctx, Act{Verb: access.Reconcile, Resource: access.Sources, Unit: u, Name: "fetch", Reason: in.reason()}, func(ctx context.Context) error {
		s := &v1alpha1.Source{}
		if err := d.object(ctx, u, s, "source"); err != nil {
			return err
		}
		return d.request(ctx, s, value)
	})
	if err != nil {
		return nil, problem(err)
	}
	return &asked{Asked{Request: value}}, nil
}

const inCluster = "in-cluster"

func (d *Deps) listTargets(ctx context.Context, _ *struct{}) (*struct{ Body TargetList }, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	all := &v1alpha1.TargetList{}
	if err := d.Cache.List(ctx, all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, problem(fault.Unavailable("the targets cannot be read just now").Because(err))
	}
	counts := d.Board.CountsBy(see, func(r board.StackRow) string { return r.Target })
	lines := d.standings()
	out := TargetList{Items: []TargetRow{}}
	shown := d.listed(ctx, p, access.Targets)
	for i := range all.Items {
		if t := &all.Items[i]; shown(t.Namespace) {
			name := t.Namespace + "/" + t.Name
			out.Items = append(out.Items, targetRow(t, counts[name], lines[name]))
		}
	}
	if r := local(counts[inCluster], lines[inCluster]); shown("") || r.Stacks.Total > 0 {
		out.Items = append(out.Items, r)
	}
	states := []string{"Unreachable", "Connecting", "Paused", "Reachable"}
	slices.SortFunc(out.Items, func(a, b TargetRow) int {
		return cmp.Or(cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return &struct{ Body TargetList }{out}, nil
}

func (d *Deps) standings() map[string]TargetStanding {
	out := map[string]TargetStanding{}
	if d.Targets == nil {
		return out
	}
	for _, t := range d.Targets() {
		out[t.Name] = t
	}
	return out
}

func (d *Deps) localTarget(see board.Sight) *TargetRow {
	r := local(d.Board.Counts(see, func(r board.StackRow) bool { return r.Target == inCluster }), d.standings()[inCluster])
	return &r
}

// local is the cluster that holds the Stacks: it answers, or there would be no list.
func local(counts board.Counts, c TargetStanding) TargetRow {
	r := TargetRow{Name: inCluster, State: "Reachable", Reason: v1alpha1.ReasonConnected, Message: "the cluster that holds the Stacks", Stacks: counts}
	r.connection(c)
	return r
}

func (d *Deps) targetRow(see board.Sight, t *v1alpha1.Target) TargetRow {
	name := t.Namespace + "/" + t.Name
	return targetRow(t, d.Board.Counts(see, func(r board.StackRow) bool { return r.Target == name }), d.standings()[name])
}

func targetRow(t *v1alpha1.Target, counts board.Counts, c TargetStanding) TargetRow {
	r := TargetRow{Namespace: t.Namespace, Name: t.Name, Server: t.Status.Server, Version: t.Status.Version, Stacks: counts}
	var since time.Time
	r.State, r.Reason, r.Message, since = state(t.Status.Conditions, t.Status.ObservedGeneration < t.Generation, t.Spec.Suspend, "Reachable", "Connecting", "Unreachable")
	r.Since = board.Moment(since)
	r.connection(c)
	return r
}

func (r *TargetRow) connection(c TargetStanding) {
	if r.Server == "" {
		r.Server = c.Host
	}
	r.Watches, r.Objects, r.Restarts, r.Seen = c.Watches, c.Objects, c.Restarts, board.Moment(c.Seen)
	if c.Latency > 0 {
		s := c.Latency.Seconds()
		r.Latency = &s
	}
}

func (d *Deps) getTarget(ctx context.Context, in *targetPath) (*struct{ Body TargetDetail }, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	if in.Namespace == "-" && in.Name == inCluster {
		r := d.localTarget(see)
		if r.Stacks.Total == 0 && !d.listed(ctx, p, access.Targets)("") {
			return nil, problem(missing("target", lockstep.Unit{Name: inCluster}))
		}
		return &struct{ Body TargetDetail }{TargetDetail{TargetRow: *r, Labels: map[string]string{}, Way: "inCluster", Namespaces: []string{}, Conditions: []Condition{}}}, nil
	}
	u := lockstep.Unit{Namespace: in.Namespace, Name: in.Name}
	t := &v1alpha1.Target{}
	if !d.reads(ctx, p, access.Targets, u, t, "target") {
		return nil, problem(missing("target", u))
	}
	out := TargetDetail{
		TargetRow: d.targetRow(see, t), Created: board.Moment(t.CreationTimestamp.Time), Labels: orEmpty(t.Labels),
		Namespaces: []string{}, Conditions: conditionsOf(t.Status.Conditions),
	}
	if k := t.Spec.Kubernetes; k != nil {
		out.Way, out.Namespaces = way(k), orNone(k.Namespaces)
	}
	return &struct{ Body TargetDetail }{out}, nil
}

func way(k *v1alpha1.KubernetesTarget) string {
	switch {
	case k.KubeconfigSecretRef != nil:
		return "kubeconfig"
	case k.Token != nil:
		return "token"
	case k.Exec != nil:
		return "exec"
	}
	return "inCluster"
}

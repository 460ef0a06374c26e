package server

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	sourcectl "github.com/lockstep-dev/lockstep/internal/controller/source"
	stackctl "github.com/lockstep-dev/lockstep/internal/controller/stack"
	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/member"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// The kinds that replicas share.
const (
	kindStack  = "Stack"
	kindSource = "Source"
	kindTarget = "Target"
)

func itemOf(kind string, u lockstep.Unit) shard.Item {
	return shard.Item{Kind: kind, Namespace: u.Namespace, Name: u.Name}
}

// share is this replica's share of the work, and what happens when it changes.
type share struct {
	s         *server
	member    membership
	reporter  *report.Reporter
	sources   *sourcectl.Reconciler
	stacks    *stackctl.Reconciler
	changed   chan struct{}
	handovers *prometheus.CounterVec

	// alone says that no other replica has acted since this one knows what it
	// knows. Only balance looks at it.
	alone, begun bool

	mu    sync.Mutex
	owned map[shard.Item]bool
	// late is what was to be looked at while it was on its way here.
	late map[shard.Item]bool
}

// membership is what this replica has to know of its being one of several.
type membership interface {
	Acts(shard.Item) bool
	Mine(shard.Item) bool
	May(shard.Item) bool
	Wins(shard.Item) bool
	Unbroken(shard.Item) bool
	Enter(context.Context, shard.Item) (context.Context, *member.Permit, bool)
	Era() int
	Admit(era int, items []shard.Item)
	Members() shard.View
	Ready() <-chan struct{}
	Run(context.Context) error
}

func (s *server) newShare(leases coordination.CoordinationV1Interface, r *report.Reporter, sources *sourcectl.Reconciler, stacks *stackctl.Reconciler) *share {
	h := &share{
		s: s, reporter: r, sources: sources, stacks: stacks,
		changed: make(chan struct{}, 1), alone: true, late: map[shard.Item]bool{},
	}
	h.register(s.meters)
	h.member = member.New(member.Options{
		Identity: s.identity, Client: leases, Namespace: s.opts.SystemNamespace,
		Changed: h.poke, Log: s.opts.Log,
	})
	s.share = h
	s.hooks = newGather(func(src lockstep.Unit) {
		sources.Hint(src)
		s.queues.sources.add(src)
	})
	s.fleet.Needs(h.needed)
	return h
}

// register makes the metrics of this replica's share, which are counted when they are
// read.
func (h *share) register(reg prometheus.Registerer) {
	h.handovers = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "lockstep_replica_handovers_total",
		Help: "Stacks that went from one replica to another, by direction: gained or lost by this one.",
	}, []string{"direction"})
	for _, d := range []string{"gained", "lost"} {
		h.handovers.WithLabelValues(d)
	}
	reg.MustRegister(h.handovers, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lockstep_replicas",
		Help: "Replicas that share the work, as this one sees it.",
	}, func() float64 { return float64(len(h.member.Members())) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "lockstep_replica_stacks",
		Help: "Stacks that this replica acts on.",
	}, h.stacksHere))
}

func (h *share) stacksHere() float64 {
	all, err := h.everything(context.Background())
	if err != nil {
		return 0 // nothing was read yet
	}
	n := 0
	for _, it := range all {
		if it.Kind == kindStack && h.member.Acts(it) {
			n++
		}
	}
	return float64(n)
}

// keeps says whether the pass of ctx is of an object that this replica keeps.
func keeps(ctx context.Context) bool { return member.Held(ctx) }

// concerned says whether what happens to it is for this replica to hear of. That
// is so as well while it may not act on it: its time may be up for a moment, or the
// item be on its way here or from here, and then no other replica acts on it either.
// Such news waits, in [share.missed].
func (h *share) concerned(it shard.Item) bool {
	return h.member.Acts(it) || h.member.Mine(it) || h.had(it)
}

// only has inner act on what this replica keeps, and other on the rest; nil for
// inner too, which then asks keeps.
func (h *share) only(kind string, inner reconcile.Reconciler, other func(context.Context, lockstep.Unit) (reconcile.Result, error)) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
		unit := lockstep.Unit{Namespace: req.Namespace, Name: req.Name}
		it := itemOf(kind, unit)
		within, permit, ok := h.member.Enter(ctx, it)
		// It may come back before balance has seen that it was gone, and then nobody
		// else is told of what this pass was to look at.
		if !ok && (h.member.Mine(it) || h.had(it)) && h.missed(it) {
			return reconcile.Result{RequeueAfter: time.Millisecond}, nil
		}
		switch {
		case !ok && other == nil:
			return inner.Reconcile(ctx, req)
		case !ok && h.member.Mine(it):
			return reconcile.Result{}, nil
		case !ok:
			return other(ctx, unit)
		}
		h.has(it)
		res, err := inner.Reconcile(within, req)
		permit.Leave()
		if !h.member.Acts(it) {
			// What went wrong went wrong because it is another's now. That one looks, or
			// this one does when it comes back.
			if h.missed(it) {
				return reconcile.Result{RequeueAfter: time.Millisecond}, nil
			}
			return reconcile.Result{}, nil
		}
		return res, err
	})
}

// had says whether this replica acted on it before.
func (h *share) had(it shard.Item) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.owned[it]
}

// has notes that this replica acts on it: what is created is nobody's before.
func (h *share) has(it shard.Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.owned == nil {
		h.owned = map[shard.Item]bool{}
	}
	h.owned[it] = true
}

// missed notes that somebody wanted it looked at while it was on its way here, so
// that it is once it has arrived. It returns true if it has by now.
func (h *share) missed(it shard.Item) (arrived bool) {
	h.s.opts.Log.Debug("a pass waits until this replica may act", "kind", it.Kind, "object", it.Namespace+"/"+it.Name)
	h.mu.Lock()
	h.late[it] = true
	h.mu.Unlock()
	return h.member.May(it)
}

// arrived returns what was missed and is here.
func (h *share) arrived() (out []shard.Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for it := range h.late {
		if h.member.May(it) || !h.member.Mine(it) {
			delete(h.late, it)
			out = append(out, it)
		}
	}
	return out
}

// afar looks at a Stack that another replica keeps.
func (h *share) afar(ctx context.Context, u lockstep.Unit) (reconcile.Result, error) {
	return h.stacks.Afar(ctx, u, h.awaited(u))
}

// awaited says whether a Stack of this replica depends on u.
func (h *share) awaited(u lockstep.Unit) bool {
	for _, w := range h.s.fleet.Waiters(u) {
		if h.member.Acts(itemOf(kindStack, w)) {
			return true
		}
	}
	return false
}

// needed has what others keep looked at here, because a Stack of this replica has
// come to need it.
func (h *share) needed(n fleet.Need) {
	for _, src := range n.Sources {
		if !h.member.Acts(itemOf(kindSource, src)) {
			h.s.queues.sources.add(src)
		}
	}
	for _, u := range n.Units {
		if !h.member.Acts(itemOf(kindStack, u)) {
			h.s.queues.stacks.add(u)
		}
	}
}

// listen hears of what other replicas write: the commit that one has found, and
// how a Stack is that something here waits for.
func (h *share) listen(ctx context.Context) error {
	sources, err := h.s.mgr.GetCache().GetInformer(ctx, &v1alpha1.Source{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	stacks, err := h.s.mgr.GetCache().GetInformer(ctx, &v1alpha1.Stack{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	_, err = sources.AddEventHandler(toolscache.ResourceEventHandlerFuncs{UpdateFunc: func(old, now any) {
		a, okA := old.(*v1alpha1.Source)
		b, okB := now.(*v1alpha1.Source)
		if !okA || !okB || a.UID == b.UID && a.Status.Revision == b.Status.Revision {
			return
		}
		if u := (lockstep.Unit{Namespace: b.Namespace, Name: b.Name}); !h.member.Acts(itemOf(kindSource, u)) {
			h.s.queues.sources.add(u)
		}
	}})
	if err != nil {
		return err
	}
	_, err = stacks.AddEventHandler(toolscache.ResourceEventHandlerFuncs{UpdateFunc: func(old, now any) {
		a, okA := old.(*v1alpha1.Stack)
		b, okB := now.(*v1alpha1.Stack)
		if !okA || !okB || a.ResourceVersion == b.ResourceVersion {
			return
		}
		if u := stack.UnitOf(b); !h.member.Acts(itemOf(kindStack, u)) && h.awaited(u) {
			h.s.queues.stacks.add(u)
		}
	}})
	return err
}

// poke asks for a new look at who keeps what.
func (h *share) poke() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// run keeps this replica's share as the members agree on it.
func (h *share) run(ctx context.Context) {
	if !h.s.mgr.GetCache().WaitForCacheSync(ctx) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.changed:
		}
		for ctx.Err() == nil && !h.balance(ctx) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// balance takes up what has become this replica's and lets go of what is no longer
// its own. It returns false when it is to be tried again.
func (h *share) balance(ctx context.Context) bool {
	era := h.member.Era()
	all, err := h.everything(ctx)
	if err != nil {
		h.s.opts.Log.Warn("what there is cannot be listed", "err", err)
		return false
	}
	p := h.part(all)
	others := len(h.member.Members()) > 1
	first := !h.begun
	h.begun = true
	if len(p.gained) > 0 && (others || !h.alone || p.broken) {
		if err := h.catchUp(ctx, p.gained); err != nil {
			h.s.opts.Log.Warn("what other replicas did cannot be read", "err", err)
			return false
		}
	}
	h.member.Admit(era, slices.Collect(maps.Keys(p.owned)))
	h.mu.Lock()
	h.owned = p.owned
	h.mu.Unlock()
	// Alone again is only who has caught up with what the others did.
	h.alone = !others && (first || len(p.lost) == 0)
	h.tell(p.gained, p.lost)
	for _, it := range p.gained {
		if it.Kind == kindStack {
			// What was known of another's Stack is not all that its keeper has to know.
			h.s.fleet.Invalidate(lockstep.Unit{Namespace: it.Namespace, Name: it.Name})
		}
	}
	h.wake(slices.Concat(p.gained, p.lost, h.arrived()))
	return true
}

// part is what of all there is belongs to this replica.
type part struct {
	owned        map[shard.Item]bool
	gained, lost []shard.Item
	// broken: something of what is gained was this replica's before.
	broken bool
}

// part sorts all there is. What went and came back while nobody looked is gained:
// another replica may have acted on it, and what happened meanwhile was nobody's
// news. That this one's time was up for a while loses nothing.
func (h *share) part(all []shard.Item) part {
	p := part{owned: map[shard.Item]bool{}}
	for _, it := range all {
		was, is := h.had(it), h.member.Wins(it)
		if is {
			p.owned[it] = true
		}
		switch {
		case is && was && h.member.Unbroken(it):
		case is:
			p.gained = append(p.gained, it)
			p.broken = p.broken || was
		case was:
			p.lost = append(p.lost, it)
		}
	}
	return p
}

// tell says what came and went.
func (h *share) tell(gained, lost []shard.Item) {
	in, out := stacksOf(gained), stacksOf(lost)
	h.handovers.WithLabelValues("gained").Add(float64(in))
	h.handovers.WithLabelValues("lost").Add(float64(out))
	if in+out > 0 {
		h.s.opts.Log.Info("the share of this replica has changed", "replicas", h.member.Members().String(), "gained", in, "lost", out)
	}
}

func stacksOf(items []shard.Item) (n int) {
	for _, it := range items {
		if it.Kind == kindStack {
			n++
		}
	}
	return n
}

// wake has everything looked at that came or went, and everything of others that
// something here depends on.
func (h *share) wake(items []shard.Item) {
	for _, it := range items {
		u := lockstep.Unit{Namespace: it.Namespace, Name: it.Name}
		switch it.Kind {
		case kindSource:
			h.s.queues.sources.add(u)
		case kindTarget:
			h.s.queues.targets.add(u)
		case kindStack:
			h.s.queues.stacks.add(u)
		}
	}
	if len(items) == 0 {
		return
	}
	for _, u := range h.s.fleet.Awaited() {
		if !h.member.Acts(itemOf(kindStack, u)) {
			h.s.queues.stacks.add(u)
		}
	}
}

// everything is all that replicas share, from the cache.
func (h *share) everything(ctx context.Context) ([]shard.Item, error) {
	var stacks v1alpha1.StackList
	var sources v1alpha1.SourceList
	var targets v1alpha1.TargetList
	c := h.s.mgr.GetClient()
	for _, list := range []client.ObjectList{&stacks, &sources, &targets} {
		if err := c.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil, err
		}
	}
	out := make([]shard.Item, 0, len(stacks.Items)+len(sources.Items)+len(targets.Items))
	add := func(kind string, o client.Object) {
		out = append(out, shard.Item{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()})
	}
	for i := range stacks.Items {
		add(kindStack, &stacks.Items[i])
	}
	for i := range sources.Items {
		add(kindSource, &sources.Items[i])
	}
	for i := range targets.Items {
		add(kindTarget, &targets.Items[i])
	}
	return out, nil
}

// catchUp makes sure that what this replica knows of items is not older than what
// the replica did that had them: their newest state is listed, and their Sources
// are fetched anew. A cache or a snapshot that lags behind would have this one undo
// what that one did.
func (h *share) catchUp(ctx context.Context, items []shard.Item) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	gained := make(map[shard.Item]bool, len(items))
	for _, it := range items {
		gained[it] = true
	}
	var sources v1alpha1.SourceList
	used := map[lockstep.Unit]bool{}
	err := h.page(ctx, func() client.ObjectList { return &v1alpha1.StackList{} }, func(page client.ObjectList) {
		list := page.(*v1alpha1.StackList)
		for i := range list.Items {
			s := &list.Items[i]
			u := stack.UnitOf(s)
			if !gained[itemOf(kindStack, u)] {
				continue
			}
			for _, src := range stack.SourcesOf(s) {
				used[src] = true
			}
			h.remember(ctx, s)
		}
	})
	if err != nil {
		return err
	}
	if err := h.s.mgr.GetAPIReader().List(ctx, &sources); err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(8)
	for i := range sources.Items {
		src := &sources.Items[i]
		name := lockstep.Unit{Namespace: src.Namespace, Name: src.Name}
		if gained[itemOf(kindSource, name)] {
			h.remember(ctx, src)
		}
		if used[name] {
			g.Go(func() error { h.refresh(ctx, src); return nil })
		}
	}
	return g.Wait()
}

// refreshTime bounds one fetch of a hand-over.
const refreshTime = 5 * time.Second

func (h *share) refresh(ctx context.Context, src *v1alpha1.Source) {
	ctx, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	h.sources.Refresh(ctx, src)
}

// pageSize bounds how much of a big fleet is in memory twice.
const pageSize = 500

func (h *share) page(ctx context.Context, empty func() client.ObjectList, each func(client.ObjectList)) error {
	for next := ""; ; {
		list := empty()
		if err := h.s.mgr.GetAPIReader().List(ctx, list, client.Limit(pageSize), client.Continue(next)); err != nil {
			return err
		}
		each(list)
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}

// remember keeps o if the cache has not come to it yet.
func (h *share) remember(ctx context.Context, o client.Object) {
	cached := o.DeepCopyObject().(client.Object)
	key := types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
	if err := h.s.mgr.GetClient().Get(ctx, key, cached); err == nil && !later(o, cached) {
		return
	}
	o.SetManagedFields(nil)
	h.reporter.Wrote(o)
}

func later(a, b client.Object) bool {
	x, errX := strconv.ParseUint(a.GetResourceVersion(), 10, 64)
	y, errY := strconv.ParseUint(b.GetResourceVersion(), 10, 64)
	return errX == nil && errY == nil && x > y
}

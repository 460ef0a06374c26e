package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/health"
	"github.com/lockstep-dev/lockstep/internal/core/kin"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Resource is one object of a Stack, or one that the cluster made of such.
type Resource struct {
	ID         string     `json:"id" doc:"KIND.GROUP/NAMESPACE/NAME" example:"Deployment.apps/shop/web"`
	Group      string     `json:"group" doc:"empty for the core group"`
	Kind       string     `json:"kind"`
	Namespace  string     `json:"namespace" doc:"empty for an object of the whole cluster"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty" doc:"API version that it was read at"`
	UID        string     `json:"uid,omitempty"`
	Parent     string     `json:"parent,omitempty" doc:"id of the object that it was made of; empty for what Git asks for"`
	Card       string     `json:"card,omitempty" doc:"id of the workload that it belongs to, where it belongs to one"`
	Managed    bool       `json:"managed" doc:"Git asks for it, or did"`
	Health     string     `json:"health" enum:"Healthy,Suspended,Progressing,Terminating,Missing,Degraded"`
	Message    string     `json:"message,omitempty" doc:"why it is not healthy"`
	Step       string     `json:"step" enum:"inStep,changed,drifted,missing,extra,alone,made" doc:"whether it matches Git: made is for what the cluster made"`
	Wave       int        `json:"wave,omitempty" doc:"the wave that it is applied in"`
	Note       string     `json:"note,omitempty" doc:"the one thing to know about it" example:"3 of 3 ready"`
	Created    *time.Time `json:"created,omitempty"`
	Containers []string   `json:"containers,omitempty" doc:"of a pod, init containers last"`
	Restarts   int        `json:"restarts,omitempty" doc:"of all containers of a pod"`
	Ready      bool       `json:"ready,omitempty" doc:"a pod that serves"`
	Node       string     `json:"node,omitempty" doc:"that a pod runs on"`
	Hidden     int        `json:"hidden,omitempty" doc:"how many objects made of it are left out"`

	key lockstep.Key
}

// Resources is one page of a Stack's objects.
type Resources struct {
	Items  []Resource     `json:"items" doc:"objects that Git asks for, in order of id, each followed by what was made of it"`
	Next   string         `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Counts ResourceCounts `json:"counts"`
	ReadAt time.Time      `json:"readAt" doc:"when it was read"`
	Notes  []string       `json:"notes" doc:"what could not be read, and why"`
}

// ResourceCounts is of all objects of a Stack, not of one page.
type ResourceCounts struct {
	Objects int            `json:"objects" doc:"that Git asks for, or did"`
	Made    int            `json:"made" doc:"that the cluster made of them"`
	Health  map[string]int `json:"health" doc:"of those that Git asks for"`
	Step    map[string]int `json:"step" doc:"of those that Git asks for"`
}

// snapshot is all that was read at one moment. It is never changed.
type snapshot struct {
	stack  *v1alpha1.Stack
	live   lockstep.Live
	roots  []Resource
	made   map[lockstep.Key][]Resource // by the object that Git asks for, in the order of a walk
	uids   map[string]lockstep.Key     // of all of them
	counts ResourceCounts
	notes  []string
	at     time.Time
}

// Bounds of what one look reads.
const (
	mostListed   = 2000 // objects of one kind in one namespace
	mostPerRoot  = 300  // objects made of one object
	mostMade     = 5000 // objects made of all objects of a Stack
	mostSelector = 8    // workloads of a namespace that are asked for one by one
)

// Resources returns a page of the objects of u: those after cursor.
func (l *Looker) Resources(ctx context.Context, u lockstep.Unit, cursor string, limit int) (Resources, error) {
	s, err := l.snapshot(ctx, u)
	if err != nil {
		return Resources{}, err
	}
	from, found := slices.BinarySearchFunc(s.roots, cursor, func(r Resource, id string) int { return cmp.Compare(r.ID, id) })
	if found {
		from++
	}
	to := min(from+limit, len(s.roots))
	out := Resources{Items: []Resource{}, Counts: s.counts, ReadAt: s.at, Notes: s.notes}
	for _, r := range s.roots[from:to] {
		out.Items = append(append(out.Items, r), s.made[r.key]...)
	}
	if to < len(s.roots) {
		out.Next = s.roots[to-1].ID
	}
	return out, nil
}

func (l *Looker) snapshot(ctx context.Context, u lockstep.Unit) (*snapshot, error) {
	return l.snapshots.get(ctx, u.String(), Fresh, func(ctx context.Context) (*snapshot, error) { return l.look(ctx, u) })
}

func (l *Looker) look(ctx context.Context, u lockstep.Unit) (*snapshot, error) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return nil, err
	}
	t, err := l.target(ctx, s)
	if err != nil {
		return nil, err
	}
	rules, err := stack.HealthOf(s)
	if err != nil {
		return nil, err
	}
	live, err := t.Observe(ctx, driver.Query{Unit: u, Kinds: stack.KindsOf(s), Health: rules})
	if err != nil {
		return nil, settle(err)
	}
	out := &snapshot{stack: s, live: live, at: time.Now().UTC(), notes: []string{}, made: map[lockstep.Key][]Resource{}, uids: map[string]lockstep.Key{}}
	var wants map[lockstep.Key]plan.Want
	if m, ok := l.Memo(u, s.Generation); ok && m.Err == nil {
		wants = wantsOf(m.Wants)
	}
	out.enter(u, wants)
	out.children(ctx, t, rules)
	out.cards()
	out.count()
	return out, nil
}

func wantsOf(ws []plan.Want) map[lockstep.Key]plan.Want {
	out := make(map[lockstep.Key]plan.Want, len(ws))
	for _, w := range ws {
		out[w.Key] = w
	}
	return out
}

// enter takes in what is live of the Stack, and what is missing if that is known.
func (s *snapshot) enter(u lockstep.Unit, wants map[lockstep.Key]plan.Want) {
	there := map[lockstep.Key]bool{}
	for _, o := range s.live.Objects {
		if o.Unit != u {
			continue
		}
		there[o.Key] = true
		r := resource(o.Key)
		r.Managed, r.Version, r.UID = true, o.Version, o.UID
		r.Health, r.Message = o.Health.Status.String(), o.Health.Message
		w, wanted := wants[o.Key]
		r.Wave = w.Wave
		r.Step = stepOf(o, w, wanted, wants != nil)
		if o.Key.GroupKind() == kin.Pods {
			r.Containers, r.Ready = containersOf(o.Owned), o.Health.Status == lockstep.Healthy
		}
		s.roots = append(s.roots, r)
		s.uids[o.UID] = o.Key
	}
	for k, w := range wants {
		if there[k] || w.Passing || w.Alone {
			continue
		}
		r := resource(k)
		r.Managed, r.Wave = true, w.Wave
		r.Health, r.Message, r.Step = lockstep.Missing.String(), "is not on the target", "missing"
		s.roots = append(s.roots, r)
	}
	slices.SortFunc(s.roots, func(a, b Resource) int { return cmp.Compare(a.ID, b.ID) })
}

func stepOf(o lockstep.LiveObject, w plan.Want, wanted, known bool) string {
	switch {
	case plan.Alone(o) != "" || w.Alone:
		return "alone"
	case len(o.Drift) > 0:
		return "drifted"
	case known && !wanted && o.Managed:
		return "extra"
	case wanted && !w.Once && o.Digest != w.Digest:
		return "changed"
	}
	return "inStep"
}

func resource(k lockstep.Key) Resource {
	return Resource{ID: k.String(), Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name, key: k}
}

// made of is one listing: objects of a kind in a namespace.
type listing struct {
	query kubernetes.ListQuery
	items []map[string]any
	more  bool
	err   error
}

// children reads what the cluster made of the Stack's objects. What cannot be
// read is noted: the rest is worth seeing.
func (s *snapshot) children(ctx context.Context, t target, rules *health.Rules) {
	listings := s.listings()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i := range listings {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			x := &listings[i]
			x.items, x.more, x.err = t.List(ctx, x.query)
		})
	}
	wg.Wait()
	owners := map[string][]made{}
	seen := map[string]bool{}
	for _, x := range listings {
		where := x.query.Kind.String() + " in namespace " + x.query.Namespace
		if x.err != nil {
			s.notes = append(s.notes, where+": "+fault.As(x.err).What)
			continue
		}
		if x.more {
			s.notes = append(s.notes, fmt.Sprintf("%s: only the first %d were read", where, mostListed))
		}
		for _, tree := range x.items {
			m, owner := madeOf(tree, x.query.Kind, rules)
			if owner == "" || seen[m.UID] {
				continue
			}
			seen[m.UID] = true
			owners[owner] = append(owners[owner], m)
		}
	}
	s.hang(owners)
}

// made is an object that another owns.
type made struct {
	Resource
	idle bool // an old ReplicaSet without pods
}

func madeOf(tree map[string]any, kind lockstep.GroupKind, rules *health.Rules) (m made, owner string) {
	o := &unstructured.Unstructured{Object: tree}
	by := metav1.GetControllerOf(o)
	if by == nil {
		refs := o.GetOwnerReferences()
		if len(refs) == 0 {
			return m, ""
		}
		by = &refs[0]
	}
	// Lists leave kind and version out of their items.
	o.SetKind(kind.Kind)
	if o.GetAPIVersion() == "" {
		o.SetAPIVersion(apiVersion(kind))
	}
	m.Resource = resource(lockstep.Key{Group: kind.Group, Kind: kind.Kind, Namespace: o.GetNamespace(), Name: o.GetName()})
	h := rules.Of(o.Object)
	m.UID, m.Step, m.Version = string(o.GetUID()), "made", versionOf(o.GetAPIVersion())
	m.Health, m.Message = h.Status.String(), h.Message
	if at := o.GetCreationTimestamp(); !at.IsZero() {
		utc := at.UTC()
		m.Created = &utc
	}
	describe(&m, o.Object)
	return m, string(by.UID)
}

func apiVersion(kind lockstep.GroupKind) string {
	if kind.Group == "" {
		return "v1"
	}
	return kind.Group + "/v1"
}

func versionOf(apiVersion string) string {
	if _, v, ok := strings.Cut(apiVersion, "/"); ok {
		return v
	}
	return apiVersion
}

// describe adds what people want to see of a kind at a glance.
func describe(m *made, tree map[string]any) {
	str := func(path ...string) string { v, _, _ := unstructured.NestedString(tree, path...); return v }
	num := func(path ...string) int64 { v, _, _ := unstructured.NestedInt64(tree, path...); return v }
	switch m.key.GroupKind() {
	case kin.Pods:
		m.Node = str("spec", "nodeName")
		m.Containers = containersOf(tree)
		statuses, _, _ := unstructured.NestedSlice(tree, "status", "containerStatuses")
		for _, v := range statuses {
			c, _ := v.(map[string]any)
			n, _, _ := unstructured.NestedInt64(c, "restartCount")
			m.Restarts += int(n)
		}
		conditions, _, _ := unstructured.NestedSlice(tree, "status", "conditions")
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["type"] == "Ready" {
				m.Ready = c["status"] == "True"
			}
		}
		m.Note = str("status", "phase")
	case kin.ReplicaSets:
		want := num("spec", "replicas")
		m.Note = fmt.Sprintf("%d of %d ready", num("status", "readyReplicas"), want)
		if n := str("metadata", "annotations", "deployment.kubernetes.io/revision"); n != "" {
			m.Note = "revision " + n + ", " + m.Note
		}
		m.idle = want == 0 && num("status", "replicas") == 0
	case kin.EndpointSlices:
		ends, _, _ := unstructured.NestedSlice(tree, "endpoints")
		m.Note = fmt.Sprintf("%d endpoints", len(ends))
	}
}

// containersOf returns the names of a pod's containers, init containers last.
func containersOf(pod map[string]any) []string {
	var out []string
	for _, field := range []string{"containers", "initContainers"} {
		list, _ := at(pod, "spec", field).([]any)
		for _, c := range list {
			if name, ok := at(c, "name").(string); ok {
				out = append(out, name)
			}
		}
	}
	return out
}

// listings says what to ask the Target for: by the labels that a workload
// selects where they are few, else everything of the kind in a namespace.
func (s *snapshot) listings() []listing {
	type place struct {
		kind      lockstep.GroupKind
		namespace string
	}
	selectors := map[place][]string{}
	whole := map[place]bool{}
	for _, o := range s.live.Objects {
		if _, ours := s.uids[o.UID]; !ours {
			continue
		}
		gk := o.Key.GroupKind()
		for _, child := range kin.Offspring(gk) {
			p := place{child, o.Key.Namespace}
			sel := ""
			if kin.Selected(gk) {
				sel = kin.Selector(o.Owned)
			}
			if sel == "" {
				whole[p] = true
				continue
			}
			if !slices.Contains(selectors[p], sel) {
				selectors[p] = append(selectors[p], sel)
			}
		}
	}
	var out []listing
	for p := range whole {
		out = append(out, listing{query: kubernetes.ListQuery{Kind: p.kind, Namespace: p.namespace, Limit: mostListed}})
	}
	for p, sels := range selectors {
		if whole[p] {
			continue
		}
		if len(sels) > mostSelector {
			sels = []string{""}
		}
		for _, sel := range sels {
			out = append(out, listing{query: kubernetes.ListQuery{Kind: p.kind, Namespace: p.namespace, Selector: sel, Limit: mostListed}})
		}
	}
	slices.SortFunc(out, func(a, b listing) int {
		return cmp.Or(cmp.Compare(a.query.Kind.String(), b.query.Kind.String()), cmp.Compare(a.query.Namespace, b.query.Namespace), cmp.Compare(a.query.Selector, b.query.Selector))
	})
	return out
}

// hang puts what was made below what it was made of.
func (s *snapshot) hang(owners map[string][]made) {
	total := 0
	for i := range s.roots {
		r := &s.roots[i]
		var out []Resource
		var walk func(uid, id string, depth int)
		walk = func(uid, id string, depth int) {
			children := owners[uid]
			slices.SortFunc(children, func(a, b made) int { return cmp.Compare(a.ID, b.ID) })
			for _, c := range children {
				if depth > 8 {
					return // owners in a circle
				}
				if c.idle {
					continue // of a revision that is no more
				}
				if len(out) >= mostPerRoot || total >= mostMade {
					r.Hidden++
					continue
				}
				total++
				c.Parent = id
				out = append(out, c.Resource)
				s.uids[c.UID] = c.key
				walk(c.UID, c.ID, depth+1)
			}
		}
		if r.UID != "" {
			walk(r.UID, r.ID, 0)
		}
		s.made[r.key] = out
		s.counts.Made += len(out) + r.Hidden
		ready, pods := 0, 0
		for _, c := range out {
			if c.key.GroupKind() == kin.Pods {
				pods++
				if c.Ready {
					ready++
				}
			}
		}
		if pods > 0 {
			r.Note = fmt.Sprintf("%d of %d ready", ready, pods)
		}
	}
}

// cards says what goes on whose card.
func (s *snapshot) cards() {
	var members []kin.Member
	for _, o := range s.live.Objects {
		if _, ours := s.uids[o.UID]; ours {
			members = append(members, kin.Member{Key: o.Key, Tree: o.Owned})
		}
	}
	on := kin.Cards(members)
	for i := range s.roots {
		card, ok := on[s.roots[i].key]
		if !ok {
			continue
		}
		s.roots[i].Card = card.String()
		for j := range s.made[s.roots[i].key] {
			s.made[s.roots[i].key][j].Card = card.String()
		}
	}
}

func (s *snapshot) count() {
	s.counts.Objects = len(s.roots)
	s.counts.Health, s.counts.Step = map[string]int{}, map[string]int{}
	for _, r := range s.roots {
		s.counts.Health[r.Health]++
		s.counts.Step[r.Step]++
	}
}

// find returns an object of the Stack, or one that was made of such. Anything
// else on the Target does not exist as far as those are concerned who look here.
func (s *snapshot) find(k lockstep.Key) (Resource, error) {
	for _, r := range s.roots {
		if r.key == k {
			return r, nil
		}
		for _, c := range s.made[r.key] {
			if c.key == k {
				return c, nil
			}
		}
	}
	return Resource{}, fault.NotFound("stack %q has no object %q", stack.UnitOf(s.stack), k)
}

// root returns the object of the Stack that r was made of, r itself if it is one.
func (s *snapshot) root(r Resource) Resource {
	for _, root := range s.roots {
		if root.key == r.key || slices.ContainsFunc(s.made[root.key], func(c Resource) bool { return c.key == r.key }) {
			return root
		}
	}
	return r
}

func (s *snapshot) liveOf(k lockstep.Key) (lockstep.LiveObject, bool) {
	i := slices.IndexFunc(s.live.Objects, func(o lockstep.LiveObject) bool { return o.Key == k })
	if i < 0 {
		return lockstep.LiveObject{}, false
	}
	return s.live.Objects[i], true
}

// below returns r and everything that was made of it.
func (s *snapshot) below(r Resource) []Resource {
	out := []Resource{r}
	in := map[string]bool{r.ID: true}
	for _, c := range s.made[s.root(r).key] {
		if in[c.Parent] {
			in[c.ID] = true
			out = append(out, c)
		}
	}
	return out
}

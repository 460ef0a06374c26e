package live

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Object is all that there is to know of one object.
type ObjectDetail struct {
	Resource Resource       `json:"resource"`
	Chain    []string       `json:"chain" doc:"ids of what it was made of, the nearest first"`
	Live     string         `json:"live,omitempty" doc:"YAML without managedFields, values of Secrets masked; absent where it is not there"`
	Asked    string         `json:"asked,omitempty" doc:"live as YAML, but only the fields that Git asks for, to be compared with desired"`
	Desired  string         `json:"desired,omitempty" doc:"YAML as rendered, masked; absent where Git does not ask for it"`
	Origin   string         `json:"origin,omitempty" doc:"file and line in the source"`
	Managers []Manager      `json:"managers" doc:"who set fields of it, the last writer first"`
	Fields   []FieldState   `json:"fields" doc:"those that differ from Git, then those that others set and Git does not ask for"`
	Made     []Resource     `json:"made" doc:"what the cluster made of it"`
	Events   []ClusterEvent `json:"events" doc:"of it and what was made of it, the newest first"`
	Actions  []Action       `json:"actions" doc:"what can be done to it"`
	Notes    []string       `json:"notes" doc:"what could not be told, and why"`
	ReadAt   time.Time      `json:"readAt"`
}

// Manager is an entry of managedFields, folded.
type Manager struct {
	Name        string     `json:"name"`
	Operation   string     `json:"operation" enum:"Apply,Update"`
	Subresource string     `json:"subresource,omitempty"`
	At          *time.Time `json:"at,omitempty"`
}

// Object tells all of one object.
func (l *Looker) Object(ctx context.Context, u lockstep.Unit, k lockstep.Key) (ObjectDetail, error) {
	s, r, t, err := l.one(ctx, u, k)
	if err != nil {
		return ObjectDetail{}, err
	}
	tree, err := t.Look(ctx, k, r.Version)
	if err != nil {
		return ObjectDetail{}, settle(err)
	}
	if tree != nil && r.UID != "" && uidOf(tree) != r.UID {
		// Another object of the same name, whose owner nobody has looked at.
		return ObjectDetail{}, fault.Conflict("%s was replaced a moment ago", k).WithHint("look again")
	}
	out := ObjectDetail{Resource: r, Chain: s.chain(r), Managers: managersOf(tree), Fields: []FieldState{}, Made: s.below(r)[1:], Notes: []string{}, ReadAt: time.Now().UTC()}
	if tree != nil {
		if out.Live, err = l.yaml(tree); err != nil {
			return ObjectDetail{}, err
		}
	}
	if r.Managed {
		l.wanted(ctx, u, k, tree, &out)
	}
	out.Fields = append(out.Fields, l.others(tree)...)
	out.Actions = actionsOf(subject{stack: s.stack, resource: r, root: s.root(r), tree: tree, ours: s.owns(r)})
	all, err := l.events(ctx, u)
	if err != nil {
		out.Notes = append(out.Notes, "events: "+fault.As(err).What)
	}
	out.Events = about(all, s.below(r))
	return out, nil
}

// one finds an object of u and the way to it.
func (l *Looker) one(ctx context.Context, u lockstep.Unit, k lockstep.Key) (*snapshot, Resource, target, error) {
	s, err := l.snapshot(ctx, u)
	if err != nil {
		return nil, Resource{}, nil, err
	}
	r, err := s.find(k)
	if err != nil {
		return nil, Resource{}, nil, err
	}
	t, err := l.target(ctx, s.stack)
	return s, r, t, err
}

// wanted adds what Git says. What cannot be rendered is noted: what is live can
// be looked at all the same.
func (l *Looker) wanted(ctx context.Context, u lockstep.Unit, k lockstep.Key, tree map[string]any, out *ObjectDetail) {
	c, err := l.compare(ctx, u)
	if err != nil {
		out.Notes = append(out.Notes, "what Git asks for: "+fault.As(err).Error())
		return
	}
	for _, d := range c.differences.Objects {
		if d.ID == k.String() {
			out.Fields = append(out.Fields, d.Fields...)
		}
	}
	dated(out.Fields, tree)
	d, err := l.desired(ctx, u, "")
	if err != nil {
		return
	}
	if o, ok := d.find(k); ok {
		out.Origin = o.Origin.String()
		if out.Desired, err = l.yaml(o.Tree); err != nil {
			out.Notes = append(out.Notes, fault.As(err).What)
		}
		if tree == nil {
			return
		}
		asked, _ := askedFor(tree, diff.WithoutStringData(o).Tree).(map[string]any)
		if out.Asked, err = l.yaml(asked); err != nil {
			out.Notes = append(out.Notes, fault.As(err).What)
		}
	}
}

// mostOthers bounds the fields that others set.
const mostOthers = 100

// others returns the fields that somebody set and Git does not ask for. What the
// cluster's own controllers write is theirs, and no news.
func (l *Looker) others(tree map[string]any) []FieldState {
	if tree == nil {
		return nil
	}
	changes := diff.Others(tree, diff.Managers(tree), v1alpha1.FieldManager, func(m diff.Manager) bool { return system(m.Name) }, l.digester())
	var out []FieldState
	for _, c := range changes {
		if len(out) == mostOthers {
			break
		}
		out = append(out, FieldState{Path: c.Path, Live: c.From, Class: "other", Manager: c.Manager, Operation: c.Operation, Next: "leave it: Git does not ask for it"})
	}
	dated(out, tree)
	return out
}

// system says whether a manager is part of the cluster itself.
func system(name string) bool {
	switch name {
	case "kube-controller-manager", "kube-scheduler", "kubelet", "kube-apiserver", "k3s", "cloud-controller-manager", "kwok-controller", "kwok":
		return true
	}
	return strings.HasPrefix(name, "kube-")
}

// chain returns the ids of what r was made of.
func (s *snapshot) chain(r Resource) []string {
	out := []string{}
	all := s.made[s.root(r).key]
	for id := r.Parent; id != "" && len(out) < 10; {
		out = append(out, id)
		i := slices.IndexFunc(all, func(c Resource) bool { return c.ID == id })
		if i < 0 {
			break
		}
		id = all[i].Parent
	}
	return out
}

// owns says which fields of r Git decides.
func (s *snapshot) owns(r Resource) func(path string, pointer ...string) bool {
	o, ok := s.liveOf(r.key)
	return func(path string, pointer ...string) bool {
		if !ok {
			return false
		}
		var at any = o.Owned
		for _, name := range pointer {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		return at != nil || slices.ContainsFunc(o.Drift, func(c lockstep.FieldChange) bool { return c.Path == path })
	}
}

func uidOf(tree map[string]any) string {
	meta, _ := tree["metadata"].(map[string]any)
	uid, _ := meta["uid"].(string)
	return uid
}

func managersOf(tree map[string]any) []Manager {
	out := []Manager{}
	meta, _ := tree["metadata"].(map[string]any)
	list, _ := meta["managedFields"].([]any)
	for _, v := range list {
		e, _ := v.(map[string]any)
		m := Manager{}
		m.Name, _ = e["manager"].(string)
		m.Operation, _ = e["operation"].(string)
		m.Subresource, _ = e["subresource"].(string)
		text, _ := e["time"].(string)
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			m.At = moment(at)
		}
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b Manager) int {
		return cmp.Compare(unix(b.At), unix(a.At))
	})
	return out
}

func unix(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// askedFor returns what there is of live in the places that want has. Items of
// lists are told apart by their names; where they have none, by where they are.
func askedFor(live, want any) any {
	switch w := want.(type) {
	case map[string]any:
		m, ok := live.(map[string]any)
		if !ok {
			return live
		}
		out := map[string]any{}
		for k, v := range w {
			if x, there := m[k]; there {
				out[k] = askedFor(x, v)
			}
		}
		return out
	case []any:
		l, ok := live.([]any)
		if !ok {
			return live
		}
		out := make([]any, len(l))
		for i, x := range l {
			out[i] = x
			if j := counterpart(w, i, x); j >= 0 {
				out[i] = askedFor(x, w[j])
			}
		}
		return out
	}
	return live
}

// counterpart returns where in want the item is that x, at i, stands for; -1 for
// nowhere.
func counterpart(want []any, i int, x any) int {
	name := at(x, "name")
	if name != nil {
		return slices.IndexFunc(want, func(v any) bool { return at(v, "name") == name })
	}
	if i < len(want) {
		return i
	}
	return -1
}

package live

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/run"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

// Desired is what a Stack's directory came to at one revision.
type Desired struct {
	stack    *v1alpha1.Stack
	revision lockstep.Revision
	objects  []lockstep.Object // in order of key
	inputs   stack.Inputs
	rendered stack.Rendered
}

// Manifest is a page of what was rendered.
type Manifest struct {
	Revision string           `json:"revision" doc:"the commit that it was rendered from"`
	Objects  []ManifestObject `json:"objects" doc:"in order of id"`
	Next     string           `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Total    int              `json:"total" doc:"objects in all pages"`
}

// ManifestObject is one rendered object.
type ManifestObject struct {
	ID     string `json:"id"`
	Origin string `json:"origin,omitempty" doc:"file and line in the source"`
	YAML   string `json:"yaml" doc:"values of Secrets are masked"`
}

// keepRendered is for how long a render serves those who look: a person reads
// one page after the other.
const keepRendered = 15 * time.Second

// Manifest returns what revision of u renders to; "" is what its Source says now.
func (l *Looker) Manifest(ctx context.Context, u lockstep.Unit, revision, cursor string, limit int) (Manifest, error) {
	d, err := l.desired(ctx, u, revision)
	if err != nil {
		return Manifest{}, err
	}
	out := Manifest{Revision: d.revision.Commit, Objects: []ManifestObject{}, Total: len(d.objects)}
	for _, o := range d.objects {
		id := o.Key().String()
		if id <= cursor {
			continue
		}
		if len(out.Objects) == limit {
			out.Next = out.Objects[limit-1].ID
			break
		}
		text, err := l.yaml(o.Tree)
		if err != nil {
			return Manifest{}, err
		}
		out.Objects = append(out.Objects, ManifestObject{ID: id, Origin: o.Origin.String(), YAML: text})
	}
	return out, nil
}

func (l *Looker) desired(ctx context.Context, u lockstep.Unit, revision string) (*Desired, error) {
	s, err := l.stack(ctx, u)
	if err != nil {
		return nil, err
	}
	key := u.String() + "@" + revision + "#" + s.ResourceVersion
	if m, ok := l.Memo(u, s.Generation); ok && revision == "" {
		key = u.String() + "=" + m.Key // what it renders to is known not to have changed
	}
	return l.rendered.get(ctx, key, keepRendered, func(ctx context.Context) (*Desired, error) { return l.render(ctx, s, revision) })
}

func (l *Looker) render(ctx context.Context, s *v1alpha1.Stack, revision string) (*Desired, error) {
	s = s.DeepCopy()
	if revision != "" {
		s.Spec.Source.Revision, s.Spec.Hold = revision, nil
	}
	lookup, done := l.Lookup(stack.UnitOf(s))
	defer done()
	in, err := stack.Resolve(ctx, lookup, s)
	if err != nil {
		return nil, settle(err)
	}
	out, err := l.engine(lookup).Desired(ctx, in)
	if err != nil {
		return nil, settle(err)
	}
	d := &Desired{stack: s, revision: in.Snapshot.Revision(), objects: slices.Clone(out.Objects), inputs: in, rendered: out}
	slices.SortStableFunc(d.objects, func(a, b lockstep.Object) int { return compareIDs(a.Key(), b.Key()) })
	return d, nil
}

func compareIDs(a, b lockstep.Key) int {
	x, y := a.String(), b.String()
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func (l *Looker) engine(lookup stack.Lookup) stack.Engine {
	return stack.Engine{Lookup: lookup, Render: l.Render, Key: l.Key, AllowRemote: l.AllowRemote}
}

func (d *Desired) find(k lockstep.Key) (lockstep.Object, bool) {
	for _, o := range d.objects {
		if o.Key() == k {
			return o, true
		}
	}
	return lockstep.Object{}, false
}

// plan says what the next pass would do about what is live.
func (l *Looker) plan(d *Desired, live lockstep.Live) (plan.Plan, error) {
	in := d.inputs
	in.Carried = stack.Carried(d.stack, d.rendered.Key) || stack.Applied(d.stack, d.rendered.Key)
	in.Ran = stack.Ran(d.stack, d.rendered.Key)
	in.Hooks = stack.HooksDue(d.stack, d.rendered.Key, run.NewProgram(d.rendered.Hooks), l.Key)
	return l.engine(nil).Plan(in, d.rendered.Objects, live)
}

// biggest bounds one object as text.
const biggest = 2 << 20

// yaml writes an object as people may see it.
func (l *Looker) yaml(tree map[string]any) (string, error) {
	b, err := yaml.Marshal(l.digester().Veil(tree))
	if err != nil {
		return "", fault.Internal(err)
	}
	if len(b) > biggest {
		return "", fault.TooLarge("an object of %d MiB is too large to be shown", len(b)>>20)
	}
	return string(b), nil
}

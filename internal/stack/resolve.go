package stack

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// Lookup finds what a Stack's spec names. Every answer may be remembered by the
// implementation; errors are faults.
type Lookup interface {
	Secret(ctx context.Context, namespace, name string) (map[string][]byte, error)
	ConfigMap(ctx context.Context, namespace, name string) (map[string][]byte, error)
	// Snapshot returns a Source's newest snapshot, or the one of a pinned commit.
	Snapshot(ctx context.Context, src lockstep.Unit, commit string) (source.Snapshot, error)
	Driver(ctx context.Context, ref lockstep.TargetRef) (driver.Driver, error)
}

// UnitOf names a Stack.
func UnitOf(s *v1alpha1.Stack) lockstep.Unit {
	return lockstep.Unit{Namespace: s.Namespace, Name: s.Name}
}

// SourceOf names the Source of a Stack.
func SourceOf(s *v1alpha1.Stack) lockstep.Unit { return named(s, s.Spec.Source.Name) }

// SourcesOf names every Source that a Stack reads: its own, then those of its
// values files.
func SourcesOf(s *v1alpha1.Stack) []lockstep.Unit {
	out := []lockstep.Unit{SourceOf(s)}
	if s.Spec.Helm == nil {
		return out
	}
	for _, f := range s.Spec.Helm.ValuesFiles {
		src, ok := otherSource(f)
		if ok && !slices.Contains(out, src) {
			out = append(out, src)
		}
	}
	return out
}

// TargetOf names the Target of a Stack.
func TargetOf(s *v1alpha1.Stack) lockstep.TargetRef {
	if s.Spec.Target.Name == "" {
		return lockstep.TargetRef{}
	}
	return lockstep.TargetRef(named(s, s.Spec.Target.Name))
}

// DependenciesOf names the Stacks that must be ready first.
func DependenciesOf(s *v1alpha1.Stack) []lockstep.Unit {
	out := make([]lockstep.Unit, 0, len(s.Spec.DependsOn)+len(s.Spec.Inputs))
	for _, d := range s.Spec.DependsOn {
		out = append(out, named(s, d.Name))
	}
	for _, in := range s.Spec.Inputs {
		if u := named(s, in.From); !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

// ActorOf says on whose behalf changes are made.
func ActorOf(s *v1alpha1.Stack) driver.Actor {
	return driver.Actor{
		Unit:           UnitOf(s),
		ServiceAccount: s.Spec.ServiceAccount,
		// The Stack's own namespace is what its author was given; the target
		// namespace is what the author writes, and would reach any account.
		ServiceAccountNamespace: s.Namespace,
	}
}

// NamespaceOf is where objects without a namespace go.
func NamespaceOf(s *v1alpha1.Stack) string {
	if s.Spec.Target.Namespace != "" {
		return s.Spec.Target.Namespace
	}
	return s.Namespace
}

// named reads NAME or NAMESPACE/NAME; the CRD has checked its form.
func named(s *v1alpha1.Stack, name string) lockstep.Unit {
	u, err := lockstep.ParseUnit(name, s.Namespace)
	if err != nil {
		return lockstep.Unit{Namespace: s.Namespace, Name: name}
	}
	return u
}

// Inputs is a Stack's spec with everything that it names resolved, ready to
// render.
type Inputs struct {
	Stack    *v1alpha1.Stack
	Snapshot source.Snapshot
	Driver   driver.Driver
	Request  render.Request
	// Carried is for whoever plans to set, once it is rendered; see [Carried].
	Carried bool
	// Ran likewise; see [Ran].
	Ran []string
	// Hooks likewise; see [HooksDue].
	Hooks []plan.Hook
}

// Resolve finds what s names. All that is missing is reported at once.
func Resolve(ctx context.Context, l Lookup, s *v1alpha1.Stack) (Inputs, error) {
	in := Inputs{Stack: s}
	snap, err := l.Snapshot(ctx, SourceOf(s), s.Spec.Source.Revision)
	if err != nil {
		return in, err
	}
	drv, err := l.Driver(ctx, TargetOf(s))
	if err != nil {
		return in, err
	}
	in.Snapshot, in.Driver = snap, drv
	in.Request, err = request(ctx, l, s, snap)
	if err != nil {
		return in, err
	}
	return in, capabilities(ctx, drv, &in.Request)
}

func request(ctx context.Context, l Lookup, s *v1alpha1.Stack, tree lockstep.Tree) (render.Request, error) {
	path, err := lockstep.CleanPath(s.Spec.Source.Path)
	if err != nil {
		return render.Request{}, fault.Invalid("path %q leads out of the source", s.Spec.Source.Path).
			WithHint("spec.source.path is relative to the root of the repository")
	}
	req := render.Request{
		Path:        path,
		Tree:        tree,
		Release:     s.Name,
		Directory:   directory(s.Spec.Directory),
		Kustomize:   kustomize(s.Spec.Kustomize),
		Namespace:   NamespaceOf(s),
		Labels:      s.Spec.Labels,
		Annotations: s.Spec.Annotations,
	}
	var errs []error
	if req.Helm, err = helm(ctx, l, s); err != nil {
		errs = append(errs, err)
	}
	if req.Trees, err = otherTrees(ctx, l, s); err != nil {
		errs = append(errs, err)
	}
	if req.Substitute, err = substitute(ctx, l, s); err != nil {
		errs = append(errs, err)
	}
	ins, err := inputs(ctx, l, s)
	if err != nil {
		errs = append(errs, err)
	}
	feed(&req, ins)
	return req, fault.Join(errs...)
}

// capabilities asks the Target only where the answer matters: charts see the
// version and the kinds that are served; everything else asks for the scope of
// one kind at a time, and only of kinds that are not built in.
func capabilities(ctx context.Context, d driver.Driver, req *render.Request) error {
	req.Namespaced = func(gk lockstep.GroupKind) (bool, bool) {
		c, err := d.Capabilities(ctx)
		if err != nil {
			return false, false
		}
		ns, known := c.Namespaced[gk]
		return ns, known
	}
	if kind, err := render.KindOf(*req); err != nil || kind != render.Helm {
		// A directory that is not there is for the render to report.
		return nil
	}
	c, err := d.Capabilities(ctx)
	if err != nil {
		return err
	}
	req.KubeVersion, req.APIVersions = c.KubeVersion, c.APIVersions
	return nil
}

func otherTrees(ctx context.Context, l Lookup, s *v1alpha1.Stack) (map[string]lockstep.Tree, error) {
	others := SourcesOf(s)[1:]
	if len(others) == 0 {
		return nil, nil
	}
	out := make(map[string]lockstep.Tree, len(others))
	var errs []error
	for _, src := range others {
		snap, err := l.Snapshot(ctx, src, "")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[src.String()] = snap
	}
	return out, fault.Join(errs...)
}

// optional turns a missing object into nothing where the spec allows that.
func optional(err error, allowed bool) error {
	if allowed && errors.Is(err, fault.KindNotFound) {
		return nil
	}
	return err
}

package list

import (
	"context"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/standing"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

var stacks = collection{
	kind:   "Stack",
	header: []string{"NAME", "STATUS", "HEALTH", "OBJECTS", "REVISION", "MESSAGE"},
	wide:   []string{"SOURCE", "PATH", "TARGET", "RELEASE", "AGE"},
	get: func(ctx context.Context, c api.Kinds, ns, filter string) (client.ObjectList, error) {
		l, err := c.Find(ctx, ns, filter)
		standing.SortStacks(l.Items)
		return l, err
	},
	watch: func(ctx context.Context, c api.Kinds, ns, version string) (watch.Interface, error) {
		return c.WatchStacks(ctx, ns, "", version)
	},
	row: func(obj runtime.Object, now time.Time) []any {
		s := obj.(*v1alpha1.Stack)
		v := standing.OfStack(s)
		health := ""
		if s.Status.Health != nil {
			health = s.Status.Health.Status
		}
		return []any{
			s.Name, word(v), health, strconv.Itoa(int(s.Status.Objects)), term.Commit(s.Status.Revision), v.Message,
			stack.SourceOf(s).Name, s.Spec.Source.Path, stack.TargetOf(s).String(), strconv.FormatInt(s.Status.Release, 10), age(s, now),
		}
	},
}

var sources = collection{
	kind:   "Source",
	header: []string{"NAME", "STATUS", "REVISION", "COMMIT", "MESSAGE"},
	wide:   []string{"URL", "INTERVAL", "AGE"},
	get: func(ctx context.Context, c api.Kinds, ns, _ string) (client.ObjectList, error) {
		l, err := c.Sources(ctx, ns)
		standing.SortSources(l.Items)
		return l, err
	},
	watch: func(ctx context.Context, c api.Kinds, ns, version string) (watch.Interface, error) {
		return c.WatchSources(ctx, ns, version)
	},
	row: func(obj runtime.Object, now time.Time) []any {
		s := obj.(*v1alpha1.Source)
		v := standing.OfSource(s)
		url := ""
		if s.Spec.Git != nil {
			url = s.Spec.Git.URL
		}
		return []any{s.Name, word(v), s.Status.ShortRevision, short(s.Status.Subject), v.Message, url, s.Spec.Interval.Duration.String(), age(s, now)}
	},
}

var targets = collection{
	kind:   "Target",
	header: []string{"NAME", "STATUS", "VERSION", "MESSAGE"},
	wide:   []string{"SERVER", "AGE"},
	get: func(ctx context.Context, c api.Kinds, ns, _ string) (client.ObjectList, error) {
		l, err := c.Targets(ctx, ns)
		standing.SortTargets(l.Items)
		return l, err
	},
	watch: func(ctx context.Context, c api.Kinds, ns, version string) (watch.Interface, error) {
		return c.WatchTargets(ctx, ns, version)
	},
	row: func(obj runtime.Object, now time.Time) []any {
		t := obj.(*v1alpha1.Target)
		v := standing.OfTarget(t)
		return []any{t.Name, word(v), t.Status.Version, v.Message, t.Status.Server, age(t, now)}
	},
}

func word(v standing.Verdict) term.Cell {
	return term.Cell{Text: v.Standing.Sign() + " " + v.Standing.String(), Style: v.Standing.Style()}
}

func age(obj client.Object, now time.Time) string {
	return term.Age(now.Sub(obj.GetCreationTimestamp().Time))
}

// subject lines are kept to what a table can bear; they are whole in -o json.
const maxSubject = 50

func short(s string) string {
	r := []rune(s)
	if len(r) <= maxSubject {
		return s
	}
	return string(r[:maxSubject-1]) + "…"
}

// clean returns the items of a list as -o json shows them.
func clean(list client.ObjectList, kind string) []runtime.Object {
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil
	}
	out := make([]runtime.Object, 0, len(items))
	for _, i := range items {
		out = append(out, trim(i.(client.Object), kind))
	}
	return out
}

// trim gives an object its kind, which lists leave out, and drops what only the
// API server reads.
func trim(obj client.Object, kind string) runtime.Object {
	obj.GetObjectKind().SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	obj.SetManagedFields(nil)
	return obj
}

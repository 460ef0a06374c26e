package stack

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func directory(d *v1alpha1.DirectoryRender) *render.DirectorySpec {
	if d == nil {
		return nil
	}
	return &render.DirectorySpec{
		NoRecurse: d.Recurse != nil && !*d.Recurse,
		Include:   d.Include,
		Exclude:   d.Exclude,
	}
}

func kustomize(k *v1alpha1.KustomizeRender) *render.KustomizeSpec {
	if k == nil {
		return nil
	}
	out := &render.KustomizeSpec{
		NamePrefix:              k.NamePrefix,
		NameSuffix:              k.NameSuffix,
		Components:              k.Components,
		IgnoreMissingComponents: k.IgnoreMissingComponents,
	}
	for _, i := range k.Images {
		out.Images = append(out.Images, render.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
	}
	for _, p := range k.Patches {
		patch := render.Patch{Patch: p.Patch}
		if t := p.Target; t != nil {
			patch.Target = &render.Selector{
				Group: t.Group, Version: t.Version, Kind: t.Kind, Name: t.Name, Namespace: t.Namespace,
				LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector,
			}
		}
		out.Patches = append(out.Patches, patch)
	}
	return out
}

func helm(ctx context.Context, l Lookup, s *v1alpha1.Stack) (*render.HelmSpec, error) {
	h := s.Spec.Helm
	if h == nil {
		return nil, nil
	}
	out := &render.HelmSpec{
		ReleaseName:              ReleaseName(s),
		ValuesFiles:              h.ValuesFiles,
		IgnoreMissingValuesFiles: h.IgnoreMissingValuesFiles,
		SkipCRDs:                 h.SkipCRDs,
		SkipSchemaValidation:     h.SkipSchemaValidation,
		Record:                   h.ReleaseRecord,
		// What a chart comes to depends on Git alone, so charts are told the same at
		// every render: an install, as helm template says. Hooks are told apart by
		// history, not by the render.
		Revision: 1,
	}
	if h.Values != nil {
		out.Values = h.Values.Raw
	}
	var errs []error
	if h.Chart != nil {
		ref, err := chart(ctx, l, s, *h.Chart)
		errs = append(errs, err)
		out.Chart = ref
	}
	for _, v := range h.ValuesFrom {
		got, err := values(ctx, l, s, v)
		errs = append(errs, err)
		if got != nil {
			out.ValuesFrom = append(out.ValuesFrom, *got)
		}
	}
	return out, fault.Join(errs...)
}

// ReleaseName is the name that a chart sees.
func ReleaseName(s *v1alpha1.Stack) string {
	if h := s.Spec.Helm; h != nil && h.ReleaseName != "" {
		return h.ReleaseName
	}
	return s.Name
}

func chart(ctx context.Context, l Lookup, s *v1alpha1.Stack, c v1alpha1.Chart) (*render.ChartRef, error) {
	ref := &render.ChartRef{Repo: c.Repo, Name: c.Name, Version: c.Version}
	if c.SecretRef == nil {
		return ref, nil
	}
	data, err := l.Secret(ctx, s.Namespace, c.SecretRef.Name)
	if err != nil {
		return nil, err
	}
	ref.Credentials = data
	return ref, nil
}

func values(ctx context.Context, l Lookup, s *v1alpha1.Stack, v v1alpha1.ValuesFrom) (*render.ResolvedValues, error) {
	data, err := keys(ctx, l, v.Kind, s.Namespace, v.Name)
	if err != nil {
		return nil, optional(err, v.Optional)
	}
	key := v.Key
	if key == "" {
		key = "values.yaml"
	}
	from := v.Kind + " " + s.Namespace + "/" + v.Name
	doc, ok := data[key]
	if !ok {
		if v.Optional {
			return nil, nil
		}
		return nil, fault.NotFound("%s has no key %q", from, key).
			WithHint("set spec.helm.valuesFrom[].key to one of: %s", strings.Join(sortedKeys(data), ", "))
	}
	return &render.ResolvedValues{From: from, TargetPath: v.TargetPath, Data: doc, Secret: v.Kind == "Secret"}, nil
}

func substitute(ctx context.Context, l Lookup, s *v1alpha1.Stack) (*render.SubstituteSpec, error) {
	sub := s.Spec.Substitute
	if sub == nil {
		return nil, nil
	}
	out := &render.SubstituteSpec{Vars: map[string]string{}, Strict: sub.Strict == nil || *sub.Strict}
	var errs []error
	for _, f := range sub.From {
		data, err := keys(ctx, l, f.Kind, s.Namespace, f.Name)
		errs = append(errs, optional(err, f.Optional))
		for k, v := range data {
			out.Vars[k] = strings.TrimSuffix(string(v), "\n")
		}
	}
	for k, v := range sub.Vars {
		out.Vars[k] = v
	}
	return out, fault.Join(errs...)
}

func keys(ctx context.Context, l Lookup, kind, namespace, name string) (map[string][]byte, error) {
	if kind == "Secret" {
		return l.Secret(ctx, namespace, name)
	}
	return l.ConfigMap(ctx, namespace, name)
}

// otherSource reads "$namespace/name/path": a file of another Source.
func otherSource(file string) (src lockstep.Unit, ok bool) {
	if !strings.HasPrefix(file, "$") {
		return lockstep.Unit{}, false
	}
	parts := strings.SplitN(file[1:], "/", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return lockstep.Unit{}, false
	}
	return lockstep.Unit{Namespace: parts[0], Name: parts[1]}, true
}

func sortedKeys(m map[string][]byte) []string {
	return slices.Sorted(maps.Keys(m))
}

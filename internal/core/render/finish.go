package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-dev/lockstep/internal/core/hook"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Finish does what every renderer leaves to the end: substitution, the default
// namespace, the Stack's labels and annotations, telling hooks from what is kept
// live, the search for duplicates, and the order. The objects that it is given
// are not changed. Of the result, Objects, Hooks and Warnings are filled in.
func Finish(objs []lockstep.Object, req Request) (out Result, err error) {
	if req.Substitute != nil {
		objs, err = Substitute(objs, *req.Substitute)
		if err != nil {
			return Result{}, err
		}
	}
	scopes := newScopes(objs, req.Namespaced)
	var errs []error
	for _, o := range objs {
		o, warning := settle(o, req, scopes.of(o.Key().GroupKind()))
		if warning != "" {
			out.Warnings = append(out.Warnings, warning)
		}
		role, err := hook.Of(o)
		errs = append(errs, err)
		out.Warnings = append(out.Warnings, role.Warnings...)
		out.sort(o, role)
	}
	errs = append(errs, duplicates(out.Objects))
	if err := fault.Join(errs...); err != nil {
		return Result{}, err
	}
	Sort(out.Objects)
	slices.SortStableFunc(out.Hooks, func(a, b Hook) int {
		return cmp.Or(cmp.Compare(a.Wave, b.Wave), a.Object.Key().Compare(b.Object.Key()))
	})
	slices.Sort(out.Warnings)
	return out, nil
}

// sort puts o among the objects or the hooks. Several hooks may have one name:
// they follow each other.
func (r *Result) sort(o lockstep.Object, role hook.Role) {
	if role.LeftOut {
		return
	}
	if role.IsHook() {
		r.Hooks = append(r.Hooks, Hook{Object: o, Role: role})
		return
	}
	r.Objects = append(r.Objects, o)
}

// Sort orders objects by key, and by origin where keys are equal. Which of them
// is applied first is the plan's to say.
func Sort(objs []lockstep.Object) {
	slices.SortStableFunc(objs, func(a, b lockstep.Object) int { return a.Key().Compare(b.Key()) })
}

// settle gives one object its namespace and the Stack's metadata.
//
// An object of a kind that nobody knows is taken to live in a namespace, as most
// custom kinds do. A namespace on a kind that lives in none is dropped with a
// warning, because repositories in use hold such objects and the API server
// would not find them where they claim to be.
func settle(o lockstep.Object, req Request, scope Scope) (lockstep.Object, string) {
	meta, _ := o.Tree["metadata"].(map[string]any)
	set := map[string]any{}
	warning := ""
	ns := o.Namespace()
	switch {
	case scope == ClusterScope && ns != "":
		warning = fmt.Sprintf("%s: metadata.namespace %q is dropped, because %s lives in no namespace", place(o), ns, o.Kind())
	case scope != ClusterScope && ns == "" && req.Namespace != "":
		set["namespace"] = req.Namespace
	}
	addText(set, meta, "labels", req.Labels)
	addText(set, meta, "annotations", req.Annotations)
	if len(set) == 0 && warning == "" {
		return o, ""
	}
	meta = maps.Clone(meta)
	maps.Copy(meta, set)
	if warning != "" {
		delete(meta, "namespace")
	}
	tree := maps.Clone(o.Tree)
	tree["metadata"] = meta
	return lockstep.Object{Tree: tree, Origin: o.Origin}, warning
}

func addText(set, meta map[string]any, field string, add map[string]string) {
	if len(add) == 0 {
		return
	}
	have, _ := meta[field].(map[string]any)
	m := make(map[string]any, len(have)+len(add))
	maps.Copy(m, have)
	for k, v := range add {
		m[k] = v
	}
	set[field] = m
}

// place says where a person finds o.
func place(o lockstep.Object) string {
	if at := o.Origin.String(); at != "" {
		return at
	}
	return o.Key().String()
}

// duplicates refuses two objects of one key: which of them should be live, only
// the author knows.
func duplicates(objs []lockstep.Object) error {
	first := make(map[lockstep.Key]lockstep.Object, len(objs))
	var errs []error
	for _, o := range objs {
		k := o.Key()
		before, dup := first[k]
		if !dup {
			first[k] = o
			continue
		}
		f := fault.Invalid("%s is declared twice, first at %s", k, place(before)).
			WithHint("remove or rename one of the two")
		errs = append(errs, f.At("%s", place(o)))
	}
	return fault.Join(errs...)
}

package render

import (
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// optOut are the labels and annotations that keep an object as it is.
var optOut = []string{"lockstep.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"}

var variableName = regexp.MustCompile(`^[_a-zA-Z][_a-zA-Z0-9]*$`)

// Substitute replaces ${VAR} in objects as Flux's postBuild does.
//
// It works on each object's YAML text, so a value may become a number or a whole
// mapping. Nothing of a value shows in an error: values may come from Secrets.
func Substitute(objs []lockstep.Object, spec SubstituteSpec) ([]lockstep.Object, error) {
	vars := make(map[string]string, len(spec.Vars))
	var errs []error
	for name, v := range spec.Vars {
		if !variableName.MatchString(name) {
			errs = append(errs, fault.Invalid("%q is not a name for a variable", name).
				WithHint("letters, digits and underscores, not starting with a digit"))
		}
		// Flux does the same: a value is one line, whatever its Secret ends in.
		vars[name] = strings.ReplaceAll(v, "\n", "")
	}
	if err := fault.Join(sortFaults(errs)...); err != nil {
		return nil, err
	}
	if len(vars) == 0 && !spec.Strict {
		return objs, nil
	}
	out := make([]lockstep.Object, 0, len(objs))
	for _, o := range objs {
		n, err := substituteObject(o, vars, spec.Strict)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, n)
	}
	if err := fault.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func sortFaults(errs []error) []error {
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

func substituteObject(o lockstep.Object, vars map[string]string, strict bool) (lockstep.Object, error) {
	for _, name := range optOut {
		if o.Label(name) == "disabled" || o.Annotation(name) == "disabled" {
			return o, nil
		}
	}
	text, err := yaml.Marshal(o.Tree)
	if err != nil {
		return o, fault.Internal(err)
	}
	if !strings.Contains(string(text), "$") {
		return o, nil
	}
	e := &expander{vars: vars, strict: strict}
	replaced, err := e.expand(string(text))
	if err != nil {
		return o, fault.As(err).At("%s", place(o))
	}
	if replaced == string(text) {
		return o, nil
	}
	if len(replaced) > MaxFileBytes {
		return o, fault.Invalid("%s has more than %d bytes after substitution", o.Key(), MaxFileBytes).At("%s", place(o))
	}
	objs, err := Decode("", []byte(replaced))
	if err != nil || len(objs) != 1 {
		// What went wrong would quote the values.
		return o, fault.Invalid("%s is no valid object after the substitution of %s", o.Key(), strings.Join(e.used, ", ")).
			WithHint("a value that holds a colon, a quote or a line start needs quotes around ${VAR}; labels and annotations need strings").
			At("%s", place(o))
	}
	return lockstep.Object{Tree: objs[0].Tree, Origin: o.Origin}, nil
}

package helm

import (
	"encoding/json"
	"path"
	"strconv"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	release "helm.sh/helm/v4/pkg/release/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// record is Helm's own record of what was rendered, as Helm writes it to JSON. The
// version, the status and the times are added when it is known how the release
// ended.
//
// The manifest holds what is kept live, as it is applied. Objects of crds/ are not
// in it, as in Helm's: whatever uninstalls by the manifest must not take them.
func (j *job) record(out rendered, names map[string]string, res render.Result) ([]byte, error) {
	values, err := j.values()
	if err != nil {
		return nil, err
	}
	source := make(map[string]string, len(names)) // where a template is → Helm's name of it
	for name, origin := range names {
		source[origin] = name
	}
	rel := release.Release{
		Name:      j.spec.ReleaseName,
		Namespace: j.namespace(),
		Config:    values,
		Info:      &release.Info{Notes: out.files[path.Join(out.chart.Name(), "templates", notes)]},
		// The templates are in Git, and nothing that reads a record looks at them.
		Chart:       &chart.Chart{Metadata: out.chart.Metadata, Values: out.chart.Values},
		ApplyMethod: string(release.ApplyMethodServerSideApply),
	}
	var manifest strings.Builder
	for _, o := range res.Objects {
		from, template := source[o.Origin.File]
		if !template {
			continue
		}
		text, err := manifestOf(o)
		if err != nil {
			return nil, err
		}
		manifest.WriteString("---\n# Source: " + from + "\n" + text)
	}
	rel.Manifest = manifest.String()
	for _, h := range res.Hooks {
		if _, theirs := annotationsOf(h.Object)[release.HookAnnotation]; !theirs {
			continue
		}
		text, err := manifestOf(h.Object)
		if err != nil {
			return nil, err
		}
		rel.Hooks = append(rel.Hooks, hookOf(h.Object, source[h.Object.Origin.File], text))
	}
	data, err := json.Marshal(rel)
	if err != nil {
		return nil, fault.Invalid("Helm's record of the release cannot be written: %v", err).At("%s", j.place())
	}
	return data, nil
}

func manifestOf(o lockstep.Object) (string, error) {
	text, err := yaml.Marshal(o.Tree)
	if err != nil {
		return "", fault.Internal(err)
	}
	return string(text), nil
}

func annotationsOf(o lockstep.Object) map[string]any {
	md, _ := o.Tree["metadata"].(map[string]any)
	out, _ := md["annotations"].(map[string]any)
	return out
}

// hookOf is a hook as Helm keeps it.
func hookOf(o lockstep.Object, source, text string) *release.Hook {
	key := o.Key()
	said := func(name string) []string {
		s, _ := annotationsOf(o)[name].(string)
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ',' || r == ' ' })
	}
	h := &release.Hook{Name: key.Name, Kind: key.Kind, Path: source, Manifest: text}
	for _, e := range said(release.HookAnnotation) {
		if e == "test-success" {
			e = string(release.HookTest)
		}
		h.Events = append(h.Events, release.HookEvent(e))
	}
	for _, p := range said(release.HookDeleteAnnotation) {
		h.DeletePolicies = append(h.DeletePolicies, release.HookDeletePolicy(p))
	}
	if w := said(release.HookWeightAnnotation); len(w) == 1 {
		h.Weight, _ = strconv.Atoi(w[0]) // Helm takes what is no number for 0
	}
	return h
}

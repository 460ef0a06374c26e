package helm

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// notes is the file that tells a person what to do after an install. It is no
// object.
const notes = "NOTES.txt"

// hookEvents are the moments that Helm knows. An object for another one is never
// applied by Helm, and not by us.
var hookEvents = map[string]string{
	"pre-install": "pre-install", "post-install": "post-install",
	"pre-delete": "pre-delete", "post-delete": "post-delete",
	"pre-upgrade": "pre-upgrade", "post-upgrade": "post-upgrade",
	"pre-rollback": "pre-rollback", "post-rollback": "post-rollback",
	"test": "test", "test-success": "test",
}

// result turns text into objects and hooks.
func (j *job) result(out rendered) (render.Result, error) {
	names := j.names(out.chart)
	res := render.Result{
		Kind: render.Helm,
		Chart: &render.ChartInfo{
			Name:       out.chart.Name(),
			Version:    out.chart.Metadata.Version,
			AppVersion: out.chart.Metadata.AppVersion,
		},
	}
	var errs []error
	if !j.spec.SkipCRDs {
		seen := map[*common.File]bool{} // an aliased chart is there twice, with one crds/ directory
		for _, crd := range out.chart.CRDObjects() {
			if seen[crd.File] {
				continue
			}
			seen[crd.File] = true
			objects, err := render.Decode(j.origin(crd.File), crd.File.Data)
			errs = append(errs, err)
			res.Objects = append(res.Objects, objects...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(out.files)) {
		if strings.HasSuffix(name, notes) {
			continue
		}
		objects, err := decodeTemplate(names[name], out.files[name])
		errs = append(errs, err)
		for _, o := range objects {
			j.sort(o, &res)
		}
	}
	if err := fault.Join(errs...); err != nil {
		return render.Result{}, err
	}
	slices.SortStableFunc(res.Hooks, func(a, b render.Hook) int {
		return cmp.Or(cmp.Compare(a.Weight, b.Weight), a.Object.Key().Compare(b.Object.Key()))
	})
	if j.maybeUnstable() {
		j.compare(names, out, res.Objects)
	}
	return j.finish(res)
}

// finish settles namespaces and metadata, of objects and of hooks alike. Hooks
// go one by one: Helm lets several of one name follow each other.
func (j *job) finish(res render.Result) (render.Result, error) {
	objects, warnings, err := render.Finish(res.Objects, j.req)
	errs := []error{err}
	res.Objects = objects
	res.Warnings = append(j.warn, warnings...)
	for i := range res.Hooks {
		h := &res.Hooks[i]
		done, warnings, err := render.Finish([]lockstep.Object{h.Object}, j.req)
		errs = append(errs, err)
		res.Warnings = append(res.Warnings, warnings...)
		if len(done) == 1 {
			h.Object = done[0]
		}
	}
	return res, fault.Join(errs...)
}

// compare renders once more, to tell what does not come out the same.
func (j *job) compare(names map[string]string, first rendered, objects []lockstep.Object) {
	values, err := j.values()
	if err != nil {
		return
	}
	again := job{r: j.r, ctx: j.ctx, req: j.req, spec: j.spec, charts: j.charts}
	c, err := again.chart()
	if err != nil {
		return
	}
	second, err := again.guarded(c, values)
	if err != nil {
		return // it went well a moment ago; the first result stands
	}
	// Hooks are not kept live, so nothing changes with them.
	live := map[string]bool{}
	for _, o := range objects {
		live[o.Origin.File] = true
	}
	for name := range first.files {
		if !live[names[name]] {
			delete(first.files, name)
		}
	}
	j.warn = append(j.warn, j.unstable(names, first.files, second.files)...)
}

// decodeTemplate reads what one template wrote. It is split as Helm splits it,
// which also takes "---" with text behind it for a separator.
func decodeTemplate(origin, text string) ([]lockstep.Object, error) {
	docs := releaseutil.SplitManifests(text)
	keys := slices.Collect(maps.Keys(docs))
	sort.Sort(releaseutil.BySplitManifestsOrder(keys))
	var out []lockstep.Object
	var errs []error
	for _, k := range keys {
		objects, err := render.Decode(origin, []byte(docs[k]))
		if err != nil {
			errs = append(errs, inRendered(err, origin))
			continue
		}
		for _, o := range objects {
			// A line of rendered text is not a line of the template.
			o.Origin.Line = 0
			out = append(out, o)
		}
	}
	return out, fault.Join(errs...)
}

// inRendered says that the lines of faults are those of what the template wrote.
func inRendered(err error, origin string) error {
	var out []error
	for _, f := range fault.All(err) {
		if line, ok := strings.CutPrefix(f.Where, origin+":"); ok {
			f.Where = origin
			f.What += " (line " + line + " of the rendered document)"
		}
		if f.Hint == "" {
			f.Hint = "the template or a value in it writes this; look at it with: lockstep render"
		}
		out = append(out, f)
	}
	return fault.Join(out...)
}

// sort puts o among the objects or the hooks.
func (j *job) sort(o lockstep.Object, res *render.Result) {
	names, isHook := annotation(o, release.HookAnnotation)
	if !isHook {
		res.Objects = append(res.Objects, o)
		return
	}
	h := render.Hook{Object: o, DeletePolicies: words(o, release.HookDeleteAnnotation)}
	for _, name := range commas(names) {
		event, ok := hookEvents[name]
		if !ok {
			j.warn = append(j.warn, fmt.Sprintf("%s: %s is left out, because Helm has no hook %q", o.Origin, o.Key(), name))
			return
		}
		h.Events = append(h.Events, event)
	}
	weight, _ := annotation(o, release.HookWeightAnnotation)
	h.Weight, _ = strconv.Atoi(weight) // as Helm: what is no number is 0
	res.Hooks = append(res.Hooks, h)
}

// annotation returns the text of an annotation, and whether there is one.
func annotation(o lockstep.Object, name string) (string, bool) {
	meta, _ := o.Tree["metadata"].(map[string]any)
	all, _ := meta["annotations"].(map[string]any)
	v, ok := all[name]
	if !ok {
		return "", false
	}
	return fmt.Sprint(v), true
}

func words(o lockstep.Object, name string) []string {
	text, ok := annotation(o, name)
	if !ok {
		return nil
	}
	return commas(text)
}

func commas(text string) []string {
	var out []string
	for w := range strings.SplitSeq(text, ",") {
		out = append(out, strings.ToLower(strings.TrimSpace(w)))
	}
	return out
}

// names maps the engine's name of each template, which is made of the names of
// charts, to where the template is.
func (j *job) names(c *chart.Chart) map[string]string {
	out := map[string]string{}
	var add func(*chart.Chart)
	add = func(c *chart.Chart) {
		for _, t := range c.Templates {
			out[path.Join(c.ChartFullPath(), t.Name)] = j.origin(t)
		}
		for _, sub := range c.Dependencies() {
			add(sub)
		}
	}
	add(c)
	return out
}

func (j *job) origin(f *common.File) string {
	for _, l := range j.sources {
		if o, ok := l.origins[f]; ok {
			return o
		}
	}
	return f.Name
}

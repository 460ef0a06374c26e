package helm

import (
	"maps"
	"path"
	"slices"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// notes is the file that tells a person what to do after an install. It is no
// object.
const notes = "NOTES.txt"

// result turns text into objects and hooks.
func (j *job) result(out rendered) (render.Result, error) {
	names := j.names(out.chart)
	var all []lockstep.Object
	var errs []error
	take := func(objects []lockstep.Object, err error) {
		all, errs = append(all, objects...), append(errs, err)
	}
	if !j.spec.SkipCRDs {
		seen := map[*common.File]bool{} // an aliased chart is there twice, with one crds/ directory
		for _, crd := range out.chart.CRDObjects() {
			if seen[crd.File] {
				continue
			}
			seen[crd.File] = true
			take(render.Decode(j.origin(crd.File), crd.File.Data))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(out.files)) {
		if !strings.HasSuffix(name, notes) {
			take(decodeTemplate(names[name], out.files[name]))
		}
	}
	if err := fault.Join(errs...); err != nil {
		return render.Result{}, err
	}
	res, err := render.Finish(all, j.req)
	if err != nil {
		return render.Result{}, err
	}
	if j.spec.Record {
		if res.Record, err = j.record(out, names, res); err != nil {
			return render.Result{}, err
		}
	}
	if j.maybeUnstable() {
		j.compare(names, out, res.Objects)
	}
	res.Kind = render.Helm
	res.Chart = &render.ChartInfo{
		Name:       out.chart.Name(),
		Version:    out.chart.Metadata.Version,
		AppVersion: out.chart.Metadata.AppVersion,
	}
	res.Warnings = append(j.warn, res.Warnings...)
	return res, nil
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
	second, err := again.engine(c, values)
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

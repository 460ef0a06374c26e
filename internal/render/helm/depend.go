package helm

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"go.yaml.in/yaml/v3"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// maxLocal bounds how many file:// dependencies one chart may reach.
const maxLocal = 100

// chart returns the chart to render, whole, and free to be changed.
func (j *job) chart() (*chart.Chart, error) {
	l, err := j.load()
	if err != nil {
		return nil, err
	}
	c := clone(l.chart)
	j.sources = append(j.sources, l)
	if err := j.complete(c, l, []string{l.root}); err != nil {
		return nil, err
	}
	return c, nil
}

func (j *job) load() (*loaded, error) {
	if ref := j.spec.Chart; ref != nil {
		return j.fetch(*ref)
	}
	dir, err := lockstep.CleanPath(j.req.Path)
	if err != nil {
		return nil, treeFault(j.req.Path, err)
	}
	return j.r.directory(j.req.Tree, dir)
}

func (j *job) fetch(ref render.ChartRef) (*loaded, error) {
	if j.charts == nil {
		return nil, fault.Invalid("chart %q of %s is not at hand and nothing may be fetched here", ref.Name, ref.Repo)
	}
	a, err := j.charts.Fetch(j.ctx, ref)
	if err != nil {
		return nil, err
	}
	name := ref.Name
	if name == "" {
		name = path.Base(ref.Repo)
	}
	return j.r.archived(a, name)
}

// complete adds the dependencies of c that are named in Chart.yaml and not in
// charts/, as `helm dependency build` would bring them. Charts inside charts/
// are taken as they are, as Helm does; charts that a file:// dependency leads to
// are completed in turn, because nobody could have run the command in them for
// us. trail are the directories on the way here.
func (j *job) complete(c *chart.Chart, l *loaded, trail []string) error {
	var missing []*chart.Dependency
	for _, d := range c.Metadata.Dependencies {
		if d != nil && !has(c, d.Name) {
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var errs []error
	done := map[string]bool{} // one chart may be named several times, under aliases
	for _, d := range missing {
		id := d.Name + "\n" + d.Repository + "\n" + d.Version
		if done[id] {
			continue
		}
		done[id] = true
		sub, err := j.dependency(c, l, d, trail)
		if err != nil {
			errs = append(errs, fault.As(err).At("%s", l.dependencyLine(d.Name)))
			continue
		}
		c.AddDependency(sub)
	}
	return fault.Join(errs...)
}

func has(c *chart.Chart, name string) bool {
	for _, sub := range c.Dependencies() {
		if sub.Name() == name {
			return true
		}
	}
	return false
}

// dependency brings one chart that is not vendored.
func (j *job) dependency(c *chart.Chart, l *loaded, d *chart.Dependency, trail []string) (*chart.Chart, error) {
	switch {
	case d.Repository == "":
		return nil, fault.Invalid("dependency %q is not in charts/ and names no repository", d.Name).
			WithHint("add a repository to it, or put the chart into charts/%s", d.Name)
	case strings.HasPrefix(d.Repository, "file://"):
		return j.local(l, d, trail)
	case strings.HasPrefix(d.Repository, "@"), strings.HasPrefix(d.Repository, "alias:"):
		return nil, fault.Invalid("dependency %q names repository %q, which only the machine knows that it was added on", d.Name, d.Repository).
			WithHint("write the repository's URL, or run helm dependency build and commit charts/")
	}
	version, err := j.locked(c, l, d)
	if err != nil {
		return nil, err
	}
	sub, err := j.fetch(render.ChartRef{Repo: d.Repository, Name: d.Name, Version: version})
	if err != nil {
		f := fault.As(err)
		if f.Hint == "" {
			f.Hint = "helm dependency build brings it to charts/, where it can be committed"
		}
		return nil, f
	}
	j.sources = append(j.sources, sub)
	return clone(sub.chart), nil
}

// local loads a dependency from another directory of the same tree.
func (j *job) local(l *loaded, d *chart.Dependency, trail []string) (*chart.Chart, error) {
	rel := strings.TrimPrefix(d.Repository, "file://")
	if strings.HasPrefix(rel, "/") {
		return nil, fault.Invalid("dependency %q names the absolute path %q, which is not in the source", d.Name, rel).
			WithHint("write it relative to the chart: file://../%s", path.Base(rel))
	}
	if strings.HasPrefix(l.key, "archive:") {
		return nil, fault.Invalid("dependency %q of a fetched chart names the directory %q", d.Name, rel).
			WithHint("the chart was packed without its dependencies; ask its author to run helm dependency build first")
	}
	dir, err := lockstep.CleanPath(l.root + "/" + rel)
	if err != nil {
		return nil, fault.Invalid("dependency %q leads out of the source: %q", d.Name, d.Repository)
	}
	for _, t := range trail {
		if t == dir {
			return nil, fault.Invalid("charts depend on each other in a circle: %s", strings.Join(append(trail, dir), " → "))
		}
	}
	if len(j.sources) > maxLocal {
		return nil, fault.Invalid("the chart reaches more than %d other charts", maxLocal)
	}
	sub, err := j.r.directory(j.req.Tree, dir)
	if err != nil {
		return nil, err
	}
	if !chartutil.IsCompatibleRange(d.Version, sub.chart.Metadata.Version) {
		return nil, fault.Invalid("dependency %q wants version %q and %s has %q", d.Name, d.Version, dir, sub.chart.Metadata.Version)
	}
	j.sources = append(j.sources, sub)
	out := clone(sub.chart)
	return out, j.complete(out, sub, append(trail, dir))
}

// locked returns the version that Chart.lock has for d, or d's own range where
// there is no lock file.
func (j *job) locked(c *chart.Chart, l *loaded, d *chart.Dependency) (string, error) {
	if c.Lock == nil {
		if !isExact(d.Version) {
			j.warn = append(j.warn, "dependency "+strconv.Quote(d.Name)+" of "+l.path("Chart.yaml")+" has the range "+
				strconv.Quote(d.Version)+" and there is no Chart.lock: what is rendered can change without a commit")
		}
		return d.Version, nil
	}
	if !lockFits(l.chart) {
		return "", fault.Invalid("Chart.lock does not fit the dependencies in Chart.yaml").
			At("%s", l.path("Chart.lock")).
			WithHint("run helm dependency update and commit Chart.lock")
	}
	for _, k := range c.Lock.Dependencies {
		if k != nil && k.Name == d.Name && chartutil.IsCompatibleRange(d.Version, k.Version) {
			return k.Version, nil
		}
	}
	return "", fault.Invalid("Chart.lock has no version for dependency %q", d.Name).
		WithHint("run helm dependency update and commit Chart.lock")
}

// isExact says whether a version names one release.
func isExact(version string) bool {
	_, err := semver.StrictNewVersion(strings.TrimPrefix(version, "v"))
	return err == nil
}

// lockFits compares the digest in the lock file with that of what it locks, in
// the forms of Helm today and of Helm 2.
func lockFits(c *chart.Chart) bool {
	sum := func(v any) string {
		b, _ := json.Marshal(v) // came from YAML, so it can be written
		h := sha256.Sum256(b)
		return "sha256:" + hex.EncodeToString(h[:])
	}
	want := c.Lock.Digest
	return want == sum([2][]*chart.Dependency{c.Metadata.Dependencies, c.Lock.Dependencies}) ||
		want == sum(map[string][]*chart.Dependency{"dependencies": c.Metadata.Dependencies})
}

// line returns where key is at the top level of Chart.yaml.
func (l *loaded) line(key string) lockstep.Origin {
	o := lockstep.Origin{File: l.path("Chart.yaml")}
	root := l.document()
	for i := 0; root != nil && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			o.Line = root.Content[i].Line
		}
	}
	return o
}

// dependencyLine returns where Chart.yaml names the dependency; requirements of
// charts of the first API version are in another file, which is not searched.
func (l *loaded) dependencyLine(name string) lockstep.Origin {
	o := l.line("dependencies")
	root := l.document()
	for i := 0; root != nil && i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "dependencies" {
			continue
		}
		for _, d := range root.Content[i+1].Content {
			for k := 0; k+1 < len(d.Content); k += 2 {
				if d.Content[k].Value == "name" && d.Content[k+1].Value == name {
					o.Line = d.Line
					return o
				}
			}
		}
	}
	if l.chart.Metadata.APIVersion == chart.APIVersionV1 && o.Line == 0 {
		o.File = l.path("requirements.yaml")
	}
	return o
}

// document is the mapping in Chart.yaml, nil if there is none.
func (l *loaded) document() *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(l.metadata, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	return doc.Content[0]
}

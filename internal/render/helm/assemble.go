package helm

import (
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// loaded is a parsed chart. It is shared and never changed; clone gives a copy
// to render from.
type loaded struct {
	key   string
	root  string // directory in the Source, or "name@version"
	chart *chart.Chart
	// origins says where each template and other file came from. A chart that is
	// copied under an alias keeps its files, so their identity is what is kept.
	origins map[*common.File]string
	// metadata is the text of the root's Chart.yaml, to find lines in.
	metadata []byte
	size     int
	// unstable are template functions in the chart that give another result each
	// time.
	unstable []string
}

// path returns where a person finds name.
func (l *loaded) path(name string) string { return path.Join(l.root, name) }

// assembler puts a chart together from files, with the charts inside it.
type assembler struct {
	origins map[*common.File]string
	budget  *budget
	size    int
}

// assemble parses the chart that files are.
func assemble(files []file, root string) (*loaded, error) {
	a := &assembler{origins: map[*common.File]string{}, budget: newBudget()}
	c, err := a.chart(files, root, 0)
	if err != nil {
		return nil, err
	}
	l := &loaded{root: root, chart: c, origins: a.origins, size: a.size}
	for _, f := range files {
		if f.name == "Chart.yaml" {
			l.metadata = f.data
		}
	}
	l.unstable = unstableFunctions(c)
	a.mark(c)
	return l, nil
}

// chart parses one chart. Helm's loader would descend into charts/ by itself,
// but in the order of a map, with a fresh size limit for every archive in an
// archive, and without telling which file became which.
func (a *assembler) chart(files []file, root string, depth int) (*chart.Chart, error) {
	if depth > maxDepth {
		return nil, fault.Invalid("charts are more than %d deep in one another", maxDepth).At("%s", root)
	}
	own, inside := divide(files)
	if len(own) == 0 || !slices.ContainsFunc(own, func(f file) bool { return f.name == "Chart.yaml" }) {
		return nil, fault.Invalid("there is no Chart.yaml").At("%s", root).
			WithHint("this must be the directory of a chart; what is in charts/ and is none can be named in .helmignore")
	}
	buffered := make([]*archive.BufferedFile, len(own))
	origins := make(map[string]string, len(own))
	for i, f := range own {
		buffered[i] = &archive.BufferedFile{Name: f.name, Data: f.data}
		origins[f.name] = f.origin
		a.size += len(f.data)
	}
	c, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, explainLoad(err, root)
	}
	c.Raw = nil
	for _, list := range [][]*common.File{c.Templates, c.Files} {
		for _, f := range list {
			a.origins[f] = origins[f.Name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inside)) {
		sub, err := a.inside(name, inside[name], root, depth)
		if err != nil {
			return nil, err
		}
		c.AddDependency(sub)
	}
	return c, nil
}

// inside parses one entry of charts/: an archive or a directory.
func (a *assembler) inside(name string, files []file, root string, depth int) (*chart.Chart, error) {
	at := path.Join(root, "charts", name)
	if path.Ext(name) != ".tgz" {
		return a.chart(files, at, depth+1)
	}
	if len(files) != 1 || files[0].name != "" {
		return nil, fault.Invalid("a directory is named like an archive").At("%s", at)
	}
	unpacked, err := unpack(files[0].data, at, a.budget)
	if err != nil {
		return nil, err
	}
	return a.chart(unpacked, at, depth+1)
}

// divide tells the files of a chart from those of the charts in its charts/
// directory, whose names it shortens. Entries that begin with "_" or "." do not
// count, and provenance files belong to the chart.
func divide(files []file) (own []file, inside map[string][]file) {
	inside = map[string][]file{}
	for _, f := range files {
		rest, found := strings.CutPrefix(f.name, "charts/")
		if !found || path.Ext(f.name) == ".prov" {
			own = append(own, f)
			continue
		}
		name, below, _ := strings.Cut(rest, "/")
		if strings.IndexAny(name, "_.") == 0 {
			continue
		}
		f.name = below
		inside[name] = append(inside[name], f)
	}
	return own, inside
}

// clone copies what processing dependencies changes, and nothing else.
func clone(c *chart.Chart) *chart.Chart {
	out := *c
	md := *c.Metadata
	if c.Metadata.Dependencies != nil {
		md.Dependencies = make([]*chart.Dependency, len(c.Metadata.Dependencies))
	}
	for i, d := range c.Metadata.Dependencies {
		if d != nil {
			cp := *d
			md.Dependencies[i] = &cp
		}
	}
	out.Metadata = &md
	out.SetDependencies()
	for _, d := range c.Dependencies() {
		out.AddDependency(clone(d))
	}
	return &out
}

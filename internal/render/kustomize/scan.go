package kustomize

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/render"
)

const (
	// maxKustomizations bounds how many a build may reach; more is a loop or an
	// attack, as every overlay multiplies what lies below it.
	maxKustomizations = 2000
	// maxOriginBytes bounds the files that are read for the lines of objects.
	maxOriginBytes = 1 << 20
)

// scan walks everything that a build would load, before kustomize does: it is
// kustomize that would fetch remote references, whatever its load restrictions
// say, and its messages name neither file nor line.
type scan struct {
	tree        lockstep.Tree
	allowRemote bool
	// confined: what is allowed to be fetched cannot be; remote: there is some.
	confined, remote bool
	errs             []error
	seen             map[visit]bool
	// asConfig is set below a generator, transformer or validator that is a
	// directory: what it holds are configurations, which may load by themselves.
	asConfig bool
	// schema is set when a kustomization names a schema of its own, which
	// kustomize keeps in a variable of the process.
	schema bool
	// buildMetadata is that of the unit's own kustomization.
	buildMetadata []string
	// origins are where objects were declared, by what they were called then;
	// broken are the faults of files that are no manifests we can read.
	origins map[lockstep.GroupKind]map[string]lockstep.Origin
	broken  []error
	// declared are the objects of each kustomization, to tell what is there twice.
	declared map[declaration]lockstep.Origin
}

// visit is a kustomization by its real directory, and as what it was read.
type visit struct {
	dir      string
	asConfig bool
}

type declaration struct {
	dir string
	key lockstep.Key
}

func newScan(req core.Request) *scan {
	return &scan{
		tree: req.Tree, allowRemote: req.AllowRemote, seen: map[visit]bool{},
		origins:  map[lockstep.GroupKind]map[string]lockstep.Origin{},
		declared: map[declaration]lockstep.Origin{},
	}
}

// site is the place of one entry.
type site struct {
	dir  string // real directory of the kustomization
	file string // its file
	line int
}

func (s *scan) fail(at site, f *fault.Fault) {
	s.errs = append(s.errs, f.At("%s", lockstep.Origin{File: at.file, Line: at.line}))
}

// directory scans the kustomization in dir. role says what refers to it.
func (s *scan) directory(dir string, from site) {
	real, err := core.Real(s.tree, dir)
	if err != nil {
		s.fail(from, fault.As(err))
		return
	}
	v := visit{real, s.asConfig}
	if s.seen[v] {
		return
	}
	if len(s.seen) == maxKustomizations {
		s.fail(from, fault.Invalid("the build reaches more than %d kustomizations", maxKustomizations))
		return
	}
	s.seen[v] = true
	file, ok := s.find(real, from)
	if !ok {
		return
	}
	data, err := s.tree.ReadFile(file)
	if err != nil {
		s.fail(site{file: file}, fault.As(err))
		return
	}
	k, err := parse(file, data)
	if err != nil {
		s.errs = append(s.errs, err)
		return
	}
	s.kustomization(k, site{dir: real, file: file})
}

// find returns the kustomization file in dir, of which there must be one.
func (s *scan) find(dir string, from site) (string, bool) {
	var found []string
	for _, name := range core.KustomizationFiles {
		p := path.Join(dir, name)
		e, err := s.tree.Stat(p)
		switch {
		case errors.Is(err, lockstep.ErrNotExist):
		case err != nil:
			s.fail(site{file: p}, fault.As(err))
			return "", false
		case e.Type == lockstep.File:
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		s.fail(from, fault.Invalid("directory %q has no kustomization.yaml", dir).
			WithHint("add one, or list its files one by one"))
		return "", false
	case 1:
		return found[0], true
	}
	s.fail(site{file: found[1]}, fault.Invalid("the directory has two kustomizations, %q and %q", path.Base(found[0]), path.Base(found[1])).
		WithHint("kustomize takes exactly one; remove the other"))
	return "", false
}

// kustomization follows every field that names something to load.
func (s *scan) kustomization(k *yaml.Node, at site) {
	s.fields(k, at)
	for _, e := range pairs(k) {
		at.line = e.key.Line
		if s.asConfig && !s.allowRemote && !slices.Contains(plainFields, e.key.Value) {
			s.fail(at, fault.Invalid("%s is refused in a directory that configures a generator, transformer or validator", e.key.Value).
				WithHint("it could change what the plugin loads; list finished files under resources"))
			continue
		}
		switch e.key.Value {
		case "resources", "bases":
			s.each(e.value, at, s.resource)
		case "components":
			s.each(e.value, at, s.base)
		case "generators", "transformers", "validators":
			s.each(e.value, at, s.plugin)
		case "crds", "configurations":
			s.each(e.value, at, s.file)
		case "patchesStrategicMerge":
			s.each(e.value, at, s.inlineOrFile)
		case "patches", "patchesJson6902", "replacements":
			s.paths(e.value, at)
		case "configMapGenerator", "secretGenerator":
			s.generator(e.value, at)
		case "openapi":
			s.schema = true
			s.paths(e.value, at)
		case "helmCharts", "helmChartInflationGenerator":
			s.fail(at, fault.Invalid("%s runs the helm command, which is refused here", e.key.Value).
				WithHint("make the chart a Stack of its own"))
		case "buildMetadata":
			if len(s.seen) == 1 {
				s.each(e.value, at, func(v string, _ site) { s.buildMetadata = append(s.buildMetadata, v) })
			}
		}
	}
}

// plainFields are those that leave the resources of a kustomization as they are.
var plainFields = []string{"apiVersion", "kind", "metadata", "resources", "bases"}

// each calls f for every string of a list, with its line.
func (s *scan) each(list *yaml.Node, at site, f func(string, site)) {
	for _, n := range follow(list).Content {
		n = follow(n)
		if n.Kind != yaml.ScalarNode {
			continue // kustomize says better what is wrong with the type
		}
		at.line = n.Line
		f(n.Value, at)
	}
}

// resource is a file or a directory.
func (s *scan) resource(entry string, at site) {
	e, p, ok := s.locate(entry, at)
	if !ok {
		return
	}
	if e.Type == lockstep.File {
		if !s.inside(entry, p, at) {
			return
		}
		if s.asConfig {
			s.configFile(p, at)
			return
		}
		s.index(at.dir, p)
		return
	}
	s.directory(p, at)
}

// base is a directory alone.
func (s *scan) base(entry string, at site) {
	e, p, ok := s.locate(entry, at)
	if !ok {
		return
	}
	if e.Type == lockstep.File {
		s.fail(at, fault.Invalid("component %q is a file, not a directory", entry).
			WithHint("name the directory that holds its kustomization"))
		return
	}
	s.directory(p, at)
}

// file is a file alone.
func (s *scan) file(entry string, at site) { s.loaded(entry, at) }

func (s *scan) loaded(entry string, at site) (string, bool) {
	e, p, ok := s.locate(entry, at)
	if !ok {
		return "", false
	}
	if e.Type != lockstep.File {
		s.fail(at, fault.Invalid("%q is a directory where a file is wanted", entry))
		return "", false
	}
	return p, s.inside(entry, p, at)
}

// inside refuses what kustomize's load restriction refuses.
func (s *scan) inside(entry, p string, at site) bool {
	real, err := core.Real(s.tree, p)
	if err != nil {
		s.fail(at, fault.As(err))
		return false
	}
	if at.dir == "." || strings.HasPrefix(real, at.dir+"/") {
		return true
	}
	s.fail(at, fault.Invalid("file %q is not in or below the directory of the kustomization", entry).
		WithHint("kustomize shares directories, not files: put it into a base or component and refer to that"))
	return false
}

// locate finds what an entry names.
func (s *scan) locate(entry string, at site) (lockstep.Entry, string, bool) {
	if isRemote(entry) {
		s.remote = true
		if !s.allowRemote {
			s.fail(at, fault.Invalid("remote reference %q is refused", entry).
				WithHint("copy what it refers to into the repository, or start the server with --allow-remote-bases"))
		}
		return lockstep.Entry{}, "", false
	}
	if entry == "" || path.IsAbs(entry) {
		s.fail(at, fault.Invalid("path %q is not relative to the kustomization", entry))
		return lockstep.Entry{}, "", false
	}
	p, err := lockstep.CleanPath(at.dir + "/" + entry)
	if err != nil {
		s.outside(entry, at)
		return lockstep.Entry{}, "", false
	}
	e, err := s.tree.Stat(p)
	switch {
	case errors.Is(err, lockstep.ErrNotExist):
		missing := render.Missing(s.tree, p, lockstep.File)
		s.fail(at, fault.NotFound("%q does not exist", entry).WithHint("%s", missing.Hint).Because(err))
		return e, "", false
	case errors.Is(err, lockstep.ErrOutside):
		s.outside(entry, at)
		return e, "", false
	case err != nil:
		s.fail(at, fault.As(err))
		return e, "", false
	}
	return e, p, true
}

func (s *scan) outside(entry string, at site) {
	s.fail(at, fault.Invalid("path %q leads out of the source", entry).
		WithHint("dots and symbolic links may not leave the repository").Because(lockstep.ErrOutside))
}

// inlineOrFile is a patch that may be written out in place.
func (s *scan) inlineOrFile(entry string, at site) {
	if isInline(entry) {
		return
	}
	s.file(entry, at)
}

func isInline(entry string) bool {
	var n yaml.Node
	return strings.Contains(entry, "\n") ||
		yaml.Unmarshal([]byte(entry), &n) == nil && n.Kind != 0 && follow(n.Content[0]).Kind != yaml.ScalarNode
}

// paths follows "path" in a mapping or in each element of a list.
func (s *scan) paths(n *yaml.Node, at site) {
	n = follow(n)
	if n.Kind == yaml.SequenceNode {
		for _, c := range n.Content {
			s.paths(c, at)
		}
		return
	}
	for _, e := range pairs(n) {
		if v := follow(e.value); e.key.Value == "path" && v.Kind == yaml.ScalarNode && v.Value != "" {
			at.line = e.value.Line
			s.file(v.Value, at)
		}
	}
}

// generator follows the files of a ConfigMap or Secret generator: "path" or
// "key=path".
func (s *scan) generator(list *yaml.Node, at site) {
	for _, g := range follow(list).Content {
		for _, e := range pairs(follow(g)) {
			switch e.key.Value {
			case "files":
				s.each(e.value, at, func(v string, at site) {
					if _, p, ok := strings.Cut(v, "="); ok {
						v = p
					}
					s.file(v, at)
				})
			case "envs":
				s.each(e.value, at, s.file)
			case "env":
				if v := follow(e.value); v.Value != "" {
					at.line = v.Line
					s.file(v.Value, at)
				}
			}
		}
	}
}

// plugin is the configuration of a generator, transformer or validator: written
// out in place, a file, or a directory.
func (s *scan) plugin(entry string, at site) {
	if isInline(entry) {
		s.config([]byte(entry), site{dir: at.dir, file: at.file, line: at.line}, at.line)
		return
	}
	e, p, ok := s.locate(entry, at)
	if !ok {
		return
	}
	if e.Type != lockstep.File {
		before := s.asConfig
		s.asConfig = true
		s.directory(p, at)
		s.asConfig = before
		return
	}
	if s.inside(entry, p, at) {
		s.configFile(p, at)
	}
}

func (s *scan) configFile(p string, at site) {
	data, err := s.tree.ReadFile(p)
	if err != nil {
		s.fail(at, fault.As(err))
		return
	}
	s.config(data, site{dir: at.dir, file: p}, 0)
}

// functionAnnotations ask kustomize to run a program or container.
var functionAnnotations = []string{"config.kubernetes.io/function", "config.k8s.io/function"}

// config checks the documents of a plugin's configuration. fixed is the line to
// report for text that is written out in place, 0 to report its own.
func (s *scan) config(data []byte, at site, fixed int) {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	for {
		var n yaml.Node
		if dec.Decode(&n) != nil {
			return // kustomize reports what does not parse
		}
		s.configNode(&n, at, fixed)
	}
}

// loads are the fields of builtin plugins that name something to load.
var loads = []string{"path", "paths", "files", "envs", "env", "valuesFile", "chartHome", "repo"}

func (s *scan) configNode(n *yaml.Node, at site, fixed int) {
	for _, e := range pairs(n) {
		at.line = e.key.Line
		if fixed != 0 {
			at.line = fixed
		}
		v := follow(e.value)
		switch {
		case slices.Contains(functionAnnotations, e.key.Value):
			s.fail(at, fault.Invalid("function plugins are refused, because they run programs").
				WithHint("builtin transformers and generators work; a function's output can be committed"))
		case e.key.Value == "kind" && v.Value == "HelmChartInflationGenerator":
			s.fail(at, fault.Invalid("HelmChartInflationGenerator runs the helm command, which is refused here").
				WithHint("make the chart a Stack of its own"))
		case slices.Contains(loads, e.key.Value):
			s.refuseRemote(v, at)
		}
	}
	for _, c := range n.Content {
		s.configNode(c, at, fixed)
	}
}

func (s *scan) refuseRemote(v *yaml.Node, at site) {
	values := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		values = v.Content
	}
	for _, v := range values {
		entry := follow(v).Value
		if _, p, ok := strings.Cut(entry, "="); ok && isRemote(p) {
			entry = p
		}
		s.remote = s.remote || isRemote(entry)
		if isRemote(entry) && !s.allowRemote {
			s.fail(at, fault.Invalid("remote reference %q is refused", entry).
				WithHint("copy what it refers to into the repository, or start the server with --allow-remote-bases"))
		}
	}
}

// index notes where the objects of a file are declared.
func (s *scan) index(dir, p string) {
	data, err := s.tree.ReadFile(p)
	if err != nil || len(data) > maxOriginBytes {
		return
	}
	objs, err := core.Decode(p, data)
	if err != nil {
		s.broken = append(s.broken, err)
		return
	}
	for _, o := range objs {
		k := o.Key()
		if s.origins[k.GroupKind()] == nil {
			s.origins[k.GroupKind()] = map[string]lockstep.Origin{}
		}
		s.origins[k.GroupKind()][k.Name] = o.Origin
		d := declaration{dir, k}
		if first, twice := s.declared[d]; twice {
			s.broken = append(s.broken, fault.Invalid("%s is declared twice, first at %s", k, first).
				WithHint("remove or rename one of the two").At("%s", o.Origin))
		}
		s.declared[d] = o.Origin
	}
}

// origin returns where an object was declared. Kustomize forgets the names that
// objects had before prefixes and suffixes, so the longest name that is left
// when those are taken off is what it was; "" for what was generated.
func (s *scan) origin(gk lockstep.GroupKind, name string) lockstep.Origin {
	best := ""
	for declared := range s.origins[gk] {
		if len(declared) > len(best) && affixed(name, declared) {
			best = declared
		}
	}
	return s.origins[gk][best]
}

// affixed says whether name is declared with a prefix and a suffix.
func affixed(name, declared string) bool {
	before, after, found := strings.Cut(name, declared)
	const marks = "-._"
	return found &&
		(before == "" || strings.IndexByte(marks, before[len(before)-1]) >= 0) &&
		(after == "" || strings.IndexByte(marks, after[0]) >= 0)
}

// userAt is how kustomize tells a git URL without scheme from a path.
var userAt = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)

// isRemote says whether kustomize could take an entry for something to fetch.
// It may say so of more than kustomize fetches, never of less.
func isRemote(entry string) bool {
	l := strings.ToLower(entry)
	for _, p := range []string{"http:", "https:", "git::", "github.com/", "github.com:"} {
		if strings.HasPrefix(l, p) {
			return true
		}
	}
	return strings.Contains(l, "://") || strings.Contains(l, "?ref=") || userAt.MatchString(entry)
}

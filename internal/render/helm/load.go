package helm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/ignore"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Bounds of one chart with all that is inside it.
const (
	maxChartBytes = 100 << 20 // as Helm
	maxChartFiles = 10_000
	maxDepth      = 32 // directories in directories, archives in charts
)

var utf8BOM = []byte{0xEF, 0xBB, 0xBF}

// file is one file of a chart.
type file struct {
	name   string // inside the chart: "templates/x.yaml"
	origin string // where a person finds it
	hash   string
	data   []byte
}

// directory reads the chart at dir of tree. What is read is what Helm would
// read of a checkout: every file that .helmignore does not name, through links.
func (r *Renderer) directory(tree lockstep.Tree, dir string) (*loaded, error) {
	w := &walk{tree: tree, root: dir, rules: ignore.Empty()}
	if err := w.readRules(); err != nil {
		return nil, err
	}
	if err := w.visit("", 0); err != nil {
		return nil, err
	}
	key := w.key()
	if l, ok := r.cache.get(key); ok {
		return l, nil
	}
	if err := w.read(); err != nil {
		return nil, err
	}
	l, err := assemble(w.files, dir)
	if err != nil {
		return nil, err
	}
	l.key = key
	r.cache.put(l)
	return l, nil
}

// walk lists the files of a chart's directory.
type walk struct {
	tree  lockstep.Tree
	root  string
	rules *ignore.Rules
	files []file
}

func (w *walk) readRules() error {
	p := path.Join(w.root, ignore.HelmIgnore)
	data, err := w.tree.ReadFile(p)
	if err != nil && !errors.Is(err, lockstep.ErrNotExist) {
		return treeFault(p, err)
	}
	if err == nil {
		rules, err := ignore.Parse(bytes.NewReader(data))
		if err != nil {
			return fault.Invalid("not a .helmignore file: %s", oneLine(err.Error())).At("%s", p)
		}
		w.rules = rules
	}
	w.rules.AddDefaults()
	return nil
}

// visit lists what is below name, in the order of names.
func (w *walk) visit(name string, depth int) error {
	at := path.Join(w.root, name)
	if depth > maxDepth {
		return fault.Invalid("the chart's directories are more than %d deep", maxDepth).At("%s", at).
			WithHint("a symbolic link that leads back to a directory above it does this")
	}
	entries, err := w.tree.ReadDir(at)
	if err != nil {
		return treeFault(at, err)
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b lockstep.Entry) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range entries {
		if err := w.entry(path.Join(name, e.Name), e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, e lockstep.Entry, depth int) error {
	at := path.Join(w.root, name)
	if e.Type == lockstep.Symlink {
		target, err := w.tree.Stat(at)
		if err != nil {
			return treeFault(at, err)
		}
		e.Type = target.Type
	}
	if e.Type == lockstep.Submodule || w.rules.Ignore(name, info{name, e.Type}) {
		return nil
	}
	if e.Type == lockstep.Directory {
		return w.visit(name, depth+1)
	}
	if len(w.files) == maxChartFiles {
		return fault.Invalid("the chart has more than %d files", maxChartFiles).At("%s", w.root).
			WithHint("name what does not belong to the chart in .helmignore")
	}
	// Listings do not vouch for content. This also leaves the same trace in the
	// tree whether the chart is then read or comes from the cache.
	e, err := w.tree.Stat(at)
	if err != nil {
		return treeFault(at, err)
	}
	w.files = append(w.files, file{name: name, origin: at, hash: e.Hash})
	return nil
}

func (w *walk) read() error {
	left := int64(maxChartBytes)
	for i := range w.files {
		f := &w.files[i]
		data, err := w.tree.ReadFile(f.origin)
		if err != nil {
			return treeFault(f.origin, err)
		}
		if left -= int64(len(data)); left < 0 {
			return fault.Invalid("the chart has more than the limit of %d bytes", maxChartBytes).At("%s", w.root).
				WithHint("name what does not belong to the chart in .helmignore")
		}
		f.data = bytes.TrimPrefix(data, utf8BOM)
	}
	return nil
}

// key names the content of the chart: equal keys, equal charts.
func (w *walk) key() string {
	h := sha256.New()
	fmt.Fprintln(h, w.root)
	for _, f := range w.files {
		fmt.Fprintf(h, "%q %s\n", f.name, f.hash)
	}
	return "tree:" + hex.EncodeToString(h.Sum(nil))
}

// treeFault says what is wrong with a path of a tree.
func treeFault(p string, err error) error {
	switch {
	case errors.Is(err, lockstep.ErrOutside):
		return fault.Invalid("the path leads out of the source").At("%s", p).
			WithHint("a symbolic link must point inside the repository").Because(err)
	case errors.Is(err, lockstep.ErrNotExist):
		return fault.Invalid("does not exist").At("%s", p).
			WithHint("the path is relative to the root of the repository").Because(err)
	}
	return fault.As(err).At("%s", p)
}

// info is the little of fs.FileInfo that .helmignore rules look at.
type info struct {
	name string
	typ  lockstep.EntryType
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return 0 }
func (i info) Mode() fs.FileMode  { return 0o644 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.typ == lockstep.Directory }
func (i info) Sys() any           { return nil }

package git

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

// maxNesting bounds submodules of submodules: a repository may hold itself.
const maxNesting = 5

// bringSubmodules fetches the commits that s pins, so that whoever reads meets
// no network. A mirror that does not follow submodules does nothing.
func (m *mirror) bringSubmodules(ctx context.Context, s *snapshot) error {
	if !m.spec.Submodules {
		return nil
	}
	urls, err := s.view.modules()
	if err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(urls)) {
		e, pinned, err := s.view.pinned(p)
		if err != nil {
			return err
		}
		if !pinned {
			continue // left over in .gitmodules
		}
		sub, err := m.open(ctx, p, urls[p])
		if err == nil {
			_, err = sub.fetch(ctx, source.Ref{Commit: e.Hash})
		}
		if err != nil {
			return fault.As(err).At("submodule %s", p)
		}
	}
	return nil
}

// open returns the mirror of a submodule. The parent's credential goes along
// only to the parent's own server.
func (m *mirror) open(ctx context.Context, path, raw string) (*mirror, error) {
	u, err := m.url.Resolve(raw)
	if err != nil {
		return nil, fault.Invalid("the url of the submodule %v", err).At(".gitmodules, submodule %s", path)
	}
	if u.Scheme == "file" && m.url.Scheme != "file" {
		return nil, fault.Invalid("a submodule may not name a directory of this machine").At(".gitmodules, submodule %s", path)
	}
	if m.depth >= maxNesting {
		return nil, fault.Invalid("submodules are nested more than %d deep", maxNesting).
			At(".gitmodules, submodule %s", path).WithHint("the repository may hold itself")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, fault.Unavailable("the mirror is closed")
	}
	if sub := m.subs[u.Key()]; sub != nil {
		return sub, nil
	}
	spec := source.Spec{URL: u.String(), Submodules: true, LFS: m.spec.LFS}
	if u.Origin() == m.url.Origin() {
		spec.Auth = m.spec.Auth
	}
	sub, err := m.store.open(ctx, spec, m.depth+1)
	if err != nil {
		return nil, err
	}
	if m.subs == nil {
		m.subs = map[string]*mirror{}
	}
	m.subs[u.Key()] = sub
	return sub, nil
}

// submodule returns the root of the submodule at path.
func (v *view) submodule(path, commit string) (*dir, error) {
	urls, err := v.modules()
	if err != nil {
		return nil, err
	}
	raw, ok := urls[path]
	if !ok {
		return nil, fault.Invalid("%q is a submodule that .gitmodules does not name", path).At(".gitmodules")
	}
	ctx, cancel := context.WithTimeout(context.Background(), v.m.store.opts.Timeout)
	defer cancel()
	sub, err := v.m.open(ctx, path, raw)
	if err != nil {
		return nil, err
	}
	// Here already unless the mirror was opened without submodules before.
	s, err := sub.fetch(ctx, source.Ref{Commit: commit})
	if err != nil {
		return nil, fault.As(err).At("submodule %s", path)
	}
	sv := s.view
	return sv.open(sv.root, "")
}

// pinned returns the entry at p when it is a submodule. Links are not followed:
// git does not put a submodule behind one.
func (v *view) pinned(p string) (lockstep.Entry, bool, error) {
	hash := v.root
	parts := strings.Split(p, "/")
	for i, name := range parts {
		d, err := v.open(hash, "")
		if err != nil {
			return lockstep.Entry{}, false, err
		}
		j, ok := slices.BinarySearchFunc(d.entries, name, func(e lockstep.Entry, n string) int { return strings.Compare(e.Name, n) })
		if !ok {
			return lockstep.Entry{}, false, nil
		}
		e := d.entries[j]
		if i == len(parts)-1 {
			return e, e.Type == lockstep.Submodule, nil
		}
		if e.Type != lockstep.Directory {
			return lockstep.Entry{}, false, nil
		}
		hash = e.Hash
	}
	return lockstep.Entry{}, false, nil
}

// modules reads .gitmodules: path → url. git does the reading, because the file
// is in the syntax of its configuration; includes in it are not followed.
func (v *view) modules() (map[string]string, error) {
	root, err := v.open(v.root, "")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(root.entries, func(e lockstep.Entry) bool { return e.Name == ".gitmodules" })
	if i < 0 || root.entries[i].Type != lockstep.File {
		return nil, nil
	}
	hash := root.entries[i].Hash
	if got, ok := v.m.store.cache.get("modules " + hash); ok {
		return got.(map[string]string), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), v.m.store.opts.Timeout)
	defer cancel()
	out, err := v.m.repo.run(ctx, call{args: []string{"config", "--no-includes", "--blob", hash, "--null", "--get-regexp", `^submodule\..*\.(path|url)$`}})
	if err != nil {
		return nil, fault.Invalid("the file cannot be read").At(".gitmodules").Because(err)
	}
	urls := parseModules(string(out))
	v.m.store.cache.put("modules "+hash, urls, int64(len(out)*2+200))
	return urls, nil
}

func parseModules(listing string) map[string]string {
	paths, urls := map[string]string{}, map[string]string{}
	for item := range strings.SplitSeq(listing, "\x00") {
		key, value, ok := strings.Cut(item, "\n")
		if !ok {
			continue
		}
		if name, ok := strings.CutSuffix(key, ".path"); ok {
			paths[name] = value
		}
		if name, ok := strings.CutSuffix(key, ".url"); ok {
			urls[name] = value
		}
	}
	out := map[string]string{}
	for name, p := range paths {
		if clean, err := lockstep.CleanPath(p); err == nil && clean != "." {
			out[clean] = urls[name]
		}
	}
	return out
}

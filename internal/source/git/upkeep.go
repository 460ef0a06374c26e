package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// health is what is known about the state of the mirror on disk.
type health struct {
	// suspect: something that must be there could not be read.
	suspect atomic.Bool
	// generation counts how often the mirror was begun anew.
	generation atomic.Int64

	mu     sync.Mutex
	tips   map[string]string // what was last fetched, by remote ref
	change int               // fetches that brought something since the last repack
}

// init lays an empty bare repository down. Writing the three files ourselves
// saves a process for each Source, and no template can put a hook in.
func (r *repo) init(format string) error {
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if format != "sha1" {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = " + format + "\n"
	}
	for _, d := range []string{"objects/pack", "objects/info", "refs"} {
		if err := os.MkdirAll(filepath.Join(r.git, d), 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(r.git, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	// HEAD comes last: with it the repository is one.
	return os.WriteFile(filepath.Join(r.git, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600)
}

// renew throws the mirror away and begins a new one. Files of LFS stay: they are
// checked whenever they are read. The caller has the turn.
func (r *repo) renew(format string) error {
	r.opts.Log.Warn("cloning a mirror anew", "url", r.key)
	r.health.generation.Add(1)
	if err := os.RemoveAll(r.git); err != nil {
		return err
	}
	if err := r.init(format); err != nil {
		return err
	}
	r.pool.drop()
	r.health.suspect.Store(false)
	return nil
}

// sweep removes what a killed git leaves behind: nobody else has the folder, so
// every lock in it is stale.
func (r *repo) sweep() error {
	return filepath.WalkDir(r.git, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if strings.HasPrefix(name, "tmp_objdir") || strings.HasPrefix(name, "incoming-") {
				return errors.Join(os.RemoveAll(p), fs.SkipDir)
			}
			return nil
		}
		if strings.HasSuffix(name, ".lock") || strings.HasPrefix(name, "tmp_") || strings.HasPrefix(name, ".tmp-") {
			return os.Remove(p)
		}
		return nil
	})
}

// prepareRetry looks at a failure and puts right what can be put right from
// here. It returns true when asking again makes sense.
func (m *mirror) prepareRetry(ctx context.Context, err error) (bool, error) {
	var f *failed
	if !errors.As(err, &f) {
		return false, nil
	}
	switch classOf(f.stderr) {
	case classRedirect:
		return m.follow(ctx)
	case classFormat:
		return true, m.repo.renew("sha256")
	case classDamaged, classUnknown:
		if m.repo.sound(ctx) {
			return false, nil
		}
		return true, m.repo.renew("sha1")
	case classRepository, classRefused:
		// The server may have moved it once more.
		m.mu.Lock()
		defer m.mu.Unlock()
		moved := m.moved != nil
		m.moved = nil
		return moved, nil
	}
	return false, nil
}

// sound says whether all that the mirror's refs lead to is there.
func (r *repo) sound(ctx context.Context) bool {
	_, err := r.run(ctx, call{args: []string{"fsck", "--connectivity-only", "--no-dangling", "--no-progress"}, writes: true})
	return err == nil || ctx.Err() != nil
}

// noteTip remembers what a ref is at, and repacks now and then. The caller has
// the turn.
func (r *repo) noteTip(name, commit string) {
	h := &r.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tips == nil {
		h.tips = map[string]string{}
	}
	if h.tips[name] == commit {
		return
	}
	h.tips[name] = commit
	h.change++
	if h.change < r.opts.UpkeepEvery {
		return
	}
	h.change = 0
	// Later, so that the fetch that was one too many is not slower than others.
	go r.upkeep()
}

// upkeep packs loose objects and small packs together. It never deletes what no
// ref leads to: a Release may still want to roll back to it.
func (r *repo) upkeep() {
	ctx, cancel := context.WithTimeout(r.life, r.opts.Timeout)
	defer cancel()
	if err := r.lockTurn(ctx); err != nil {
		return
	}
	defer r.unlockTurn()
	_, err := r.run(ctx, call{args: []string{
		"maintenance", "run", "--quiet", "--task=loose-objects", "--task=incremental-repack", "--task=pack-refs",
	}, writes: true})
	if err != nil && r.life.Err() == nil {
		r.opts.Log.Warn("a mirror could not be repacked", "url", r.key, "err", fault.As(err))
	}
	r.pool.drop()
}

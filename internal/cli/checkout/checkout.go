// Package checkout says what a directory on this machine is a working tree of.
package checkout

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// Checkout is a Git working tree.
type Checkout struct {
	Root     string // top directory
	Path     string // of the directory that was asked for, below Root; "."
	Revision lockstep.Revision
	Remotes  []string // URLs
}

// Find looks at dir. A directory in no working tree is its own root, without
// remotes.
func Find(ctx context.Context, dir string) (Checkout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Checkout{}, fault.Internal(err)
	}
	// Git answers with links resolved, and the two are compared.
	abs, err = filepath.EvalSymlinks(abs)
	if err != nil {
		return Checkout{}, fault.NotFound("directory %q does not exist", dir)
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return Checkout{}, fault.Invalid("%q is not a directory", dir)
	}
	root, err := run(ctx, abs, "rev-parse", "--show-toplevel")
	if err != nil || root == "" {
		return Checkout{Root: abs, Path: "."}, nil
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil {
		return Checkout{}, fault.Internal(err)
	}
	c := Checkout{Root: root, Path: filepath.ToSlash(rel)}
	// Each of these may fail in a repository without commits or remotes.
	c.Revision.Commit, _ = run(ctx, abs, "rev-parse", "--verify", "--quiet", "HEAD")
	c.Revision.Ref, _ = run(ctx, abs, "symbolic-ref", "--quiet", "HEAD")
	c.Revision.Subject, _ = run(ctx, abs, "log", "-1", "--format=%s")
	urls, _ := run(ctx, abs, "config", "--get-regexp", `^remote\..*\.url$`)
	for line := range strings.Lines(urls) {
		if _, url, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			c.Remotes = append(c.Remotes, url)
		}
	}
	return c, nil
}

// Of says whether the checkout is one of the repository at url.
func (c Checkout) Of(url string) bool {
	for _, r := range c.Remotes {
		if r == url || giturl.SameRepository(r, url) {
			return true
		}
	}
	return false
}

func run(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	// A prompt or a pager would hang a pipeline.
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", fault.NotFound("git is not installed")
	}
	return string(bytes.TrimSpace(out)), err
}

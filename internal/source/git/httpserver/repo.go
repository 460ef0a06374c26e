package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// Repo is a bare repository that commits can be put into without a work tree.
type Repo struct {
	Dir string
	// Now stamps commits; nil for the clock.
	Now func() time.Time
}

// Create makes an empty bare repository whose HEAD is main, or opens the one
// that is there.
func Create(dir string) (*Repo, error) {
	r := &Repo{Dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return r, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	_, err := r.Git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")
	return r, err
}

// Git runs git in the repository and returns its output, trimmed.
func (r *Repo) Git(args ...string) (string, error) { return r.run(nil, args...) }

func (r *Repo) run(stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_DIR="+r.Dir, "LC_ALL=C")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// Commit puts a commit with exactly these files on branch, whose tip becomes
// its parent, and returns the hash. Values made by tree.Symlink are links; a
// value made by [Submodule] is a submodule.
func (r *Repo) Commit(branch, message string, files map[string]string) (string, error) {
	return r.commit(branch, message, files, "deleteall\n")
}

// Change is Commit that keeps the files it does not name.
func (r *Repo) Change(branch, message string, files map[string]string) (string, error) {
	return r.commit(branch, message, files, "")
}

func (r *Repo) commit(branch, message string, files map[string]string, first string) (string, error) {
	ref := "refs/heads/" + branch
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s\ncommitter Lockstep <demo@lockstep.dev> %d +0000\ndata %d\n%s\n", ref, now().Unix(), len(message), message)
	if _, err := r.Git("rev-parse", "--verify", "--quiet", ref); err == nil {
		fmt.Fprintf(&in, "from %s^0\n", ref)
	}
	in.WriteString(first)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		mode, text := "100644", files[path]
		if target, ok := tree.AsSymlink(text); ok {
			mode, text = "120000", target
		}
		if commit, ok := strings.CutPrefix(text, submoduleMark); ok {
			fmt.Fprintf(&in, "M 160000 %s %s\n", commit, quote(path))
			continue
		}
		fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, quote(path), len(text), text)
	}
	if _, err := r.run(in.Bytes(), "fast-import", "--quiet", "--force", "--date-format=raw"); err != nil {
		return "", err
	}
	return r.Git("rev-parse", ref)
}

// Import puts commits into the repository, written as git fast-import reads them.
func (r *Repo) Import(stream []byte) error {
	_, err := r.run(stream, "fast-import", "--quiet", "--date-format=raw")
	return err
}

const submoduleMark = "\x00submodule:"

// Submodule returns a value for Commit that stands for a submodule at a commit.
func Submodule(commit string) string { return submoduleMark + commit }

// quote writes a path as fast-import reads it.
func quote(p string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(p) + `"`
}

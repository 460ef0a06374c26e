package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// tool is a binary that was found.
type tool struct {
	name, path string
	version    string
	semver     *semver.Version
	sum        string // SHA-256 in hex
}

// tofuSince says whether it is OpenTofu of at least a version.
func (t tool) tofuSince(version string) bool {
	return t.name == "tofu" && !t.semver.LessThan(semver.MustParse(version))
}

// finder finds binaries, and remembers what it has learned of a file for as long as it
// is the same file.
type finder struct {
	dirs []string
	path string

	mu    sync.Mutex
	known map[identity]tool
}

// identity tells a file from one that has taken its place.
type identity struct {
	path string
	size int64
	time time.Time
}

// candidate is a binary that may be the one, or why it is not.
type candidate struct {
	tool
	err error
}

// find returns the newest binary that is what a job wants; in the directories first,
// then in the PATH.
func (f *finder) find(ctx context.Context, want driver.Tool) (tool, error) {
	if want.Name != "tofu" && want.Name != "terraform" {
		return tool{}, fault.Invalid("%q is no tool that is known", want.Name).WithHint("tofu or terraform")
	}
	fits := func(*semver.Version) bool { return true }
	if want.Version != "" {
		c, err := semver.NewConstraint(want.Version)
		if err != nil {
			return tool{}, fault.Invalid("%q is neither a version nor a range of versions", want.Version).WithHint(`such as 1.12.6, "~> 1.12" or ">= 1.10, < 2"`).Because(err)
		}
		fits = c.Check
	}
	var seen []candidate
	for _, paths := range [][]string{f.below(want.Name), f.onPath(want.Name)} {
		var found []tool
		for _, p := range paths {
			t, err := f.probe(ctx, want.Name, p)
			seen = append(seen, candidate{t, err})
			if err == nil && fits(t.semver) {
				found = append(found, t)
			}
		}
		slices.SortFunc(found, func(a, b tool) int { return b.semver.Compare(a.semver) })
		for _, t := range found {
			if want.SHA256 == "" || strings.EqualFold(want.SHA256, t.sum) {
				return t, nil
			}
		}
		if len(found) > 0 {
			return tool{}, fault.Denied("%s %s at %s has the checksum %s, not %s as wanted", found[0].name, found[0].version, found[0].path, found[0].sum, strings.ToLower(want.SHA256)).
				WithHint("correct spec.terraform.sha256 if the binary is the one that is meant; it was not run for this Stack")
		}
	}
	return tool{}, f.missing(want, seen)
}

// missing says what was looked for, where, and what was found instead.
func (f *finder) missing(want driver.Tool, seen []candidate) error {
	wanted := want.Name
	if want.Version != "" {
		wanted += " " + want.Version
	}
	var found []string
	for _, c := range seen {
		if c.err != nil {
			found = append(found, c.path+", which "+c.err.Error())
			continue
		}
		found = append(found, c.version+" at "+c.path)
	}
	there := "no " + want.Name
	if len(found) > 0 {
		there = strings.Join(found, "; ")
	}
	return fault.NotFound("there is no %s: found %s", wanted, there).
		WithHint("looked in %s and in the PATH %s; put the binary at DIR/%s/VERSION/%s in one of them", orNone(f.dirs), f.path, want.Name, want.Name)
}

func orNone(dirs []string) string {
	if len(dirs) == 0 {
		return "no directory of tools (--terraform-tools)"
	}
	return strings.Join(dirs, ", ")
}

func (f *finder) below(name string) []string {
	var out []string
	for _, dir := range f.dirs {
		found, err := filepath.Glob(filepath.Join(dir, name, "*", name))
		if err == nil {
			out = append(out, found...)
		}
	}
	return out
}

func (f *finder) onPath(name string) []string {
	for _, dir := range filepath.SplitList(f.path) {
		p := filepath.Join(dir, name)
		if s, err := os.Stat(p); filepath.IsAbs(p) && err == nil && s.Mode().IsRegular() && s.Mode()&0o111 != 0 {
			return []string{p}
		}
	}
	return nil
}

func (f *finder) probe(ctx context.Context, name, path string) (tool, error) {
	bare := tool{name: name, path: path}
	s, err := os.Stat(path)
	if err != nil {
		return bare, err
	}
	id := identity{path, s.Size(), s.ModTime()}
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.known[id]; ok {
		return t, nil
	}
	t, err := ask(ctx, bare)
	if err != nil {
		return bare, err
	}
	if f.known == nil {
		f.known = map[identity]tool{}
	}
	f.known[id] = t
	return t, nil
}

// ask lets the binary say which version it is.
func ask(ctx context.Context, t tool) (tool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.path, "version", "-json")
	cmd.Env, cmd.Dir = []string{"CHECKPOINT_DISABLE=1", "HOME=/nonexistent"}, "/"
	out, err := cmd.Output()
	if err != nil {
		return t, fmt.Errorf("cannot be run: %w", err)
	}
	var said struct {
		Version string `json:"terraform_version"` // of OpenTofu too
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return t, fmt.Errorf("does not say its version: %w", err)
	}
	if t.semver, err = semver.NewVersion(said.Version); err != nil {
		return t, fmt.Errorf("says that its version is %q", said.Version)
	}
	t.version = said.Version
	file, err := os.Open(t.path)
	if err != nil {
		return t, err
	}
	defer func() { _ = file.Close() }() // nothing to lose in a reader
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return t, err
	}
	t.sum = hex.EncodeToString(h.Sum(nil))
	return t, nil
}

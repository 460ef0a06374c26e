package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

var _ source.Writer = (*mirror)(nil)

// Commit makes a commit with plumbing alone: no work tree, so that nothing of the
// repository, no filter and no hook, gets to run.
func (m *mirror) Commit(ctx context.Context, c source.Commit) (string, error) {
	for _, hash := range []string{c.From, c.Onto} {
		if err := m.here(hash); err != nil && (hash != "" || hash == c.Onto || len(c.Back) > 0) {
			return "", m.at(err)
		}
	}
	if err := m.repo.lockTurn(ctx); err != nil {
		return "", m.at(m.interrupted(ctx, err))
	}
	defer m.repo.unlockTurn()
	hash, err := m.write(ctx, c)
	if err != nil {
		return "", m.at(m.interrupted(ctx, err))
	}
	return hash, nil
}

// here says whether a commit may be used: it has to be one, and the credential has
// to have reached the remote, as for reading.
func (m *mirror) here(hash string) error {
	if err := (source.Ref{Commit: hash}).Validate(); err != nil || hash == "" {
		return fault.Invalid("%q is no commit", hash)
	}
	if !m.repo.access.has(m.id, m.cred) {
		return fault.NotFound("commit %q is not in the mirror", hash).WithHint("fetch the source first")
	}
	return nil
}

func (m *mirror) write(ctx context.Context, c source.Commit) (string, error) {
	dir, err := os.MkdirTemp(m.repo.tmp(), "commit-")
	if err != nil {
		return "", diskFault(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w := &plumber{repo: m.repo, env: []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index"), "GIT_LITERAL_PATHSPECS=1"}}

	if _, err := w.git(ctx, nil, "read-tree", c.Onto); err != nil {
		return "", err
	}
	for _, p := range c.Back {
		if err := w.take(ctx, c, p); err != nil {
			return "", err
		}
	}
	if err := w.put(ctx, c); err != nil {
		return "", err
	}
	tree, err := w.git(ctx, nil, "write-tree", "--missing-ok")
	if err != nil {
		return "", err
	}
	now, err := m.commit(c.Onto, 4<<20)
	if err != nil {
		return "", m.unreadable(err)
	}
	if now.tree == tree {
		return "", fault.Conflict("there is nothing to commit: it is so at %s already", short(c.Onto)).Because(source.ErrUnchanged)
	}
	text, err := signed(c, tree)
	if err != nil {
		return "", err
	}
	return w.git(ctx, text, "hash-object", "-t", "commit", "-w", "--stdin")
}

// plumber runs git on an index of its own.
type plumber struct {
	repo *repo
	env  []string
}

func (w *plumber) git(ctx context.Context, stdin []byte, args ...string) (string, error) {
	out, err := w.repo.run(ctx, call{args: args, env: w.env, stdin: stdin, writes: true})
	return strings.TrimSpace(string(out)), unmade(err)
}

// unmade words what the mirror itself refuses: a commit that is not there, a disk
// that is full.
func unmade(err error) error {
	var f *failed
	if !errors.As(err, &f) {
		return err
	}
	if class := classOf(f.stderr); class != classUnknown {
		return class.fault(f, nil)
	}
	return fault.Unavailable("git could not make the commit").WithHint("git said: %s", lastWords(f.stderr, nil)).Because(f)
}

// take makes p in the index what it was: what is there goes, what was there
// comes.
func (w *plumber) take(ctx context.Context, c source.Commit, p string) error {
	clean, err := writable(p, ".")
	if err != nil {
		return err
	}
	now, err := w.list(ctx, c.Onto, clean)
	if err != nil {
		return err
	}
	then, err := w.list(ctx, c.From, clean)
	if err != nil {
		return err
	}
	var in bytes.Buffer
	for _, e := range now {
		_, name, _ := bytes.Cut(e, []byte("\t"))
		fmt.Fprintf(&in, "0 %s\t%s\x00", strings.Repeat("0", len(c.Onto)), name)
	}
	for _, e := range then {
		in.Write(e)
		in.WriteByte(0)
	}
	if in.Len() == 0 {
		return nil
	}
	_, err = w.git(ctx, in.Bytes(), "update-index", "-z", "--index-info")
	return err
}

// list returns the files below p, each as git prints it: mode, type, hash, tab,
// name.
func (w *plumber) list(ctx context.Context, commit, p string) ([][]byte, error) {
	args := []string{"ls-tree", "-r", "-z", "--full-tree", commit}
	if p != "." {
		args = append(args, "--", p)
	}
	return w.listing(ctx, args...)
}

func (w *plumber) listing(ctx context.Context, args ...string) ([][]byte, error) {
	out, err := w.repo.run(ctx, call{args: args, env: w.env})
	if err != nil || len(out) == 0 {
		return nil, unmade(err)
	}
	if len(out) >= maxListing {
		return nil, fault.TooLarge("the list of files is longer than %d MiB", maxListing>>20)
	}
	return bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0}), nil
}

// mostFiles bounds how many files one commit writes: their names are arguments.
const mostFiles = 1000

// put writes c.Files into the index.
func (w *plumber) put(ctx context.Context, c source.Commit) error {
	if len(c.Files) == 0 {
		return nil
	}
	if len(c.Files) > mostFiles {
		return fault.TooLarge("%d files are more than the %d of one commit", len(c.Files), mostFiles)
	}
	paths := slices.Sorted(maps.Keys(c.Files))
	for _, p := range paths {
		if clean, err := writable(p, ""); err != nil || clean != p {
			return fault.Invalid("path %q cannot be written", p).WithHint("a path is relative to the root of the repository, without dots").Because(err)
		}
	}
	if err := w.above(ctx, paths); err != nil {
		return err
	}
	modes, err := w.modes(ctx, paths)
	if err != nil {
		return err
	}
	var in bytes.Buffer
	for _, p := range paths {
		f := c.Files[p]
		if f.Gone {
			fmt.Fprintf(&in, "0 %s\t%s\x00", strings.Repeat("0", len(c.Onto)), p)
			continue
		}
		blob, err := w.git(ctx, append([]byte{}, f.Data...), "hash-object", "-w", "--stdin")
		if err != nil {
			return err
		}
		mode := modes[p]
		if mode == "" {
			mode = "100644"
		}
		fmt.Fprintf(&in, "%s %s\t%s\x00", mode, blob, p)
	}
	_, err = w.git(ctx, in.Bytes(), "update-index", "-z", "--index-info")
	return err
}

// above refuses paths below what is no directory: git would put one in its place.
func (w *plumber) above(ctx context.Context, paths []string) error {
	dirs := map[string]bool{}
	for _, p := range paths {
		for d := path.Dir(p); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	tree, err := w.git(ctx, nil, "write-tree", "--missing-ok")
	if err != nil {
		return err
	}
	entries, err := w.listing(ctx, append([]string{"ls-tree", "-z", "--full-tree", tree, "--"}, slices.Sorted(maps.Keys(dirs))...)...)
	if err != nil {
		return err
	}
	for _, e := range entries {
		head, name, _ := strings.Cut(string(e), "\t")
		if dirs[name] && !strings.Contains(head, " tree ") {
			return fault.Invalid("a file cannot be written below %q, which is no directory", name)
		}
	}
	return nil
}

// modes returns how the files of the index that are to be written are kept. What is
// not a file is not written over: a link leads to where nobody meant to write.
func (w *plumber) modes(ctx context.Context, paths []string) (map[string]string, error) {
	entries, err := w.listing(ctx, append([]string{"ls-files", "--stage", "-z", "--"}, paths...)...)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, e := range entries {
		head, name, _ := strings.Cut(string(e), "\t")
		mode, _, _ := strings.Cut(head, " ")
		if _, asked := slices.BinarySearch(paths, name); !asked {
			return nil, fault.Invalid("a file cannot be written where a directory is: %q is there", name)
		}
		if mode != "100644" && mode != "100755" {
			return nil, fault.Invalid("%q is a link or a submodule, which is not written over", name)
		}
		out[name] = mode
	}
	return out, nil
}

// writable returns p as git is told it. root stands for the root of the
// repository, "" where that is none.
func writable(p, root string) (string, error) {
	clean, err := lockstep.CleanPath(p)
	switch {
	case err != nil:
		return "", fault.Invalid("path %q leads out of the repository", p)
	case clean == "." && root == "":
		return "", fault.Invalid("path %q is no file", p)
	case strings.ContainsRune(clean, 0) || len(clean) > 4096:
		return "", fault.Invalid("path %q cannot be in a repository", p)
	}
	for part := range strings.SplitSeq(clean, "/") {
		if strings.EqualFold(part, ".git") {
			return "", fault.Invalid("path %q cannot be in a repository", p).WithHint("no part of it may be .git")
		}
	}
	return clean, nil
}

func short(hash string) string { return hash[:min(7, len(hash))] }

// Changes lists what differs between two commits.
func (m *mirror) Changes(ctx context.Context, from, to string) ([]source.Change, error) {
	if err := errors.Join(m.here(from), m.here(to)); err != nil {
		return nil, m.at(err)
	}
	w := &plumber{repo: m.repo}
	fields, err := w.listing(ctx, "diff-tree", "-r", "-z", "--no-renames", "--no-ext-diff", "--end-of-options", from, to)
	if err != nil {
		return nil, m.at(m.interrupted(ctx, err))
	}
	var out []source.Change
	for ; len(fields) >= 2; fields = fields[2:] {
		// :100644 100644 HASH HASH M, then the path
		f := strings.Fields(string(fields[0]))
		if len(f) != 5 {
			return nil, m.at(fault.Internal(fmt.Errorf("diff-tree printed %q", fields[0])))
		}
		c := source.Change{Path: string(fields[1]), Verb: lockstep.Update, Was: strings.TrimPrefix(f[0], ":") + " " + f[2], Is: f[1] + " " + f[3]}
		switch f[4][0] {
		case 'A':
			c.Verb, c.Was = lockstep.Create, ""
		case 'D':
			c.Verb, c.Is = lockstep.Delete, ""
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b source.Change) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

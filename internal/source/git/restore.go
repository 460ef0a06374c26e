package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
)

var _ source.Writer = (*mirror)(nil)

// Restore makes a commit with plumbing alone: no work tree, so that nothing of the
// repository, no filter and no hook, gets to run.
func (m *mirror) Restore(ctx context.Context, r source.Restore) (string, error) {
	if err := m.repo.lockTurn(ctx); err != nil {
		return "", m.at(m.interrupted(ctx, err))
	}
	defer m.repo.unlockTurn()
	commit, err := m.restore(ctx, r)
	if err != nil {
		return "", m.at(m.interrupted(ctx, err))
	}
	return commit, nil
}

func (m *mirror) restore(ctx context.Context, r source.Restore) (string, error) {
	for _, hash := range []string{r.From, r.Onto} {
		if err := (source.Ref{Commit: hash}).Validate(); err != nil || hash == "" {
			return "", fault.Invalid("%q is no commit", hash)
		}
	}
	dir, err := os.MkdirTemp(m.repo.tmp(), "restore-")
	if err != nil {
		return "", diskFault(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w := &plumber{repo: m.repo, env: []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}}

	if _, err := w.git(ctx, nil, "read-tree", r.Onto); err != nil {
		return "", err
	}
	for _, p := range r.Paths {
		if err := w.take(ctx, r, p); err != nil {
			return "", err
		}
	}
	tree, err := w.git(ctx, nil, "write-tree", "--missing-ok")
	if err != nil {
		return "", err
	}
	now, err := m.commit(r.Onto, 4<<20)
	if err != nil {
		return "", m.unreadable(err)
	}
	if now.tree == tree {
		return "", fault.Conflict("%s is as it was at %s already", strings.Join(r.Paths, ", "), short(r.From))
	}
	return w.commit(ctx, dir, tree, r)
}

// plumber runs git on an index of its own.
type plumber struct {
	repo   *repo
	env    []string
	config []setting
}

func (w *plumber) git(ctx context.Context, stdin []byte, args ...string) (string, error) {
	out, err := w.repo.run(ctx, call{args: args, env: w.env, config: w.config, stdin: stdin, writes: true})
	return strings.TrimSpace(string(out)), unmade(err)
}

// unmade words what the mirror itself refuses: a commit that is not there, a disk
// that is full.
func unmade(err error) error {
	var f *failed
	if !errors.As(err, &f) {
		return err
	}
	class := classOf(f.stderr)
	if class != classUnknown {
		return class.fault(f, nil)
	}
	return fault.Unavailable("git could not make the commit").WithHint("git said: %s", lastWords(f.stderr, nil)).Because(f)
}

// take makes path in the index what it was: what is there goes, what was there
// comes.
func (w *plumber) take(ctx context.Context, r source.Restore, path string) error {
	clean, err := lockstep.CleanPath(path)
	if err != nil {
		return fault.Invalid("path %q leads out of the repository", path)
	}
	now, err := w.list(ctx, r.Onto, clean)
	if err != nil {
		return err
	}
	then, err := w.list(ctx, r.From, clean)
	if err != nil {
		return err
	}
	var in bytes.Buffer
	for _, e := range now {
		_, name, _ := bytes.Cut(e, []byte("\t"))
		fmt.Fprintf(&in, "0 %s\t%s\x00", strings.Repeat("0", len(r.Onto)), name)
	}
	for _, e := range then {
		in.Write(e)
		in.WriteByte(0)
	}
	_, err = w.git(ctx, in.Bytes(), "update-index", "-z", "--index-info")
	return err
}

// list returns the files below path, each as git prints it: mode, type, hash, tab,
// name.
func (w *plumber) list(ctx context.Context, commit, path string) ([][]byte, error) {
	args := []string{"ls-tree", "-r", "-z", "--full-tree", commit}
	if path != "." {
		args = append(args, "--", path)
	}
	out, err := w.repo.run(ctx, call{args: args})
	if err != nil || len(out) == 0 {
		return nil, unmade(err)
	}
	return bytes.Split(bytes.TrimSuffix(out, []byte{0}), []byte{0}), nil
}

func (w *plumber) commit(ctx context.Context, dir, tree string, r source.Restore) (string, error) {
	when := strconv.FormatInt(r.Author.At.Unix(), 10) + " +0000"
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		w.env = append(w.env, "GIT_"+who+"_NAME="+plain(r.Author.Name), "GIT_"+who+"_EMAIL="+plain(r.Author.Email), "GIT_"+who+"_DATE="+when)
	}
	args := []string{"commit-tree", tree, "-p", r.Onto, "-F", "-"}
	if len(r.SigningKey) > 0 {
		key := filepath.Join(dir, "key")
		if err := os.WriteFile(key, lines(r.SigningKey), 0o600); err != nil {
			return "", diskFault(err)
		}
		w.config = []setting{{"gpg.format", "ssh"}, {"user.signingKey", key}}
		args = append(args, "-S")
	}
	hash, err := w.git(ctx, []byte(r.Message), args...)
	if err != nil && len(r.SigningKey) > 0 {
		return "", fault.Invalid("the commit could not be signed").WithHint("the signing key is an ssh key without a passphrase, as ssh-keygen writes it").Because(err)
	}
	return hash, err
}

// plain keeps what a line of a commit's header can hold.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == '<' || r == '>' || r == 0x7f {
			return -1
		}
		return r
	}, s))
}

func short(hash string) string { return hash[:min(7, len(hash))] }

// Push sends commit to a branch. The lease makes the server refuse it when the
// branch is not where the commit was made for.
func (m *mirror) Push(ctx context.Context, commit, branch, onto string) error {
	if err := (source.Ref{Branch: branch}).Validate(); err != nil || branch == "" {
		return m.at(fault.Invalid("%q is no name of a branch", branch))
	}
	if err := m.repo.lockTurn(ctx); err != nil {
		return m.at(m.interrupted(ctx, err))
	}
	defer m.repo.unlockTurn()
	name := "refs/heads/" + branch
	_, err := m.remote(ctx, func(url string) []string {
		return []string{"push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--force-with-lease=" + name + ":" + onto, "--", url, commit + ":" + name}
	})
	var f *failed
	if errors.As(err, &f) {
		class := classOf(f.stderr)
		err = class.fault(f, m.cred.words())
		if class == classForbidden || class == classRefused {
			err = fault.Denied("the credential may not push to this repository").WithHint("give the user or token of the Secret write access").Because(f)
		}
	}
	if err != nil {
		return m.at(m.interrupted(ctx, err))
	}
	return nil
}

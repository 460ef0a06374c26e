package git_test

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/gittest"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// writable is a repository with two commits, and a mirror that may push.
func writable(t *testing.T, o httpserver.Options) (repo *httpserver.Repo, w source.Writer, first, second string) {
	t.Helper()
	o.Dir = t.TempDir()
	h, err := httpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	if repo, err = httpserver.Create(filepath.Join(o.Dir, "fleet.git")); err != nil {
		t.Fatal(err)
	}
	commit := func(files map[string]string) string {
		hash, err := repo.Commit("main", "change", files)
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	first = commit(map[string]string{"shop/a.yaml": "a: 1\n", "shop/gone.yaml": "x\n", "shop/link": tree.Symlink("a.yaml"), "shop/kind": "a file then\n", "other/b.yaml": "b: 1\n"})
	second = commit(map[string]string{"shop/a.yaml": "a: 2\n", "shop/new.yaml": "n\n", "shop/kind/deep.yaml": "a folder now\n", "other/b.yaml": "b: 2\n"})
	store := git.New(git.Options{Dir: t.TempDir()})
	m, err := store.Open(t.Context(), source.Spec{URL: srv.URL + "/fleet.git"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if _, err := m.Fetch(t.Context(), source.Ref{Branch: "main"}); err != nil {
		t.Fatal(err)
	}
	return repo, m.(source.Writer), first, second
}

func wish(first, second string, paths ...string) source.Commit {
	return source.Commit{
		Back: paths, From: first, Onto: second, Message: "Take shop back\n",
		Author: source.Signature{Name: "Ana <x>\nEvil: y", Email: "ana@example.org", At: time.Unix(1700000000, 0)},
	}
}

// TestTakeBack: what is named is as it was, all else as it is, and the remote has it
// only once it is pushed.
func TestTakeBack(t *testing.T) {
	repo, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	commit, err := w.Commit(t.Context(), wish(first, second, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	if head, _ := repo.Git("rev-parse", "main"); head != second {
		t.Fatalf("the remote is at %s before the push", head)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); err != nil {
		t.Fatal(err)
	}
	files, err := repo.Git("ls-tree", "-r", "--format=%(objectmode) %(path)", "main")
	if err != nil {
		t.Fatal(err)
	}
	want := "100644 other/b.yaml\n100644 shop/a.yaml\n100644 shop/gone.yaml\n100644 shop/kind\n120000 shop/link"
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
	for path, text := range map[string]string{"shop/a.yaml": "a: 1", "other/b.yaml": "b: 2"} {
		if got, _ := repo.Git("show", "main:"+path); got != text {
			t.Errorf("%s is %q, want %q", path, got, text)
		}
	}
	about, err := repo.Git("log", "-1", "--format=%P|%an|%ae|%at|%cn|%B", "main")
	if err != nil {
		t.Fatal(err)
	}
	if want := second + "|Ana xEvil: y|ana@example.org|1700000000|Ana xEvil: y|Take shop back"; about != want {
		t.Errorf("the commit says %q, want %q", about, want)
	}
}

func TestCommitFaults(t *testing.T) {
	_, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	cases := map[string]struct {
		why  string
		r    source.Commit
		kind error
	}{
		"Same":    {why: "An empty commit says nothing.", r: wish(second, second, "shop"), kind: source.ErrUnchanged},
		"Outside": {why: "A path stays in the repository.", r: wish(first, second, "../etc"), kind: fault.KindInvalid},
		"Option":  {why: "A hash is a hash.", r: wish("--help", second, "shop"), kind: fault.KindInvalid},
		"Empty":   {why: "So is none.", r: wish("", second, "shop"), kind: fault.KindInvalid},
		"Key": {why: "A key that is none is said to be none, and not shown.", kind: fault.KindInvalid, r: func() source.Commit {
			r := wish(first, second, "shop")
			r.Signing.SSHKey = []byte("no key, s3cret")
			return r
		}()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := w.Commit(t.Context(), tc.r)
			if !errors.Is(err, tc.kind) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s\ngot %v, want %v", tc.why, err, tc.kind)
			}
		})
	}
}

func TestPushFaults(t *testing.T) {
	repo, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	commit, err := w.Commit(t.Context(), wish(first, second, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	third, err := repo.Change("main", "meanwhile", map[string]string{"other/c.yaml": "c\n"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); !errors.Is(err, fault.KindConflict) {
		t.Errorf("a branch that moved: %v", err)
	}
	if head, _ := repo.Git("rev-parse", "main"); head != third {
		t.Errorf("main is at %s, want %s: somebody's commit is lost", head, third)
	}
	if _, err := w.Push(t.Context(), commit, "lockstep/back", ""); err != nil {
		t.Errorf("a new branch: %v", err)
	}
	if _, err := w.Push(t.Context(), commit, "main", ""); !errors.Is(err, fault.KindConflict) {
		t.Errorf("a branch that was to be new: %v", err)
	}
	if _, err := w.Push(t.Context(), commit, "a:refs/heads/b", ""); !errors.Is(err, fault.KindInvalid) {
		t.Errorf("a refspec for a branch: %v", err)
	}
	if _, err := repo.Git("config", "receive.denyDeletes", "true"); err != nil {
		t.Fatal(err)
	}
	hook := filepath.Join(repo.Dir, "hooks", "pre-receive")
	if err := os.MkdirAll(filepath.Dir(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hook, []byte("#!/bin/sh\necho main is protected >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "another", ""); !errors.Is(err, fault.KindDenied) {
		t.Errorf("a protected branch: %v", err)
	}
}

func TestPushNeedsPermission(t *testing.T) {
	_, w, first, second := writable(t, httpserver.Options{})
	commit, err := w.Commit(t.Context(), wish(first, second, "."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); !errors.Is(err, fault.KindDenied) {
		t.Errorf("got %v", err)
	}
}

// TestCommitSigned: git itself says whether the signature is good.
func TestCommitSigned(t *testing.T) {
	repo, w, first, second := writable(t, httpserver.Options{ReceivePack: true})
	key, signer, err := gittest.NewKey("")
	if err != nil {
		t.Fatal(err)
	}
	r := wish(first, second, "shop")
	r.Signing.SSHKey = key
	commit, err := w.Commit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Push(t.Context(), commit, "main", second); err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(t.TempDir(), "signers")
	if err := os.WriteFile(signers, []byte("ana@example.org "+authorized(signer.PublicKey())), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Git("-c", "gpg.ssh.allowedSignersFile="+signers, "verify-commit", "main"); err != nil {
		t.Error(err)
	}
	if _, err := repo.Git("-c", "gpg.ssh.allowedSignersFile="+signers, "verify-commit", "main~1"); err == nil {
		t.Error("a commit without a signature is good as well")
	}
}

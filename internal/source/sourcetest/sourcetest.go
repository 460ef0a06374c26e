// Package sourcetest holds every promise that internal/source makes, as tests
// that any implementation runs against a real remote of its own.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/tree"
)

// Remote is a repository that the suite writes to, as a user's push would.
type Remote interface {
	// Spec is what opens it.
	Spec() source.Spec
	// Opener is the implementation under test.
	Opener() source.Opener
	// Commit puts a commit with exactly these files on branch, with the branch's
	// tip as parent, and returns its hash. Values made by tree.Symlink are links.
	Commit(branch string, files map[string]string) string
	// Tag points a tag at a commit, moving it if need be.
	Tag(name, commit string)
	// ForcePush points a branch at a commit.
	ForcePush(branch, commit string)
	// SetRef points any full ref name at a commit.
	SetRef(name, commit string)
	// DeleteBranch removes a branch.
	DeleteBranch(branch string)
}

// Run runs the suite. newRemote is called once for each test and returns an
// empty repository.
func Run(t *testing.T, newRemote func(t *testing.T) Remote) {
	t.Helper()
	tests := map[string]func(*testing.T, *bench){
		"Fetch/Branch":          fetchBranch,
		"Fetch/DefaultsToMain":  fetchDefault,
		"Fetch/Unchanged":       fetchUnchanged,
		"Fetch/ForcePush":       fetchForcePush,
		"Fetch/Tag":             fetchTag,
		"Fetch/Semver":          fetchSemver,
		"Fetch/Name":            fetchName,
		"Fetch/Commit":          fetchCommit,
		"Fetch/SlashedBranches": fetchSlashed,
		"Fetch/Missing":         fetchMissing,
		"Fetch/Invalid":         fetchInvalid,
		"Fetch/DeletedBranch":   fetchDeleted,
		"Fetch/Concurrent":      fetchConcurrent,
		"Fetch/Cancelled":       fetchCancelled,
		"At":                    at,
		"Snapshot/Immutable":    immutable,
		"Snapshot/Read":         read,
		"Snapshot/Missing":      missingPaths,
		"Snapshot/Links":        links,
		"Snapshot/Hashes":       hashes,
		"Open/SharesOneMirror":  shares,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each has a remote of its own
			r := newRemote(t)
			m, err := r.Opener().Open(t.Context(), r.Spec())
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			t.Cleanup(func() {
				if err := m.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			test(t, &bench{Remote: r, m: m})
		})
	}
}

// bench is a remote with its opened mirror.
type bench struct {
	Remote
	m source.Mirror
}

func (b *bench) fetch(t *testing.T, ref source.Ref) source.Snapshot {
	t.Helper()
	s, err := b.m.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatalf("Fetch(%+v): %v", ref, err)
	}
	return s
}

func wantCommit(t *testing.T, s source.Snapshot, want, ref string) {
	t.Helper()
	got := s.Revision()
	if got.Commit != want || got.Ref != ref {
		t.Errorf("revision: got %s at %q, want %s at %q", got.Commit, got.Ref, want, ref)
	}
}

func wantFile(t *testing.T, s lockstep.Tree, path, want string) {
	t.Helper()
	got, err := s.ReadFile(path)
	if err != nil {
		t.Errorf("ReadFile(%q): %v", path, err)
		return
	}
	if string(got) != want {
		t.Errorf("ReadFile(%q): got %q, want %q", path, got, want)
	}
}

func wantKind(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %v", what, want)
		return
	}
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != want {
		t.Errorf("%s: got %v (%v), want a fault of kind %v", what, err, fault.KindOf(err), want)
	}
}

func file(text string) map[string]string { return map[string]string{"f": text} }

func fetchBranch(t *testing.T, b *bench) {
	c := b.Commit("dev", file("one"))
	s := b.fetch(t, source.Ref{Branch: "dev"})
	wantCommit(t, s, c, "refs/heads/dev")
	wantFile(t, s, "f", "one")
	if r := s.Revision(); r.Subject == "" || r.Author == "" {
		t.Errorf("revision says too little: %+v", r)
	}
	c = b.Commit("dev", file("two"))
	s = b.fetch(t, source.Ref{Branch: "dev"})
	wantCommit(t, s, c, "refs/heads/dev")
	wantFile(t, s, "f", "two")
}

func fetchDefault(t *testing.T, b *bench) {
	c := b.Commit("main", file("one"))
	wantCommit(t, b.fetch(t, source.Ref{}), c, "refs/heads/main")
}

func fetchUnchanged(t *testing.T, b *bench) {
	b.Commit("main", file("one"))
	first := b.fetch(t, source.Ref{}).Revision()
	b.Commit("other", file("beside"))
	if diff := cmp.Diff(first, b.fetch(t, source.Ref{}).Revision()); diff != "" {
		t.Errorf("a remote that has not moved gave another revision (-first +second):\n%s", diff)
	}
}

func fetchForcePush(t *testing.T, b *bench) {
	first := b.Commit("main", file("one"))
	b.Commit("main", file("two"))
	b.fetch(t, source.Ref{})
	b.ForcePush("main", first)
	wantCommit(t, b.fetch(t, source.Ref{}), first, "refs/heads/main")
	other := b.Commit("elsewhere", file("unrelated"))
	b.ForcePush("main", other)
	s := b.fetch(t, source.Ref{})
	wantCommit(t, s, other, "refs/heads/main")
	wantFile(t, s, "f", "unrelated")
}

func fetchTag(t *testing.T, b *bench) {
	first := b.Commit("main", file("one"))
	second := b.Commit("main", file("two"))
	b.Tag("v1", first)
	wantCommit(t, b.fetch(t, source.Ref{Tag: "v1"}), first, "refs/tags/v1")
	b.Tag("v1", second)
	wantCommit(t, b.fetch(t, source.Ref{Tag: "v1"}), second, "refs/tags/v1")
}

func fetchSemver(t *testing.T, b *bench) {
	for _, tag := range []string{"v1.0.0", "v1.2.0", "1.10.0", "v2.0.0", "v2.1.0-rc.1", "latest", "v3"} {
		b.Tag(tag, b.Commit("main", file(tag)))
	}
	cases := map[string]struct{ why, ref, want string }{
		">=1.0.0 <2.0.0": {"Versions are compared as numbers, with and without a v.", "refs/tags/1.10.0", "1.10.0"},
		"~1.2":           {"Patch releases only.", "refs/tags/v1.2.0", "v1.2.0"},
		"2.x":            {"A pre-release is not chosen by a range that has none.", "refs/tags/v2.0.0", "v2.0.0"},
		">=2.0.0-0 <3":   {"A range with a pre-release takes them in.", "refs/tags/v2.1.0-rc.1", "v2.1.0-rc.1"},
	}
	for constraint, tc := range cases {
		s := b.fetch(t, source.Ref{Semver: constraint})
		if got := s.Revision().Ref; got != tc.ref {
			t.Errorf("%s\n%s: got %s, want %s", tc.why, constraint, got, tc.ref)
		}
		wantFile(t, s, "f", tc.want)
	}
	b.Tag("v1.11.0", b.Commit("main", file("newer")))
	wantFile(t, b.fetch(t, source.Ref{Semver: "1.x"}), "f", "newer")
	_, err := b.m.Fetch(t.Context(), source.Ref{Semver: ">=9"})
	wantKind(t, "no version in range", err, fault.KindNotFound)
	_, err = b.m.Fetch(t.Context(), source.Ref{Semver: "not a range"})
	wantKind(t, "no range at all", err, fault.KindInvalid)
}

func fetchName(t *testing.T, b *bench) {
	b.Commit("main", file("one"))
	c := b.Commit("fork", file("from a pull request"))
	b.SetRef("refs/pull/7/head", c)
	wantCommit(t, b.fetch(t, source.Ref{Name: "refs/pull/7/head"}), c, "refs/pull/7/head")
}

func fetchCommit(t *testing.T, b *bench) {
	first := b.Commit("main", file("one"))
	b.Commit("main", file("two"))
	s := b.fetch(t, source.Ref{Commit: first})
	wantCommit(t, s, first, "")
	wantFile(t, s, "f", "one")
	_, err := b.m.Fetch(t.Context(), source.Ref{Commit: "0123456789012345678901234567890123456789"})
	wantKind(t, "a commit that nobody made", err, fault.KindNotFound)
}

// fetchSlashed fetches names of which one is a directory of the other, which a
// mirror that keeps refs as files trips over.
func fetchSlashed(t *testing.T, b *bench) {
	b.Commit("release", file("flat"))
	b.fetch(t, source.Ref{Branch: "release"})
	b.DeleteBranch("release")
	c := b.Commit("release/1", file("deep"))
	wantCommit(t, b.fetch(t, source.Ref{Branch: "release/1"}), c, "refs/heads/release/1")
}

func fetchMissing(t *testing.T, b *bench) {
	b.Commit("release-4", file("x"))
	_, err := b.m.Fetch(t.Context(), source.Ref{Branch: "relase-4"})
	wantKind(t, "a branch with a typing error", err, fault.KindNotFound)
	if err != nil && fault.As(err).Hint == "" {
		t.Errorf("%v: the hint does not name what there is", err)
	}
	_, err = b.m.Fetch(t.Context(), source.Ref{Tag: "v1"})
	wantKind(t, "a tag that does not exist", err, fault.KindNotFound)
}

func fetchInvalid(t *testing.T, b *bench) {
	b.Commit("main", file("x"))
	refs := []source.Ref{
		{Branch: "a..b"}, {Branch: "-x y"}, {Branch: "x:refs/heads/y"}, {Tag: "*"}, {Name: "main"}, {Name: "refs/heads/../x"},
		{Commit: "abc123"}, {Commit: "HEAD"}, {Branch: "main", Tag: "v1"},
	}
	for _, ref := range refs {
		_, err := b.m.Fetch(t.Context(), ref)
		wantKind(t, fmt.Sprintf("%+v", ref), err, fault.KindInvalid)
	}
}

func fetchDeleted(t *testing.T, b *bench) {
	b.Commit("main", file("x"))
	c := b.Commit("gone", file("y"))
	b.fetch(t, source.Ref{Branch: "gone"})
	b.DeleteBranch("gone")
	_, err := b.m.Fetch(t.Context(), source.Ref{Branch: "gone"})
	wantKind(t, "a deleted branch", err, fault.KindNotFound)
	// What was fetched stays readable: a Release may need it.
	if _, err := b.m.At(t.Context(), c); err != nil {
		t.Errorf("At the last commit of a deleted branch: %v", err)
	}
}

func fetchConcurrent(t *testing.T, b *bench) {
	main, dev := b.Commit("main", file("main")), b.Commit("dev", file("dev"))
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			ref, want, text := source.Ref{Branch: "main"}, main, "main"
			if i%2 == 1 {
				ref, want, text = source.Ref{Branch: "dev"}, dev, "dev"
			}
			s, err := b.m.Fetch(t.Context(), ref)
			if err != nil {
				t.Errorf("Fetch: %v", err)
				return
			}
			if s.Revision().Commit != want {
				t.Errorf("Fetch: got %s, want %s", s.Revision().Commit, want)
			}
			wantFile(t, s, "f", text)
		})
	}
	wg.Wait()
}

func fetchCancelled(t *testing.T, b *bench) {
	c := b.Commit("main", file("x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.m.Fetch(ctx, source.Ref{}); err == nil {
		t.Error("Fetch with a cancelled context succeeded")
	}
	wantCommit(t, b.fetch(t, source.Ref{}), c, "refs/heads/main")
}

func at(t *testing.T, b *bench) {
	first := b.Commit("main", file("one"))
	_, err := b.m.At(t.Context(), first)
	wantKind(t, "At before any Fetch", err, fault.KindNotFound)
	b.fetch(t, source.Ref{})
	b.Commit("main", file("two"))
	b.fetch(t, source.Ref{})
	s, err := b.m.At(t.Context(), first)
	if err != nil {
		t.Fatalf("At: %v", err)
	}
	wantCommit(t, s, first, "")
	wantFile(t, s, "f", "one")
}

func immutable(t *testing.T, b *bench) {
	b.Commit("main", map[string]string{"f": "one", "d/x": "x"})
	s := b.fetch(t, source.Ref{})
	b.Commit("main", file("two"))
	b.fetch(t, source.Ref{})
	wantFile(t, s, "f", "one")
	list, err := s.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	list[0].Name = "scribbled over"
	again, err := s.ReadDir(".")
	if err != nil || again[0].Name != "d" {
		t.Errorf("a caller's change to a listing shows in the next one: %v, %v", again, err)
	}
}

func read(t *testing.T, b *bench) {
	b.Commit("main", map[string]string{
		"a.yaml": "a", "a/b/c.yaml": "c", "a-b": "dash", "empty": "", "a/lines": "1\n2\r\n\x00\xff", "ü/ñ ame": "wide",
	})
	s := b.fetch(t, source.Ref{})
	for path, want := range map[string]string{
		"a.yaml": "a", "./a/b/c.yaml": "c", "empty": "", "a/lines": "1\n2\r\n\x00\xff", "ü/ñ ame": "wide", "/a-b": "dash", "a/b/../lines": "1\n2\r\n\x00\xff",
	} {
		wantFile(t, s, path, want)
	}
	list, err := s.ReadDir(".")
	if err != nil {
		t.Fatalf("ReadDir: %v", err)
	}
	var got []string
	for _, e := range list {
		got = append(got, fmt.Sprintf("%s %d", e.Name, e.Type))
	}
	want := []string{"a 2", "a-b 1", "a.yaml 1", "empty 1", "ü 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ReadDir is ordered by name (-want +got):\n%s", diff)
	}
	if e, err := s.Stat("a/b"); err != nil || e.Type != lockstep.Directory || e.Name != "b" || e.Hash == "" {
		t.Errorf("Stat(a/b): %+v, %v", e, err)
	}
	if e, err := s.Stat("."); err != nil || e.Type != lockstep.Directory || e.Hash == "" {
		t.Errorf("Stat(.): %+v, %v", e, err)
	}
	if _, err := s.ReadFile("a"); err == nil || errors.Is(err, lockstep.ErrNotExist) {
		t.Errorf("ReadFile of a directory: %v", err)
	}
	if _, err := s.ReadDir("a.yaml"); err == nil {
		t.Error("ReadDir of a file succeeded")
	}
}

func missingPaths(t *testing.T, b *bench) {
	b.Commit("main", map[string]string{"a/b": "x"})
	s := b.fetch(t, source.Ref{})
	for _, p := range []string{"c", "a/c", "a/b/c", "a/b/c/d"} {
		if _, err := s.Stat(p); !errors.Is(err, lockstep.ErrNotExist) {
			t.Errorf("Stat(%q): got %v, want ErrNotExist", p, err)
		}
		if _, err := s.ReadFile(p); !errors.Is(err, lockstep.ErrNotExist) {
			t.Errorf("ReadFile(%q): got %v, want ErrNotExist", p, err)
		}
	}
	for _, p := range []string{"..", "../x", "a/../../x"} {
		if _, err := s.ReadFile(p); !errors.Is(err, lockstep.ErrOutside) {
			t.Errorf("ReadFile(%q): got %v, want ErrOutside", p, err)
		}
	}
}

func links(t *testing.T, b *bench) {
	b.Commit("main", map[string]string{
		"real/f":      "text",
		"real/deep/g": "deep",
		"to-file":     tree.Symlink("real/f"),
		"to-dir":      tree.Symlink("real"),
		"chain":       tree.Symlink("to-dir/deep"),
		"real/up":     tree.Symlink("../to-file"),
		"loop":        tree.Symlink("loop2"),
		"loop2":       tree.Symlink("loop"),
		"out":         tree.Symlink("../etc/passwd"),
		"sub/out":     tree.Symlink("../../x"),
		"abs":         tree.Symlink("/etc/passwd"),
		"dangling":    tree.Symlink("nowhere"),
		"sneaky":      tree.Symlink("to-dir/../../x"),
	})
	s := b.fetch(t, source.Ref{})
	for path, want := range map[string]string{
		"to-file": "text", "to-dir/f": "text", "chain/g": "deep", "real/up": "text", "to-dir/up": "text",
	} {
		wantFile(t, s, path, want)
	}
	for _, p := range []string{"out", "sub/out", "abs", "abs/x", "sneaky"} {
		if _, err := s.Stat(p); !errors.Is(err, lockstep.ErrOutside) {
			t.Errorf("Stat(%q): got %v, want ErrOutside", p, err)
		}
	}
	if _, err := s.ReadFile("dangling"); !errors.Is(err, lockstep.ErrNotExist) {
		t.Errorf("ReadFile(dangling): got %v, want ErrNotExist", err)
	}
	_, err := s.Stat("loop")
	wantKind(t, "a loop of links", err, fault.KindInvalid)
	if e, err := s.Stat("to-dir"); err != nil || e.Type != lockstep.Directory || e.Name != "to-dir" {
		t.Errorf("Stat follows links: %+v, %v", e, err)
	}
	list, err := s.ReadDir("to-dir")
	if err != nil {
		t.Fatalf("ReadDir(to-dir): %v", err)
	}
	for _, e := range list {
		if e.Name == "up" && e.Type != lockstep.Symlink {
			t.Errorf("ReadDir followed %q", e.Name)
		}
	}
}

func hashes(t *testing.T, b *bench) {
	b.Commit("main", map[string]string{"a/x": "1", "b/x": "1", "c/x": "2"})
	before := b.fetch(t, source.Ref{})
	b.Commit("main", map[string]string{"a/x": "1", "b/x": "3", "c/x": "2"})
	after := b.fetch(t, source.Ref{})
	hash := func(s lockstep.Tree, p string) string {
		e, err := s.Stat(p)
		if err != nil {
			t.Fatalf("Stat(%q): %v", p, err)
		}
		return e.Hash
	}
	if hash(before, "a") != hash(before, "b") {
		t.Error("equal directories have unequal hashes")
	}
	if hash(before, "a") == hash(before, "c") {
		t.Error("unequal directories have equal hashes")
	}
	if hash(before, "a") != hash(after, "a") || hash(before, "a/x") != hash(after, "a/x") {
		t.Error("an untouched directory changed its hash with the commit")
	}
	if hash(before, "b") == hash(after, "b") || hash(before, ".") == hash(after, ".") {
		t.Error("a touched directory kept its hash")
	}
}

func shares(t *testing.T, b *bench) {
	c := b.Commit("main", file("x"))
	other, err := b.Opener().Open(t.Context(), b.Spec())
	if err != nil {
		t.Fatalf("second Open: %v", err)
	}
	b.fetch(t, source.Ref{})
	if _, err := other.At(t.Context(), c); err != nil {
		t.Errorf("what one mirror of a URL fetched the other does not have: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	// Closing one must not take the other's floor away.
	b.Commit("main", file("y"))
	wantFile(t, b.fetch(t, source.Ref{}), "f", "y")
}

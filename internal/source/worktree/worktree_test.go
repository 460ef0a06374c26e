package worktree

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, dir, name, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) *Tree {
	t.Helper()
	tr, err := Open(dir, lockstep.Revision{Ref: "refs/heads/main"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tr.Close() })
	return tr
}

func TestTree(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "secret", "top secret")
	dir := t.TempDir()
	write(t, dir, "app/web.yaml", "kind: Web\n")
	write(t, dir, ".git/config", "[core]\n")
	write(t, dir, "app/.git", "gitdir: elsewhere\n")
	link(t, dir, "latest", "app")
	link(t, dir, "out", outside)
	link(t, dir, "up", "../"+filepath.Base(outside)+"/secret")

	tr := open(t, dir)
	cases := map[string]struct {
		why  string
		path string
		want string
		err  error
	}{
		"File":         {why: "Plain.", path: "app/web.yaml", want: "kind: Web\n"},
		"ThroughLink":  {why: "Links inside are followed.", path: "latest/web.yaml", want: "kind: Web\n"},
		"AbsoluteLink": {why: "A link to elsewhere on the disk leads out.", path: "out/secret", err: lockstep.ErrOutside},
		"LinkUp":       {why: "So do dots in a link.", path: "up", err: lockstep.ErrOutside},
		"Dots":         {why: "And dots in a path.", path: "../x", err: lockstep.ErrOutside},
		"Missing":      {why: "A file that is not there.", path: "app/db.yaml", err: lockstep.ErrNotExist},
		"Git":          {why: "Git's own files are not content; they may hold credentials.", path: ".git/config", err: lockstep.ErrNotExist},
		"GitFile":      {why: "Nor is the file that a submodule has.", path: "app/.git", err: lockstep.ErrNotExist},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tr.ReadFile(tc.path)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%s\nReadFile(%q): got %v, want %v", tc.why, tc.path, err, tc.err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s\nReadFile(%q) (-want +got):\n%s", tc.why, tc.path, diff)
			}
		})
	}

	var names []string
	entries, err := tr.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"app", "latest", "out", "up"}, names); diff != "" {
		t.Errorf("ReadDir (-want +got):\n%s", diff)
	}
}

func TestHash(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "app/web.yaml", "kind: Web\n")
	before, err := open(t, dir).Stat("app")
	if err != nil {
		t.Fatal(err)
	}
	same, err := open(t, dir).Stat("app")
	if err != nil {
		t.Fatal(err)
	}
	if same.Hash != before.Hash {
		t.Errorf("an untouched directory changed its hash: %s, %s", before.Hash, same.Hash)
	}
	write(t, dir, "app/deep/x.yaml", "kind: X\n")
	after, err := open(t, dir).Stat("app")
	if err != nil {
		t.Fatal(err)
	}
	if after.Hash == before.Hash {
		t.Error("a new file below did not change the hash of the directory")
	}

	file, err := open(t, dir).Stat("app/web.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("git", "hash-object", "--no-filters", "app/web.yaml")
	cmd.Dir = dir
	want, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if file.Hash != strings.TrimSpace(string(want)) || file.Size != 10 {
		t.Errorf("file is %s of %d bytes, git says %s of 10", file.Hash, file.Size, want)
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "gone"), lockstep.Revision{}); fault.KindOf(err) != fault.KindNotFound {
		t.Errorf("a directory that is not there: got %v, want a NotFound", err)
	}
	dir := t.TempDir()
	write(t, dir, "file", "")
	if _, err := Open(filepath.Join(dir, "file"), lockstep.Revision{}); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("a file: got %v, want an Invalid", err)
	}
}

package git_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
)

// TestFetchesCoalesce: a storm of callers costs the server next to nothing, and
// a pinned commit that is here costs it nothing.
func TestFetchesCoalesce(t *testing.T) {
	dir := t.TempDir()
	repo := newRepo(t, dir)
	want := must(repo.Commit("main", "x", map[string]string{"f": "x"}))
	h, n := counted(serve(t, httpserver.Options{Dir: dir}))
	srv := httptest.NewServer(h)
	defer srv.Close()
	m := must(newStore(t).Open(t.Context(), source.Spec{URL: srv.URL + "/repo.git"}))
	defer func() { _ = m.Close() }()
	if _, err := m.Fetch(t.Context(), source.Ref{}); err != nil {
		t.Fatal(err)
	}
	n.Store(0)
	if _, err := m.Fetch(t.Context(), source.Ref{}); err != nil {
		t.Fatal(err)
	}
	if got := n.Load(); got != 2 {
		t.Errorf("a fetch that finds nothing new made %d requests, want 2", got)
	}
	must(repo.Change("main", "y", map[string]string{"g": "y"}))
	n.Store(0)
	must(m.Fetch(t.Context(), source.Ref{}))
	if got := n.Load(); got != 3 {
		t.Errorf("a fetch that brings a commit made %d requests, want 3", got)
	}
	n.Store(0)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := m.Fetch(t.Context(), source.Ref{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// One is under way, the others share the next; a few more for a slow machine.
	if got := n.Load(); got > 8 {
		t.Errorf("100 callers at once made %d requests", got)
	}
	n.Store(0)
	if s, err := m.Fetch(t.Context(), source.Ref{Commit: want}); err != nil || s.Revision().Commit != want {
		t.Error(s, err)
	}
	if got := n.Load(); got != 0 {
		t.Errorf("a pinned commit that is here made %d requests", got)
	}
}

// TestOneCallerLeaves: a caller who gives up does not take the others with him.
func TestOneCallerLeaves(t *testing.T) {
	r := newHTTPRemote(t)
	r.Commit("main", map[string]string{"f": "x"})
	m := must(r.open.Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	var wg sync.WaitGroup
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			defer cancel()
			if i%2 == 0 {
				time.AfterFunc(time.Millisecond, cancel)
			}
			if _, err := m.Fetch(ctx, source.Ref{}); err != nil && i%2 == 1 {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// mirrorDir is the one folder below a data directory.
func mirrorDir(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "repo.git"))
	if err != nil || len(found) != 1 {
		t.Fatalf("mirrors: %v, %v", found, err)
	}
	return found[0]
}

// TestCrashLeavesNothing: what a killed git leaves behind is gone at the next
// start.
func TestCrashLeavesNothing(t *testing.T) {
	r := newFileRemote(t)
	c := r.Commit("main", map[string]string{"f": "x"})
	dir := t.TempDir()
	open := func() source.Mirror {
		return must(git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec))
	}
	m := open()
	must(m.Fetch(t.Context(), source.Ref{}))
	_ = m.Close()
	repo := mirrorDir(t, dir)
	refs, _ := filepath.Glob(filepath.Join(repo, "refs/lockstep/*"))
	if len(refs) != 1 {
		t.Fatalf("refs: %v", refs)
	}
	stale := []string{refs[0] + ".lock", repo + "/packed-refs.lock", repo + "/shallow.lock", repo + "/config.lock", repo + "/objects/pack/tmp_pack_x1", repo + "/objects/maintenance.lock", filepath.Dir(repo) + "/tmp/call-1/identity"}
	for _, p := range stale {
		write(t, p, "", 0o600)
	}
	next := r.Commit("main", map[string]string{"f": "y"})
	m = open()
	defer func() { _ = m.Close() }()
	if s, err := m.Fetch(t.Context(), source.Ref{}); err != nil || s.Revision().Commit != next {
		t.Fatalf("after the crash: %v, %v", s, err)
	}
	for _, p := range stale {
		if _, err := os.Stat(p); err == nil {
			t.Errorf("%s is still there", p)
		}
	}
	if _, err := m.At(t.Context(), c); err != nil {
		t.Errorf("the commit of before: %v", err)
	}
}

func TestOneProcessPerDataDirectory(t *testing.T) {
	r := newFileRemote(t)
	dir := t.TempDir()
	m := must(git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec))
	_, err := git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec)
	if fault.KindOf(err) != fault.KindConflict {
		t.Errorf("a second owner: %v", err)
	}
	_ = m.Close()
	m, err = git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec)
	if err != nil {
		t.Fatalf("after the first has let go: %v", err)
	}
	_ = m.Close()
}

// TestDamagedMirrorHeals: objects that rot away are noticed by whoever meets
// them, and the next fetch clones anew.
func TestDamagedMirrorHeals(t *testing.T) {
	damage := map[string]func(t *testing.T, repo string){
		"objects gone":    func(t *testing.T, repo string) { eachObject(t, repo, os.Remove) },
		"objects emptied": func(t *testing.T, repo string) { eachObject(t, repo, func(p string) error { return rewrite(p, nil) }) },
		"objects garbled": func(t *testing.T, repo string) {
			eachObject(t, repo, func(p string) error { return rewrite(p, []byte("garbage garbage garbage")) })
		},
		"refs garbled": func(t *testing.T, repo string) {
			refs, _ := filepath.Glob(filepath.Join(repo, "refs/lockstep/*"))
			for _, p := range refs {
				if err := rewrite(p, []byte("garbage\n")); err != nil {
					t.Fatal(err)
				}
			}
		},
		"HEAD gone":    func(t *testing.T, repo string) { _ = os.Remove(repo + "/HEAD") },
		"config empty": func(t *testing.T, repo string) { _ = rewrite(repo+"/config", []byte("[core\n")) },
	}
	for name, hurt := range damage {
		t.Run(name, func(t *testing.T) {
			r := newFileRemote(t)
			files := map[string]string{"f": "x"}
			for i := range 50 {
				files[fmt.Sprintf("d%d/f", i)] = fmt.Sprint(i)
			}
			want := r.Commit("main", files)
			dir := t.TempDir()
			m := must(git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec))
			must(m.Fetch(t.Context(), source.Ref{}))
			_ = m.Close()
			hurt(t, mirrorDir(t, dir))
			m = must(git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec))
			defer func() { _ = m.Close() }()
			// At most one failed attempt, which is the one that notices.
			var err error
			for range 2 {
				var s source.Snapshot
				if s, err = m.Fetch(t.Context(), source.Ref{}); err != nil {
					continue
				}
				if s.Revision().Commit != want {
					t.Fatalf("got %v", s.Revision())
				}
				if _, err = s.ReadFile("d7/f"); err == nil {
					return
				}
			}
			t.Errorf("still broken at the second fetch: %v; %s\n%s", err, fault.As(err).Hint, stderrOf(err))
		})
	}
}

func eachObject(t *testing.T, repo string, f func(string) error) {
	t.Helper()
	err := filepath.Walk(filepath.Join(repo, "objects"), func(p string, i os.FileInfo, err error) error {
		if err != nil || i.IsDir() {
			return err
		}
		return f(p)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rewrite(p string, data []byte) error {
	if err := os.Remove(p); err != nil {
		return err
	}
	return os.WriteFile(p, data, 0o600)
}

// TestReaderIsReplaced: a cat-file that somebody kills costs the caller nothing.
func TestReaderIsReplaced(t *testing.T) {
	r := newFileRemote(t)
	r.Commit("main", map[string]string{"f": "x", "g": "y"})
	dir := t.TempDir()
	m := must(git.New(git.Options{Dir: dir, AllowFile: true}).Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	s := must(m.Fetch(t.Context(), source.Ref{}))
	must(s.ReadFile("f"))
	killed := 0
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		env, _ := os.ReadFile(p)
		if !strings.Contains(string(env), "GIT_DIR="+dir) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(p, "/proc/%d/", &pid); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no cat-file was found, so this test proves nothing")
	}
	if data, err := s.ReadFile("g"); err != nil || string(data) != "y" {
		t.Errorf("after the kill: %q, %v", data, err)
	}
}

// TestUpkeep: many small fetches do not leave many small files, and nothing is
// lost with them.
func TestUpkeep(t *testing.T) {
	r := newFileRemote(t)
	dir := t.TempDir()
	m := must(git.New(git.Options{Dir: dir, AllowFile: true, UpkeepEvery: 5}).Open(t.Context(), r.spec))
	defer func() { _ = m.Close() }()
	var commits []string
	for i := range 15 {
		commits = append(commits, r.Commit("main", map[string]string{"f": fmt.Sprint(i)}))
		must(m.Fetch(t.Context(), source.Ref{}))
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		packs, _ := filepath.Glob(filepath.Join(mirrorDir(t, dir), "objects/pack/*.pack"))
		if len(packs) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing was packed")
		}
		time.Sleep(20 * time.Millisecond)
	}
	for i, c := range commits {
		s, err := m.At(t.Context(), c)
		if err != nil {
			t.Fatalf("commit %d: %v", i, err)
		}
		if data, err := s.ReadFile("f"); err != nil || string(data) != fmt.Sprint(i) {
			t.Errorf("commit %d: %q, %v", i, data, err)
		}
	}
}

// TestSHA256Repository: the other object format is found out at the first fetch.
func TestSHA256Repository(t *testing.T) {
	dir := t.TempDir()
	repo := &httpserver.Repo{Dir: filepath.Join(dir, "repo.git")}
	if err := os.MkdirAll(repo.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	must(repo.Git("init", "--quiet", "--bare", "--object-format=sha256", "."))
	want := must(repo.Commit("main", "x", map[string]string{"a/f": "x"}))
	m := must(newStore(t).Open(t.Context(), source.Spec{URL: "file://" + repo.Dir}))
	defer func() { _ = m.Close() }()
	s, err := m.Fetch(t.Context(), source.Ref{})
	if err != nil || s.Revision().Commit != want {
		t.Fatalf("Fetch: %v, %v\n%s", s, err, stderrOf(err))
	}
	if data, err := s.ReadFile("a/f"); err != nil || string(data) != "x" {
		t.Errorf("ReadFile: %q, %v", data, err)
	}
}

// TestCloseWhileFetching: a server that stops does not wait for one that hangs.
func TestCloseWhileFetching(t *testing.T) {
	stop, asked := make(chan struct{}), make(chan struct{}, 8)
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-stop
	}))
	defer srv.Close()
	defer close(stop)
	m := must(git.New(git.Options{Dir: t.TempDir()}).Open(t.Context(), source.Spec{URL: srv.URL + "/repo.git"}))
	failed := make(chan error, 1)
	go func() {
		_, err := m.Fetch(context.Background(), source.Ref{})
		failed <- err
	}()
	<-asked
	start := time.Now()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("the fetch succeeded")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

package git_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/source"
)

// manyDirs is a repository of n directories with one 2 KB file each.
func manyDirs(n int) map[string]string {
	files := make(map[string]string, n)
	pad := fmt.Sprintf("%02000d", 0)
	for i := range n {
		files[fmt.Sprintf("apps/app-%05d/cm.yaml", i)] = fmt.Sprintf("n: %d\n# %s\n", i, pad)
	}
	return files
}

func benchMirror(b *testing.B, dirs int) (*remote, source.Mirror) {
	b.Helper()
	r := newHTTPRemote(b)
	r.Commit("main", manyDirs(dirs))
	m, err := r.open.Open(b.Context(), r.spec)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	if _, err := m.Fetch(b.Context(), source.Ref{}); err != nil {
		b.Fatal(err)
	}
	return r, m
}

func BenchmarkFetchNoop(b *testing.B) {
	_, m := benchMirror(b, 1000)
	for b.Loop() {
		if _, err := m.Fetch(b.Context(), source.Ref{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetchOneCommit(b *testing.B) {
	r, m := benchMirror(b, 1000)
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		want, err := r.repo.Change("main", "one", map[string]string{"apps/app-00500/cm.yaml": fmt.Sprint(i)})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s, err := m.Fetch(b.Context(), source.Ref{})
		if err != nil || s.Revision().Commit != want {
			b.Fatal(s, err)
		}
	}
}

// BenchmarkResolve10000Paths finds the hash of every directory at a commit that
// nobody has read yet, which is what a push costs a server with 10,000 Stacks.
func BenchmarkResolve10000Paths(b *testing.B) {
	r, m := benchMirror(b, 10000)
	paths := make([]string, 10000)
	for i := range paths {
		paths[i] = fmt.Sprintf("apps/app-%05d", i)
	}
	i := 0
	for b.Loop() {
		b.StopTimer()
		i++
		if _, err := r.repo.Change("main", "one", map[string]string{"apps/app-00500/cm.yaml": fmt.Sprint(i)}); err != nil {
			b.Fatal(err)
		}
		s, err := m.Fetch(b.Context(), source.Ref{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, p := range paths {
			if _, err := s.Stat(p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkStat is one path in a tree that has been read before.
func BenchmarkStat(b *testing.B) {
	_, m := benchMirror(b, 10000)
	s, err := m.Fetch(b.Context(), source.Ref{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Stat("apps/app-05000"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBlob(b *testing.B) {
	_, m := benchMirror(b, 1000)
	s, err := m.Fetch(b.Context(), source.Ref{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.ReadFile("apps/app-00500/cm.yaml"); err != nil {
			b.Fatal(err)
		}
	}
}

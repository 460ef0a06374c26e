package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/db"
	"github.com/lockstep-dev/lockstep/internal/store/storetest"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// broken is a real store whose disk can be taken away.
type broken struct {
	store.Store
	gone *atomic.Bool
}

func (b broken) Append(ctx context.Context, r ...store.Record) (store.Head, error) {
	if b.gone.Load() {
		return store.Head{}, fault.Unavailable("no space left on device")
	}
	return b.Store.Append(ctx, r...)
}

type bench struct {
	t    *testing.T
	dir  string
	gone atomic.Bool
}

func (b *bench) open(ctx context.Context) (store.Store, error) {
	if b.gone.Load() {
		return nil, fault.Unavailable("nobody listens")
	}
	s, err := db.Open(ctx, filepath.Join(b.dir, "lockstep.db"), db.Migrated)
	return broken{s, &b.gone}, err
}

func (b *bench) start(limit int64) (j *Journal, stop func()) {
	b.t.Helper()
	j, err := New(Options{Open: b.open, Dir: b.dir, MaxSpool: limit})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { j.Run(ctx); close(done) }()
	return j, func() { cancel(); <-done }
}

// reasons are what the store holds, in order.
func (b *bench) reasons() (out []string) {
	b.t.Helper()
	s, err := db.Open(b.t.Context(), filepath.Join(b.dir, "lockstep.db"), db.Migrated)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	page, err := s.Entries(b.t.Context(), store.Query{Order: store.OldestFirst, Limit: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range page.Entries {
		out = append(out, e.Reason)
	}
	if v, err := store.Verify(b.t.Context(), s, store.Head{}); err != nil || !v.OK {
		b.t.Errorf("the chain: %+v, %v", v, err)
	}
	return out
}

func call(reason string) store.Record { return storetest.Call(day, storetest.Shop, reason) }

func TestKeep(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir()}
	j, stop := b.start(0)
	for _, s := range []string{"one", "two"} {
		if err := j.Keep(t.Context(), call(s)); err != nil {
			t.Fatal(err)
		}
	}
	// Killed here, nothing that was answered is lost.
	if diff := cmp.Diff([]string{"one", "two"}, b.reasons()); diff != "" {
		t.Error(diff)
	}
	stop()
}

// TestStop: what was recorded when the server ends is written.
func TestStop(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir()}
	j, stop := b.start(0)
	j.Record(call("last words"))
	stop()
	if diff := cmp.Diff([]string{"last words"}, b.reasons()); diff != "" {
		t.Error(diff)
	}
}

// TestGone: a store that goes away and comes back, also over a restart, has
// everything once and in order.
func TestGone(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir()}
	j, stop := b.start(0)
	if err := j.Keep(t.Context(), call("0")); err != nil {
		t.Fatal(err)
	}
	b.gone.Store(true)
	want := []string{"0"}
	for i := 1; i < 10; i++ {
		want = append(want, strconv.Itoa(i))
		// Kept in the spool is kept.
		if err := j.Keep(t.Context(), call(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, why := j.Behind(); why == nil {
		t.Error("nobody says that the store is behind")
	}
	stop()
	j, stop = b.start(0)
	if err := j.Keep(t.Context(), call("10")); err != nil {
		t.Fatal(err)
	}
	b.gone.Store(false)
	deadline := time.Now().Add(10 * time.Second)
	for _, why := j.Behind(); why != nil && time.Now().Before(deadline); _, why = j.Behind() {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	if diff := cmp.Diff(append(want, "10"), b.reasons()); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(filepath.Join(b.dir, "spool")); err != nil || info.Size() != 0 {
		t.Errorf("the spool is not empty afterwards: %v %v", info, err)
	}
}

// TestLost: what fits nowhere is itself an entry.
func TestLost(t *testing.T) {
	b := &bench{t: t, dir: t.TempDir()}
	b.gone.Store(true)
	j, stop := b.start(2000)
	for i := range 20 {
		j.Record(call(strconv.Itoa(i)))
	}
	deadline := time.Now().Add(10 * time.Second)
	for lost := false; !lost && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		j.mu.Lock()
		lost = j.lost != nil
		j.mu.Unlock()
	}
	b.gone.Store(false)
	for _, why := j.Behind(); why != nil && time.Now().Before(deadline); _, why = j.Behind() {
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	got := b.reasons()
	if n := len(got); n < 2 || n > 20 || got[0] != "0" || got[n-1] != "more waited for the store than could be held" {
		t.Errorf("the store has %q", got)
	}
}

// TestNeverWaits: with a store that hangs, records cost what memory costs.
func TestNeverWaits(t *testing.T) {
	j, err := New(Options{Dir: t.TempDir(), Open: func(ctx context.Context) (store.Store, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { j.Run(ctx); close(done) }()
	began := time.Now()
	for range maxQueue + 10 {
		j.Record(call("x"))
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("recording took %s", took)
	}
	if _, err := j.Store(); !errors.Is(err, fault.KindWaiting) {
		t.Errorf("the store that is being opened: %v", err)
	}
	cancel()
	<-done
}

func FuzzSpoolLine(f *testing.F) {
	for _, r := range []store.Record{call("x"), storetest.Released(storetest.Shop, 1, store.Succeeded, day, day)} {
		b, err := encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSuffix(b, []byte("\n")))
	}
	f.Add([]byte("0 {}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := decode(b)
		if !ok {
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if back, ok := decode(bytes.TrimSuffix(again, []byte("\n"))); !ok || cmp.Diff(r, back) != "" {
			t.Errorf("%s", cmp.Diff(r, back))
		}
	})
}

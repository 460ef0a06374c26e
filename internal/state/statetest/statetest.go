// Package statetest holds every promise that a state.Vault makes, and that
// state.States makes on top of one.
package statetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// Key is an installation's key for tests.
var Key = bytes.Repeat([]byte("k"), 32)

var serial atomic.Int64

// AKey returns the key of a state that no other test has.
func AKey() state.Key {
	return state.Of(lockstep.Unit{Namespace: "team", Name: fmt.Sprintf("net-%d", serial.Add(1))}, "")
}

// State returns a state as a tool writes it.
func State(lineage string, serial int, value string) []byte {
	return fmt.Appendf(nil, `{"version":4,"terraform_version":"1.12.6","serial":%d,"lineage":%q,"outputs":{"url":{"value":%q,"type":"string"}},
"resources":[{"mode":"managed","type":"terraform_data","name":"a","provider":"provider[\"terraform.io/builtin/terraform\"]","instances":[{"attributes":{"id":"1","input":%q}}]}]}`, serial, lineage, value, value)
}

// Run holds a Vault to its promises. open returns another way into the same Vault at
// each call, as another process has.
func Run(t *testing.T, open func(*testing.T) state.Vault) {
	for name, test := range map[string]func(*testing.T, func(*testing.T) state.Vault){
		"NoHead": noHead, "CompareAndSwap": compareAndSwap, "Race": race, "Kept": kept, "Large": large, "Heads": heads,
		"WriteAndRead": writeAndRead, "Refusals": refusals, "Locks": locks, "OneLock": oneLock, "OrphanedLock": orphanedLock, "Pruned": pruned, "Deleted": deleted,
		"Restored": restored, "Crash": crash, "Tampered": tampered, "HeadGone": headGone, "Sealed": sealed,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func states(t *testing.T, v state.Vault, change ...func(*state.Options)) *state.States {
	t.Helper()
	o := state.Options{Vault: v, Key: Key}
	for _, c := range change {
		c(&o)
	}
	s, err := state.New(o)
	ok(t, err)
	return s
}

func noHead(t *testing.T, open func(*testing.T) state.Vault) {
	h, m, err := open(t).Head(t.Context(), AKey())
	if err != nil || m != "" || len(h.Versions) > 0 {
		t.Errorf("a state that is not there: %v %q %v", h, m, err)
	}
}

func headOf(k state.Key) state.Head {
	return state.Head{Format: 1, Namespace: k.Unit.Namespace, Name: k.Unit.Name, Workspace: k.Workspace, Next: 1}
}

func compareAndSwap(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, a, b := t.Context(), AKey(), open(t), open(t)
	h := headOf(k)
	first, err := a.Put(ctx, k, h, "")
	ok(t, err)
	if _, err := b.Put(ctx, k, h, ""); !errors.Is(err, state.ErrMoved) {
		t.Errorf("a second first head: %v", err)
	}
	h.Unlocked = "two"
	second, err := b.Put(ctx, k, h, first)
	ok(t, err)
	h.Unlocked = "lost"
	if _, err := a.Put(ctx, k, h, first); !errors.Is(err, state.ErrMoved) {
		t.Errorf("an old mark: %v", err)
	}
	got, m, err := a.Head(ctx, k)
	ok(t, err)
	if m != second || got.Unlocked != "two" {
		t.Errorf("the other way in sees %q with mark %q, want two with %q", got.Unlocked, m, second)
	}
}

// race has many add a number each by compare and swap: none is lost.
func race(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k := t.Context(), AKey()
	const writers, each = 4, 5
	var g sync.WaitGroup
	for range writers {
		v := open(t)
		g.Go(func() {
			for done := 0; done < each; {
				h, m, err := v.Head(ctx, k)
				if m == "" && err == nil {
					h = headOf(k)
				}
				h.Next++
				_, err = v.Put(ctx, k, h, m)
				switch {
				case err == nil:
					done++
				case !errors.Is(err, state.ErrMoved):
					t.Error(err)
					return
				}
			}
		})
	}
	g.Wait()
	h, _, err := open(t).Head(ctx, k)
	ok(t, err)
	if h.Next != 1+writers*each {
		t.Errorf("%d writes were kept, of %d", h.Next-1, writers*each)
	}
}

func kept(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, v := t.Context(), AKey(), open(t)
	if there, err := v.Orphaned(ctx, k); err != nil || there {
		t.Errorf("parts of nothing: %v %v", there, err)
	}
	parts, err := v.Keep(ctx, k, "abc", []byte("sealed"))
	ok(t, err)
	got, err := open(t).Fetch(ctx, k, "abc", parts)
	ok(t, err)
	if string(got) != "sealed" {
		t.Errorf("fetched %q", got)
	}
	if there, err := open(t).Orphaned(ctx, k); err != nil || !there {
		t.Errorf("parts are not seen: %v %v", there, err)
	}
	all, err := v.Parts(ctx)
	ok(t, err)
	found := 0
	for _, p := range all {
		if p.Owner == k.Hash() && p.ID == "abc" && p.Index == 0 && time.Since(p.Made) < time.Hour {
			found++
		}
	}
	if found != 1 {
		t.Errorf("Parts has it %d times", found)
	}
	ok(t, v.Drop(ctx, k, "abc", parts))
	ok(t, v.Drop(ctx, k, "abc", parts))
	_, err = v.Fetch(ctx, k, "abc", parts)
	wants(t, err, fault.KindNotFound)
}

// large is a state of 20 MiB that hardly packs.
func large(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, s := t.Context(), AKey(), states(t, open(t))
	noise := make([]byte, 15<<19)
	_, _ = rand.Read(noise)
	content := State("l", 1, base64.StdEncoding.EncodeToString(noise))
	lock(t, s, k, "run")
	v, err := s.Write(ctx, k, state.Write{Content: content, Lock: "id-run", By: state.Actor{Run: "run"}})
	ok(t, err)
	_, got, err := states(t, open(t)).Read(ctx, k)
	ok(t, err)
	if !bytes.Equal(got, content) {
		t.Error("it did not come back as it was")
	}
	t.Logf("%d bytes are kept as %d in %d parts", v.Size, v.Stored, v.Parts)
}

func heads(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, v := t.Context(), open(t)
	a, b := AKey(), AKey()
	for _, k := range []state.Key{b, a} {
		_, err := v.Put(ctx, k, headOf(k), "")
		ok(t, err)
	}
	all, err := open(t).Heads(ctx)
	ok(t, err)
	var got []state.Key
	for _, h := range all {
		if h.Key() == a || h.Key() == b {
			got = append(got, h.Key())
		}
	}
	if diff := cmp.Diff([]state.Key{a, b}, got); diff != "" {
		t.Errorf("Heads (-want +got):\n%s", diff)
	}
}

func lock(t *testing.T, s *state.States, k state.Key, run string) {
	t.Helper()
	ok(t, s.Lock(t.Context(), k, state.Lock{ID: "id-" + run, Operation: "OperationTypeApply", Who: "ana@host", Run: run}))
}

func write(s *state.States, ctx context.Context, k state.Key, run string, content []byte) (state.Version, error) {
	return s.Write(ctx, k, state.Write{Content: content, Lock: "id-" + run, By: state.Actor{Run: run, Commit: "c0ffee"}})
}

func writeAndRead(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, s := t.Context(), AKey(), states(t, open(t))
	v, content, err := s.Read(ctx, k)
	if err != nil || v.Number != 0 || content != nil {
		t.Fatalf("no state: %v %q %v", v, content, err)
	}
	lock(t, s, k, "run")
	one, err := write(s, ctx, k, "run", State("l", 1, "a"))
	ok(t, err)
	two, err := write(s, ctx, k, "run", State("l", 2, "b"))
	ok(t, err)
	ok(t, s.Unlock(ctx, k, "id-run", state.Actor{Run: "run"}))
	other := states(t, open(t))
	v, content, err = other.Read(ctx, k)
	ok(t, err)
	if string(content) != string(State("l", 2, "b")) || v.Number != two.Number || v.Commit != "c0ffee" || v.Resources != 1 || v.Tool != "1.12.6" {
		t.Errorf("read %+v", v)
	}
	if _, content, err = other.ReadVersion(ctx, k, one.Number); err != nil || string(content) != string(State("l", 1, "a")) {
		t.Errorf("the older version: %v", err)
	}
	_, _, err = other.ReadVersion(ctx, k, 99)
	wants(t, err, fault.KindNotFound)
}

func refusals(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, s := t.Context(), AKey(), states(t, open(t))
	_, err := write(s, ctx, k, "run", State("l", 5, "a"))
	wants(t, err, fault.KindConflict, "not held")
	_, err = s.Write(ctx, k, state.Write{Content: State("l", 5, "a"), By: state.Actor{Run: "run"}})
	wants(t, err, fault.KindConflict, "not locked")
	lock(t, s, k, "run")
	_, err = s.Write(ctx, k, state.Write{Content: State("l", 5, "a"), By: state.Actor{Run: "run"}})
	wants(t, err, fault.KindConflict, "locked by run run")
	_, err = s.Write(ctx, k, state.Write{Content: State("l", 5, "a"), Lock: "id-run", By: state.Actor{Run: "thief"}})
	wants(t, err, fault.KindConflict, "locked by run run")
	_, err = s.Write(ctx, k, state.Write{Content: State("l", 5, "a"), Lock: "id-run", By: state.Actor{Person: "ana"}})
	wants(t, err, fault.KindConflict, "locked by run run")
	_, err = write(s, ctx, k, "run", State("l", 5, "a"))
	ok(t, err)
	before, err := s.Head(ctx, k)
	ok(t, err)
	for name, x := range map[string]struct {
		content []byte
		kind    fault.Kind
		words   []string
	}{
		"Lineage":   {State("other", 6, "a"), fault.KindConflict, []string{`"other"`, `"l"`}},
		"Lower":     {State("l", 4, "a"), fault.KindConflict, []string{"serial 4", "has 5"}},
		"Equal":     {State("l", 5, "b"), fault.KindConflict, []string{"serial 5", "other content"}},
		"NoJSON":    {[]byte("<html>"), fault.KindInvalid, nil},
		"NoState":   {[]byte(`{}`), fault.KindInvalid, nil},
		"NoLineage": {[]byte(`{"version":4,"serial":9}`), fault.KindInvalid, nil},
		"Future":    {[]byte(`{"version":5,"serial":9,"lineage":"l"}`), fault.KindInvalid, nil},
	} {
		_, err := write(s, ctx, k, "run", x.content)
		t.Log(name, err)
		wants(t, err, x.kind, x.words...)
	}
	// Its answer was lost, and it is sent once more.
	_, err = write(s, ctx, k, "run", State("l", 5, "a"))
	ok(t, err)
	after, err := s.Head(ctx, k)
	ok(t, err)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
	small := states(t, open(t), func(o *state.Options) { o.MaxBytes = 10 })
	_, err = write(small, ctx, k, "run", State("l", 6, "a"))
	wants(t, err, fault.KindTooLarge)
	_, err = s.Write(ctx, k, state.Write{Content: State("other", 1, "x"), Lock: "id-run", By: state.Actor{Run: "run"}, Force: true})
	ok(t, err)
}

func locks(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, a, b := t.Context(), AKey(), states(t, open(t)), states(t, open(t))
	lock(t, a, k, "run1")
	lock(t, b, k, "run1") // once more, by another replica
	err := b.Lock(ctx, k, state.Lock{ID: "x", Run: "run2"})
	wants(t, err, fault.KindConflict, "run run1")
	var h *state.Held
	if !errors.As(err, &h) || h.Lock.ID != "id-run1" || h.Lock.Who != "ana@host" {
		t.Errorf("the holder is not told: %v", h)
	}
	wants(t, b.Lock(ctx, k, state.Lock{ID: "id-run1", Run: "run2"}), fault.KindConflict)
	wants(t, b.Lock(ctx, k, state.Lock{Run: "run2"}), fault.KindUsage)
	wants(t, b.Unlock(ctx, k, "x", state.Actor{Run: "run2"}), fault.KindConflict)
	wants(t, b.Unlock(ctx, k, "id-run1", state.Actor{Run: "run2"}), fault.KindConflict)
	wants(t, b.Unlock(ctx, k, "", state.Actor{Run: "run1"}), fault.KindConflict)
	ok(t, b.Unlock(ctx, k, "id-run1", state.Actor{Run: "run1"}))
	ok(t, a.Unlock(ctx, k, "id-run1", state.Actor{Run: "run1"})) // its answer was lost
	wants(t, a.Unlock(ctx, k, "never", state.Actor{Run: "run1"}), fault.KindConflict)

	ok(t, a.Lock(ctx, k, state.Lock{ID: "p", Person: "oidc:ana"}))
	_, err = b.Break(ctx, k, "another")
	wants(t, err, fault.KindConflict, "oidc:ana")
	was, err := b.Break(ctx, k, "p")
	if err != nil || was.Person != "oidc:ana" {
		t.Errorf("broken: %+v %v", was, err)
	}
	_, err = b.Break(ctx, k, "p")
	wants(t, err, fault.KindNotFound)
}

// oneLock has many want the lock at once: one gets it.
func oneLock(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k := t.Context(), AKey()
	var got atomic.Int64
	var g sync.WaitGroup
	for i := range 6 {
		s := states(t, open(t))
		g.Go(func() {
			err := s.Lock(ctx, k, state.Lock{ID: fmt.Sprint("id", i), Run: fmt.Sprint("run", i)})
			var h *state.Held
			switch {
			case err == nil:
				got.Add(1)
			case !errors.As(err, &h):
				t.Errorf("neither the lock nor its holder: %v", err)
			}
		})
	}
	g.Wait()
	if got.Load() != 1 {
		t.Errorf("%d have the lock", got.Load())
	}
}

func orphanedLock(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k := t.Context(), AKey()
	alive := map[string]bool{"run1": true, "run2": true}
	var told []state.Happening
	s := states(t, open(t), func(o *state.Options) {
		o.Live = func(run string) bool { return alive[run] }
		o.Tell = func(h state.Happening) { told = append(told, h) }
	})
	lock(t, s, k, "run1")
	wants(t, s.Lock(ctx, k, state.Lock{ID: "x", Run: "run2"}), fault.KindConflict)
	alive["run1"] = false
	lock(t, s, k, "run2")
	if len(told) != 1 || told[0].Kind != state.Released || told[0].Run != "run1" || told[0].By != "run run2" {
		t.Errorf("told %+v", told)
	}
	// Whoever comes back from the dead does not write over the next one.
	_, err := write(s, ctx, k, "run1", State("l", 1, "ghost"))
	wants(t, err, fault.KindConflict, "run run2")
	wants(t, s.Unlock(ctx, k, "id-run1", state.Actor{Run: "run1"}), fault.KindConflict)
	ok(t, s.Unlock(ctx, k, "id-run2", state.Actor{Run: "run2"}))

	// What a person has is never let go by itself.
	ok(t, s.Lock(ctx, k, state.Lock{ID: "p", Person: "oidc:ana"}))
	wants(t, s.Lock(ctx, k, state.Lock{ID: "x", Run: "run2"}), fault.KindConflict, "oidc:ana")
	_, err = s.Break(ctx, k, "p")
	ok(t, err)

	lock(t, s, k, "run2")
	if was, err := s.Release(ctx, k, "run1", state.Actor{}); was || err != nil {
		t.Errorf("released the lock of another run: %v %v", was, err)
	}
	if was, err := s.Release(ctx, k, "run2", state.Actor{}); !was || err != nil {
		t.Errorf("not released: %v %v", was, err)
	}
}

func pruned(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, v := t.Context(), AKey(), open(t)
	s := states(t, v, func(o *state.Options) { o.Keep = 3 })
	for i := 1; i <= 4; i++ {
		run := fmt.Sprint("run", i)
		lock(t, s, k, run)
		// A long run writes many; the last of them is what it came to.
		for j := range 3 {
			_, err := write(s, ctx, k, run, State("l", i*10+j, "a"))
			ok(t, err)
		}
		ok(t, s.Unlock(ctx, k, "id-"+run, state.Actor{Run: run}))
	}
	h, err := s.Head(ctx, k)
	ok(t, err)
	var serials []int64
	named := map[string]bool{}
	for _, x := range h.Versions {
		serials = append(serials, x.Serial)
		named[x.ID] = true
	}
	if diff := cmp.Diff([]int64{32, 41, 42}, serials); diff != "" {
		t.Errorf("serials that are kept (-want +got):\n%s", diff)
	}
	all, err := v.Parts(ctx)
	ok(t, err)
	for _, p := range all {
		if p.Owner == k.Hash() && !named[p.ID] {
			t.Errorf("part %s of a version that is not kept is there", p.ID)
		}
	}
}

func deleted(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k := t.Context(), AKey()
	s := states(t, open(t), func(o *state.Options) { o.Keep = 1 })
	lock(t, s, k, "run")
	_, err := write(s, ctx, k, "run", State("l", 7, "a"))
	ok(t, err)
	wants(t, s.Delete(ctx, k, "", state.Actor{Person: "ana"}), fault.KindConflict)
	ok(t, s.Delete(ctx, k, "id-run", state.Actor{Run: "run"}))
	ok(t, s.Unlock(ctx, k, "id-run", state.Actor{Run: "run"}))
	if v, content, err := s.Read(ctx, k); err != nil || content != nil || v.Number != 0 {
		t.Errorf("there is a state: %+v %v", v, err)
	}
	// Whatever is kept, what there was last can be had back.
	v, err := s.Restore(ctx, k, 1, state.Actor{Person: "ana"}, "by mistake")
	if err != nil || v.Serial != 8 || v.RestoredFrom != 1 || v.By != "ana" || v.Reason != "by mistake" {
		t.Errorf("restored %+v %v", v, err)
	}
}

func restored(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, s := t.Context(), AKey(), states(t, open(t))
	lock(t, s, k, "run")
	for i, value := range []string{"good", "bad"} {
		_, err := write(s, ctx, k, "run", State("l", i+1, value))
		ok(t, err)
	}
	_, err := s.Restore(ctx, k, 1, state.Actor{Person: "ana"}, "")
	wants(t, err, fault.KindConflict, "run run")
	ok(t, s.Unlock(ctx, k, "id-run", state.Actor{Run: "run"}))
	_, err = s.Restore(ctx, k, 2, state.Actor{Person: "ana"}, "")
	wants(t, err, fault.KindUsage)
	v, err := s.Restore(ctx, k, 1, state.Actor{Person: "ana"}, "")
	ok(t, err)
	_, content, err := s.Read(ctx, k)
	ok(t, err)
	c, err := state.Parse(content)
	ok(t, err)
	if v.Serial != 3 || c.Serial != 3 || c.Lineage != "l" || !bytes.Contains(content, []byte(`"good"`)) {
		t.Errorf("restored %+v", v)
	}
	if h, err := s.Head(ctx, k); err != nil || h.Lock != nil {
		t.Errorf("the lock is still there: %v %v", h.Lock, err)
	}
}

// errCrash ends a write where a process would have died.
var errCrash = errors.New("the process died")

// dying is a Vault whose process dies after so many calls that change something.
type dying struct {
	state.Vault
	left int
}

func (d *dying) step() error {
	if d.left--; d.left < 0 {
		return errCrash
	}
	return nil
}

func (d *dying) Put(ctx context.Context, k state.Key, h state.Head, m state.Mark) (state.Mark, error) {
	if err := d.step(); err != nil {
		return "", err
	}
	return d.Vault.Put(ctx, k, h, m)
}

func (d *dying) Keep(ctx context.Context, k state.Key, id string, sealed []byte) (int, error) {
	if err := d.step(); err != nil {
		return 0, err
	}
	return d.Vault.Keep(ctx, k, id, sealed)
}

func (d *dying) Drop(ctx context.Context, k state.Key, id string, parts int) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.Vault.Drop(ctx, k, id, parts)
}

// crash has a process die at every point of a write: the old version is current or the
// new, and what is left over is collected.
func crash(t *testing.T, open func(*testing.T) state.Vault) {
	for left := range 4 {
		t.Run(fmt.Sprintf("After%d", left), func(t *testing.T) {
			ctx, k := t.Context(), AKey()
			one := func(o *state.Options) { o.Keep = 1 }
			s := states(t, open(t), one)
			lock(t, s, k, "run")
			_, err := write(s, ctx, k, "run", State("l", 1, "old"))
			ok(t, err)
			d := &dying{open(t), left}
			_, err = write(states(t, d, one), ctx, k, "run", State("l", 2, "new"))
			if finished := left >= 2; (err == nil) != finished {
				t.Fatalf("the write: %v", err)
			}
			_, content, err := s.Read(ctx, k)
			ok(t, err)
			if old, is := State("l", 1, "old"), State("l", 2, "new"); !bytes.Equal(content, old) && !bytes.Equal(content, is) {
				t.Errorf("neither the old state nor the new one: %s", content)
			}
			// The tool sends it once more.
			_, err = write(s, ctx, k, "run", State("l", 2, "new"))
			ok(t, err)
			late := states(t, open(t), func(o *state.Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } })
			_, err = late.Sweep(ctx)
			ok(t, err)
			all, err := open(t).Parts(ctx)
			ok(t, err)
			ids := map[string]bool{}
			for _, p := range all {
				if p.Owner == k.Hash() {
					ids[p.ID] = true
				}
			}
			if len(ids) != 1 {
				t.Errorf("%d versions are kept, of 1", len(ids))
			}
			if _, content, err = s.Read(ctx, k); err != nil || !bytes.Equal(content, State("l", 2, "new")) {
				t.Errorf("after the sweep: %s %v", content, err)
			}
		})
	}
}

// tampered has somebody change, swap or remove what is kept: it is an error, and never
// no state.
func tampered(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, v := t.Context(), AKey(), open(t)
	s := states(t, v)
	lock(t, s, k, "run")
	one, err := write(s, ctx, k, "run", State("l", 1, "a"))
	ok(t, err)
	two, err := write(s, ctx, k, "run", State("l", 2, "a"))
	ok(t, err)

	stranger := states(t, open(t), func(o *state.Options) { o.Key = bytes.Repeat([]byte("z"), 32) })
	_, _, err = stranger.Read(ctx, k)
	wants(t, err, fault.KindUnavailable, "sealed with the key")

	raw, err := v.Fetch(ctx, k, one.ID, one.Parts)
	ok(t, err)
	ok(t, v.Drop(ctx, k, two.ID, two.Parts))
	_, _, err = s.Read(ctx, k)
	wants(t, err, fault.KindUnavailable, "gone")
	_, err = v.Keep(ctx, k, two.ID, raw)
	ok(t, err)
	_, _, err = s.Read(ctx, k)
	wants(t, err, fault.KindUnavailable, "changed")
}

func headGone(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, v := t.Context(), AKey(), open(t)
	_, err := v.Keep(ctx, k, "abc", []byte("sealed"))
	ok(t, err)
	_, _, err = states(t, v).Read(ctx, k)
	wants(t, err, fault.KindUnavailable, "is gone")
	// With a backup of the head it is wanted again.
	late := states(t, open(t), func(o *state.Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } })
	_, err = late.Sweep(ctx)
	ok(t, err)
	_, err = v.Fetch(ctx, k, "abc", 1)
	ok(t, err)
}

// sealed plants a secret and looks for it in all that the Vault has.
func sealed(t *testing.T, open func(*testing.T) state.Vault) {
	ctx, k, v := t.Context(), AKey(), open(t)
	s := states(t, v)
	lock(t, s, k, "run")
	x, err := write(s, ctx, k, "run", State("l", 1, "hunter2-hunter2"))
	ok(t, err)
	raw, err := v.Fetch(ctx, k, x.ID, x.Parts)
	ok(t, err)
	h, _, err := v.Head(ctx, k)
	ok(t, err)
	text, err := h.Encode()
	ok(t, err)
	for _, in := range [][]byte{raw, text} {
		if bytes.Contains(in, []byte("hunter2")) || bytes.Contains(in, []byte("terraform_data")) {
			t.Errorf("a state is there in clear: %q", in)
		}
	}
}

package state

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// The defaults of Options.
const (
	DefaultKeep     = 30
	DefaultMaxBytes = 64 << 20
)

// Options says how states are kept. Vault and Key are needed.
type Options struct {
	Vault Vault
	// Key is the installation's; without it nothing that was kept is read again.
	Key []byte
	// Keep is how many versions of a state are kept at least.
	Keep int
	// MaxBytes bounds one state.
	MaxBytes int64
	// Live says whether a run may still be going. While that cannot be known it says
	// true: a lock is then left alone. nil is true always.
	Live func(run string) bool
	// Tell hears of what happened, and must not wait; nil for nobody.
	Tell       func(Happening)
	Registerer prometheus.Registerer
	Log        *slog.Logger
	Now        func() time.Time
}

// Happening is something that people want to know of, or that belongs on record.
type Happening struct {
	Kind HappeningKind
	Key  Key
	// Run and Person are who did it, or whose lock it was.
	Run, Person string
	// By is the run or person who took the lock over, where one was released.
	By      string
	Version Version // where something was written
	Lock    Lock    // where a lock was released
	Err     error   // where something was refused
}

// HappeningKind is what happened.
type HappeningKind string

// The kinds of happenings.
const (
	Wrote    HappeningKind = "wrote"
	Refused  HappeningKind = "refused"
	Released HappeningKind = "released" // a lock whose run is over
)

// Actor is who does something: a run, or a person with a tool of their own.
type Actor struct {
	Run, Commit string
	Person      string
}

func (a Actor) name() string { return Lock{Run: a.Run, Person: a.Person}.Holder() }

// States keeps states in a Vault by the rules. It is safe for concurrent use, and so
// are several in several processes on one Vault.
type States struct {
	o      Options
	seal   *seal
	meters *meters
}

// New returns States. It asks nothing.
func New(o Options) (*States, error) {
	if o.Keep <= 0 {
		o.Keep = DefaultKeep
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Live == nil {
		o.Live = func(string) bool { return true }
	}
	if o.Tell == nil {
		o.Tell = func(Happening) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	sealer, err := newSeal(o.Key)
	if err != nil {
		return nil, err
	}
	return &States{o: o, seal: sealer, meters: newMeters(o.Registerer)}, nil
}

// MaxBytes is what one state may have.
func (s *States) MaxBytes() int64 { return s.o.MaxBytes }

// Head returns what is known of a state; one without versions where there is none.
func (s *States) Head(ctx context.Context, k Key) (Head, error) {
	h, _, err := s.head(ctx, k)
	return h, err
}

func (s *States) head(ctx context.Context, k Key) (Head, Mark, error) {
	if err := k.Check(); err != nil {
		return Head{}, "", err
	}
	h, m, err := s.o.Vault.Head(ctx, k)
	if err != nil {
		return Head{}, "", err
	}
	if m != "" {
		s.meters.saw(k, h.Lock != nil)
		return h, m, nil
	}
	// "No state" makes a tool create everything anew. A head is put before anything
	// else is kept, so where there are versions without one it was taken away.
	orphaned, err := s.o.Vault.Orphaned(ctx, k)
	if err != nil {
		return Head{}, "", err
	}
	if orphaned {
		return Head{}, "", fault.Unavailable("what names the versions of its state is gone, and the versions are there").At("stack %s", k).
			WithHint("put the Secret %s back from a backup; docs/guides/terraform-state.md says more", HeadName(k))
	}
	return Head{Format: format, Namespace: k.Unit.Namespace, Name: k.Unit.Name, Workspace: k.Workspace, Next: 1}, "", nil
}

// List returns the heads of all states.
func (s *States) List(ctx context.Context) ([]Head, error) { return s.o.Vault.Heads(ctx) }

// Read returns the newest version and its content. Where there is no state the
// version has the number 0, and that is no error.
func (s *States) Read(ctx context.Context, k Key) (Version, []byte, error) {
	h, err := s.Head(ctx, k)
	if err != nil {
		return Version{}, nil, err
	}
	v, ok := h.Current()
	if !ok {
		return Version{}, nil, nil
	}
	content, err := s.content(ctx, k, v)
	if err == nil || fault.KindOf(err) != fault.KindNotFound {
		return v, content, err
	}
	return Version{}, nil, lost(k, v, err)
}

// ReadVersion returns the version of a number and its content.
func (s *States) ReadVersion(ctx context.Context, k Key, number int64) (Version, []byte, error) {
	h, err := s.Head(ctx, k)
	if err != nil {
		return Version{}, nil, err
	}
	v, ok := h.Find(number)
	if !ok || v.Deleted {
		return Version{}, nil, fault.NotFound("version %d of its state is not kept", number).At("stack %s", k).
			WithHint("lockstep state show %s lists those that are", k.Unit)
	}
	content, err := s.content(ctx, k, v)
	if err != nil && fault.KindOf(err) == fault.KindNotFound {
		return Version{}, nil, lost(k, v, err)
	}
	return v, content, err
}

// lost is never "not found": a tool would take that for no state at all.
func lost(k Key, v Version, err error) error {
	return fault.Unavailable("a part of version %d of its state is gone", v.Number).At("stack %s", k).Because(err).
		WithHint("put its Secrets back from a backup, or go back to another version: lockstep state restore %s", k.Unit)
}

func (s *States) content(ctx context.Context, k Key, v Version) ([]byte, error) {
	sealed, err := s.o.Vault.Fetch(ctx, k, v.ID, v.Parts)
	if err != nil {
		return nil, err
	}
	return s.seal.open(k, v, sealed)
}

// Write is a version that somebody wants to be the newest.
type Write struct {
	Content []byte
	// Lock is the ID of the lock that the writer has.
	Lock string
	By   Actor
	// Force takes a lineage and a serial that do not follow. For people only.
	Force bool
	// Reason is a person's.
	Reason string

	restored int64
}

// Write makes a content the newest version. The same content under the same serial
// once more is no error and writes nothing.
func (s *States) Write(ctx context.Context, k Key, w Write) (Version, error) {
	v, err := s.write(ctx, k, w)
	if err != nil {
		s.meters.writes.WithLabelValues(resultOf(err)).Inc()
		s.o.Tell(Happening{Kind: Refused, Key: k, Run: w.By.Run, Person: w.By.Person, Err: err})
		return v, err
	}
	return v, nil
}

// tries bounds how often a head that moved is looked at again.
const tries = 8

func (s *States) write(ctx context.Context, k Key, w Write) (Version, error) {
	if int64(len(w.Content)) > s.o.MaxBytes {
		return Version{}, fault.TooLarge("the state has %d bytes, and %d are allowed", len(w.Content), s.o.MaxBytes).At("stack %s", k).
			WithHint("split the module, or start the server with a larger --state-max-size")
	}
	c, err := Parse(w.Content)
	if err != nil {
		return Version{}, fault.As(err).At("stack %s", k)
	}
	v := Version{
		Serial: c.Serial, Lineage: c.Lineage, Tool: c.Tool, At: s.o.Now().UTC().Truncate(time.Second),
		Run: w.By.Run, Commit: w.By.Commit, By: w.By.Person, Reason: w.Reason, RestoredFrom: w.restored,
		Resources: c.Count(), Size: int64(len(w.Content)), Digest: s.seal.digest(w.Content), Key: s.seal.fingerprint,
	}
	kept := false
	for range tries {
		h, m, err := s.head(ctx, k)
		if err == nil {
			err = follows(h, w, v)
		}
		if errors.Is(err, errSame) {
			s.meters.writes.WithLabelValues("unchanged").Inc()
			same, _ := h.Current()
			return same, nil
		}
		if err != nil {
			s.abandon(ctx, k, v, kept)
			return Version{}, err
		}
		if !kept {
			if v, err = s.keep(ctx, k, v, w.Content); err != nil {
				return Version{}, err
			}
			kept = true
		}
		v.Number = h.Next
		next, gone := h.with(v, s.o.Keep)
		_, err = s.o.Vault.Put(ctx, k, next, m)
		if errors.Is(err, ErrMoved) {
			continue
		}
		if err != nil {
			// It may have been put all the same: what it names has to stay. If it was
			// not, the sweep finds it.
			return Version{}, err
		}
		s.wrote(k, v)
		s.drop(ctx, k, gone)
		return v, nil
	}
	s.abandon(ctx, k, v, kept)
	return Version{}, busy(k)
}

func busy(k Key) error {
	return fault.Unavailable("its state is being changed by many at once").At("stack %s", k).WithHint("try again")
}

func (s *States) keep(ctx context.Context, k Key, v Version, content []byte) (Version, error) {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails: the program ends instead
	v.ID = hex.EncodeToString(id[:])
	sealed, err := s.seal.close(k, v.ID, content)
	if err != nil {
		return v, err
	}
	v.Stored = int64(len(sealed))
	v.Parts, err = s.o.Vault.Keep(ctx, k, v.ID, sealed)
	return v, err
}

// abandon forgets what was kept for a version that did not come to be.
func (s *States) abandon(ctx context.Context, k Key, v Version, kept bool) {
	if kept {
		s.drop(ctx, k, []Version{v})
	}
}

// drop forgets what no head names any more. What it does not get to is for the sweep.
func (s *States) drop(ctx context.Context, k Key, gone []Version) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	for _, v := range gone {
		if v.Deleted {
			continue
		}
		if err := s.o.Vault.Drop(ctx, k, v.ID, v.Parts); err != nil {
			s.o.Log.Warn("an old version of a state is not removed yet", "stack", k.String(), "version", v.Number, "error", err.Error())
		}
	}
}

func (s *States) wrote(k Key, v Version) {
	s.meters.writes.WithLabelValues("written").Inc()
	s.meters.bytes.Add(float64(v.Size))
	s.o.Log.Info("a state was written", "stack", k.String(), "version", v.Number, "serial", v.Serial, "resources", v.Resources, "bytes", v.Size, "run", v.Run, "person", v.By)
	s.o.Tell(Happening{Kind: Wrote, Key: k, Run: v.Run, Person: v.By, Version: v})
}

// errSame: the newest version is the one that is to be written.
var errSame = errors.New("it is there already")

// follows refuses a write that does not lead on from the head.
func follows(h Head, w Write, v Version) error {
	k := h.Key()
	if err := holds(h, w.Lock, w.By); err != nil {
		return err
	}
	now, ok := h.Current()
	switch {
	case !ok:
		return nil
	case now.Lineage == v.Lineage && now.Serial == v.Serial && now.Digest == v.Digest:
		return errSame
	case w.Force:
		return nil
	case now.Lineage != v.Lineage:
		return fault.Conflict("the state that was sent has the lineage %q, and the one that is kept has %q", v.Lineage, now.Lineage).At("stack %s", k).
			WithHint("it is the state of something else; if it is meant all the same: lockstep state push --force %s", k.Unit)
	case v.Serial < now.Serial:
		return fault.Conflict("the state that was sent has the serial %d, and the one that is kept has %d already", v.Serial, now.Serial).At("stack %s", k).
			WithHint("somebody has written since it was read; if the older one is meant: lockstep state restore %s, or push --force", k.Unit)
	case v.Serial == now.Serial:
		return fault.Conflict("the state that was sent has the serial %d, and so has the one that is kept, with other content", v.Serial).At("stack %s", k).
			WithHint("two have written what comes after serial %d; lockstep state diff %s shows what is kept", v.Serial-1, k.Unit)
	}
	return nil
}

// with returns h with v as the newest, and what it does not keep any more.
func (h Head) with(v Version, keep int) (next Head, gone []Version) {
	next = h
	next.Versions = append(slices.Clone(h.Versions), v)
	next.Next = v.Number + 1
	for len(next.Versions) > keep {
		i := next.spare()
		if i < 0 {
			break
		}
		gone = append(gone, next.Versions[i])
		next.Versions = slices.Delete(next.Versions, i, i+1)
	}
	return next, gone
}

// spare is the version that is missed least: the oldest that its own run wrote over
// again, since a long run writes many, else the oldest. Never the newest, nor the last
// that there was anything in.
func (h Head) spare() int {
	newest := len(h.Versions) - 1
	full := newest
	for full > 0 && h.Versions[full].Deleted {
		full--
	}
	for i := 0; i < newest-1; i++ {
		if v := h.Versions[i]; i != full && v.Run != "" && v.Run == h.Versions[i+1].Run && !v.Deleted {
			return i
		}
	}
	for i := range newest {
		if i != full {
			return i
		}
	}
	return -1
}

// Delete leaves a state without content. Its versions are kept as any others.
func (s *States) Delete(ctx context.Context, k Key, lock string, by Actor) error {
	for range tries {
		h, m, err := s.head(ctx, k)
		if err != nil {
			return err
		}
		if h.Lock != nil || by.Run != "" {
			if err := holds(h, lock, by); err != nil {
				return err
			}
		}
		now, ok := h.Current()
		if !ok {
			return nil
		}
		v := Version{
			Number: h.Next, Serial: now.Serial, Lineage: now.Lineage, At: s.o.Now().UTC().Truncate(time.Second),
			Run: by.Run, Commit: by.Commit, By: by.Person, Deleted: true,
		}
		next, gone := h.with(v, s.o.Keep)
		_, err = s.o.Vault.Put(ctx, k, next, m)
		if errors.Is(err, ErrMoved) {
			continue
		}
		if err == nil {
			s.wrote(k, v)
			s.drop(ctx, k, gone)
		}
		return err
	}
	return busy(k)
}

// Restore makes the content of an older version the newest one, under the serial after
// the newest. Nobody may have the lock.
func (s *States) Restore(ctx context.Context, k Key, number int64, by Actor, reason string) (Version, error) {
	h, err := s.Head(ctx, k)
	if err != nil {
		return Version{}, err
	}
	if now, ok := h.Current(); ok && now.Number == number {
		return Version{}, fault.Usage("version %d is the newest already", number).At("stack %s", k)
	}
	_, content, err := s.ReadVersion(ctx, k, number)
	if err != nil {
		return Version{}, err
	}
	// The lock keeps everybody out from here on, and is let go whatever happens.
	lock := Lock{ID: "restore-" + newID(), Operation: "restore", Info: reason, Who: by.Person, Run: by.Run, Person: by.Person}
	if err := s.Lock(ctx, k, lock); err != nil {
		return Version{}, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		if err := s.Unlock(ctx, k, lock.ID, by); err != nil {
			s.o.Log.Warn("the lock of a restore is not off", "stack", k.String(), "error", err.Error())
		}
	}()
	if h, err = s.Head(ctx, k); err != nil {
		return Version{}, err
	}
	serial := int64(0)
	if len(h.Versions) > 0 {
		serial = h.Versions[len(h.Versions)-1].Serial + 1
	}
	content, err = withSerial(content, serial)
	if err != nil {
		return Version{}, fault.As(err).At("stack %s", k)
	}
	// A state that was deleted and begun anew has another lineage; a person has said
	// which one is meant.
	return s.Write(ctx, k, Write{Content: content, Lock: lock.ID, By: by, Force: true, Reason: reason, restored: number})
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: the program ends instead
	return hex.EncodeToString(b[:])
}

// HeadName is what the head of a state is called where it is kept as a Secret.
func HeadName(k Key) string { return "lockstep-state-" + k.Hash() }

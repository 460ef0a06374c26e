package member

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	typed "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Options says who this member is and where the others are found.
type Options struct {
	Identity  *Identity
	Client    typed.CoordinationV1Interface
	Namespace string
	// Changed is called, without locks and one call at a time, when what this
	// member acts on may be another set than before.
	Changed func()
	Log     *slog.Logger
}

// Member is this process as one of the replicas. It is safe for concurrent use.
type Member struct {
	o       Options
	started time.Time
	ready   chan struct{} // closed by the first view that was read back
	wakeup  chan struct{}
	changed chan struct{}
	lost    chan error

	mu      sync.Mutex
	r       *shard.Replica
	passes  map[*Permit]bool
	leases  map[shard.ID]types.UID // of peers, to evict exactly those
	hard    time.Time              // when passes that should stop are cut off
	wall    time.Time              // when validity ends by the wall clock
	seen    bool                   // the first list was read
	closing bool
	written string // resource version of the own Lease as written last
	era     era

	// held is the own Lease as this process wrote or found it last. Only Run's
	// goroutine touches it after the first list.
	held *coordinationv1.Lease
}

// New returns a member that has not joined yet.
func New(o Options) *Member {
	return &Member{
		o: o, started: time.Now(),
		ready: make(chan struct{}), wakeup: make(chan struct{}, 1), changed: make(chan struct{}, 1), lost: make(chan error, 1),
		r:      shard.NewReplica(o.Identity.ID),
		passes: map[*Permit]bool{}, leases: map[shard.ID]types.UID{},
	}
}

// Acts says whether this process acts on it now.
func (m *Member) Acts(it shard.Item) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acts(it)
}

// Mine says whether it is this process's once all agree, which is for deciding
// what to prepare.
func (m *Member) Mine(it shard.Item) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.r.Owner(it) == m.o.Identity.ID
}

// Members returns all members.
func (m *Member) Members() shard.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.r.Members()
}

// Ready is closed when this member has joined.
func (m *Member) Ready() <-chan struct{} { return m.ready }

// acts is called with the lock. Whoever is refused because time is up relies on
// Changed to come back: a lapse that is over before Run's goroutine has looked, as
// when the answer to a renewal is late, has to begin an era as well.
func (m *Member) acts(it shard.Item) bool {
	if !m.valid() {
		m.look()
		return false
	}
	return m.r.Acts(it)
}

// valid goes by both clocks. The monotonic one may stand still while the machine
// sleeps, the other one may be set; whichever says first that time is up is heeded.
func (m *Member) valid() bool {
	return m.r.Valid(m.now()) && time.Now().Round(0).Before(m.wall)
}

// now is the time for the replica's own arithmetic: monotonic, and never early.
func (m *Member) now() time.Duration { return time.Since(m.started) }

// Run joins, and leaves with ctx: it waits for passes to end, hands over and
// returns nil. It returns an error when the others took over, after which this
// process must not act: what it remembers may be old.
func (m *Member) Run(ctx context.Context) error {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go m.watch(watching)
	go m.tell(watching)
	for {
		wait := m.turn(ctx)
		select {
		case <-ctx.Done():
			return m.handOver()
		case err := <-m.lost:
			m.fence()
			return err
		case <-m.wakeup:
		case <-time.After(wait):
		}
	}
}

// retry is the pause after a write that did not work.
const retry = time.Second

// turn does what there is to do and returns for how long nothing is, if nothing
// happens.
func (m *Member) turn(ctx context.Context) time.Duration {
	m.mu.Lock()
	if !m.seen {
		m.mu.Unlock()
		return time.Minute
	}
	now := m.now()
	d := m.r.Decide(now)
	if !m.valid() {
		m.cut()
	}
	m.look()
	drained := m.drain(d.Publish)
	write := d.Renew || d.Publish && drained
	var rec shard.Record
	if write {
		rec = m.r.Write(now, drained)
	}
	expires := m.r.Expires()
	var evict []shard.Lease
	uids := map[shard.ID]types.UID{}
	for _, l := range d.Evict {
		evict = append(evict, l)
		uids[l.ID] = m.leases[l.ID]
	}
	m.mu.Unlock()

	wait := max(d.Wake-now, 0)
	if write && !m.write(ctx, rec) {
		wait = min(wait, retry)
	}
	for _, l := range evict {
		_, version, _ := strings.Cut(l.Version, "/")
		m.o.Log.Info("a replica is gone", "replica", l.ID)
		if err := m.evict(ctx, uids[l.ID], version, l.ID); err != nil {
			m.o.Log.Warn("its lease cannot be deleted", "replica", l.ID, "err", err)
		}
		wait = min(wait, retry)
	}
	if d.Publish && !drained {
		wait = min(wait, 100*time.Millisecond)
	}
	if left := expires - m.now(); left > 0 {
		wait = min(wait, left)
	}
	// Never busy, whatever was decided: an event wakes this anyway.
	return max(wait, 20*time.Millisecond)
}

// grace is how long a pass may go on to its next safe point when its item is to
// go to another replica.
const grace = 5 * time.Second

// drain says whether nothing goes on that the next view gives away, and asks what
// does to stop.
func (m *Member) drain(wanted bool) bool {
	if !wanted {
		m.hard = time.Time{}
		return true
	}
	if m.hard.IsZero() {
		m.hard = time.Now().Add(grace)
	}
	drained := true
	for p := range m.passes {
		if !m.r.Leaves(p.item) {
			continue
		}
		drained = false
		if !p.told {
			p.told = true
			close(p.stop)
		}
		if time.Now().After(m.hard) {
			p.cancel()
		}
	}
	return drained
}

// cut ends every pass.
func (m *Member) cut() {
	for p := range m.passes {
		p.cancel()
	}
}

// fence ends every pass for good.
func (m *Member) fence() {
	m.mu.Lock()
	m.r.Lost()
	m.cut()
	m.turnEra()
	m.mu.Unlock()
	m.kick()
}

// write writes the own Lease and says whether that worked.
func (m *Member) write(ctx context.Context, rec shard.Record) bool {
	sent := time.Now()
	l, err := m.put(ctx, m.lease(rec, sent))
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err) {
		if why := m.reread(ctx); why != nil {
			m.fail(why)
		}
		return false
	}
	if err != nil {
		if ctx.Err() == nil {
			m.o.Log.Warn("the lease cannot be renewed", "err", err)
		}
		return false
	}
	m.held = l
	m.mu.Lock()
	m.wall = sent.Round(0).Add(rec.Timing.Deadline)
	m.r.Wrote(rec, LeaseOf(l).Version)
	m.written = l.ResourceVersion
	m.look()
	m.mu.Unlock()
	m.kick()
	return true
}

func (m *Member) fail(err error) {
	select {
	case m.lost <- err:
	default:
	}
}

// handTime bounds the hand-over: what does not end by then is left to expire.
const handTime = 10 * time.Second

// handOver waits for passes to end and deletes the own Lease, so that the others
// need not wait for it to run out.
func (m *Member) handOver() error {
	m.mu.Lock()
	m.closing = true
	for p := range m.passes {
		if !p.told {
			p.told = true
			close(p.stop)
		}
	}
	m.mu.Unlock()
	end := time.Now().Add(handTime)
	for {
		m.mu.Lock()
		left := len(m.passes)
		m.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			m.o.Log.Warn("passes did not end; the lease is left to run out", "passes", left)
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	m.mu.Lock()
	m.r.Lost()
	m.mu.Unlock()
	if m.held == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	if err := m.evict(ctx, m.held.UID, m.held.ResourceVersion, m.o.Identity.ID); err != nil {
		m.o.Log.Warn("the lease cannot be given up, and is left to run out", "err", err)
	}
	return nil
}

func (m *Member) kick() {
	select {
	case m.wakeup <- struct{}{}:
	default:
	}
}

// tell calls Changed, one call at a time.
func (m *Member) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.changed:
			if m.o.Changed != nil {
				m.o.Changed()
			}
		}
	}
}

// watch keeps the replica's knowledge of all Leases.
func (m *Member) watch(ctx context.Context) {
	leases := m.o.Client.Leases(m.o.Namespace)
	first := true
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = Selector
			l, err := leases.List(ctx, o)
			if err != nil && first && ctx.Err() == nil {
				first = false
				m.o.Log.Warn("the leases of the replicas cannot be read", "namespace", m.o.Namespace, "err", err)
			}
			if apierrors.IsForbidden(err) {
				m.fail(fault.Denied("the leases in namespace %q may not be read", m.o.Namespace).Because(err).
					WithHint("apply deploy/install, whose Role lockstep-lease allows it, or name another namespace with --system-namespace"))
			}
			return l, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = Selector
			return leases.Watch(ctx, o)
		},
	}
	r := cache.NewReflectorWithOptions(lw, &coordinationv1.Lease{}, sink{m}, cache.ReflectorOptions{
		Name: "members",
		// Nobody can go or come, and a replica that is there looks as if it were gone,
		// until the Leases are seen again.
		Backoff: &wait.Backoff{Duration: 200 * time.Millisecond, Cap: 2 * time.Second, Steps: 5, Factor: 2, Jitter: 0.5},
	})
	r.RunWithContext(ctx)
}

// sink is the reflector's store.
type sink struct{ m *Member }

// Add takes in a Lease.
func (s sink) Add(obj any) error { return s.Update(obj) }

// Update takes in a Lease.
func (s sink) Update(obj any) error {
	l, ok := obj.(*coordinationv1.Lease)
	if !ok {
		return fmt.Errorf("the watch of leases brought a %T", obj)
	}
	s.m.mu.Lock()
	s.m.take(l)
	s.m.look()
	s.m.mu.Unlock()
	s.m.kick()
	return nil
}

// Delete takes in that a Lease is gone.
func (s sink) Delete(obj any) error {
	l, ok := obj.(*coordinationv1.Lease)
	if !ok {
		return fmt.Errorf("the watch of leases brought a %T", obj)
	}
	if shard.ID(l.Name) == s.m.o.Identity.ID {
		s.m.ownGone(l.ResourceVersion)
		return nil
	}
	s.m.mu.Lock()
	s.m.gone(shard.ID(l.Name))
	s.m.look()
	s.m.mu.Unlock()
	s.m.kick()
	return nil
}

// Replace takes in all there are. The own Lease comes last: that it was read back
// means that all of the others were seen as of then.
func (s sink) Replace(objs []any, rv string) error {
	m := s.m
	var own *coordinationv1.Lease
	there := map[shard.ID]bool{}
	m.mu.Lock()
	for _, obj := range objs {
		l, ok := obj.(*coordinationv1.Lease)
		switch {
		case !ok:
			continue
		case shard.ID(l.Name) == m.o.Identity.ID:
			own = l
			continue
		}
		there[shard.ID(l.Name)] = true
		m.take(l)
	}
	for id := range m.leases {
		if !there[id] {
			m.gone(id)
		}
	}
	if !m.seen {
		m.seen, m.held = true, own // one of an earlier process of ours is taken over
	}
	if own != nil {
		m.take(own)
	}
	m.look()
	m.mu.Unlock()
	if own == nil {
		m.ownGone(rv)
	}
	m.kick()
	return nil
}

// Resync has nothing to do: there is no derived state.
func (s sink) Resync() error { return nil }

// take is called with the lock.
func (m *Member) take(l *coordinationv1.Lease) {
	if id := shard.ID(l.Name); id != m.o.Identity.ID {
		if _, known := m.leases[id]; !known {
			m.o.Log.Info("a replica is there", "replica", id)
		}
		m.leases[id] = l.UID
	}
	m.r.Seen(m.now(), LeaseOf(l))
}

// gone is called with the lock.
func (m *Member) gone(id shard.ID) {
	m.o.Log.Info("a replica has left", "replica", id)
	delete(m.leases, id)
	m.r.Gone(id)
}

// ownGone is called when the own Lease is missing in a state of that version. A
// state from before it was written means nothing.
func (m *Member) ownGone(version string) {
	m.mu.Lock()
	written, closing := m.written, m.closing
	m.mu.Unlock()
	if written == "" || closing || newer(written, version) {
		return
	}
	m.fail(errEvicted())
}

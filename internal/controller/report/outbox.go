package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/member"
	"github.com/lockstep-dev/lockstep/internal/observe"
)

// The statuses of Stacks wait in an outbox: applies go first, and what comes to
// two statuses within a moment is written once. A status that nothing is in the
// way of is sent at once, and one that somebody asked for goes ahead of all others.
// What has waited for longer than patience goes although applies are under way, but
// only a few at once: with as many as an API server takes, the applies of a commit
// to all would share it with the statuses of those that are done.
const (
	patience = 2500 * time.Millisecond
	// limit ends all restraint: another replica may wait for the Stack.
	limit = 2 * patience
	// crowd is how many passes may be under way before statuses give way to them:
	// fewer do not keep an API server busy.
	crowd = 8
	// senders is how many statuses are written at once, trickle how many of them
	// while there is a crowd.
	senders = 32
	trickle = 4
	// glance is how soon it is seen that a crowd is gone.
	glance = 5 * time.Millisecond
)

// outbox holds what is to be written.
type outbox struct {
	// active counts passes under way, waiting asks for those that wait for a worker.
	active  atomic.Int64
	waiting func() int

	mu      sync.Mutex
	letters map[types.UID]*letter
	order   []types.UID // of those that wait, oldest first, without the urgent
	urgent  []types.UID
	free    int // senders that have nothing to do
	// told is closed and replaced whenever there is something new to look at.
	told chan struct{}
	// closing ends all waiting: what is there is sent now.
	closing bool
}

// letter is one Stack's status on its way.
type letter struct {
	base    v1alpha1.StackStatus // what the API has
	want    *v1alpha1.Stack      // never changed once it is here
	from    context.Context      // of the pass that wrote it
	release func()               // lets another replica have the Stack
	since   time.Time
	notYet  time.Time // after a failure
	tries   int
	sending bool
	urgent  bool
}

func newOutbox() *outbox {
	return &outbox{
		waiting: func() int { return 0 },
		letters: map[types.UID]*letter{},
		free:    senders,
		told:    make(chan struct{}),
	}
}

// put takes a status in, replacing one that has not been sent yet.
func (o *outbox) put(ctx context.Context, before, after *v1alpha1.Stack, urgent bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	uid := after.UID
	l := o.letters[uid]
	if l == nil {
		l = &letter{base: before.Status, since: time.Now()}
		o.letters[uid] = l
		o.line(uid, urgent)
	} else if urgent && !l.urgent && !l.sending {
		o.urgent = append(o.urgent, uid) // the older entry is passed over
	}
	held := l.release
	l.want, l.from, l.release, l.urgent = after, ctx, member.Keep(ctx), l.urgent || urgent
	if held != nil {
		held()
	}
	o.tell()
}

func (o *outbox) line(uid types.UID, urgent bool) {
	if urgent {
		o.urgent = append(o.urgent, uid)
		return
	}
	o.order = append(o.order, uid)
}

// status returns the status that is on its way to a Stack, nil for none.
func (o *outbox) status(uid types.UID) *v1alpha1.StackStatus {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l := o.letters[uid]; l != nil {
		return &l.want.Status
	}
	return nil
}

func (o *outbox) drop(uid types.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remove(uid)
	o.tell()
}

// remove ends a letter; o.mu is held.
func (o *outbox) remove(uid types.UID) {
	if l := o.letters[uid]; l != nil {
		delete(o.letters, uid)
		l.release()
	}
}

func (o *outbox) tell() {
	close(o.told)
	o.told = make(chan struct{})
}

// due is a letter that may be sent now.
type due struct {
	uid  types.UID
	base v1alpha1.StackStatus
	want *v1alpha1.Stack
	from context.Context
}

// next takes the next letter that may go. wait is how long nothing can, when none
// may; it ends early when news is closed.
func (o *outbox) next(now time.Time) (out due, wait time.Duration, news <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wait, news = time.Hour, o.told
	if o.free == 0 {
		return
	}
	for _, line := range []*[]types.UID{&o.urgent, &o.order} {
		rest := (*line)[:0:0]
		for i, id := range *line {
			l := o.letters[id]
			if l == nil || l.sending {
				continue // dropped, or ahead of its place
			}
			left := o.left(l, now)
			if left > 0 {
				wait = min(wait, left)
				if l.notYet.IsZero() {
					// Those behind it came later.
					rest = joined(rest, (*line)[i:])
					break
				}
				rest = append(rest, id)
				continue
			}
			*line = joined(rest, (*line)[i+1:])
			l.sending = true
			o.free--
			return due{id, l.base, l.want, l.from}, 0, news
		}
		*line = rest
	}
	return
}

// joined appends tail to head. Nearly always there is no head, and thousands that
// wait are not copied for each that goes.
func joined(head, tail []types.UID) []types.UID {
	if len(head) == 0 {
		return tail
	}
	return append(head, tail...)
}

// left is how long l has to wait at least before it is looked at again.
func (o *outbox) left(l *letter, now time.Time) time.Duration {
	if left := l.notYet.Sub(now); left > 0 && !o.closing {
		return left
	}
	waited := now.Sub(l.since)
	overdue := waited >= patience && senders-o.free < trickle || waited >= limit
	if l.urgent || o.closing || member.Stopping(l.from) || overdue || o.active.Load()+int64(o.waiting()) <= crowd {
		return 0
	}
	return glance
}

// sent takes in how it went, and says whether it is the first failure.
func (o *outbox) sent(uid types.UID, sent *v1alpha1.Stack, err error) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.free++
	defer o.tell()
	l := o.letters[uid]
	if l == nil {
		return false
	}
	l.sending = false
	if err != nil && member.Stopping(l.from) {
		o.remove(uid) // the replica that waits for the Stack finds it out itself
		return true
	}
	if err != nil {
		l.notYet = time.Now().Add(min(200*time.Millisecond<<min(l.tries, 10), 30*time.Second))
		l.tries++
		o.line(uid, l.urgent)
		return l.tries == 1
	}
	if l.want == sent {
		o.remove(uid)
		return false
	}
	// A pass came to something new meanwhile.
	*l = letter{base: sent.Status, want: l.want, from: l.from, release: l.release, since: time.Now(), urgent: l.urgent}
	o.line(uid, l.urgent)
	return false
}

func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.letters)
}

// Pass says that a pass begins; what it returns says that it is over.
func (r *Reporter) Pass() (over func()) {
	r.outbox.active.Add(1)
	return func() { r.outbox.active.Add(-1) }
}

// Crowd tells the Reporter how to ask how many passes wait for a worker.
func (r *Reporter) Crowd(waiting func() int) { r.outbox.waiting = waiting }

// Run writes the statuses of Stacks until ctx ends.
func (r *Reporter) Run(ctx context.Context) {
	var g sync.WaitGroup
	defer g.Wait()
	for {
		l, wait, news := r.outbox.next(time.Now())
		if l.want != nil {
			// A write that has begun is finished, or its outcome would not be known.
			g.Go(func() { r.send(observe.Lasting(context.WithoutCancel(ctx), l.from), l) })
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// Flush writes all that is still on its way, until ctx ends. What is lost then is
// found again by the next pass.
func (r *Reporter) Flush(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.outbox.mu.Lock()
	r.outbox.closing = true
	r.outbox.mu.Unlock()
	go func() {
		defer cancel()
		for r.outbox.size() > 0 && ctx.Err() == nil {
			time.Sleep(glance)
		}
	}()
	r.Run(ctx)
	if n := r.outbox.size(); n > 0 {
		r.log.Warn("statuses were not written before the end; the next server writes them", "count", n)
	}
}

// sendTimeout bounds one write.
const sendTimeout = 30 * time.Second

func (r *Reporter) send(ctx context.Context, l due) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := r.patch(ctx, l.base, l.want, "")
	if apierrors.IsNotFound(err) || err != nil && r.another(ctx, l.want) {
		err = nil // nobody needs it any more
	}
	if first := r.outbox.sent(l.uid, l.want, err); first {
		r.log.Warn("a status could not be written, and is tried again", "stack", l.want.Namespace+"/"+l.want.Name, "err", err)
	}
}

// Record writes the status of a Stack now, for a pass that must not go on before
// it is written, and returns the API's answer. What is on its way goes with it. It
// is a conflict if somebody wrote the Stack since before was read.
func (r *Reporter) Record(ctx context.Context, before, after *v1alpha1.Stack) (*v1alpha1.Stack, error) {
	base, err := r.outbox.take(before)
	if err != nil {
		return nil, err
	}
	answer, err := r.patch(ctx, base, after, before.ResourceVersion)
	r.outbox.gave(before.UID, err)
	return answer, err
}

// take keeps a Stack's letter from being sent, and returns what the API has.
func (o *outbox) take(s *v1alpha1.Stack) (base v1alpha1.StackStatus, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.letters[s.UID]
	if l == nil {
		return s.Status, nil
	}
	if l.sending {
		kind := v1alpha1.GroupVersion.WithResource("stacks").GroupResource()
		return base, apierrors.NewConflict(kind, s.Name, errors.New("its status is being written"))
	}
	l.sending = true
	return l.base, nil
}

// gave ends what take began.
func (o *outbox) gave(uid types.UID, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.letters[uid]
	if l == nil {
		return
	}
	if err == nil {
		o.remove(uid)
		return
	}
	l.sending = false
	o.line(uid, l.urgent)
	o.tell()
}

// patch sends the difference between two statuses, and the version that it is
// based on unless that is "": nobody else writes statuses. It returns nil when
// there is nothing to send.
func (r *Reporter) patch(ctx context.Context, base v1alpha1.StackStatus, want *v1alpha1.Stack, version string) (*v1alpha1.Stack, error) {
	body, err := difference(base, want, version)
	if err != nil || body == nil {
		return nil, err
	}
	answer := &v1alpha1.Stack{}
	answer.Namespace, answer.Name = want.Namespace, want.Name
	err = r.client.Status().Patch(ctx, answer, client.RawPatch(types.JSONPatchType, body))
	r.Metrics.status(want, client.IgnoreNotFound(err))
	if err == nil && answer.UID == want.UID {
		r.Wrote(answer)
	}
	return answer, err
}

// operation is one of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// difference is the JSON patch from one status to another; nil for none. It fails
// on any other Stack than that of want: one that is deleted and created anew while
// a status is on its way must not get that of the one before. A merge patch cannot
// say so, since an API ignores the uid in what is sent to a status.
func difference(base v1alpha1.StackStatus, want *v1alpha1.Stack, version string) ([]byte, error) {
	from, err := fieldsOf(base)
	if err != nil {
		return nil, err
	}
	to, err := fieldsOf(want.Status)
	if err != nil {
		return nil, err
	}
	ops := []operation{{"test", "/metadata/uid", want.UID}}
	if version != "" {
		ops = []operation{{"replace", "/metadata/resourceVersion", version}}
	}
	guards := len(ops)
	if len(from) == 0 && len(to) > 0 {
		ops = append(ops, operation{"add", "/status", to}) // there may be none at all
		return json.Marshal(ops)
	}
	for _, name := range slices.Sorted(maps.Keys(to)) {
		if !bytes.Equal(from[name], to[name]) {
			ops = append(ops, operation{"add", "/status/" + name, to[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, stays := to[name]; !stays {
			// It may be gone: the answer to an earlier try may have been lost.
			ops = append(ops, operation{"add", "/status/" + name, nil}, operation{Op: "remove", Path: "/status/" + name})
		}
	}
	if len(ops) == guards {
		return nil, nil
	}
	return json.Marshal(ops)
}

// fieldsOf returns the fields that a status has in JSON.
func fieldsOf(s v1alpha1.StackStatus) (out map[string]json.RawMessage, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(text, &out)
}

// another says whether there is another Stack of that name by now, or none.
func (r *Reporter) another(ctx context.Context, s *v1alpha1.Stack) bool {
	now := &v1alpha1.Stack{}
	err := r.client.Get(ctx, client.ObjectKeyFromObject(s), now)
	return apierrors.IsNotFound(err) || err == nil && now.UID != s.UID
}

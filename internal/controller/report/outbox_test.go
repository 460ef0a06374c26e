package report

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
)

// at is a Stack whose status is told by one field.
func at(uid, revision string) *v1alpha1.Stack {
	return &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid)}, Status: v1alpha1.StackStatus{Revision: revision}}
}

// take wants the next letter to be this one.
func take(t *testing.T, o *outbox, now time.Time, uid, from, to string) *v1alpha1.Stack {
	t.Helper()
	l, wait, _ := o.next(now)
	id, base, want := l.uid, l.base, l.want
	if want == nil {
		t.Fatalf("nothing may go for %s, want %s", wait, uid)
	}
	if string(id) != uid || base.Revision != from || want.Status.Revision != to {
		t.Fatalf("%s goes from %q to %q, want %s from %q to %q", id, base.Revision, want.Status.Revision, uid, from, to)
	}
	return want
}

func none(t *testing.T, o *outbox, now time.Time) {
	t.Helper()
	if l, _, _ := o.next(now); l.want != nil {
		t.Fatalf("%s goes, want nothing", l.uid)
	}
}

func TestStatusesGoAtOnceWhenNothingIsInTheWay(t *testing.T) {
	o, now := newOutbox(), time.Now()
	o.put(t.Context(), at("a", "0"), at("a", "1"), false)
	want := take(t, o, now, "a", "0", "1")
	if got := o.status("a"); got == nil || got.Revision != "1" {
		t.Errorf("on its way it is %v, want revision 1", got)
	}
	o.sent("a", want, nil)
	none(t, o, now)
	if got := o.status("a"); got != nil || o.size() != 0 {
		t.Errorf("once sent it is still %v", got)
	}
}

func TestStatusesGiveWayToPasses(t *testing.T) {
	o, now := newOutbox(), time.Now()
	o.waiting = func() int { return crowd + 1 }
	o.put(t.Context(), at("a", "0"), at("a", "1"), false)
	o.put(t.Context(), at("b", "0"), at("b", "1"), false)
	none(t, o, now)
	o.put(t.Context(), at("a", "1"), at("a", "2"), false) // within a moment: one write
	o.put(t.Context(), at("c", "0"), at("c", "1"), true)
	take(t, o, now, "c", "0", "1")
	none(t, o, now)
	o.put(t.Context(), at("b", "1"), at("b", "2"), true) // somebody asked for it meanwhile
	take(t, o, now, "b", "0", "2")
	none(t, o, now)
	take(t, o, now.Add(patience+time.Second), "a", "0", "2")
	none(t, o, now.Add(time.Hour))
}

func TestStatusesThatWaitedLongTrickle(t *testing.T) {
	o, now := newOutbox(), time.Now()
	active := crowd + 1
	o.waiting = func() int { return active }
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	for _, n := range names {
		o.put(t.Context(), at(n, "0"), at(n, "1"), false)
	}
	late := now.Add(patience + time.Second)
	var sent []*v1alpha1.Stack
	for _, n := range names[:trickle] {
		sent = append(sent, take(t, o, late, n, "0", "1"))
	}
	none(t, o, late) // the applies keep the rest of the API server
	o.sent("a", sent[0], nil)
	take(t, o, late, "e", "0", "1")
	none(t, o, late)
	take(t, o, now.Add(limit+time.Second), "f", "0", "1") // no crowd holds one up for longer
	none(t, o, late)
	active = 0
	take(t, o, late, "g", "0", "1")
}

func TestStatusThatChangesWhileItIsSent(t *testing.T) {
	o, now := newOutbox(), time.Now()
	o.put(t.Context(), at("a", "0"), at("a", "1"), false)
	first := take(t, o, now, "a", "0", "1")
	o.put(t.Context(), at("a", "1"), at("a", "2"), false)
	none(t, o, now) // never two of one Stack at once
	o.sent("a", first, nil)
	take(t, o, now, "a", "1", "2")
}

func TestStatusThatCouldNotBeSent(t *testing.T) {
	o, now := newOutbox(), time.Now()
	o.put(t.Context(), at("a", "0"), at("a", "1"), false)
	o.put(t.Context(), at("b", "0"), at("b", "1"), false)
	if first := o.sent("a", take(t, o, now, "a", "0", "1"), errors.New("no")); !first {
		t.Error("the first failure is not told")
	}
	b := take(t, o, now, "b", "0", "1") // is not held up
	o.sent("b", b, nil)
	none(t, o, now)
	again := now.Add(time.Second)
	o.put(t.Context(), at("a", "1"), at("a", "2"), false)
	if first := o.sent("a", take(t, o, again, "a", "0", "2"), errors.New("no")); first {
		t.Error("the second failure is told as well")
	}
	o.closing = true // at the end nothing waits
	take(t, o, now, "a", "0", "2")
}

func TestStatusOfADeletedStack(t *testing.T) {
	o, now := newOutbox(), time.Now()
	o.put(t.Context(), at("a", "0"), at("a", "1"), false)
	o.put(t.Context(), at("b", "0"), at("b", "1"), false)
	o.drop("a")
	b := take(t, o, now, "b", "0", "1")
	o.drop("b")
	o.sent("b", b, errors.New("not found"))
	none(t, o, now.Add(time.Hour))
	if o.size() != 0 || o.free != senders {
		t.Errorf("%d letters, %d free senders are left", o.size(), o.free)
	}
}

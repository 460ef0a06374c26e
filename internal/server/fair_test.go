package server

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func request(ns, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: ns, Name: name}}
}

func testFair(t *testing.T) *fair {
	t.Helper()
	q := newFair("test", workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Millisecond, time.Second))
	t.Cleanup(q.ShutDown)
	return q
}

// TestOneAmongThousand has tenant A touch a thousand Stacks, and then tenant B
// one. Counted is how many of A's passes begin between B's push and B's pass.
func TestOneAmongThousand(t *testing.T) {
	const workers, many = 32, 1000
	q := testFair(t)
	for i := range many {
		q.Add(request("a", fmt.Sprint("s", i)))
	}
	var mu sync.Mutex
	var order []string
	pushed := make(chan struct{})
	go func() {
		// All workers have one of A's passes when B pushes.
		for {
			mu.Lock()
			n := len(order)
			mu.Unlock()
			if n >= workers {
				break
			}
			time.Sleep(time.Millisecond)
		}
		q.Add(request("b", "only"))
		mu.Lock()
		order = append(order, "pushed")
		mu.Unlock()
		close(pushed)
	}()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for first := true; ; first = false {
				it, shutdown := q.Get()
				if shutdown {
					return
				}
				mu.Lock()
				order = append(order, it.Namespace)
				done := len(order) >= many+2
				mu.Unlock()
				if first {
					<-pushed // a pass takes a while
				}
				q.Done(it)
				if done {
					q.ShutDown()
				}
			}
		})
	}
	wg.Wait()
	between, counting := 0, false
	for _, who := range order {
		switch {
		case who == "pushed":
			counting = true
		case who == "b" && counting:
			if between > 2 {
				t.Errorf("%d of A's passes began between B's push and B's pass; its turn is the next but one", between)
			}
			return
		case counting:
			between++
		}
	}
	t.Error("B had no pass")
}

func TestTurns(t *testing.T) {
	low := -100
	cases := map[string]struct {
		why  string
		add  func(*fair)
		want []string
	}{
		"RoundRobin": {
			why: "Namespaces take turns, and inside one it is first come, first served.",
			add: func(q *fair) {
				for _, it := range []string{"a/1", "a/2", "a/3", "b/1", "c/1", "c/2"} {
					q.Add(request(it[:1], it[2:]))
				}
			},
			want: []string{"a/1", "b/1", "c/1", "a/2", "c/2", "a/3"},
		},
		"EventsFirst": {
			why: "The first look after a start waits for who has something new.",
			add: func(q *fair) {
				q.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request("a", "1"), request("b", "1"))
				q.Add(request("c", "1"))
			},
			want: []string{"c/1", "a/1", "b/1"},
		},
		"Raised": {
			why: "What waits for a routine look and is then asked for goes first.",
			add: func(q *fair) {
				q.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request("a", "1"), request("a", "2"))
				q.Add(request("a", "2"))
			},
			want: []string{"a/2", "a/1"},
		},
		"RoutineIsNotStarved": {
			why: "However much is asked for, what comes by itself has its turn.",
			add: func(q *fair) {
				q.AddWithOpts(priorityqueue.AddOpts{Priority: &low}, request("z", "1"))
				for i := range patience + 1 {
					q.Add(request("a", fmt.Sprint(i)))
				}
			},
			want: []string{"a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "a/7", "z/1", "a/8"},
		},
		"Once": {
			why: "An item that is added twice before its turn has one.",
			add: func(q *fair) {
				q.Add(request("a", "1"))
				q.Add(request("a", "1"))
			},
			want: []string{"a/1"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			q := testFair(t)
			tc.add(q)
			var got []string
			for q.Len() > 0 {
				it, _ := q.Get()
				got = append(got, it.Namespace+"/"+it.Name)
				q.Done(it)
			}
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%s\ngot  %v\nwant %v", tc.why, got, tc.want)
			}
		})
	}
}

// TestRetriesComeByThemselves: a retry that is due does not go before an event.
func TestRetriesComeByThemselves(t *testing.T) {
	q := testFair(t)
	q.AddAfter(request("a", "retry"), time.Millisecond)
	for q.Len() == 0 {
		time.Sleep(time.Millisecond)
	}
	q.Add(request("a", "event"))
	if it, _ := q.Get(); it.Name != "event" {
		t.Errorf("got %s first", it.Name)
	}
}

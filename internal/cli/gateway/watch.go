package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// stream is a watch over the server's stream of changes.
type stream struct {
	out  chan watch.Event
	stop context.CancelFunc
	once sync.Once
}

func (s *stream) ResultChan() <-chan watch.Event { return s.out }
func (s *stream) Stop()                          { s.once.Do(s.stop) }

// hear tells one message of the stream; it returns false to end the watch.
type hear func(ctx context.Context, m wire.Message, tell func(watch.EventType, client.Object) bool) bool

// open begins a watch. An answer that is no stream is an error at once.
func (c *Client) open(ctx context.Context, topic string, on hear) (watch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	r, err := c.c.WatchEvents(ctx, &wire.WatchEventsParams{Topics: []string{topic}})
	if err == nil && r.StatusCode >= http.StatusBadRequest {
		_, err = wire.Read[struct{}](r, nil)
	}
	if err != nil {
		cancel()
		return nil, c.Fault(err)
	}
	s := &stream{out: make(chan watch.Event), stop: cancel}
	tell := func(t watch.EventType, obj client.Object) bool {
		select {
		case s.out <- watch.Event{Type: t, Object: obj}:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(s.out)
		defer cancel()
		for m, err := range wire.Events(r, nil) {
			// A stream that broke is begun anew by who watches, as one that ended.
			if err != nil || m.Name == "bye" || m.Name == "resync" || !on(ctx, m, tell) {
				return
			}
		}
	}()
	return s, nil
}

// WatchStacks follows the topic of one Stack, or that of all.
func (c *Client) WatchStacks(ctx context.Context, namespace, name, version string) (watch.Interface, error) {
	if name != "" {
		return c.watchStack(ctx, lockstep.Unit{Namespace: namespace, Name: name})
	}
	seen, _ := strconv.ParseInt(version, 10, 64) // none is from the beginning
	return c.open(ctx, "fleet", func(ctx context.Context, m wire.Message, tell func(watch.EventType, client.Object) bool) bool {
		switch m.Name {
		case "hello":
			return c.missed(ctx, namespace, seen, m, tell)
		case "rows":
			e := wire.RowsEvent{}
			if json.Unmarshal(m.Data, &e) != nil {
				return false
			}
			return rows(e, namespace, tell)
		}
		return true
	})
}

// missed tells what changed between a list and the beginning of a stream.
func (c *Client) missed(ctx context.Context, namespace string, seen int64, m wire.Message, tell func(watch.EventType, client.Object) bool) bool {
	hello := wire.HelloEvent{}
	if json.Unmarshal(m.Data, &hello) != nil {
		return false
	}
	if hello.Version == seen {
		return true
	}
	list, err := c.Find(ctx, namespace, "")
	if err != nil {
		return false
	}
	for i := range list.Items {
		s := &list.Items[i]
		v, _ := strconv.ParseInt(s.ResourceVersion, 10, 64)
		// Another server counts for itself: what it has is all news.
		if (v > seen || hello.Version < seen) && !tell(watch.Modified, s) {
			return false
		}
	}
	return true
}

func rows(e wire.RowsEvent, namespace string, tell func(watch.EventType, client.Object) bool) bool {
	for i := range e.Rows {
		if in(namespace, e.Rows[i].Namespace) && !tell(watch.Modified, stackOfRow(&e.Rows[i])) {
			return false
		}
	}
	for _, g := range e.Gone {
		if in(namespace, g.Namespace) && !tell(watch.Deleted, gone(g.Namespace, g.Name, e.Version)) {
			return false
		}
	}
	return true
}

func in(namespace, of string) bool { return namespace == "" || namespace == of }

func gone(namespace, name string, v int64) *v1alpha1.Stack {
	s := &v1alpha1.Stack{}
	s.Namespace, s.Name, s.ResourceVersion = namespace, name, version(v)
	return s
}

func (c *Client) watchStack(ctx context.Context, u lockstep.Unit) (watch.Interface, error) {
	return c.open(ctx, "stack:"+u.String(), func(ctx context.Context, m wire.Message, tell func(watch.EventType, client.Object) bool) bool {
		switch m.Name {
		case "hello":
			// What happened between the read and the stream is in another read.
			s, err := c.Stack(ctx, u)
			if errors.Is(err, fault.KindNotFound) {
				return tell(watch.Deleted, gone(u.Namespace, u.Name, 0))
			}
			return err == nil && tell(watch.Modified, s)
		case "stack":
			e := wire.StackEvent{}
			if json.Unmarshal(m.Data, &e) != nil {
				return false
			}
			if e.Detail == nil {
				return tell(watch.Deleted, gone(u.Namespace, u.Name, e.Version))
			}
			return tell(watch.Modified, stackOf(e.Detail))
		}
		return true
	})
}

// WatchSources follows the topic of Sources.
func (c *Client) WatchSources(ctx context.Context, namespace, _ string) (watch.Interface, error) {
	return c.open(ctx, "sources", func(_ context.Context, m wire.Message, tell func(watch.EventType, client.Object) bool) bool {
		e := wire.SourceEvent{}
		if m.Name != "source" {
			return true
		}
		if json.Unmarshal(m.Data, &e) != nil {
			return false
		}
		return e.Row == nil || !in(namespace, e.Namespace) || tell(watch.Modified, sourceOf(e.Row))
	})
}

// WatchTargets follows the topic of Targets.
func (c *Client) WatchTargets(ctx context.Context, namespace, _ string) (watch.Interface, error) {
	return c.open(ctx, "targets", func(_ context.Context, m wire.Message, tell func(watch.EventType, client.Object) bool) bool {
		e := wire.TargetEvent{}
		if m.Name != "target" {
			return true
		}
		if json.Unmarshal(m.Data, &e) != nil {
			return false
		}
		return e.Row == nil || !in(namespace, e.Namespace) || tell(watch.Modified, targetOf(e.Row))
	})
}

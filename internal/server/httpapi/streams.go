package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
)

// wish reads what was asked for.
func (r ActionRequest) wish() (live.Wish, error) {
	k, err := lockstep.ParseKey(r.Object)
	if err != nil {
		return live.Wish{}, fault.Usage("%s", err)
	}
	w := live.Wish{Object: k, UID: r.UID, Action: r.Action, Replicas: -1}
	if r.Replicas != nil {
		w.Replicas = *r.Replicas
	}
	return w, nil
}

// Bounds of streams that people follow.
const (
	mostFollowed  = 256 // by everybody
	mostPerPerson = 12
	recheck       = 15 * time.Second // how soon a permission that was taken away ends a stream
	writeTime     = 20 * time.Second // a peer that takes nothing for so long is gone
	longestStream = time.Hour
)

// follows counts who follows what.
type follows struct {
	mu  sync.Mutex
	all int
	by  map[string]int
}

func (f *follows) begin(person string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]int{}
	}
	if f.all >= mostFollowed || f.by[person] >= mostPerPerson {
		return fault.TooMany("too many logs and events are followed at once").WithHint("close other tabs, or try again in a moment")
	}
	f.all++
	f.by[person]++
	return nil
}

func (f *follows) end(person string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.by[person]--; f.by[person] == 0 {
		delete(f.by, person)
	}
}

type logsInput struct {
	UnitPath
	Object    string   `query:"object" maxLength:"1024" doc:"id of the object whose pods are read; absent for all pods of the Stack"`
	Pods      []string `query:"pod" maxItems:"50" doc:"names of pods; absent for all"`
	Container string   `query:"container" maxLength:"253" doc:"absent for all"`
	Follow    bool     `query:"follow" doc:"go on with what comes"`
	Previous  bool     `query:"previous" doc:"of containers before their last restart"`
	Tail      int64    `query:"tail" minimum:"0" maximum:"10000" default:"200" doc:"lines from the end of each log"`
	Since     string   `query:"since" format:"date-time" doc:"nothing before this"`
}

func (in *logsInput) wish() (live.LogWish, error) {
	w := live.LogWish{Pods: in.Pods, Container: in.Container, Follow: in.Follow, Previous: in.Previous, Tail: in.Tail}
	if in.Object != "" {
		k, err := lockstep.ParseKey(in.Object)
		if err != nil {
			return w, fault.Usage("%s", err)
		}
		w.Object = &k
	}
	if in.Since != "" {
		at, err := time.Parse(time.RFC3339, in.Since)
		if err != nil {
			return w, fault.Usage("since is no time as RFC 3339 writes it")
		}
		w.Since = at
	}
	return w, nil
}

func registerStreams(api huma.API, d *Deps) {
	huma.Register(api, streamed[[]live.LogLine](api, "/stacks/{namespace}/{name}/logs", "streamLogs",
		"Lines of logs of a Stack's pods, merged as they come: server-sent events named lines, and one named end or problem"),
		func(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
			w, err := in.wish()
			if err != nil {
				return nil, problem(err)
			}
			return d.stream(ctx, access.Logs, in.unit(), "lines", func(ctx context.Context, send func(any) error) error {
				return d.Live.Logs(ctx, in.unit(), w, func(lines []live.LogLine) error { return send(lines) })
			})
		})
	huma.Register(api, streamed[[]live.ClusterEvent](api, "/stacks/{namespace}/{name}/events/stream", "streamEvents",
		"Events of a Stack's objects as they come, the oldest first: server-sent events named events, and one named problem"),
		func(ctx context.Context, in *UnitPath) (*huma.StreamResponse, error) {
			u := in.unit()
			return d.stream(ctx, access.Get, u, "events", func(ctx context.Context, send func(any) error) error {
				return d.Live.Follow(ctx, u, func(events []live.ClusterEvent) error { return send(append([]live.ClusterEvent{}, events...)) })
			})
		})
}

// streamed describes an operation that answers with server-sent events.
func streamed[T any](api huma.API, path, id, summary string) huma.Operation {
	op := operation(http.MethodGet, path, id, summary, http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
	}}
	return op
}

// stream answers with server-sent events called name until run ends, the peer goes
// or the person may not any more.
func (d *Deps) stream(ctx context.Context, verb access.Verb, u lockstep.Unit, name string, run func(context.Context, func(any) error) error) (*huma.StreamResponse, error) {
	if err := d.may(ctx, verb, u); err != nil {
		return nil, err
	}
	p, err := who(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.follows.begin(p.Name); err != nil {
		return nil, problem(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer d.follows.end(p.Name)
		ctx, cancel := context.WithTimeout(hc.Context(), longestStream)
		defer cancel()
		hc.SetHeader("Content-Type", "text/event-stream")
		hc.SetHeader("Cache-Control", "no-store")
		hc.SetHeader("X-Accel-Buffering", "no") // proxies would hold lines back
		out := &sse{w: hc.BodyWriter()}
		if err := out.open(); err != nil {
			return
		}
		refused := d.watchRights(ctx, cancel, p, verb, u)
		err := run(ctx, func(v any) error { return out.send(name, v) })
		if r := refused(); r != nil {
			err = r
		}
		switch {
		case err != nil:
			_ = out.send("problem", problem(err)) // the peer may be gone
		default:
			_ = out.send("end", struct{}{})
		}
	}}, nil
}

// watchRights ends a stream, by cancel, when the person may not any more. The
// function that it returns says why.
func (d *Deps) watchRights(ctx context.Context, cancel context.CancelFunc, p lockstep.Person, verb access.Verb, u lockstep.Unit) func() error {
	var mu sync.Mutex
	var refused error
	go func() {
		tick := time.NewTicker(recheck)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now, err := d.still(ctx, p)
			if err == nil {
				err = d.allowed(ctx, now, verb, u)
			}
			if over(err) && ctx.Err() == nil {
				mu.Lock()
				refused = err
				mu.Unlock()
				cancel()
				return
			}
		}
	}()
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		return refused
	}
}

// over says whether err means that the person may not any more; that it cannot be
// known just now ends nothing.
func over(err error) bool {
	return errors.Is(err, fault.KindDenied) || errors.Is(err, fault.KindUnauthenticated)
}

// sse writes server-sent events.
type sse struct {
	w  interface{ Write([]byte) (int, error) }
	rc *http.ResponseController
}

func (s *sse) open() error {
	if w, ok := s.w.(http.ResponseWriter); ok {
		s.rc = http.NewResponseController(w)
	}
	return s.write([]byte(": open\n\n"))
}

func (s *sse) send(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, data))
}

func (s *sse) write(b []byte) error {
	if s.rc != nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(writeTime)) // not every writer has one
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	if s.rc != nil {
		return s.rc.Flush()
	}
	return nil
}

package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type watchEvents struct {
	Topics      []string `query:"topics" required:"true" minItems:"1" maxItems:"16" doc:"fleet, sources, targets, stack:NAMESPACE/NAME" example:"fleet"`
	LastEventID string   `header:"Last-Event-ID" maxLength:"100" doc:"id of the last event that was seen, to go on from there"`
}

func registerEvents(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/events", "watchEvents", "What changes, as it does", 400, 429)
	o.Description = "Server-sent events. The name of an event is a member of Event, its data is JSON of what that member holds. " +
		"Begins with hello; after resync, read anew what is shown. Events are coalesced: of a Stack only the newest form comes. " +
		"Each has an id; sent back as Last-Event-ID it makes the stream go on from there, if the server still can."
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event")
	o.Responses = map[string]*huma.Response{"200": {
		Description: "A stream of events",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: schema}},
	}}
	huma.Register(api, o, d.watchEvents)
}

// The bounds of streams.
const (
	maxStreams    = 4096 // of one server
	maxOfPerson   = 64   // of one person: tabs, and commands that watch
	gather        = 100 * time.Millisecond
	pingEvery     = 15 * time.Second
	writeTimeout  = 10 * time.Second
	countsEvery   = time.Second
	streamMaximum = 5 * time.Minute // then it is opened anew, and who asks is checked anew
)

// topics is what a stream is about.
type topics struct {
	fleet, sources, targets bool
	stacks                  map[lockstep.Unit]bool
}

func parseTopics(in []string) (topics, error) {
	t := topics{stacks: map[lockstep.Unit]bool{}}
	for _, name := range in {
		switch name {
		case "fleet":
			t.fleet = true
			continue
		case "sources":
			t.sources = true
			continue
		case "targets":
			t.targets = true
			continue
		}
		unit, ok := strings.CutPrefix(name, "stack:")
		u, err := lockstep.ParseUnit(unit, "")
		if !ok || err != nil {
			return t, fault.Usage("there is no topic %q", name).WithHint("fleet, sources, targets or stack:NAMESPACE/NAME")
		}
		t.stacks[u] = true
	}
	return t, nil
}

// turnstile counts the streams that are open.
type turnstile struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

func (t *turnstile) enter(person string) (leave func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all >= maxStreams {
		return nil, fault.TooMany("this server has %d streams open, and takes no more", t.all).WithHint("try again in a moment")
	}
	if t.of[person] >= maxOfPerson {
		return nil, fault.TooMany("you have %d streams open, and %d are allowed", t.of[person], maxOfPerson).WithHint("close a tab, or end a command that watches")
	}
	if t.of == nil {
		t.of = map[string]int{}
	}
	t.all++
	t.of[person]++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.all--
		if t.of[person]--; t.of[person] == 0 {
			delete(t.of, person)
		}
	}, nil
}

// Streams returns how many streams are open.
func (d *Deps) Streams() int {
	d.streams.mu.Lock()
	defer d.streams.mu.Unlock()
	return d.streams.all
}

func (d *Deps) watchEvents(ctx context.Context, in *watchEvents) (*huma.StreamResponse, error) {
	p, see, err := d.sees(ctx)
	if err != nil {
		return nil, problem(err)
	}
	t, err := parseTopics(in.Topics)
	if err != nil {
		return nil, problem(err)
	}
	leave, err := d.streams.enter(p.Name)
	if err != nil {
		return nil, problem(err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer leave()
		if d.Edge != nil {
			defer d.Edge.Streamed()()
		}
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Accel-Buffering", "no") // a proxy that collects would make live late
		// The time to read a request is over long before the stream is.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		s := &feed{d: d, p: p, see: see, topics: t, proved: time.Now(), out: sseWriter{w: w, c: http.NewResponseController(w), epoch: d.Board.Epoch}}
		s.run(hc.Context(), in.LastEventID)
	}}, nil
}

// resumeAt reads the id of an event: EPOCH-VERSION.
func resumeAt(id, epoch string) (version uint64, ok bool) {
	e, v, found := strings.Cut(id, "-")
	if !found || e != epoch {
		return 0, false
	}
	version, err := strconv.ParseUint(v, 10, 64)
	return version, err == nil
}

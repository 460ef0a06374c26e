package live

import (
	"cmp"
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ClusterEvent is something that the cluster says about an object.
type ClusterEvent struct {
	ID      string    `json:"id" doc:"of the event itself"`
	Object  string    `json:"object" doc:"id of the object that it is about"`
	Type    string    `json:"type" enum:"Normal,Warning"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Source  string    `json:"source,omitempty" doc:"who says so"`
	Count   int       `json:"count" doc:"how often it was said"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Bounds of events.
const (
	mostEvents     = 1000 // read of one namespace
	mostNamespaces = 10
	mostShown      = 300
	longMessage    = 1024
)

var eventKind = lockstep.GroupKind{Kind: "Event"}

// Events returns what the cluster says of the objects of u, the newest first.
func (l *Looker) Events(ctx context.Context, u lockstep.Unit) ([]ClusterEvent, error) {
	all, err := l.events(ctx, u)
	return all[:min(len(all), mostShown)], err
}

func (l *Looker) events(ctx context.Context, u lockstep.Unit) ([]ClusterEvent, error) {
	return l.news.get(ctx, u.String(), Fresh, func(ctx context.Context) ([]ClusterEvent, error) { return l.readEvents(ctx, u) })
}

func (l *Looker) readEvents(ctx context.Context, u lockstep.Unit) ([]ClusterEvent, error) {
	s, err := l.snapshot(ctx, u)
	if err != nil {
		return nil, err
	}
	t, err := l.target(ctx, s.stack)
	if err != nil {
		return nil, err
	}
	out := []ClusterEvent{}
	for _, ns := range s.namespaces() {
		items, _, err := t.List(ctx, kubernetes.ListQuery{Kind: eventKind, Namespace: ns, Limit: mostEvents})
		if err != nil {
			return nil, settle(err)
		}
		for _, tree := range items {
			if e, ok := s.event(tree); ok {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b ClusterEvent) int { return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// event reads one event; only those are told that are about an object of the
// Stack as it is now.
func (s *snapshot) event(tree map[string]any) (ClusterEvent, bool) {
	str := func(path ...string) string { v, _, _ := unstructured.NestedString(tree, path...); return v }
	key, ours := s.uids[str("involvedObject", "uid")]
	if !ours {
		return ClusterEvent{}, false
	}
	e := ClusterEvent{
		ID: str("metadata", "uid"), Object: key.String(), Type: str("type"), Reason: str("reason"),
		Message: short(str("message"), longMessage), Source: cmp.Or(str("reportingComponent"), str("source", "component")),
	}
	if e.Type != "Warning" {
		e.Type = "Normal"
	}
	count, _, _ := unstructured.NestedInt64(tree, "count")
	series, _, _ := unstructured.NestedInt64(tree, "series", "count")
	e.Count = int(max(count, series, 1))
	e.First = first(str("firstTimestamp"), str("eventTime"), str("metadata", "creationTimestamp"))
	e.Last = first(str("series", "lastObservedTime"), str("lastTimestamp"), str("eventTime"), str("metadata", "creationTimestamp"))
	return e, true
}

func first(texts ...string) time.Time {
	for _, t := range texts {
		if at, err := time.Parse(time.RFC3339Nano, t); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

func (s *snapshot) namespaces() []string {
	var out []string
	for _, r := range s.roots {
		ns := r.Namespace
		if ns == "" {
			ns = "default" // where events about objects of the whole cluster go
		}
		if !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), mostNamespaces)]
}

// about returns the events that are about one of rs.
func about(all []ClusterEvent, rs []Resource) []ClusterEvent {
	ids := map[string]bool{}
	for _, r := range rs {
		ids[r.ID] = true
	}
	out := []ClusterEvent{}
	for _, e := range all {
		if ids[e.Object] && len(out) < 50 {
			out = append(out, e)
		}
	}
	return out
}

// Follow calls tell with the events that are there, oldest first, and then with
// each that is new or was said again, until ctx ends or tell fails.
func (l *Looker) Follow(ctx context.Context, u lockstep.Unit, tell func([]ClusterEvent) error) error {
	told := map[string]ClusterEvent{}
	tick := time.NewTicker(Fresh)
	defer tick.Stop()
	for {
		all, err := l.Events(ctx, u)
		if err != nil {
			return err
		}
		var fresh []ClusterEvent
		next := make(map[string]ClusterEvent, len(all))
		for _, e := range slices.Backward(all) {
			next[e.ID] = e
			if told[e.ID] != e {
				fresh = append(fresh, e)
			}
		}
		told = next
		if err := tell(fresh); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

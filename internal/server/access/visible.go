package access

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access/rules"
)

const (
	// parallel is how many questions about places are asked at once.
	parallel = 8
	// keepPlace is how long an answer about one place is believed while the rules of
	// the cluster say the same as when it was given. Only what another authorizer
	// changed its mind about is noticed that late.
	keepPlace = time.Minute
	// slowdown is added for each place when the rules cannot be watched: many places
	// are then asked about less often.
	slowdown = 20 * time.Millisecond
)

// Set is which Stacks a person may see in lists: those of all namespaces, those of
// some, and single ones that a rule names. It does not change, and asking it costs
// nothing: look it up once a request and ask it of every Stack.
type Set struct {
	all        bool
	namespaces map[string]bool
	names      map[lockstep.Unit]bool
	scopes     scopes
}

// Contains says whether the person may see u.
func (s Set) Contains(u lockstep.Unit) bool {
	if !s.all && !s.namespaces[u.Namespace] && !s.names[u] && !s.names[lockstep.Unit{Name: u.Name}] {
		return false
	}
	return s.scopes.allows(Of(List, u))
}

// All says whether nothing is hidden, so that totals over everything may be shown
// as they are.
func (s Set) All() bool { return s.all && s.scopes.allows(Of(List, lockstep.Unit{})) }

// Empty says whether there is nothing to see, whatever exists.
func (s Set) Empty() bool { return !s.all && len(s.namespaces) == 0 && len(s.names) == 0 }

// Equal says whether o shows the same to the same person.
func (s Set) Equal(o Set) bool {
	return s.all == o.all && maps.Equal(s.namespaces, o.namespaces) && maps.Equal(s.names, o.names)
}

// sight is what one identity may see, and when it was told so.
type sight struct {
	mu     sync.Mutex // of those who ask at once, one finds out
	set    Set
	until  time.Time
	places map[lockstep.Unit]verdict
}

// verdict is the answer about one place: a namespace, or one name in one or all.
type verdict struct {
	allowed bool
	hint    bool // what the rules said then
	// settled is set when the API agrees with the rules, or twice in a row does not.
	// It may hear of a change a moment later than we do.
	settled bool
	at      time.Time
}

// holds says whether the verdict needs no new question.
func (v verdict) holds(hint bool, keep time.Duration, now time.Time) bool {
	if !v.settled {
		keep = keepNo
	}
	return v.hint == hint && now.Sub(v.at) < keep
}

// Visible returns which Stacks p may see in lists. Of one identity it is found out
// once in some seconds, however many clients ask; with no more than one
// request, if the person may see everything.
func (c *Checker) Visible(ctx context.Context, p lockstep.Person) (Set, error) {
	id, err := identify(p)
	if err != nil {
		return Set{}, err
	}
	s := c.sightOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().After(s.until) {
		if err := c.look(ctx, id, s); err != nil {
			return Set{}, err
		}
	}
	out := s.set
	out.scopes = scopesOf(p)
	return out, nil
}

// Follow calls show with what p may see, and again whenever that has changed, until
// ctx ends or it cannot be known any more, which is the error.
func (c *Checker) Follow(ctx context.Context, p lockstep.Person, show func(Set)) error {
	tick := time.NewTicker(keepNo)
	defer tick.Stop()
	var last Set
	for first := true; ; first = false {
		now, err := c.Visible(ctx, p)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if first || !now.Equal(last) {
			show(now)
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *Checker) sightOf(id identity) *sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sights.Get(id.key); ok {
		return s.(*sight)
	}
	s := &sight{places: map[lockstep.Unit]verdict{}}
	c.sights.Add(id.key, s, keepClient)
	return s
}

// look finds out what id may see. It is called with s locked.
func (c *Checker) look(ctx context.Context, id identity, s *sight) error {
	all, err := c.answer(ctx, id, Of(List, lockstep.Unit{}))
	if err != nil {
		return err
	}
	if all.Allowed {
		s.set, s.until, s.places = Set{all: true}, time.Now().Add(keepYes), map[lockstep.Unit]verdict{}
		return nil
	}
	hints, err := c.places(ctx, id)
	if err != nil {
		return err
	}
	if err := c.judge(ctx, id, s, hints); err != nil {
		return err
	}
	set := Set{namespaces: map[string]bool{}, names: map[lockstep.Unit]bool{}}
	for u, v := range s.places {
		switch {
		case !v.allowed:
		case u.Name == "":
			set.namespaces[u.Namespace] = true
		default:
			set.names[u] = true
		}
	}
	s.set, s.until = set, time.Now().Add(keepNo)
	return nil
}

// hints are the places to ask about, and what the rules say to each.
type hints struct {
	of   map[lockstep.Unit]bool
	keep time.Duration // how long an answer is believed that agrees with them
}

// places returns what there is to ask about: the namespaces that hold Stacks, and
// the single names in rules about id. A name that no rule has is not asked about:
// whoever could only guess it is not shown it.
func (c *Checker) places(ctx context.Context, id identity) (hints, error) {
	namespaces, err := c.namespaces(ctx)
	if err != nil {
		return hints{}, fault.Unavailable("the Stacks are not known yet").Because(err)
	}
	h := hints{of: make(map[lockstep.Unit]bool, len(namespaces)), keep: keepPlace}
	for _, ns := range namespaces {
		h.of[lockstep.Unit{Namespace: ns}] = false
	}
	book, err := c.book.read(ctx)
	if err != nil {
		// Namespaces can do without; single names are not shown.
		h.keep = max(keepYes, time.Duration(len(namespaces))*slowdown)
		return h, nil
	}
	who, group := id.subject(), v1alpha1.GroupVersion.Group
	for _, ns := range book.Namespaces(who) {
		if _, ok := h.of[lockstep.Unit{Namespace: ns}]; ok {
			grants, _ := book.Explain(who, rules.Request{Verb: string(List), Group: group, Resource: string(Stacks), Namespace: ns})
			h.of[lockstep.Unit{Namespace: ns}] = len(grants) > 0
		}
	}
	for _, n := range book.Names(who, group, string(Stacks), string(Get)) {
		h.of[lockstep.Unit{Namespace: n.Namespace, Name: n.Name}] = true
	}
	return h, nil
}

// judge brings the verdicts of s up to date.
func (c *Checker) judge(ctx context.Context, id identity, s *sight, h hints) error {
	maps.DeleteFunc(s.places, func(u lockstep.Unit, _ verdict) bool {
		_, there := h.of[u]
		return !there
	})
	var mu sync.Mutex
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	now := time.Now()
	for u, hint := range h.of {
		mu.Lock()
		v, known := s.places[u]
		mu.Unlock()
		if known && v.holds(hint, h.keep, now) {
			continue
		}
		g.Go(func() error {
			verb := List
			if u.Name != "" {
				verb = Get
			}
			a, err := c.review(ctx, id, answerKey{id.key, Of(verb, u)})
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			settled := a.Allowed == hint || known && v.hint == hint && v.allowed == a.Allowed
			s.places[u] = verdict{allowed: a.Allowed, hint: hint, settled: settled, at: now}
			return nil
		})
	}
	return g.Wait()
}

// subject returns id as rules know it.
func (id identity) subject() rules.Subject {
	return rules.Subject{User: id.user, Groups: id.groups}
}

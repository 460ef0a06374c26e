package member

import (
	"context"
	"net/http"

	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Permit is held by a pass for as long as it acts on an item.
type Permit struct {
	m      *Member
	item   shard.Item
	cancel context.CancelFunc
	stop   chan struct{} // closed when the item goes to another replica
	told   bool
	holds  int // the pass, and what it left to be written; under m.mu
}

type permitKey struct{}

// Enter asks to act on it. The context that it returns ends when this process may
// not act any more; every write made with it asks again.
func (m *Member) Enter(ctx context.Context, it shard.Item) (context.Context, *Permit, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.admits(it) || m.closing {
		return ctx, nil, false
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Permit{m: m, item: it, cancel: cancel, stop: make(chan struct{}), holds: 1}
	m.passes[p] = true
	if m.era.unbroken == nil {
		m.era.unbroken = map[shard.Item]bool{}
	}
	m.era.unbroken[it] = true // it may have been created a moment ago
	return context.WithValue(ctx, permitKey{}, p), p, true
}

// Leave ends the pass. The item stays here until what Keep held is let go of, too.
func (p *Permit) Leave() {
	p.m.mu.Lock()
	p.holds--
	last := p.holds == 0
	if last {
		delete(p.m.passes, p)
	}
	p.m.mu.Unlock()
	if last {
		p.cancel()
		p.m.kick()
	}
}

// Keep holds the permit of ctx beyond its pass, for a write that comes later:
// no other replica acts on the item before release is called, once. Without a
// permit there is nothing to hold.
func Keep(ctx context.Context) (release func()) {
	p, ok := ctx.Value(permitKey{}).(*Permit)
	if !ok {
		return func() {}
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.holds++
	return p.Leave
}

// Valid says whether a write may be sent now. It looks at the clock itself: a
// process that was stopped for a while must not wait for a timer to tell it.
func (p *Permit) Valid() bool {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	return p.m.valid()
}

// Held says whether ctx belongs to a pass that may act.
func Held(ctx context.Context) bool {
	_, ok := ctx.Value(permitKey{}).(*Permit)
	return ok
}

// Stopping says whether the pass of ctx is to end at the next safe point, because
// another replica waits for its item.
func Stopping(ctx context.Context) bool {
	p, ok := ctx.Value(permitKey{}).(*Permit)
	if !ok {
		return false
	}
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// Guard lets no write through that a pass sends after its permit has run out.
// Requests of no pass are none of its business.
func Guard(rt http.RoundTripper) http.RoundTripper { return guard{rt} }

type guard struct{ next http.RoundTripper }

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	p, ok := req.Context().Value(permitKey{}).(*Permit)
	if ok && req.Method != http.MethodGet && req.Method != http.MethodHead && !p.Valid() {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fault.Unavailable("this replica could not renew its lease, and may not write").
			WithHint("another replica goes on; this one does so when the Kubernetes API answers it")
	}
	return g.next.RoundTrip(req)
}

// WrappedRoundTripper is how client-go looks through.
func (g guard) WrappedRoundTripper() http.RoundTripper { return g.next }

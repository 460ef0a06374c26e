package state

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// unnamed is how old parts are at least that are collected: a write that is on its way
// has kept its parts, and not put its head yet.
const unnamed = time.Hour

// Sweep forgets what no head names: what a process left that died while it wrote. It
// returns how many versions that were.
//
// It leaves alone what belongs to a state without a head, or with one that cannot be
// read: with a backup of that head it is wanted again.
func (s *States) Sweep(ctx context.Context) (int, error) {
	// Parts first: what is kept meanwhile is in none of the two, and what is in the
	// first list had its head put before the second.
	parts, err := s.o.Vault.Parts(ctx)
	if err != nil || len(parts) == 0 {
		return 0, err
	}
	heads, err := s.o.Vault.Heads(ctx)
	if err != nil && len(heads) == 0 {
		return 0, err
	}
	keys, named := map[string]Key{}, map[string]bool{}
	for _, h := range heads {
		keys[h.Key().Hash()] = h.Key()
		for _, v := range h.Versions {
			named[h.Key().Hash()+"/"+v.ID] = true
		}
	}
	old := s.o.Now().Add(-unnamed)
	type stray struct{ owner, id string }
	strays, young := map[stray]int{}, map[stray]bool{}
	for _, p := range parts {
		x := stray{p.Owner, p.ID}
		if _, known := keys[p.Owner]; !known || named[p.Owner+"/"+p.ID] {
			continue
		}
		young[x] = young[x] || p.Made.After(old)
		strays[x] = max(strays[x], p.Index+1)
	}
	n := 0
	for x, count := range strays {
		if young[x] || count > maxParts {
			continue
		}
		if err := s.o.Vault.Drop(ctx, keys[x.owner], x.id, count); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// sweepEvery is how often what no head names is looked for.
const sweepEvery = 24 * time.Hour

// Run sweeps now and then until ctx ends, the first time a while after the start.
func (s *States) Run(ctx context.Context) {
	wait := time.NewTimer(unnamed)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		n, err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("what no state names is not collected", "error", fault.As(err).Error())
		}
		if n > 0 {
			s.o.Log.Info("collected what no state names", "versions", n)
		}
		wait.Reset(sweepEvery)
	}
}

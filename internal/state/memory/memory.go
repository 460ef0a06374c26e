// Package memory is a state.Vault that lies in memory: for tests, and to say in the
// fewest words what one does.
package memory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// Vault is safe for concurrent use.
type Vault struct {
	Now func() time.Time

	mu    sync.Mutex
	marks int
	heads map[state.Key]head
	kept  map[string]kept // owner/id
}

type head struct {
	raw  []byte
	mark state.Mark
}

type kept struct {
	part   state.Part
	sealed []byte
}

// New returns an empty Vault.
func New() *Vault {
	return &Vault{Now: time.Now, heads: map[state.Key]head{}, kept: map[string]kept{}}
}

// Head is state.Vault's.
func (v *Vault) Head(_ context.Context, k state.Key) (state.Head, state.Mark, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	x, ok := v.heads[k]
	if !ok {
		return state.Head{}, "", nil
	}
	h, err := state.DecodeHead(k, x.raw)
	return h, x.mark, err
}

// Put is state.Vault's.
func (v *Vault) Put(_ context.Context, k state.Key, h state.Head, m state.Mark) (state.Mark, error) {
	raw, err := h.Encode()
	if err != nil {
		return "", err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.heads[k].mark != m {
		return "", fault.Conflict("somebody else was faster").Because(state.ErrMoved)
	}
	v.marks++
	next := state.Mark(strconv.Itoa(v.marks))
	v.heads[k] = head{raw, next}
	return next, nil
}

// Heads is state.Vault's.
func (v *Vault) Heads(context.Context) ([]state.Head, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []state.Head
	var errs []error
	for k, x := range v.heads {
		h, err := state.DecodeHead(k, x.raw)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b state.Head) int { return strings.Compare(a.Key().String(), b.Key().String()) })
	return out, errors.Join(errs...)
}

// Keep is state.Vault's.
func (v *Vault) Keep(_ context.Context, k state.Key, id string, sealed []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept[k.Hash()+"/"+id] = kept{state.Part{Owner: k.Hash(), ID: id, Made: v.Now()}, bytes.Clone(sealed)}
	return 1, nil
}

// Fetch is state.Vault's.
func (v *Vault) Fetch(_ context.Context, k state.Key, id string, _ int) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	x, ok := v.kept[k.Hash()+"/"+id]
	if !ok {
		return nil, fault.NotFound("a part of a version is not there")
	}
	return bytes.Clone(x.sealed), nil
}

// Drop is state.Vault's.
func (v *Vault) Drop(_ context.Context, k state.Key, id string, _ int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.kept, k.Hash()+"/"+id)
	return nil
}

// Parts is state.Vault's.
func (v *Vault) Parts(context.Context) ([]state.Part, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []state.Part
	for _, x := range v.kept {
		out = append(out, x.part)
	}
	return out, nil
}

// Orphaned is state.Vault's.
func (v *Vault) Orphaned(_ context.Context, k state.Key) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range v.kept {
		if x.part.Owner == k.Hash() {
			return true, nil
		}
	}
	return false, nil
}

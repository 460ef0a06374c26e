package source

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// A Draft says which commit is to follow after what a branch is at. It is asked
// again for each commit that somebody else got in first, so what it says is never
// about an older state than the one that it is pushed onto. It refuses by an error.
type Draft func(ctx context.Context, onto Snapshot) (Commit, error)

// Written is a commit that the remote has.
type Written struct {
	Commit, Onto, Branch string
	// Moved counts how often the branch had moved on, and the commit was made anew.
	Moved int
	// Said is what the server had to say.
	Said []string
}

// mostTries bounds how often a commit is made anew: a branch that moves faster than
// this is for somebody to look at.
const mostTries = 5

// Write commits to a branch of the remote. Where the branch moves on meanwhile, the
// commit is drafted anew onto what it is then.
func Write(ctx context.Context, w Writer, branch string, draft Draft) (Written, error) {
	var last error
	for try := range mostTries {
		if try > 0 {
			pause(ctx, try)
		}
		out, err := drafted(ctx, w, branch, draft)
		if err != nil {
			return Written{}, err
		}
		out.Branch, out.Moved = branch, try
		out.Said, last = w.Push(ctx, out.Commit, branch, out.Onto)
		if last == nil {
			return out, nil
		}
		if !errors.Is(last, fault.KindConflict) {
			return Written{}, last
		}
	}
	return Written{}, fault.As(last).WithHint("it was tried %d times, and somebody else was first each time", mostTries)
}

// Propose commits to a new branch that starts where base is, named prefix and the
// first number that is free.
func Propose(ctx context.Context, w Writer, base, prefix string, draft Draft) (Written, error) {
	out, err := drafted(ctx, w, base, draft)
	if err != nil {
		return Written{}, err
	}
	var last error
	for try := range mostTries {
		if try > 0 {
			pause(ctx, try)
		}
		taken, err := w.Branches(ctx, prefix)
		if err != nil {
			return Written{}, err
		}
		out.Branch, out.Moved = prefix+strconv.Itoa(next(taken, prefix)), try
		out.Said, last = w.Push(ctx, out.Commit, out.Branch, "")
		if last == nil {
			return out, nil
		}
		if !errors.Is(last, fault.KindConflict) {
			return Written{}, last
		}
	}
	return Written{}, last
}

func drafted(ctx context.Context, w Writer, branch string, draft Draft) (Written, error) {
	onto, err := w.Fetch(ctx, Ref{Branch: branch})
	if err != nil {
		return Written{}, err
	}
	c, err := draft(ctx, onto)
	if err != nil {
		return Written{}, err
	}
	c.Onto = onto.Revision().Commit
	hash, err := w.Commit(ctx, c)
	return Written{Commit: hash, Onto: c.Onto}, err
}

// next is one more than the highest number that a branch has behind prefix.
func next(taken map[string]string, prefix string) int {
	most := 0
	for name := range taken {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, prefix)); err == nil && n < 1<<30 {
			most = max(most, n)
		}
	}
	return most + 1
}

// pause lets whoever was first get done.
func pause(ctx context.Context, try int) {
	select {
	case <-time.After(time.Duration(try)*50*time.Millisecond + rand.N(100*time.Millisecond)):
	case <-ctx.Done():
	}
}

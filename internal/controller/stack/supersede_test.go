package stack

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
	"github.com/lockstep-dev/lockstep/internal/stack"
)

type committed struct {
	lockstep.Tree
	commit string
}

func (c committed) Revision() lockstep.Revision { return lockstep.Revision{Commit: c.commit} }

func tree(commit string, files map[string]string) source.Snapshot {
	return committed{memory.NewTree(files), commit}
}

// TestNewerCommitEndsALongRender holds a render up, and commits: one that touches
// nothing of what it read lets it go on, one that does ends it.
func TestNewerCommitEndsALongRender(t *testing.T) {
	unit, src := lockstep.Unit{Namespace: "web", Name: "shop"}, lockstep.Unit{Namespace: "web", Name: "git"}
	f := fleet.New(func(lockstep.Unit) {})
	f.Link(unit, fleet.Links{Sources: []lockstep.Unit{src}})
	publish := func(s source.Snapshot) { f.Publish(src, s, nil) }
	first := tree("1", map[string]string{"shop/a.yaml": "a", "other/b.yaml": "b"})
	publish(first)

	r := &Reconciler{Fleet: f}
	read, ended := make(chan struct{}), make(chan error, 1)
	e := stack.Engine{
		Follow: r.follow(unit, "1"),
		Render: func(ctx context.Context, req render.Request) (render.Result, error) {
			_, err := req.Tree.ReadFile("shop/a.yaml")
			close(read)
			if err != nil {
				return render.Result{}, err
			}
			<-ctx.Done()
			return render.Result{}, context.Cause(ctx)
		},
	}
	go func() {
		_, err := e.Desired(t.Context(), stack.Inputs{Request: render.Request{Path: "shop", Tree: first}})
		ended <- err
	}()
	<-read
	publish(tree("2", map[string]string{"shop/a.yaml": "a", "other/b.yaml": "B"}))
	select {
	case err := <-ended:
		t.Fatalf("a commit that touches nothing of it ended it: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	publish(tree("3", map[string]string{"shop/a.yaml": "A", "other/b.yaml": "B"}))
	select {
	case err := <-ended:
		if !errors.Is(err, errOvertaken) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it renders on although a newer commit changes what it read")
	}
}

// TestTimeIsUpForThePassNotForTheReport: a pass that hangs says so.
func TestTimeIsUpForThePassNotForTheReport(t *testing.T) {
	up, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	ctx, stop := last(up)
	defer stop()
	if ctx.Err() != nil {
		t.Errorf("a pass whose time is up cannot report: %v", ctx.Err())
	}
	lost, cut := context.WithCancel(t.Context())
	cut()
	if ctx, stop := last(lost); ctx.Err() == nil {
		stop()
		t.Error("a pass that was cancelled because the Stack is another replica's can still report")
	}
}

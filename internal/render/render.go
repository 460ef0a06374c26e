// Package render turns a directory of a Source into the objects that are to be
// live.
//
// Which renderer a directory asks for is decided in core/render; each renderer
// is a package of its own below this one. A [Registry] names those that a binary
// links, so that a test of one does not carry the others.
package render

import (
	"context"
	"fmt"
	"runtime/debug"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Func is one renderer. It reads through the trees of the request alone, and
// returns objects that core.Finish has been through.
type Func func(ctx context.Context, req core.Request) (core.Result, error)

// Registry holds the renderers by kind.
type Registry map[core.Kind]Func

// Render renders req with the renderer that it names or that its directory asks
// for, and says which one that was even when it fails. All faults of one pass are returned at once.
func (r Registry) Render(ctx context.Context, req core.Request) (res core.Result, err error) {
	if err := Directory(req.Tree, req.Path); err != nil {
		return core.Result{}, err
	}
	kind, err := core.KindOf(req)
	if err != nil {
		return core.Result{}, fault.As(err).At("%s", req.Path)
	}
	f := r[kind]
	if f == nil {
		return core.Result{}, fault.Invalid("no renderer for %q is built in", kind).At("%s", req.Path)
	}
	defer func() {
		// A renderer runs other people's code on other people's files.
		if p := recover(); p != nil {
			res = core.Result{}
			err = fault.Invalid("the %s renderer stopped unexpectedly: %v", kind, p).At("%s", req.Path).
				Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	res, err = f(ctx, req)
	if err != nil {
		return core.Result{Kind: kind}, err
	}
	res.Kind = kind
	return res, nil
}

type progress struct{}

// WithProgress returns a context for a renderer that tells say what it is at.
func WithProgress(ctx context.Context, say func(what, place string)) context.Context {
	return context.WithValue(ctx, progress{}, say)
}

// Doing says what a renderer is at: the beginning of a sentence ("the template")
// and a place. It is for the message when the render has to be killed.
func Doing(ctx context.Context, what, place string) {
	if say, ok := ctx.Value(progress{}).(func(string, string)); ok {
		say(what, place)
	}
}

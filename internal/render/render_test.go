package render_test

import (
	"context"
	"errors"
	"testing"

	core "github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/render"
	"github.com/lockstep-dev/lockstep/internal/source/memory"
)

// TestFailureNamesItsRenderer: failures are counted by renderer.
func TestFailureNamesItsRenderer(t *testing.T) {
	r := render.Registry{core.Kustomize: func(context.Context, core.Request) (core.Result, error) {
		return core.Result{}, fault.Invalid("no")
	}}
	req := core.Request{Path: "k", Tree: memory.NewTree(map[string]string{"k/kustomization.yaml": ""})}
	if res, err := r.Render(context.Background(), req); err == nil || res.Kind != core.Kustomize {
		t.Errorf("got kind %q, %v", res.Kind, err)
	}
}

func TestRegistry(t *testing.T) {
	called := core.Kind("")
	note := func(k core.Kind) render.Func {
		return func(context.Context, core.Request) (core.Result, error) { called = k; return core.Result{}, nil }
	}
	r := render.Registry{
		core.Directory: note(core.Directory), core.Kustomize: note(core.Kustomize),
		core.Helm: func(context.Context, core.Request) (core.Result, error) { panic("nil map") },
	}
	tree := memory.NewTree(map[string]string{"k/kustomization.yaml": "", "d/x.yaml": "", "h/Chart.yaml": ""})
	cases := map[string]struct {
		why  string
		req  core.Request
		want core.Kind
		err  error
	}{
		"Detected":  {"the directory decides", core.Request{Path: "k"}, core.Kustomize, nil},
		"Plain":     {"without a mark it is plain", core.Request{Path: "d"}, core.Directory, nil},
		"Named":     {"what the Stack says wins", core.Request{Path: "k", Directory: &core.DirectorySpec{}}, core.Directory, nil},
		"Missing":   {"no renderer is asked about nothing", core.Request{Path: "z"}, "", fault.KindNotFound},
		"Panicking": {"one repository must not stop the server", core.Request{Path: "h"}, "", fault.KindInvalid},
	}
	for name, tc := range cases {
		called = ""
		tc.req.Tree = tree
		res, err := r.Render(context.Background(), tc.req)
		if called != tc.want || res.Kind != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: rendered by %q as %q, %v (%s)", name, called, res.Kind, err, tc.why)
		}
	}
}

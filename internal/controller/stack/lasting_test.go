package stack

import (
	"context"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
)

func TestLasting(t *testing.T) {
	cases := map[string]struct {
		why  string
		kind render.Kind
		err  error
		want bool
	}{
		"Mistake":     {why: "Only Git can repair it.", err: fault.Invalid("x"), want: true},
		"MissingFile": {why: "It is missing in Git.", kind: render.Kustomize, err: fault.NotFound("x"), want: true},
		"Chart":       {why: "It may be published meanwhile.", kind: render.Helm, err: fault.NotFound("x")},
		"Deadline":    {why: "The same template would run as long again.", kind: render.Helm, err: fault.Timeout("x").Because(&worker.Died{Reason: worker.Deadline}), want: true},
		"Cancelled":   {why: "Nobody waited; that says nothing of the template.", kind: render.Helm, err: fault.Timeout("x").Because(&worker.Died{Reason: worker.Cancelled})},
		"Slow":        {why: "Another timeout is about a server.", err: fault.Timeout("x").Because(context.DeadlineExceeded)},
		"Killed":      {why: "The next worker may live.", err: fault.Unavailable("x").Because(&worker.Died{Reason: worker.Killed})},
		"Both":        {why: "One that passes makes all worth another try.", err: fault.Join(fault.Invalid("x"), fault.Unavailable("y"))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := lasting(tc.kind, tc.err); got != tc.want {
				t.Errorf("%s\nlasting = %t", tc.why, got)
			}
		})
	}
}

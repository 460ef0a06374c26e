package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// PauseWish is a pause that somebody wants.
type PauseWish struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"why, for whoever finds the Stack paused"`
	For    string `json:"for,omitempty" maxLength:"20" doc:"after how long it ends by itself, 90m or 24h; without it lasts until it is taken back" example:"2h"`
}

// longest is how long a pause with an end may be: whoever means for good says so by
// none.
const longest = 366 * 24 * time.Hour

type pauseStack struct {
	Namespace string `path:"namespace" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`
	Name      string `path:"name" minLength:"1" maxLength:"253" pattern:"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"`
	Body      *PauseWish
}

type resumeStack struct {
	Namespace string `path:"namespace" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"`
	Name      string `path:"name" minLength:"1" maxLength:"253" pattern:"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"`
	Body      *Why
}

type paused struct {
	Body struct {
		Pause *Pause `json:"pause,omitempty" doc:"the pause that is in force now"`
	}
}

func registerPauses(api huma.API, d *Deps) {
	o := operation(http.MethodPost, "/stacks/{namespace}/{name}/pause", "pauseStack", "Leave a Stack as it is, for a while or until it is resumed", 400, 404, 409)
	o.Description = "A Stack that is paused already gets the new reason and end. Where the Stack itself is kept in Git, what keeps it there takes this back."
	huma.Register(api, o, d.pauseStack)
	huma.Register(api, operation(http.MethodPost, "/stacks/{namespace}/{name}/resume", "resumeStack", "Let a paused Stack go on", 404), d.resumeStack)
}

func (d *Deps) pauseStack(ctx context.Context, in *pauseStack) (*paused, error) {
	u := lockstep.Unit{Namespace: in.Namespace, Name: in.Name}
	wish := PauseWish{}
	if in.Body != nil {
		wish = *in.Body
	}
	out := &paused{}
	err := d.act(ctx, Act{Name: "pause", Verb: access.Pause, Resource: access.Stacks, Unit: u, Reason: wish.Reason}, func(ctx context.Context) error {
		p, err := who(ctx)
		if err != nil {
			return err
		}
		pause, err := wish.pause(p, time.Now())
		if err != nil {
			return err
		}
		s := &v1alpha1.Stack{}
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		if !s.DeletionTimestamp.IsZero() {
			return fault.Conflict("is being deleted").At("stack %s", u)
		}
		out.Body.Pause = &Pause{Reason: pause.Reason, By: pause.By}
		if pause.Until != nil {
			out.Body.Pause.Until = &pause.Until.Time
		}
		return d.setPause(ctx, u, pause)
	})
	if err != nil {
		return nil, problem(err)
	}
	return out, nil
}

func (d *Deps) resumeStack(ctx context.Context, in *resumeStack) (*paused, error) {
	u := lockstep.Unit{Namespace: in.Namespace, Name: in.Name}
	why := Why{}
	if in.Body != nil {
		why = *in.Body
	}
	err := d.act(ctx, Act{Name: "resume", Verb: access.Pause, Resource: access.Stacks, Unit: u, Reason: why.Reason}, func(ctx context.Context) error {
		s := &v1alpha1.Stack{}
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		if s.Spec.Pause == nil {
			return nil // it goes on already; nothing is written
		}
		return d.setPause(ctx, u, nil)
	})
	if err != nil {
		return nil, problem(err)
	}
	return &paused{}, nil
}

// pause returns what is to be written for p.
func (w PauseWish) pause(p lockstep.Person, now time.Time) (*v1alpha1.Pause, error) {
	out := &v1alpha1.Pause{Reason: w.Reason, By: bounded(p.Name, 256)}
	if w.For == "" {
		return out, nil
	}
	d, err := time.ParseDuration(w.For)
	if err != nil || d < time.Second || d > longest {
		return nil, fault.Usage("for is %q", w.For).WithHint("a time like 90m or 24h, a year at most; without it the pause has no end")
	}
	// Kubernetes keeps whole seconds; rounded up, so that it is not over before it began.
	out.Until = &metav1.Time{Time: now.Add(d + time.Second - 1).Truncate(time.Second).UTC()}
	return out, nil
}

// bounded returns the first n runes of s.
func bounded(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// setPause writes the one field as the server itself: the verb pause was asked
// about, and needs no permission to change everything else of a Stack. What was in the
// field goes first, or an old end would stay beside a new reason.
func (d *Deps) setPause(ctx context.Context, u lockstep.Unit, p *v1alpha1.Pause) error {
	spec := map[string]any{"pause": nil}
	if p != nil {
		all := map[string]any{"reason": nil, "by": p.By, "until": nil}
		if p.Reason != "" {
			all["reason"] = p.Reason
		}
		if p.Until != nil {
			all["until"] = p.Until
		}
		spec["pause"] = all
	}
	body, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return fault.Internal(err)
	}
	return d.patchSpec(ctx, u, body)
}

// patchSpec changes a Stack as the server itself; see setPause.
func (d *Deps) patchSpec(ctx context.Context, u lockstep.Unit, body []byte) error {
	s := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name}}
	err := d.Write.Patch(ctx, s, client.RawPatch(types.MergePatchType, body), client.FieldOwner("lockstep-api"))
	switch {
	case apierrors.IsNotFound(err):
		return missing("stack", u)
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		// An admission policy, as a rule; its words are for who asked.
		return fault.Conflict("Kubernetes refused it: %s", apierrors.ReasonForError(err)).At("stack %s", u).Because(err)
	case err != nil:
		return fault.Unavailable("Kubernetes did not take the change").At("stack %s", u).Because(err).WithHint("try again")
	}
	return nil
}

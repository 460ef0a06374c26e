package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// RollbackWish is a rollback that somebody wants.
type RollbackWish struct {
	To     string   `json:"to" minLength:"1" maxLength:"64" doc:"the number of an earlier release, or a commit, in full or its first 7 digits or more" example:"38"`
	As     string   `json:"as,omitempty" enum:"hold,commit,branch" default:"hold" doc:"how: hold it for a time while Git stays ahead, commit to the branch that the Source follows, or commit to a branch of its own"`
	Digest string   `json:"digest" minLength:"1" maxLength:"100" doc:"of the preview that was read; if something moved since, nothing is done"`
	For    string   `json:"for,omitempty" maxLength:"20" default:"72h" doc:"after how long a hold ends by itself, and what Git says then goes live" example:"72h"`
	Reason string   `json:"reason" minLength:"1" maxLength:"1000" doc:"why, for whoever finds Git ahead, or the commit"`
	Accept []string `json:"accept,omitempty" maxItems:"1000" doc:"ids of what may be lost, each of the preview's accept"`
}

// RollbackDone says what was done.
type RollbackDone struct {
	Revision string         `json:"revision" doc:"the commit that was gone back to"`
	Until    *time.Time     `json:"until,omitempty" doc:"when a hold ends by itself"`
	Git      *live.Reverted `json:"git,omitempty" doc:"what was written to Git"`
	Commands []string       `json:"commands" doc:"command lines: the same, and how it is taken back"`
}

type previewRollback struct {
	UnitPath
	To string `query:"to" required:"true" minLength:"1" maxLength:"64" doc:"the number of an earlier release, or a commit"`
	As string `query:"as" enum:"hold,commit,branch" default:"hold" doc:"how to go back"`
}

type rollbackStack struct {
	UnitPath
	Body RollbackWish
}

type releaseHold struct {
	UnitPath
	Body *Why
}

type rollbackPreview struct{ Body live.Rollback }

type rollbackDone struct{ Body RollbackDone }

func registerRollback(api huma.API, d *Deps) {
	o := operation(http.MethodGet, "/stacks/{namespace}/{name}/rollback", "previewRollback", "What going back to an earlier release would do, and what would be lost", 400, 404, 409)
	o.Description = "Computed against what is live, and for a way through Git against what is known of the branch. Nothing is changed or written anywhere."
	huma.Register(api, o, d.previewRollback)
	o = operation(http.MethodPost, "/stacks/{namespace}/{name}/rollback", "rollbackStack", "Go back to an earlier release", 400, 404, 409, 422)
	o.Description = "By hold, the Stack is held at the earlier commit while Git stays ahead. By commit, what it reads is committed as it was to the branch that its Source follows; by branch, to a new one. It needs the digest of a preview of that way, and every id of the preview's accept. Where the Source lies in another namespace, writing to Git needs the verb rollback on it, too."
	huma.Register(api, o, d.rollbackStack)
	huma.Register(api, operation(http.MethodPost, "/stacks/{namespace}/{name}/release-hold", "releaseHold", "Let a held Stack go on to what Git says", 404, 409), d.releaseHold)
}

func (d *Deps) previewRollback(ctx context.Context, in *previewRollback) (*rollbackPreview, error) {
	u := in.unit()
	if err := d.may(ctx, access.Get, u); err != nil {
		return nil, err
	}
	out, err := d.preview(ctx, u, in.To, in.As)
	if err != nil {
		return nil, problem(err)
	}
	if err := d.veil(ctx, out.Git); err != nil {
		return nil, problem(err)
	}
	return &rollbackPreview{out}, nil
}

// veil leaves out the Stacks that whoever asks may not see; how many there are stays.
func (d *Deps) veil(ctx context.Context, g *live.GitRollback) error {
	if g == nil {
		return nil
	}
	_, sight, err := d.sees(ctx)
	if err != nil {
		return err
	}
	all := g.Others
	g.Others = slices.DeleteFunc(slices.Clone(all), func(n live.Neighbour) bool { return !sight.Contains(lockstep.Unit(n)) })
	g.Hidden = len(all) - len(g.Others)
	return nil
}

func (d *Deps) preview(ctx context.Context, u lockstep.Unit, to, as string) (live.Rollback, error) {
	way, err := live.ParseWay(as)
	if err != nil {
		return live.Rollback{}, err
	}
	s := &v1alpha1.Stack{}
	if err := d.object(ctx, u, s, "stack"); err != nil {
		return live.Rollback{}, err
	}
	revision, err := ReleaseOf(s, u, to)
	if err != nil {
		return live.Rollback{}, err
	}
	return d.Live.Rollback(ctx, u, revision, way)
}

// ReleaseOf finds the commit that to means: a number of the history, a commit of it
// by its first digits, or any commit in full.
func ReleaseOf(s *v1alpha1.Stack, u lockstep.Unit, to string) (string, error) {
	if len(to) >= 40 && (source.Ref{Commit: to}).Validate() == nil {
		return to, nil
	}
	releases := s.Status.Releases()
	n, err := strconv.ParseInt(to, 10, 64)
	number := err == nil && len(to) < 7
	var found []string
	for _, r := range releases {
		if number && r.ID == n || !number && len(to) >= 7 && strings.HasPrefix(r.Revision, to) {
			if !slices.Contains(found, r.Revision) {
				found = append(found, r.Revision)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fault.Usage("%q is the beginning of %d commits", to, len(found)).At("stack %s", u).WithHint("give more of its digits")
	}
	return "", fault.NotFound("release %q is not in its history", to).At("stack %s", u).
		WithHint("lockstep history %s lists them; an older commit is named by its full hash", u)
}

func (d *Deps) rollbackStack(ctx context.Context, in *rollbackStack) (*rollbackDone, error) {
	u, wish := in.unit(), in.Body
	out := &rollbackDone{}
	var kept *store.RollbackDetail
	act := Act{Name: "rollback", Verb: access.Rollback, Resource: access.Stacks, Unit: u, Reason: wish.Reason, Detail: func() store.Detail {
		if kept == nil {
			return nil
		}
		return *kept
	}}
	err := d.act(ctx, act, func(ctx context.Context) error {
		p, err := who(ctx)
		if err != nil {
			return err
		}
		now, err := d.preview(ctx, u, wish.To, wish.As)
		if err != nil {
			return err
		}
		kept = d.kept(ctx, u, wish, now)
		if err := wish.check(u, now); err != nil {
			return err
		}
		if now.As != live.Hold {
			return d.revert(ctx, u, p, wish, now, kept, &out.Body)
		}
		hold, err := wish.hold(p, now.Revision, time.Now())
		if err != nil {
			return err
		}
		kept.Until = hold.Until.Time
		out.Body = RollbackDone{Revision: hold.Revision, Until: &hold.Until.Time, Commands: []string{
			"lockstep rollback " + u.String() + " --to " + wish.To + " --for " + wish.For, "lockstep rollback " + u.String() + " --release",
		}}
		return d.setHold(ctx, u, hold, wish.approval(p, now, time.Now()))
	})
	if err != nil {
		return nil, problem(err)
	}
	return out, nil
}

// kept is what the record says of a rollback, beside who wanted it and why.
func (d *Deps) kept(ctx context.Context, u lockstep.Unit, wish RollbackWish, now live.Rollback) *store.RollbackDetail {
	out := &store.RollbackDetail{Revision: now.Revision, Mode: string(now.As), Losses: now.Losses()}
	s := &v1alpha1.Stack{}
	if err := d.object(ctx, u, s, "stack"); err != nil {
		return out
	}
	releases := s.Status.Releases()
	for i, r := range releases {
		if i == 0 {
			out.From = r.ID
		}
		if r.Revision == now.Revision && (out.To == 0 || strconv.FormatInt(r.ID, 10) == wish.To) {
			out.To = r.ID
		}
	}
	return out
}

// revert goes back in Git. The credential is the Source's, so where that lies in
// another namespace, whoever may roll back the Stack has to be allowed to there, too:
// what a Stack reads is what whoever made it chose.
func (d *Deps) revert(ctx context.Context, u lockstep.Unit, p lockstep.Person, wish RollbackWish, now live.Rollback, kept *store.RollbackDetail, out *RollbackDone) error {
	src, err := d.Live.Origin(ctx, u)
	if err != nil {
		return err
	}
	if src.Namespace != u.Namespace {
		if err := d.asks(ctx, p, access.Question{Verb: access.Rollback, Resource: access.Sources, Unit: src}); err != nil {
			return err
		}
	}
	done, err := d.Live.Revert(ctx, live.Revert{
		Unit: u, Revision: now.Revision, As: now.As, Read: now, Reason: wish.Reason, By: p.Name,
	})
	if err != nil {
		return err
	}
	kept.Commit, kept.Branch = done.Commit, done.Branch
	*out = RollbackDone{Revision: now.Revision, Git: &done, Commands: []string{
		"lockstep rollback " + u.String() + " --to " + wish.To + " --as " + wish.As, "git revert " + done.Commit,
	}}
	if now.As != live.InGit {
		return nil
	}
	// The Source would see it at its next look; whoever pressed the button waits now.
	// What was pushed is there either way.
	s := &v1alpha1.Source{}
	if err := d.object(ctx, src, s, "source"); err == nil {
		_ = d.request(ctx, s, stamp())
	}
	return nil
}

// check refuses what is not the preview that was read, and what would lose more
// than was accepted.
func (w RollbackWish) check(u lockstep.Unit, now live.Rollback) error {
	if w.Digest != now.Digest {
		return fault.Conflict("what the rollback would do has changed since it was read").At("stack %s", u).
			WithHint("look at the preview again; it has the digest %s now", now.Digest)
	}
	if now.Problem != "" {
		return fault.Blocked("the rollback cannot be carried out whole: %s", now.Problem).At("stack %s", u)
	}
	var missing []string
	for _, id := range now.Accept {
		if !slices.Contains(w.Accept, id) {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		return fault.Blocked("it may lose the data of %s", strings.Join(missing, ", ")).At("stack %s", u).
			WithHint("accept each by name, or keep it: %s", ways(now.Risks))
	}
	return nil
}

// ways lists, once each, what keeps what may be lost.
func ways(risks []live.Risk) string {
	var out []string
	for _, r := range risks {
		if r.Keep != "" && r.Level == "loss" && !slices.Contains(out, r.Keep) {
			out = append(out, r.Keep)
		}
	}
	return strings.Join(out, "; ")
}

func (w RollbackWish) hold(p lockstep.Person, revision string, now time.Time) (*v1alpha1.Hold, error) {
	d, err := time.ParseDuration(w.For)
	if err != nil || d < time.Minute || d > longest {
		return nil, fault.Usage("for is %q", w.For).WithHint("a time like 4h or 72h, a minute at least and a year at most")
	}
	return &v1alpha1.Hold{
		Revision: revision, Until: metav1.Time{Time: now.Add(d + time.Second - 1).Truncate(time.Second).UTC()}, Reason: w.Reason, By: bounded(p.Name, 256),
	}, nil
}

func (d *Deps) releaseHold(ctx context.Context, in *releaseHold) (*struct{}, error) {
	u := in.unit()
	why := Why{}
	if in.Body != nil {
		why = *in.Body
	}
	err := d.act(ctx, Act{Name: "release-hold", Verb: access.Rollback, Resource: access.Stacks, Unit: u, Reason: why.Reason}, func(ctx context.Context) error {
		s := &v1alpha1.Stack{}
		if err := d.object(ctx, u, s, "stack"); err != nil {
			return err
		}
		if s.Spec.Hold == nil {
			return nil // it follows Git already; nothing is written
		}
		return d.setHold(ctx, u, nil, nil)
	})
	return nil, problem(err)
}

// approval is what a person says by a rollback that names what may be lost: the plan
// that they read may be carried out, once. Without a loss there is nothing to say.
func (w RollbackWish) approval(p lockstep.Person, now live.Rollback, at time.Time) *v1alpha1.Approval {
	if len(now.Accept) == 0 {
		return nil
	}
	moment := metav1.NewTime(at)
	return &v1alpha1.Approval{Plan: now.Digest, AcceptLoss: w.Accept, Reason: w.Reason, By: bounded(p.Name, 256), At: &moment}
}

// setHold writes the fields of a rollback as the server itself; see setPause.
func (d *Deps) setHold(ctx context.Context, u lockstep.Unit, h *v1alpha1.Hold, a *v1alpha1.Approval) error {
	spec := map[string]any{"hold": h}
	if a != nil {
		spec["approval"] = map[string]any{"plan": a.Plan, "acceptLoss": a.AcceptLoss, "reason": a.Reason, "by": a.By, "at": a.At, "rejected": nil}
	}
	body, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return fault.Internal(err)
	}
	return d.patchSpec(ctx, u, body)
}

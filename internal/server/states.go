package server

import (
	"context"
	"net/http"

	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/kube"
	"github.com/lockstep-dev/lockstep/internal/store"
)

// newStates makes what keeps the states of Stacks whose module is to keep none of its
// own. It asks the cluster for nothing until a run or a person wants one.
func (s *server) newStates(core typed.CoreV1Interface) (*statehttp.Server, error) {
	return statehttp.New(statehttp.Options{
		State: state.Options{
			Vault: kube.New(core, s.opts.SystemNamespace), Key: s.key, Keep: s.opts.KeepStates, MaxBytes: s.opts.MaxState,
			Tell: s.toldOfState, Registerer: s.meters, Log: s.opts.Log.With("part", "state"),
		},
		Dir:    s.opts.DataDir,
		People: people{s},
	})
}

// toldOfState has it recorded that a lock was released whose run is over: what that run
// has made may be in no state.
func (s *server) toldOfState(h state.Happening) {
	if h.Kind != state.Released {
		return
	}
	s.history.Record(store.Record{Draft: store.Draft{
		Person: lockstep.Itself(), Unit: h.Key.Unit, Verb: "state-unlock", Outcome: "Succeeded",
		Reason: "run " + h.Run + " is over, and its lock was still there",
		Detail: store.CallDetail{Operation: "releaseStateLock", Status: http.StatusOK},
	}})
}

// people is who may do what with states, by the rules for everything else.
type people struct{ s *server }

func (p people) Who(next http.Handler) http.Handler { return p.s.signIn.Wrap(next) }

func (p people) Person(ctx context.Context) (lockstep.Person, bool) { return access.Who(ctx) }

func (p people) MayRead(ctx context.Context, who lockstep.Person, u lockstep.Unit) error {
	return p.s.checker.Can(ctx, who, access.ReadState, u)
}

func (p people) MayWrite(ctx context.Context, who lockstep.Person, u lockstep.Unit) error {
	return p.s.checker.Can(ctx, who, access.WriteState, u)
}

func (p people) Record(r *http.Request, who lockstep.Person, u lockstep.Unit, verb, reason string, err error) {
	outcome, status := "Succeeded", http.StatusOK
	if err != nil {
		f := fault.As(err)
		outcome, status = f.Kind.String(), f.Kind.Consequence().Status
	}
	p.s.keep(r.Context(), store.Record{Draft: store.Draft{
		Person: who, Unit: u, Verb: verb, Outcome: outcome, Reason: reason,
		Detail: store.CallDetail{Operation: verb, Status: status, Address: p.s.opts.SignIn.Front.Address(r)},
	}})
}

package server

import (
	"context"
	"net/http"

	"k8s.io/client-go/tools/cache"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/edge"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/stack"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/ui"
)

// api returns the handler of the HTTP API. through puts who asks into the context
// of a request; where it is nil nobody is anybody, and every operation refuses.
func (s *server) api(through func(http.Handler) http.Handler) http.Handler {
	e := edge.New(s.opts.Log.With("part", "http"), s.meters)
	e.Behind(s.opts.SignIn.Front.Address)
	d := &httpapi.Deps{
		Version: s.opts.Version, Build: s.opts.Version + "+" + ui.Hash(),
		Cache: s.mgr.GetClient(), Write: s.mgr.GetClient(), Board: s.board, Access: s.checker, Live: s.looker,
		Targets: s.standings, Done: s.closing, Edge: e, Record: s.recordCall, History: s.history.Store, Times: s.timesOf, Remembered: s.remembered, States: s.states.States(), SignIn: s.signIn, Still: s.signIn.Still, Log: s.opts.Log,
	}
	h := e.Inner(httpapi.New(d))
	if through != nil {
		h = through(h)
	}
	return e.Outer(h)
}

func (s *server) standings() []httpapi.TargetStanding {
	var out []httpapi.TargetStanding
	for _, t := range s.connections.Standings() {
		out = append(out, httpapi.TargetStanding{
			Name: t.Name, Host: t.Host, Err: t.Err, Watches: t.Watches, Objects: t.Objects, Restarts: t.Restarts, Latency: t.Latency, Seen: t.Seen,
		})
	}
	return out
}

// watchBoard keeps the board by the events of the cache that the controllers have.
func (s *server) watchBoard(ctx context.Context) error {
	stacks, err := s.mgr.GetCache().GetInformer(ctx, &v1alpha1.Stack{})
	if err != nil {
		return err
	}
	_, err = stacks.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { s.board.Put(obj.(*v1alpha1.Stack)) },
		UpdateFunc: func(_, obj any) { s.board.Put(obj.(*v1alpha1.Stack)) },
		DeleteFunc: func(obj any) {
			if x, ok := last(obj).(*v1alpha1.Stack); ok {
				s.board.Remove(stack.UnitOf(x))
			}
		},
	})
	if err != nil {
		return err
	}
	sources, err := s.mgr.GetCache().GetInformer(ctx, &v1alpha1.Source{})
	if err != nil {
		return err
	}
	if _, err = sources.AddEventHandler(s.noting(board.KindSource)); err != nil {
		return err
	}
	targets, err := s.mgr.GetCache().GetInformer(ctx, &v1alpha1.Target{})
	if err != nil {
		return err
	}
	_, err = targets.AddEventHandler(s.noting(board.KindTarget))
	return err
}

// noting tells the board that an object of a kind changed.
func (s *server) noting(k board.Kind) cache.ResourceEventHandler {
	note := func(obj any) {
		if x, ok := last(obj).(interface {
			GetNamespace() string
			GetName() string
		}); ok {
			s.board.Note(k, lockstep.Unit{Namespace: x.GetNamespace(), Name: x.GetName()})
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, obj any) { note(obj) }, DeleteFunc: note}
}

// last is the object of an event, also where its deletion was only found out later.
func last(obj any) any {
	if t, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		return t.Obj
	}
	return obj
}

// recordCall keeps that somebody changed something, or wanted to.
func (s *server) recordCall(ctx context.Context, p lockstep.Person, a httpapi.Act, err error) {
	outcome, status := "Succeeded", http.StatusAccepted
	if err != nil {
		f := fault.As(err)
		outcome, status = f.Kind.String(), f.Kind.Consequence().Status
	}
	note := edge.From(ctx)
	d := store.Draft{
		Person: p, Unit: a.Unit, Verb: a.Name, Outcome: outcome, Reason: a.Reason, Request: note.ID,
		Detail: store.CallDetail{Operation: note.Operation, Status: status, Address: note.Address},
	}
	if a.Detail != nil {
		if more := a.Detail(); more != nil {
			d.Detail = more
		}
	}
	s.keep(ctx, store.Record{Draft: d})
}

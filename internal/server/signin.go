package server

import (
	"context"
	"time"

	typed "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// SignIn says how people prove who they are.
type SignIn struct {
	// Config is the file that says who may sign in; "" for the Secret SignInSecret in
	// the system namespace, which may be missing.
	Config string
	// Front is how requests reach the server.
	Front signin.Front
	// NoLocalAdmin turns the one-time links off.
	NoLocalAdmin bool
	// Bind has the server bind the local administrator to the role of administrators.
	// A pod must not be able to: there the manifests do.
	Bind bool
	// Link is called with an address that signs in once, when nobody has ever signed
	// in and no provider is configured; nil for none.
	Link func(url string)
}

// The Secret with the configuration of signing in, and the key that it is under.
const (
	SignInSecret = "lockstep-sign-in"
	signInKey    = "sign-in.yaml"
)

// signInUser is who the Secret is watched for; nobody has to be woken: the next who
// signs in finds it changed.
var signInUser = refs.User{Kind: "SignIn"}

// newSignIn makes what finds out who asks.
func (s *server) newSignIn(ctx context.Context, core typed.CoreV1Interface) (*signin.Service, error) {
	o := signin.Options{
		Keep: s.credentials(), Key: s.key, Front: s.opts.SignIn.Front, Record: s.recordSignIn,
		Registerer: s.meters, Log: s.opts.Log, Config: s.signInSecret(ctx), Lenient: true,
	}
	if s.opts.SignIn.Config != "" {
		o.Config, o.Lenient = signin.FromFile(s.opts.SignIn.Config), false
	}
	if !s.opts.SignIn.NoLocalAdmin {
		o.Links = s.links(core)
	}
	return signin.New(o)
}

func (s *server) links(core typed.CoreV1Interface) signin.SecretLinks {
	return signin.SecretLinks{Secrets: core.Secrets(s.opts.SystemNamespace), Now: time.Now}
}

// credentials keeps sessions and tokens beside the history, in one database.
func (s *server) credentials() credentials.Keeper {
	return credentials.Late(func() (credentials.Keeper, error) {
		kept, err := s.history.Store()
		if err != nil {
			return nil, err
		}
		d, ok := kept.(interface{ Credentials() credentials.Keeper })
		if !ok {
			return nil, fault.Unavailable("the store keeps no sessions")
		}
		return d.Credentials(), nil
	})
}

// recordSignIn has what happened kept, without waiting for it.
func (s *server) recordSignIn(_ context.Context, e signin.Event) {
	d := store.Draft{Person: e.Person, Verb: e.Method, Outcome: e.Outcome, Reason: e.Reason}
	switch e.Kind {
	case signin.EventLogin:
		d.Detail = store.LoginDetail{Provider: e.Method, Address: e.Address, Agent: e.Agent}
	case signin.EventLogout:
		d.Detail = store.LogoutDetail{Of: e.Of}
	case signin.EventToken:
		d.Detail = store.TokenDetail{ID: e.Token.ID, Name: e.Token.Name, Scopes: e.Token.Scopes, Expires: e.Token.Expires}
	}
	s.history.Record(store.Record{Draft: d})
}

// signInSecret reads the configuration from its Secret, which is watched.
func (s *server) signInSecret(ctx context.Context) func() (signin.Source, error) {
	return func() (signin.Source, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		data, err := s.refs.Get(ctx, signInUser, refs.Ref{Kind: "Secret", Namespace: s.opts.SystemNamespace, Name: SignInSecret})
		switch {
		case err == nil:
			return signin.Source{Raw: data[signInKey], Secret: func(key string) []byte { return data[key] }}, nil
		case fault.KindOf(err) == fault.KindNotFound:
			return signin.Source{}, nil
		}
		return signin.Source{}, fault.As(err).At("Secret %s/%s", s.opts.SystemNamespace, SignInSecret)
	}
}

// firstLink gives out a link to a server that nobody could sign in to otherwise.
func (s *server) firstLink(ctx context.Context, addr string) {
	if s.opts.SignIn.Link == nil || addr == "" || s.opts.SignIn.NoLocalAdmin {
		return
	}
	// The store opens beside the rest; a server without one is ready all the same.
	for range 20 {
		if _, err := s.history.Store(); err == nil || ctx.Err() != nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !s.signIn.Untouched(ctx) {
		return
	}
	links := s.signIn.Links.(signin.SecretLinks)
	if links.Out(ctx) {
		// A restart proves and writes nothing, and a link that is out stays good.
		s.opts.Log.Info("nobody has signed in yet; a link to do so: lockstep auth link")
		return
	}
	secret, err := links.Make(ctx)
	if err != nil {
		s.opts.Log.Warn("no link to sign in with could be made", "error", err.Error())
		return
	}
	base := s.opts.SignIn.Front.External
	if base == "" {
		base = s.scheme() + "://" + addr
	}
	s.opts.SignIn.Link(base + "/login#t=" + secret)
}

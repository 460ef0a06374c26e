package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/debug"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
	"github.com/lockstep-dev/lockstep/internal/server/webhook"
)

// flushTimeout bounds the writing of statuses at the end of a server.
const flushTimeout = 10 * time.Second

// run starts the controllers and the listener, and ends both with ctx.
func (s *server) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if s.opts.DebugListen != "" {
		l, err := debug.Listen(s.opts.DebugListen)
		if err != nil {
			return err
		}
		// From the first moment: a server that does not get ready is what one wants
		// to look into.
		g.Go(func() error { return serveHTTP(ctx, l, debug.Handler(s.dump, s.dumpStack, s.opts.LogLevel), endless) })
	}
	g.Go(func() error {
		err := s.mgr.Start(ctx)
		// No pass runs any more: what they came to is still to be written.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		s.reporter.Flush(grace)
		if err != nil {
			return fault.Unavailable("the controllers stopped: %s", err).Because(err)
		}
		return nil
	})
	g.Go(func() error {
		s.reporter.Run(ctx)
		return nil
	})
	g.Go(func() error {
		s.warm(ctx)
		return nil
	})
	if !s.opts.SkipCRDs {
		g.Go(func() error { return installAdmission(ctx, s.opts.Config, s.opts.Log) })
	}
	if s.opts.SignIn.Bind && !s.opts.SignIn.NoLocalAdmin {
		g.Go(func() error { return installAdmin(ctx, s.opts.Config, s.opts.Log) })
	}
	g.Go(func() error { return s.share.member.Run(ctx) })
	g.Go(func() error { s.share.run(ctx); return nil })
	g.Go(func() error { s.signIn.Run(ctx); return nil })
	// Runs that are being stopped still write their states.
	states, end := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error { s.states.Run(states); return nil })
	g.Go(func() error { defer end(); <-ctx.Done(); return s.finishRuns(ctx) })
	g.Go(func() error { s.retain(ctx); return nil })
	g.Go(func() error { s.remember(ctx); return nil })
	listener, err := s.listen()
	if err != nil {
		return err
	}
	g.Go(func() error { return s.serve(ctx, listener) })
	return g.Wait()
}

func (s *server) listen() (net.Listener, error) {
	if s.opts.Listen == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.opts.Listen)
	if err != nil {
		return nil, fault.Invalid("cannot listen on %q", s.opts.Listen).Because(err).
			WithHint("is another server running there? choose another address with --listen")
	}
	return s.opts.secured(l)
}

func (s *server) serve(ctx context.Context, l net.Listener) error {
	if !s.mgr.GetCache().WaitForCacheSync(ctx) {
		return nil
	}
	if l == nil {
		s.ready("")
		<-ctx.Done()
		return nil
	}
	s.firstLink(ctx, l.Addr().String())
	s.ready(l.Addr().String())
	// Streams do not end by themselves, and a shutdown waits for what is open.
	context.AfterFunc(ctx, func() { close(s.closing) })
	return serveHTTP(ctx, l, s.handler(), 30*time.Second)
}

// endless is for requests that take as long as the caller says, as profiles do.
const endless = 0

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, read time.Duration) error {
	srv := &http.Server{
		Handler: h,
		// A peer that dribbles bytes is cut off rather than waited for.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       read,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(grace) // what is still open after the grace is cut
	})
	if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fault.Internal(err)
	}
	return nil
}

func (s *server) ready(addr string) {
	if s.opts.Ready != nil {
		s.opts.Ready(addr)
	}
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.meters.handler())
	mux.HandleFunc("POST /hooks/{namespace}/{name}", s.hook)
	s.signIn.Mount(mux)
	mux.Handle(statehttp.Prefix, s.states.ForPeople())
	mux.Handle(httpapi.Prefix+"/", s.api(s.signIn.Wrap))
	// The page's own routes are all that nothing above answers.
	mux.Handle("/", s.page)
	return mux
}

// hook fetches a Source at once because its host says that something was
// pushed. What the payload says is believed only in so far as it is signed with
// the Source's own secret; and all that it can do is make a fetch happen now.
func (s *server) hook(w http.ResponseWriter, r *http.Request) {
	name := lockstep.Unit{Namespace: r.PathValue("namespace"), Name: r.PathValue("name")}
	ctx, span := s.opts.Tracer.Root(r.Context(), "webhook")
	push, err := s.verify(r.WithContext(ctx), name)
	defer span.End(err)
	if err != nil {
		s.meters.webhooks.WithLabelValues("refused").Inc()
		problem(w, fault.As(err))
		return
	}
	if push.Event != webhook.EventPush {
		s.meters.webhooks.WithLabelValues("ignored").Inc()
		w.WriteHeader(http.StatusOK)
		return
	}
	s.meters.webhooks.WithLabelValues("accepted").Inc()
	s.causes.Asked(name, span.Cause())
	s.hooks.announced(name)
	w.WriteHeader(http.StatusAccepted)
}

func (s *server) verify(r *http.Request, name lockstep.Unit) (webhook.Push, error) {
	// Whether a Source exists is not for strangers to find out: it is refused the
	// same way as a wrong signature.
	refused := fault.Denied("the webhook is not accepted").
		WithHint("does the source have spec.webhook, and does the host sign with the same secret?")
	src := &v1alpha1.Source{}
	err := s.mgr.GetClient().Get(r.Context(), types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, src)
	if client.IgnoreNotFound(err) != nil {
		return webhook.Push{}, fault.Internal(err)
	}
	if err != nil || src.Spec.Webhook == nil {
		return webhook.Push{}, refused
	}
	ref := src.Spec.Webhook.SecretRef
	key := ref.Key
	if key == "" {
		key = "token"
	}
	user := refs.User{Kind: refs.Webhook, Namespace: name.Namespace, Name: name.Name}
	data, err := s.refs.Get(r.Context(), user, refs.Ref{Kind: "Secret", Namespace: name.Namespace, Name: ref.Name})
	if err != nil || len(data[key]) == 0 {
		return webhook.Push{}, refused
	}
	return webhook.Parse(r, data[key])
}

// problem answers as RFC 9457 says.
func problem(w http.ResponseWriter, f *fault.Fault) {
	status := f.Kind.Consequence().Status
	if errors.Is(f, webhook.ErrTooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the peer may be gone
		"type": "about:blank", "title": f.Kind.String(), "status": status, "detail": f.What, "hint": f.Hint,
	})
}

// Package server is the whole of Lockstep as one process: the controllers, what
// they share, and the HTTP listener for the web UI, the API, webhooks, probes and
// metrics.
//
// It wires and starts; what is decided is decided elsewhere.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	coordination "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/controller/inventory"
	"github.com/lockstep-dev/lockstep/internal/controller/refs"
	"github.com/lockstep-dev/lockstep/internal/controller/report"
	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	sourcectl "github.com/lockstep-dev/lockstep/internal/controller/source"
	stackctl "github.com/lockstep-dev/lockstep/internal/controller/stack"
	targetctl "github.com/lockstep-dev/lockstep/internal/controller/target"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes"
	"github.com/lockstep-dev/lockstep/internal/driver/kubernetes/access"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/fleet"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/member"
	"github.com/lockstep-dev/lockstep/internal/observe"
	"github.com/lockstep-dev/lockstep/internal/observe/kubeapi"
	"github.com/lockstep-dev/lockstep/internal/render/worker"
	"github.com/lockstep-dev/lockstep/internal/runs"
	"github.com/lockstep-dev/lockstep/internal/server/board"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/server/signin"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
	"github.com/lockstep-dev/lockstep/internal/server/ui"
	"github.com/lockstep-dev/lockstep/internal/source/git"
	"github.com/lockstep-dev/lockstep/internal/stack/renderers"
	"github.com/lockstep-dev/lockstep/internal/store"
	"github.com/lockstep-dev/lockstep/internal/store/journal"
	"github.com/lockstep-dev/lockstep/internal/store/witness"
)

// Options says how a server runs. Config and DataDir are needed.
type Options struct {
	// Config reaches the cluster that holds the Stacks.
	Config *rest.Config
	// DataDir holds mirrors and caches. It can be lost: everything in it is found
	// again from Git and the Kubernetes API.
	DataDir string
	// Listen is the address of the web UI, the API, webhooks, probes and metrics; "" for none.
	Listen string
	// TLSCert and TLSKey are files; without them Listen is plain http.
	TLSCert, TLSKey string
	SignIn          SignIn
	Modules         Modules
	// SkipCRDs leaves the custom resource definitions as they are, and the admission
	// policy that sets the finalizer of Stacks.
	SkipCRDs bool
	// Workers is how many passes run at once; default 32. A pass waits for the
	// network, never for health, so they are many and cheap.
	Workers int
	// ExecCommands are the credential plugins that Targets may name.
	ExecCommands []string
	// AllowFileURLs lets Sources name file:// repositories, for tests.
	AllowFileURLs bool
	// AllowRemoteBases lets kustomizations fetch remote bases and resources. What
	// is fetched is no part of a content key: its changes go unnoticed.
	AllowRemoteBases bool
	// Render bounds one render in a worker process; zero for the defaults.
	Render worker.Limits
	// SystemNamespace holds the Leases by which replicas share the work, and the
	// Secret with the digest key; default the pod's own, else lockstep-system.
	SystemNamespace string
	// Store is where the history is kept: a file, or a URL of PostgreSQL; default
	// lockstep.db in DataDir.
	Store string
	// Keep is for how long it is kept; zero for ever.
	Keep store.Keep
	// KeepStates is how many versions of a state are kept, MaxState how many bytes one
	// may have; zero for the defaults.
	KeepStates int
	MaxState   int64
	// StackMetrics gives each Stack series of its own.
	StackMetrics bool
	// RememberEvery is how often the end of the history is remembered on the
	// cluster, if anything was appended; default five minutes.
	RememberEvery time.Duration
	// Tracer begins traces; nil for none.
	Tracer *observe.Tracer
	// UI says which web UI is served; zero for the one in the binary.
	UI ui.Options
	// Version is what this binary calls itself.
	Version string
	// DebugListen is the address of profiles and dumps, on loopback; "" for none.
	DebugListen string
	// LogLevel is that of Log, to be changed while the server runs; may be nil.
	LogLevel *slog.LevelVar
	// Ready is called once the listener and the controllers are up; may be nil.
	Ready func(addr string)
	Log   *slog.Logger
}

// Run serves until ctx ends.
func Run(ctx context.Context, o Options) error {
	if o.Workers <= 0 {
		o.Workers = 32
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	// Git and renders run in directories of their own, where a relative path leads
	// elsewhere.
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return fault.Invalid("data directory %q cannot be used", o.DataDir).Because(err)
	}
	o.DataDir = dir
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return fault.Invalid("data directory %q cannot be used", o.DataDir).Because(err).WithHint("choose another with --data-dir")
	}
	o.SystemNamespace = o.home()
	identity, err := member.Identify(o.DataDir)
	if err != nil {
		return err
	}
	defer identity.Close()
	o.Log = logged(o.Log)
	meters := newMeters(o.Version)
	if !o.SkipCRDs {
		err := patiently(ctx, o.Log, "installing the definitions", func() error {
			return installCRDs(ctx, meters.counted(o.Config, kubeapi.Local))
		})
		if err != nil {
			return err
		}
	}
	mgr, err := newManager(o, meters)
	if err != nil {
		return fault.Unavailable("the Kubernetes API at %s cannot be used", o.Config.Host).Because(err)
	}
	s := &server{opts: o, identity: identity, mgr: mgr, queues: newQueues(), lines: newLines(), started: time.Now(), meters: meters, board: board.New(), closing: make(chan struct{})}
	if s.page, err = s.openUI(); err != nil {
		return err
	}
	if o.Tracer != nil {
		s.causes = observe.NewCauses()
	}
	stop, err := s.startHistory(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := s.wire(ctx); err != nil {
		return err
	}
	defer s.connections.Close()
	return s.run(ctx)
}

type server struct {
	opts     Options
	identity *member.Identity
	key      []byte
	mgr      ctrl.Manager
	share    *share
	hooks    *gather

	started     time.Time
	meters      *meters
	causes      *observe.Causes // nil without traces
	page        http.Handler
	history     *journal.Journal
	retention   *retention
	memory      *memory
	queues      *queues
	lines       *lines
	fleet       *fleet.Fleet
	reporter    *report.Reporter
	inventory   *inventory.Store
	refs        *refs.Store
	connections *targetctl.Connections
	checker     *checker
	board       *board.Board  // what the HTTP API lists
	looker      *live.Looker  // what it tells of one Stack
	closing     chan struct{} // closed when streams have to end
	signIn      *signin.Service
	runs        *runs.Manager     // nil where no modules are run
	states      *statehttp.Server // states of Stacks that keep theirs here
}

// wire makes the parts and hands each what it needs.
func (s *server) wire(ctx context.Context) error {
	core, err := v1.NewForConfig(s.meters.counted(quick(s.opts.Config), kubeapi.Local))
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	err = patiently(ctx, s.opts.Log, "reading the digest key", func() (err error) {
		s.key, err = digestKey(ctx, core, s.opts.SystemNamespace)
		return err
	})
	if err != nil {
		return err
	}
	s.memory = newMemory(witness.New(core, s.opts.SystemNamespace), s.meters)
	if s.states, err = s.newStates(core); err != nil {
		return err
	}
	leases, err := coordination.NewForConfig(s.meters.counted(quick(s.opts.Config), kubeapi.Local))
	if err != nil {
		return fault.Invalid("the kubeconfig cannot be used").Because(err)
	}
	s.fleet = fleet.New(s.queues.stack)
	s.refs = refs.New(ctx, core, s.refChanged)
	here := &targetctl.Pulse{}
	near := rest.CopyConfig(s.opts.Config)
	near.Wrap(here.Wrap)
	local, err := s.connect(kubeapi.Local, near, nil)
	if err != nil {
		return err
	}
	s.connections = targetctl.NewConnections(local, here)
	s.meters.MustRegister(s.lines, s.connections)
	reporter := report.New(s.mgr.GetClient(), s.mgr.GetEventRecorder("lockstep"), s.opts.Log)
	reporter.Metrics = report.NewMetrics(s.meters)
	reporter.Crowd(s.queues.stacks.len)
	s.reporter = reporter
	mirrors := git.New(git.Options{
		Dir: filepath.Join(s.opts.DataDir, "git"), AllowFile: s.opts.AllowFileURLs, Log: s.opts.Log, Metrics: git.NewMetrics(s.meters),
	})
	s.meters.MustRegister(mirrors.Collector())

	sources := &sourcectl.Reconciler{
		Client: s.mgr.GetClient(), Refs: s.refs, Fleet: s.fleet, Report: reporter,
		Mirrors: mirrors,
		Metrics: sourcectl.NewMetrics(s.meters), Tracer: s.opts.Tracer, Causes: s.causes,
		Keeps: keeps,
	}
	targets := &targetctl.Reconciler{
		Client: s.mgr.GetClient(), Refs: s.refs, Fleet: s.fleet, Connections: s.connections,
		Wake: s.queues.stack, Dial: s.dial, Report: reporter, Keeps: keeps,
		Again: func(ref lockstep.TargetRef) { s.queues.targets.add(lockstep.Unit(ref)) },
		Gone:  func(ref lockstep.TargetRef) { s.meters.api.Forget(ref.String()) },
	}
	render, err := renderers.All(renderers.Options{Dir: filepath.Join(s.opts.DataDir, "charts"), Limits: s.opts.Render, Registerer: s.meters, Log: s.opts.Log})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, render.Close)
	s.looker = s.newLooker(render.Render, mirrors, shelf.New(core).Kept)
	s.inventory = inventory.New(ctx, core, s.opts.home(), s.opts.Log)
	stacks := &stackctl.Reconciler{
		Client: s.mgr.GetClient(), Refs: s.refs, Fleet: s.fleet, Connections: s.connections,
		Inventory: s.inventory, History: s.history,
		Render: render.Render, Key: s.key, AllowRemote: s.opts.AllowRemoteBases, Report: reporter,
		Metrics: stackctl.NewMetrics(s.meters, stackctl.PerStack(s.opts.StackMetrics)), Parallel: 8,
		Tracer: s.opts.Tracer, Causes: s.causes, Log: s.opts.Log,
	}
	if stacks.Modules, err = s.newModules(core); err != nil {
		return err
	}
	if s.checker, err = s.newChecker(ctx); err != nil {
		return err
	}
	if s.signIn, err = s.newSignIn(ctx, core); err != nil {
		return err
	}
	h := s.newShare(leases, reporter, sources, stacks)
	return errors.Join(
		h.listen(ctx),
		s.watchBoard(ctx),
		s.control("source", &v1alpha1.Source{}, h.only(kindSource, sources, nil), s.queues.sources.bind),
		s.control("target", &v1alpha1.Target{}, h.only(kindTarget, targets, nil), s.queues.targets.bind),
		s.control("stack", &v1alpha1.Stack{}, h.only(kindStack, stacks, h.afar), s.queues.stacks.bind),
	)
}

// connect makes the driver of one cluster; its events wake the units that they
// are about.
func (s *server) connect(name string, cfg *rest.Config, namespaces []string) (*kubernetes.Cluster, error) {
	return kubernetes.Connect(kubernetes.Options{
		Config:     guarded(s.meters.counted(cfg, name)),
		Namespaces: namespaces,
		OnChange:   s.changed,
		Digester:   diff.Digester{Key: s.key},
		Log:        s.opts.Log,
	})
}

// changed wakes the unit that a change on a Target is about, unless it is drift
// and the unit does not want to know.
func (s *server) changed(c driver.Change) {
	if c.Drift && s.fleet.Deaf(c.Unit) || !s.share.concerned(itemOf(kindStack, c.Unit)) {
		return // another replica sees it, too
	}
	s.opts.Log.Debug("changed on the target", "stack", c.Unit.String(), "object", c.Key.String(), "drift", c.Drift)
	s.queues.stack(c.Unit)
}

func (s *server) dial(ref lockstep.TargetRef, spec v1alpha1.KubernetesTarget, secret func(string) (map[string][]byte, error), wrap transport.WrapperFunc) (targetctl.Probed, string, error) {
	cfg, err := access.Config(spec, secret, access.Options{InCluster: s.opts.Config, ExecCommands: s.opts.ExecCommands})
	if err != nil {
		return nil, spec.Server, err
	}
	cfg = rest.CopyConfig(cfg)
	cfg.Wrap(wrap)
	c, err := s.connect(ref.String(), cfg, spec.Namespaces)
	if err != nil {
		return nil, cfg.Host, err
	}
	return c, cfg.Host, nil
}

// refChanged wakes whoever uses a Secret or ConfigMap that changed.
func (s *server) refChanged(u refs.User) {
	name := lockstep.Unit{Namespace: u.Namespace, Name: u.Name}
	switch u.Kind {
	case "Source":
		s.queues.sources.add(name)
	case "Target":
		s.queues.targets.add(name)
	case "Stack":
		s.fleet.Invalidate(name)
	}
}

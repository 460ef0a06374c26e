package kubernetes

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Options says which API to connect to and how.
type Options struct {
	// Config reaches the API; see package access for how it comes about.
	Config *rest.Config
	// Namespaces limits the watches; empty means the whole cluster.
	Namespaces []string
	// OnChange is called for every change that Observe would answer with, except
	// those that an Apply of this Cluster made and answered for. It must not
	// block; gathering many into one is the caller's job. May be nil.
	OnChange func(driver.Change)
	// Digester masks the values of Secrets in drift.
	Digester diff.Digester
	// Log gets what no unit is to be bothered with; nil for nothing.
	Log *slog.Logger
}

// Cluster is a driver.Driver for one Kubernetes API. It makes no request before
// it is used.
type Cluster struct {
	opts Options
	log  *slog.Logger
	host string

	http      *http.Client
	rest      rest.Interface // for writes, where status codes and raw bodies matter
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	discovery *discovery.DiscoveryClient

	catalog    catalogs
	namespaces sync.Map // name → true: those known to be there
	view       *view
	locks      keyLocks
	carer      carer

	ctx  context.Context // ends with Close; watches live on it
	stop context.CancelFunc

	restarts atomic.Int64 // of watches

	mu      sync.Mutex
	watches map[watchKey]*watcher
	// definitions says whether the names of all definitions are watched.
	definitions bool
	awaiting    map[lockstep.GroupKind]map[lockstep.Unit]lockstep.Key // who asked for a kind that is not served
}

var _ driver.Driver = (*Cluster)(nil)

// requestTimeout bounds every single request that is no watch, above the
// longest that an admission webhook may take (30 s).
const requestTimeout = 45 * time.Second

// Connect prepares a Cluster. It fails only for a Config that cannot work, and
// reaches for nothing.
func Connect(o Options) (*Cluster, error) {
	cfg := rest.CopyConfig(o.Config)
	// The API's own priority and fairness decides who waits; a limit on our side
	// would only hide it.
	cfg.QPS = -1
	cfg.RateLimiter = nil
	cfg.WarningHandlerWithContext = rest.NoWarnings{}
	// The projection reads JSON; a Config made for protobuf is put right here.
	cfg.ContentType = ""
	cfg.AcceptContentTypes = ""
	if cfg.UserAgent == "" {
		cfg.UserAgent = "lockstep"
	}

	c := &Cluster{
		opts: o, log: o.Log, host: cfg.Host,
		view:     newView(o.Digester),
		watches:  map[watchKey]*watcher{},
		awaiting: map[lockstep.GroupKind]map[lockstep.Unit]lockstep.Key{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.dial(cfg); err != nil {
		return nil, fault.Invalid("cannot use the credential of the target: %v", err).Because(err)
	}
	c.catalog.init()
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.carer.cluster = c
	c.view.worried = c.carer.worry
	return c, nil
}

// dial makes the clients; all of them share one HTTP/2 connection.
func (c *Cluster) dial(cfg *rest.Config) (err error) {
	if c.http, err = rest.HTTPClientFor(cfg); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(cfg, c.http); err != nil {
		return err
	}
	if c.metadata, err = metadata.NewForConfigAndClient(cfg, c.http); err != nil {
		return err
	}
	if c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(cfg, c.http); err != nil {
		return err
	}
	c.rest, err = rest.UnversionedRESTClientForConfigAndClient(writeConfig(cfg), c.http)
	return err
}

// Close stops every watch.
func (c *Cluster) Close() {
	c.stop()
	c.http.CloseIdleConnections()
}

// Host returns the address of the API.
func (c *Cluster) Host() string { return c.host }

func (c *Cluster) closed() error {
	if c.ctx.Err() == nil {
		return nil
	}
	return fault.Unavailable("the connection to %s was closed", c.host)
}

func (c *Cluster) notify(changes []driver.Change) {
	if c.opts.OnChange == nil {
		return
	}
	for _, ch := range changes {
		c.opts.OnChange(ch)
	}
}

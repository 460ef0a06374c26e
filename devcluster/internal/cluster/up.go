package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/lockstep-dev/lockstep/devcluster/internal/component"
	"github.com/lockstep-dev/lockstep/devcluster/internal/credential"
	"github.com/lockstep-dev/lockstep/devcluster/internal/etcd"
	"github.com/lockstep-dev/lockstep/devcluster/internal/footprint"
	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
	"github.com/lockstep-dev/lockstep/devcluster/internal/simulate"
)

// Options of [Up].
type Options struct {
	Dir      string
	Nodes    int
	BasePort int // 0 takes free ports
	Wipe     bool
	NoFsync  bool

	Stdout, Stderr io.Writer
}

// How long a part may take to end after being asked. The API server gets longest:
// it finishes the requests it holds. Killing it loses nothing, the store is apart.
const (
	graceControllers = 2 * time.Second
	graceAPIServer   = 4 * time.Second
)

// Up runs a cluster until the context ends, which is a clean stop and no error.
func Up(ctx context.Context, o Options) error {
	if o.Nodes < 0 {
		return fmt.Errorf("--nodes %d: a cluster has no fewer than 0 nodes", o.Nodes)
	}
	dir, err := place.Open(o.Dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	lock, err := dir.Lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }()

	if o.Wipe {
		if err := dir.Wipe(); err != nil {
			return err
		}
	}
	if err := dir.Create(); err != nil {
		return err
	}
	r := &run{Options: o, dir: dir}
	// Whatever was started is stopped in reverse, also when a later part fails.
	defer r.stop()
	if err := r.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped by a signal before it was ready
		}
		return err
	}
	if _, err := fmt.Fprintln(o.Stdout, dir.Kubeconfig()); err != nil {
		return fmt.Errorf("print the kubeconfig's path: %w", err)
	}
	footprint.ReleaseAfter(10 * time.Second)
	return r.wait(ctx)
}

// A run is one life of a cluster.
type run struct {
	Options
	dir  place.Dir
	keys *credential.Set

	store      *etcd.Server
	api        *component.Child
	schedulers []*component.Child // controllers and scheduler
	simulated  *simulate.Nodes
}

func (r *run) start(ctx context.Context) error {
	began := time.Now()
	say := func(what string) {
		_, _ = fmt.Fprintf(r.Stderr, "%6.2fs  %s\n", time.Since(began).Seconds(), what)
	}
	if err := r.redirectLogs(); err != nil {
		return err
	}
	server, err := r.startAPIServer(ctx)
	if err != nil {
		return err
	}
	say("etcd answers, kube-apiserver starts on " + server)

	config, err := clientcmd.BuildConfigFromFlags("", r.dir.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read the admin kubeconfig: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	if err := awaitReady(ctx, client, r.api); err != nil {
		return err
	}
	say("/readyz answers")

	if err := r.startRest(ctx, config, client); err != nil {
		return err
	}
	say(fmt.Sprintf("ready, %d simulated nodes", r.Nodes))
	return nil
}

// redirectLogs keeps what the parts inside this process log out of the terminal.
func (r *run) redirectLogs() error {
	log, err := os.OpenFile(r.dir.Log("devcluster"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	klog.LogToStderr(false)
	klog.SetOutput(log)
	return nil
}

func (r *run) startAPIServer(ctx context.Context) (string, error) {
	state, err := r.dir.Load()
	if err != nil {
		return "", err
	}
	if r.keys, err = credential.Prepare(r.dir); err != nil {
		return "", err
	}
	if err := place.WriteFile(r.keys.Path("authentication.yaml"), []byte(authentication)); err != nil {
		return "", err
	}
	listener, err := listen(r.BasePort, state.Port)
	if err != nil {
		return "", err
	}
	// The child has a copy of its own.
	defer func() { _ = listener.Close() }()

	state = place.State{Port: portOf(listener), Nodes: r.Nodes, Started: time.Now().UTC()}
	if err := r.keys.Kubeconfigs(state.Server()); err != nil {
		return "", err
	}
	if err := r.dir.Save(state); err != nil {
		return "", err
	}
	if err := r.startStore(ctx); err != nil {
		return "", err
	}
	launch := apiServer(r.dir, r.keys, r.store.URL, state.Port)
	launch.Listener = listener
	if r.api, err = component.Start(launch); err != nil {
		return "", err
	}
	return state.Server(), nil
}

func (r *run) startStore(ctx context.Context) (err error) {
	port := 0
	if r.BasePort != 0 {
		port = r.BasePort + 1
	}
	r.store, err = etcd.Start(ctx, etcd.Options{
		Dir:     r.dir.Etcd(),
		Log:     r.dir.Log("etcd"),
		Port:    port,
		NoFsync: r.NoFsync,
		Cert:    r.keys.Path("etcd") + ".crt",
		Key:     r.keys.Path("etcd") + ".key",
		CA:      r.keys.Path("etcd-ca") + ".crt",
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d, for etcd, is taken; choose another --ports, or 0 for free ones: %w", port, err)
	}
	return err
}

// startRest starts all that needs a ready API, at the same time.
func (r *run) startRest(ctx context.Context, admin *rest.Config, client kubernetes.Interface) error {
	for _, launch := range []component.Launch{controllerManager(r.dir, r.keys), scheduler(r.dir, r.keys)} {
		child, err := component.Start(launch)
		if err != nil {
			return err
		}
		r.schedulers = append(r.schedulers, child)
	}
	simulated, err := simulate.Start(ctx, simulate.Options{
		Kubeconfig:   r.keys.Component("kwok"),
		Log:          r.dir.Log("kwok"),
		Nodes:        r.Nodes,
		LeaseSeconds: leaseSeconds,
	})
	if err != nil {
		return err
	}
	r.simulated = simulated
	// The controllers make the default service account, so its presence also
	// tells that they work.
	return awaitServiceAccount(ctx, client, r.schedulers)
}

// wait returns nil when the context ends and an error when a part does.
func (r *run) wait(ctx context.Context) error {
	failed := make(chan error, 1+len(r.schedulers))
	for _, child := range append([]*component.Child{r.api}, r.schedulers...) {
		go func() {
			<-child.Done()
			failed <- child.Failure()
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case err := <-r.store.Err():
		return fmt.Errorf("etcd failed (see %s): %w", r.dir.Log("etcd"), err)
	case err := <-r.simulated.Err():
		return fmt.Errorf("kwok failed (see %s): %w", r.dir.Log("kwok"), err)
	}
}

func (r *run) stop() {
	if r.simulated != nil {
		r.simulated.Stop()
	}
	var all sync.WaitGroup
	for _, child := range r.schedulers {
		all.Go(func() { child.Stop(graceControllers) })
	}
	all.Wait()
	if r.api != nil {
		r.api.Stop(graceAPIServer)
	}
	if r.store != nil {
		r.store.Close()
	}
}

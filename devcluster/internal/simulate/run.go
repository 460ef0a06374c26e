package simulate

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/client"
)

// podCIDR is where pods get their addresses from.
const podCIDR = "10.244.0.0/16"

// Options of [Start].
type Options struct {
	Kubeconfig   string
	Log          string
	Nodes        int
	LeaseSeconds uint
}

// Nodes is the running simulation.
type Nodes struct {
	stop context.CancelFunc
	log  *os.File
	err  chan error
}

// Start creates the nodes and the default storage class, and plays both from then
// on. It returns when the objects exist; kwok starts in the background, because it
// needs a second that nobody has to wait for.
func Start(ctx context.Context, o Options) (*Nodes, error) {
	file, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of kwok: %w", err)
	}
	clients, err := client.NewClientset("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("make clients for kwok: %w", err)
	}
	config, err := clients.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Kubeconfig, err)
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for kwok: %w", err)
	}
	if err := ensureStorageClass(ctx, typed); err != nil {
		return nil, err
	}
	if err := ensureNodes(ctx, typed, o.Nodes); err != nil {
		return nil, err
	}

	ctx, stop := context.WithCancel(ctx)
	n := &Nodes{stop: stop, log: file, err: make(chan error, 1)}
	ctx = log.NewContext(ctx, log.NewLogger(file, log.LevelInfo))
	go func() {
		if err := play(ctx, clients, config, typed, o.LeaseSeconds); err != nil {
			n.err <- err
		}
	}()
	return n, nil
}

// play returns once the simulation runs; it ends with the context.
// identity holds the leases of the nodes. It is the same after a restart, or the
// nodes would belong to the process before until its leases have run out, and no
// new pod would run for minutes. One directory has one devcluster.
const identity = "devcluster"

func play(ctx context.Context, clients client.Clientset, config *rest.Config, typed kubernetes.Interface, leaseSeconds uint) error {
	stages, err := stages()
	if err != nil {
		return err
	}
	dynamic, err := clients.ToDynamicClient()
	if err != nil {
		return fmt.Errorf("make a dynamic client: %w", err)
	}
	mapper, err := clients.ToRESTMapper()
	if err != nil {
		return fmt.Errorf("make a REST mapper: %w", err)
	}
	restClient, err := rest.RESTClientFor(config)
	if err != nil {
		return fmt.Errorf("make a REST client: %w", err)
	}
	kwok, err := versioned.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a kwok client: %w", err)
	}
	controller, err := controllers.NewController(controllers.Config{
		Clock:                           clock.RealClock{},
		DynamicClient:                   dynamic,
		RESTClient:                      restClient,
		RESTMapper:                      mapper,
		ImpersonatingDynamicClient:      clients.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:        clients.ToImpersonatingTypedClient(),
		TypedClient:                     typed,
		TypedKwokClient:                 kwok,
		ManageAllNodes:                  true,
		CIDR:                            podCIDR,
		NodeIP:                          "127.0.0.1",
		LocalStages:                     stages,
		PodPlayStageParallelism:         8,
		NodePlayStageParallelism:        4,
		NodeLeaseParallelism:            4,
		NodeLeaseDurationSeconds:        leaseSeconds,
		ID:                              identity,
		PodsOnNodeSyncParallelism:       4,
		EnablePodsOnNodeSyncStreamWatch: true,
	})
	if err != nil {
		return fmt.Errorf("set kwok up: %w", err)
	}
	if err := controller.Start(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("start kwok: %w", err)
	}
	return nil
}

// Err tells when the simulation could not be started.
func (n *Nodes) Err() <-chan error { return n.err }

// Stop ends the simulation; pods stay as they are.
func (n *Nodes) Stop() {
	n.stop()
	_ = n.log.Close()
}

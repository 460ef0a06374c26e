// Package env is what every command is given: the terminal, the way to the
// cluster, and the words that commands share for arguments and flags.
package env

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/term"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Env is what a command works with. The cluster is asked for late, so that
// --help and offline commands need none.
type Env struct {
	IO      *term.IO
	Version string
	Getenv  func(string) string
	Now     func() time.Time

	Kubeconfig string
	Context    string
	Server     string // address or name of a Lockstep server
	namespace  string
	Colour     string
}

// New returns the Env of the process.
func New(version string) *Env {
	return &Env{IO: term.System(), Version: version, Getenv: os.Getenv, Now: time.Now}
}

func (e *Env) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	// Only a file that was named on purpose must exist.
	rules.ExplicitPath = e.Kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: e.Context})
}

// Config returns the way to the cluster: --kubeconfig, $KUBECONFIG,
// ~/.kube/config, or the service account of the pod.
func (e *Env) Config() (*rest.Config, error) {
	config, err := e.loader().ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, fault.Usage("no cluster is chosen: there is no kubeconfig").WithHint("%s", noCluster())
	case errors.Is(err, os.ErrNotExist):
		return nil, fault.NotFound("kubeconfig %q does not exist", e.Kubeconfig)
	case err != nil && e.Context != "" && !e.knows(e.Context):
		return nil, fault.NotFound("the kubeconfig has no context %q", e.Context).
			WithHint("without --context its current context is used").Because(err)
	case err != nil:
		return nil, fault.Invalid("the kubeconfig cannot be read: %v", err).Because(err)
	}
	return config, nil
}

func (e *Env) knows(context string) bool {
	raw, err := e.loader().RawConfig()
	return err != nil || raw.Contexts[context] != nil
}

// noCluster points at a demo where one is at hand.
func noCluster() string {
	const file = "lockstep-demo/kubeconfig"
	if _, err := os.Stat(file); err == nil {
		return "for the demo in this directory: export KUBECONFIG=$PWD/" + file
	}
	return "pass --kubeconfig FILE, set KUBECONFIG, or try everything without a cluster: lockstep demo"
}

// Client returns a client of the cluster.
func (e *Env) Client() (*api.Client, error) {
	config, err := e.Config()
	if err != nil {
		return nil, err
	}
	return api.New(config)
}

// Namespace returns the one that was asked for, or the context's.
func (e *Env) Namespace() string {
	if e.namespace != "" {
		return e.namespace
	}
	if e.through() {
		return "default"
	}
	ns, _, err := e.loader().Namespace()
	if err != nil || ns == "" {
		return "default"
	}
	return ns
}

// NamespaceAsked returns -n, "" when it was not given.
func (e *Env) NamespaceAsked() string { return e.namespace }

// Unit reads NAME or NAMESPACE/NAME.
func (e *Env) Unit(arg string) (lockstep.Unit, error) {
	u, err := lockstep.ParseUnit(arg, e.Namespace())
	if err != nil {
		return u, fault.Usage("%v", err)
	}
	return u, nil
}

// CacheDir returns the folder for what can be fetched again.
func (e *Env) CacheDir() (string, error) {
	if dir := e.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lockstep"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.Usage("there is no folder for the cache").WithHint("set XDG_CACHE_HOME")
	}
	return filepath.Join(dir, "lockstep"), nil
}

// Bounded returns a context that ends after d; d = 0 is no limit.
func Bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

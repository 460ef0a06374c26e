package env

import (
	"github.com/lockstep-dev/lockstep/internal/cli/api"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/cli/remote"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// chosen returns the Lockstep server that commands go through, nil for none: then
// they go straight to the cluster. It is the one place that decides. A flag says
// what is meant this once, so it wins; a kubeconfig that the environment names is
// there for other programs, too, and does not.
func (e *Env) chosen() (*remote.Context, error) {
	if e.Server == "" && (e.Kubeconfig != "" || e.Context != "") {
		return nil, nil
	}
	if e.Server == "" && e.Getenv("LOCKSTEP_SERVER") == "" && e.Getenv("LOCKSTEP_CONTEXT") == "" {
		c, err := remote.Load(e.Getenv)
		if err != nil || c.Current == "" {
			return nil, err
		}
	}
	x, err := remote.Choose(e.Getenv, e.Server)
	return &x, err
}

// Gateway returns the way through a Lockstep server, nil where commands go straight
// to the cluster.
func (e *Env) Gateway() (*gateway.Client, error) {
	x, err := e.chosen()
	if err != nil || x == nil {
		return nil, err
	}
	return gateway.New(*x, "lockstep/"+e.Version)
}

// NeedGateway is Gateway for what only a server answers.
func (e *Env) NeedGateway() (*gateway.Client, error) {
	g, err := e.Gateway()
	if err == nil && g == nil {
		err = fault.Usage("this is asked of a Lockstep server, and none is chosen").
			WithHint("lockstep login https://lockstep.example.org, or --server and LOCKSTEP_TOKEN")
	}
	return g, err
}

// Kinds returns the way to Lockstep's kinds: through a server, or straight to the
// cluster.
func (e *Env) Kinds() (api.Kinds, error) {
	g, err := e.Gateway()
	if err != nil {
		return nil, err
	}
	if g != nil {
		return g, nil
	}
	return e.Client()
}

// through says whether commands go through a server; a choice that cannot be read is
// said when it is used.
func (e *Env) through() bool {
	x, err := e.chosen()
	return err == nil && x != nil
}

// NamespaceListed returns the namespace of lists, "" for all: through a server they
// are of all that one may see.
func (e *Env) NamespaceListed() string {
	if e.through() {
		return e.namespace
	}
	return e.Namespace()
}

package install

import (
	"testing"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/kube"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
)

// TestStatePermissions takes a state through its life with the permissions that the
// installation gives the server.
func TestStatePermissions(t *testing.T) {
	w := setUp(t)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig(t, w))
	if err != nil {
		t.Fatal(err)
	}
	k, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	states, err := state.New(state.Options{Vault: kube.New(k.CoreV1(), system), Key: statetest.Key, Keep: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, key := t.Context(), state.Of(lockstep.Unit{Namespace: w.Namespace, Name: "net"}, "")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = states.Read(ctx, key)
	must(err)
	must(states.Lock(ctx, key, state.Lock{ID: "x", Run: "run"}))
	for serial := range 2 { // the second has the first removed
		_, err = states.Write(ctx, key, state.Write{Content: statetest.State("l", serial+1, "a"), Lock: "x", By: state.Actor{Run: "run"}})
		must(err)
	}
	must(states.Unlock(ctx, key, "x", state.Actor{Run: "run"}))
	_, _, err = states.Read(ctx, key)
	must(err)
	_, err = states.List(ctx)
	must(err)
	_, err = states.Sweep(ctx)
	must(err)
	parts, err := kube.New(k.CoreV1(), system).Parts(ctx)
	must(err)
	if len(parts) != 1 {
		t.Errorf("%d parts are kept, of 1", len(parts))
	}
}

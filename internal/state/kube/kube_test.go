package kube_test

import (
	"testing"

	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/kube"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

func TestMain(m *testing.M) { cluster.Main(m) }

func TestConformance(t *testing.T) {
	c := cluster.Start(t)
	namespace := c.Namespace(t)
	statetest.Run(t, func(t *testing.T) state.Vault { return kube.New(c.Client(t).CoreV1(), namespace) })
}

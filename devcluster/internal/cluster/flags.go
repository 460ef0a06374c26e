package cluster

import (
	"fmt"
	"os"

	"github.com/lockstep-dev/lockstep/devcluster/internal/component"
	"github.com/lockstep-dev/lockstep/devcluster/internal/credential"
	"github.com/lockstep-dev/lockstep/devcluster/internal/place"
)

// authentication lets people without credentials ask for health and nothing else.
// Requests from nobody to any other path get 401, not 403 as system:anonymous.
const authentication = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
`

// quietGC trades processor time for memory: these processes hold little that
// lives long, and a heap that may double first would be most of their size.
// A GOGC of the caller's wins.
func quietGC(percent int) []string {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	return []string{fmt.Sprintf("GOGC=%d", percent)}
}

func apiServer(dir place.Dir, keys *credential.Set, etcd string, port int) component.Launch {
	return component.Launch{
		Name: component.APIServer,
		Log:  dir.Log(component.APIServer),
		Env:  quietGC(50),
		Flags: []string{
			"--etcd-servers=" + etcd,
			"--etcd-cafile=" + keys.Path("etcd-ca") + ".crt",
			"--etcd-certfile=" + keys.Path("etcd-client") + ".crt",
			"--etcd-keyfile=" + keys.Path("etcd-client") + ".key",
			"--bind-address=127.0.0.1",
			"--advertise-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", port),
			"--tls-cert-file=" + keys.Path("apiserver") + ".crt",
			"--tls-private-key-file=" + keys.Path("apiserver") + ".key",
			"--client-ca-file=" + keys.Path("ca") + ".crt",
			"--authentication-config=" + keys.Path("authentication.yaml"),
			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + keys.Path("service-account") + ".pub",
			"--service-account-signing-key-file=" + keys.Path("service-account") + ".key",
			"--service-cluster-ip-range=10.96.0.0/16",
			// The endpoint of the service "kubernetes" may not be a loopback
			// address, and nothing here could reach it: no pod really runs.
			"--endpoint-reconciler-type=none",
			"--allow-privileged=true",
			// Without it a stop waits for whoever still watches something.
			"--shutdown-watch-termination-grace-period=1s",
			"--profiling=false",
			// What the benchmarks of GitOps engines give their control plane.
			"--max-requests-inflight=2000",
			"--max-mutating-requests-inflight=1000",
		},
	}
}

func controllerManager(dir place.Dir, keys *credential.Set) component.Launch {
	return component.Launch{
		Name: component.ControllerManager,
		Log:  dir.Log(component.ControllerManager),
		Env:  quietGC(50),
		Flags: []string{
			"--kubeconfig=" + keys.Component(component.ControllerManager),
			// There is one, so it need not win an election, and nobody scrapes it.
			"--leader-elect=false",
			"--secure-port=0",
			"--profiling=false",
			"--use-service-account-credentials=false",
			"--service-account-private-key-file=" + keys.Path("service-account") + ".key",
			"--root-ca-file=" + keys.Path("ca") + ".crt",
			"--cluster-signing-cert-file=" + keys.Path("ca") + ".crt",
			"--cluster-signing-key-file=" + keys.Path("ca") + ".key",
			// The defaults (20 requests a second) would be what a benchmark of
			// anything on top measures.
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
			// Simulated nodes renew their leases seldom, to leave the API quiet.
			fmt.Sprintf("--node-monitor-grace-period=%ds", 2*leaseSeconds),
		},
	}
}

func scheduler(dir place.Dir, keys *credential.Set) component.Launch {
	return component.Launch{
		Name: component.Scheduler,
		Log:  dir.Log(component.Scheduler),
		Env:  quietGC(50),
		Flags: []string{
			"--kubeconfig=" + keys.Component(component.Scheduler),
			"--leader-elect=false",
			"--secure-port=0",
			"--profiling=false",
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
		},
	}
}

// leaseSeconds is how long a simulated node counts as alive without a word from
// it. It speaks four times as often.
const leaseSeconds = 240

package install

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/internal/member"
	"github.com/lockstep-dev/lockstep/test/world"
)

// TestPod runs the server as a pod would find itself: the credential where
// Kubernetes mounts it, the API's address in the environment, no home and no
// kubeconfig. A mount namespace of its own makes the two directories; it needs
// Linux, and root or a kernel that lets others make one. Only the port is given,
// because the usual one may be taken on the machine of a test.
func TestPod(t *testing.T) {
	w := setUp(t)
	apply(t, w, strings.ReplaceAll(tenant, "NS", w.Namespace))
	log := servePod(t, w)
	w.Eventually("it says that it is ready, with the data of a pod", 30*time.Second, func() (bool, string) {
		text := log()
		return strings.Contains(text, "data=/var/lib/lockstep"), text
	})
	w.Eventually("it has a lease in the pod's namespace", 10*time.Second, func() (bool, string) {
		var leases coordinationv1.LeaseList
		err := w.Client.List(t.Context(), &leases, client.InNamespace(system), client.HasLabels{member.Label})
		return len(leases.Items) == 1, fmt.Sprint(len(leases.Items), " leases ", err)
	})

	repo, url := w.Repo("shop")
	commit(t, repo, map[string]string{"app/b.yaml": spare})
	source(t, w, url)
	s := newStack(w, "shop")
	s.Spec.ServiceAccount = "deployer"
	w.Create(s)
	ready(t, w, s)
	let(t, w, s)
}

// servePod starts the server and returns how to read its log.
func servePod(t *testing.T, w *world.World) func() string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{"token": token(t, w), "ca.crt": string(authority(t, w)), "namespace": system} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	api, err := url.Parse(w.Cluster.Config(t).Host)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	const enter = `set -e
account=/var/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs none /var/run
mount -t tmpfs none /var/lib
mkdir -p $account
cp "$FILES"/* $account
exec "$@"`
	cmd := exec.Command("unshare", append(unshare(t), "sh", "-c", enter, "sh", world.Binary(t), "serve", "--listen", "127.0.0.1:0")...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "FILES=" + dir,
		"KUBERNETES_SERVICE_HOST=" + api.Hostname(), "KUBERNETES_SERVICE_PORT=" + api.Port(),
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := func() string {
		raw, err := os.ReadFile(log.Name())
		if err != nil {
			return err.Error()
		}
		return string(raw)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // unshare and sh have become the server
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, text())
		}
		_ = log.Close()
	})
	return text
}

// unshare returns the flags that give a mount namespace to the user that runs the
// tests.
func unshare(t *testing.T) []string {
	t.Helper()
	flags := []string{"--mount"}
	if os.Geteuid() != 0 {
		flags = append(flags, "--user", "--map-root-user")
	}
	probe := exec.Command("unshare", append(flags, "sh", "-c", "mount -t tmpfs none /var/run")...)
	if out, err := probe.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\nrun the tests as root, or allow others mount namespaces of their own:\n"+
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0", probe, err, out)
	}
	return flags
}

// Package cluster starts a real Kubernetes API for tests: one devcluster for
// each test binary, started by the first test that asks and stopped by [Main].
//
// It runs the binary that LOCKSTEP_DEVCLUSTER names, else bin/devcluster of the
// repository, else one that it builds. It never skips: a test that needs a
// cluster and has none fails, and says what would make one.
package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is a running devcluster.
type Cluster struct {
	// Kubeconfig is the path of the administrator's kubeconfig.
	Kubeconfig string
	// Dir is the devcluster's directory.
	Dir string
	// Binary is the devcluster that runs it.
	Binary string

	process *exec.Cmd
	serial  atomic.Int64
}

var shared struct {
	once sync.Once
	c    *Cluster
	err  error
}

// Start returns the test binary's cluster.
func Start(t testing.TB) *Cluster {
	t.Helper()
	shared.once.Do(func() { shared.c, shared.err = up() })
	if shared.err != nil {
		t.Fatalf("no cluster to test on: %v\nbuild devcluster with: make build", shared.err)
	}
	return shared.c
}

// Main runs a package's tests and stops the cluster that they started.
func Main(m *testing.M) {
	code := m.Run()
	if shared.c != nil {
		shared.c.stop()
	}
	os.Exit(code)
}

// Binary returns the devcluster that tests run, for those that start their own.
func Binary(t testing.TB) string {
	t.Helper()
	binary, err := find()
	if err != nil {
		t.Fatalf("no devcluster to test with: %v\nbuild it with: make build", err)
	}
	return binary
}

// Config returns a fresh copy of the administrator's client configuration.
func (c *Cluster) Config(t testing.TB) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	return cfg
}

// Client returns a client with every permission.
func (c *Cluster) Client(t testing.TB) *kubernetes.Clientset {
	t.Helper()
	k, err := kubernetes.NewForConfig(c.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Namespace makes a namespace for one test and deletes it afterwards.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	k := c.Client(t)
	name := fmt.Sprintf("t%d-%d", os.Getpid(), c.serial.Add(1))
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := k.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = k.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	})
	return name
}

func up() (*Cluster, error) {
	binary, err := find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "devcluster-*")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir, Binary: binary}
	ready := make(chan error, 1)
	go c.run(ready)
	select {
	case err = <-ready:
	case <-time.After(2 * time.Minute):
		err = errors.New("it was not ready within two minutes; its logs are in " + dir)
	}
	return c, err
}

// run starts the process and stays on its thread: the kernel ends the process
// when the thread that started it ends, which is how a test binary that is
// killed takes its cluster along.
func (c *Cluster) run(ready chan<- error) {
	runtime.LockOSThread()
	var errs strings.Builder
	c.process = exec.Command(c.Binary, "up", "--dir", c.Dir, "--nodes", "2", "--no-fsync")
	c.process.Stderr = &errs
	c.process.SysProcAttr = dieWithUs()
	out, err := c.process.StdoutPipe()
	if err == nil {
		err = c.process.Start()
	}
	if err != nil {
		ready <- err
		return
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = c.process.Wait()
		ready <- fmt.Errorf("%s up: %v\n%s", c.Binary, err, errs.String())
		return
	}
	c.Kubeconfig = strings.TrimSpace(line)
	ready <- nil
	select {}
}

func (c *Cluster) stop() {
	if c.process == nil || c.process.Process == nil {
		return
	}
	_ = c.process.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = c.process.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = c.process.Process.Kill()
	}
	_ = os.RemoveAll(c.Dir)
}

// find returns the devcluster binary, building it if there is none.
func find() (string, error) {
	if b := os.Getenv("LOCKSTEP_DEVCLUSTER"); b != "" {
		return b, nil
	}
	root, err := repository()
	if err != nil {
		return "", err
	}
	b := filepath.Join(root, "bin", "devcluster")
	if _, err := os.Stat(b); err == nil {
		return b, nil
	}
	build := exec.Command("bash", filepath.Join(root, "devcluster", "build.sh"), b)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building devcluster: %v\n%s", err, out)
	}
	return b, nil
}

// repository returns the directory of the main module's go.mod.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "devcluster", "build.sh")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the tests do not run inside the repository")
		}
		dir = parent
	}
}

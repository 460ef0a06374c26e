package test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "devcluster-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(folder) }()
		program = filepath.Join(folder, "devcluster")
		build := exec.Command("bash", "../build.sh", program)
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build.sh:", err)
			return 1
		}
		return m.Run()
	}())
}

// A running cluster.
type running struct {
	dir    string
	config string // path of the admin kubeconfig
	cmd    *exec.Cmd
	ended  chan error
	stderr *bytes.Buffer
}

// up starts a cluster and returns once it printed its kubeconfig.
func up(t *testing.T, dir string, flags ...string) *running {
	t.Helper()
	r := &running{dir: dir, ended: make(chan error, 1), stderr: &bytes.Buffer{}}
	r.cmd = exec.Command(program, append([]string{"up", "--dir", dir, "--no-fsync"}, flags...)...)
	r.cmd.Stderr = r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	go func() { r.ended <- r.cmd.Wait() }()
	if err != nil {
		<-r.ended
		t.Fatalf("up printed no kubeconfig: %v\n%s", err, r.stderr)
	}
	t.Logf("ready after %s", time.Since(began).Round(10*time.Millisecond))
	r.config = strings.TrimSpace(line)
	if want := filepath.Join(dir, "kubeconfig"); r.config != want {
		t.Fatalf("up printed %q, want %q", r.config, want)
	}
	return r
}

// stop sends SIGTERM and expects a clean end in time.
func (r *running) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.ended:
		if err != nil {
			t.Fatalf("a stop by signal should exit with 0: %v\n%s", err, r.stderr)
		}
		t.Logf("stopped after %s", time.Since(began).Round(10*time.Millisecond))
	case <-time.After(15 * time.Second):
		t.Fatalf("still running 15 s after SIGTERM\n%s", r.stderr)
	}
}

func (r *running) client(t *testing.T) kubernetes.Interface {
	t.Helper()
	return clientOf(t, configOf(t, r.config))
}

func configOf(t *testing.T, path string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	return config
}

func clientOf(t *testing.T, config *rest.Config) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// run calls the program and returns its stdout, trimmed.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, stderr, err := try(args...)
	if err != nil {
		t.Fatalf("devcluster %s: %v\n%s", strings.Join(args, " "), err, stderr)
	}
	return out
}

func try(args ...string) (string, string, error) {
	cmd := exec.Command(program, args...)
	stdout, stderr := &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	return strings.TrimSpace(stdout.String()), stderr.String(), err
}

// eventually asks until it is told nothing is missing any more.
func eventually(t *testing.T, missing func(ctx context.Context) string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		what := missing(t.Context())
		if what == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after 30 s: %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

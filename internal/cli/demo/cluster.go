package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

const (
	// nodes is how many simulated machines the cluster has.
	nodes = 3
	// clusterTime is how long the cluster may take to answer.
	clusterTime = 2 * time.Minute
	// stopTime is how long it may take to stop before it is killed.
	stopTime = 20 * time.Second
)

// cluster is devcluster as a child process.
type cluster struct {
	s       *session
	process *os.Process
	// kubeconfig receives its path once, and is closed when the process ends.
	kubeconfig chan string
	ended      chan struct{}
	log        string
	config     *rest.Config
}

// devcluster finds the program: named by the environment, or beside our own.
func (s *session) devcluster() (string, error) {
	if named := s.Env.Getenv("LOCKSTEP_DEVCLUSTER"); named != "" {
		return named, nil
	}
	if self, err := os.Executable(); err == nil {
		if self, err = filepath.EvalSymlinks(self); err == nil {
			beside := filepath.Join(filepath.Dir(self), "devcluster")
			if _, err := os.Stat(beside); err == nil {
				return beside, nil
			}
		}
	}
	if found, err := exec.LookPath("devcluster"); err == nil {
		return found, nil
	}
	return "", fault.NotFound("the program devcluster is not there").
		WithHint("make build puts it beside lockstep; LOCKSTEP_DEVCLUSTER names it elsewhere")
}

// startCluster starts the cluster and does not wait for it. failed is called
// when it ends by itself.
func (s *session) startCluster(ctx context.Context, failed context.CancelCauseFunc) (*cluster, error) {
	program, err := s.devcluster()
	if err != nil {
		return nil, err
	}
	s.awaitOldCluster(ctx, program)
	c := &cluster{s: s, kubeconfig: make(chan string, 1), ended: make(chan struct{}), log: s.place.path("cluster.log")}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, fault.Invalid("%s cannot be written", c.log).Because(err)
	}
	out, in := io.Pipe()
	cmd := exec.Command(program, "up", "--dir", s.place.path("cluster"), "--nodes", strconv.Itoa(nodes), "--no-fsync")
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = in, log, attributes()

	started := make(chan error, 1)
	go func() {
		// The kernel's promise to end the child is tied to the thread that started
		// it, so that thread must live as long as we do.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		err = cmd.Wait()
		_ = in.Close()
		_ = log.Close()
		close(c.ended)
		failed(fault.Unavailable("the cluster has stopped").WithHint("its log is %s", c.log).Because(err))
	}()
	if err := <-started; err != nil {
		return nil, fault.Invalid("%s cannot be started", program).Because(err).WithHint("make build builds it")
	}
	c.process = cmd.Process
	go c.listen(out)
	return c, nil
}

// listen takes the one line that the cluster prints.
func (c *cluster) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	if lines.Scan() {
		c.kubeconfig <- strings.TrimSpace(lines.Text())
	}
	close(c.kubeconfig)
	_, _ = io.Copy(io.Discard, out)
}

// awaitOldCluster gives the cluster of a demo that was killed the time to end.
func (s *session) awaitOldCluster(ctx context.Context, program string) {
	if s.state.PID == 0 {
		return
	}
	for end := time.Now().Add(stopTime); time.Now().Before(end) && ctx.Err() == nil; {
		out, err := exec.CommandContext(ctx, program, "status", "--dir", s.place.path("cluster")).Output()
		if err != nil || !strings.Contains(string(out), "pid ") {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ready waits until the cluster answers and writes a kubeconfig that points into
// the demo's namespace.
func (c *cluster) ready(ctx context.Context) error {
	var path string
	select {
	case path = <-c.kubeconfig:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(clusterTime):
		return fault.Timeout("the cluster does not answer after %s", clusterTime).WithHint("its log is %s", c.log)
	}
	if path == "" {
		return fault.Unavailable("the cluster did not start").WithHint("%s\nits log is %s", lastLine(c.log), c.log)
	}
	kubeconfig, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return fault.Invalid("the cluster's kubeconfig cannot be read").Because(err)
	}
	for _, k := range kubeconfig.Contexts {
		k.Namespace = namespace
	}
	// Relative paths in it are relative to where it was.
	if err := clientcmd.ResolveLocalPaths(kubeconfig); err != nil {
		return fault.Internal(err)
	}
	if err := clientcmd.WriteToFile(*kubeconfig, c.s.place.path("kubeconfig")); err != nil {
		return fault.Invalid("the kubeconfig cannot be written").Because(err)
	}
	c.config, err = clientcmd.NewDefaultClientConfig(*kubeconfig, nil).ClientConfig()
	if err != nil {
		return fault.Internal(err)
	}
	c.config.UserAgent = "lockstep-demo"
	return nil
}

func (c *cluster) version() string {
	d, err := discovery.NewDiscoveryClientForConfig(c.config)
	if err != nil {
		return "unknown"
	}
	v, err := d.ServerVersion()
	if err != nil {
		return "unknown"
	}
	return v.GitVersion
}

func (c *cluster) stop() {
	if err := c.process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return
	}
	select {
	case <-c.ended:
	case <-time.After(stopTime):
		_ = c.process.Kill()
		<-c.ended
	}
}

func lastLine(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

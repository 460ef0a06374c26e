// Package world sets up what an end-to-end test or a benchmark looks at: a real
// cluster, a real Git server over HTTP, and the lockstep binary running against
// both as a process of its own, which can be killed.
package world

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/source/git/httpserver"
	"github.com/lockstep-dev/lockstep/test/cluster"
)

// World is one test's surroundings. Everything in it ends with the test.
type World struct {
	T         testing.TB
	Cluster   *cluster.Cluster
	Namespace string
	Client    client.WithWatch

	gitDir string
	gitURL string
	server *Server
}

// New returns a World with a namespace of its own and no server yet.
func New(t testing.TB) *World {
	t.Helper()
	c := cluster.Start(t)
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	api, err := client.NewWithWatch(c.Config(t), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &World{T: t, Cluster: c, Namespace: c.Namespace(t), Client: api}
}

// Repo makes an empty repository, served over HTTP, and returns it with its
// address.
func (w *World) Repo(name string) (repo *httpserver.Repo, url string) {
	w.T.Helper()
	if w.gitDir == "" {
		handler, dir := w.GitHandler()
		srv := httptest.NewServer(handler)
		w.T.Cleanup(srv.Close)
		w.gitDir, w.gitURL = dir, srv.URL
	}
	repo, err := httpserver.Create(filepath.Join(w.gitDir, name+".git"))
	if err != nil {
		w.T.Fatal(err)
	}
	return repo, w.gitURL + "/" + name + ".git"
}

// GitHandler returns what serves the repositories in dir, for tests that put
// something in between.
func (w *World) GitHandler() (handler http.Handler, dir string) {
	w.T.Helper()
	dir = w.T.TempDir()
	handler, err := httpserver.New(httpserver.Options{Dir: dir, ReceivePack: true})
	if err != nil {
		w.T.Fatal(err)
	}
	return handler, dir
}

// Source creates a Source of url, polled once an hour: tests say when to look.
func (w *World) Source(name, url string) *v1alpha1.Source {
	w.T.Helper()
	src := &v1alpha1.Source{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: name},
		Spec: v1alpha1.SourceSpec{
			Interval: metav1.Duration{Duration: time.Hour},
			Git:      &v1alpha1.GitSource{URL: url, Ref: &v1alpha1.GitRef{Branch: "main"}},
		},
	}
	w.Create(src)
	return src
}

// Create creates an object.
func (w *World) Create(o client.Object) {
	w.T.Helper()
	if err := w.Client.Create(w.T.Context(), o); err != nil {
		w.T.Fatal(err)
	}
}

// Poke asks for a pass over o now.
func (w *World) Poke(o client.Object) {
	w.T.Helper()
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationReconcileAt, time.Now().Format(time.RFC3339Nano))
	if err := w.Client.Patch(w.T.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.T.Fatal(err)
	}
}

// Eventually waits until ok is content, and fails with what it says otherwise.
func (w *World) Eventually(what string, within time.Duration, ok func() (bool, string)) {
	w.T.Helper()
	began := time.Now()
	deadline := began.Add(within)
	for {
		done, last := ok()
		if done {
			w.T.Logf("%s: after %s", what, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Now().After(deadline) {
			w.T.Fatalf("not within %s: %s\nlast seen: %s\n%s", within, what, last, w.tail())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Gone says whether an object no longer exists.
func (w *World) Gone(o client.Object) bool {
	err := w.Client.Get(w.T.Context(), client.ObjectKeyFromObject(o), o)
	return apierrors.IsNotFound(err)
}

func (w *World) tail() string {
	if w.server == nil {
		return ""
	}
	return "log of the server:\n" + w.server.log.tail()
}

// Server is a running lockstep serve.
type Server struct {
	Addr  string
	Debug string // address of dumps, if it was asked for
	PID   int

	t    testing.TB
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{}
}

// ServeOptions varies how the server is started.
type ServeOptions struct {
	Kubeconfig string // default the cluster's
	DataDir    string // default a fresh one
	Args       []string
	Env        []string
	// Debug opens the listener of dumps.
	Debug bool
	// SystemNamespace holds leases and the digest key; default the World's own, so
	// that one test's servers do not wait for those that another killed.
	SystemNamespace string
}

// Serve starts the binary and waits until it is ready. It is stopped with the
// test at the latest.
func (w *World) Serve(o ServeOptions) *Server {
	w.T.Helper()
	s, err := w.TryServe(o)
	if err != nil {
		w.T.Fatal(err)
	}
	return s
}

// TryServe is Serve for a start that may fail.
func (w *World) TryServe(o ServeOptions) (*Server, error) {
	w.T.Helper()
	if o.Kubeconfig == "" {
		o.Kubeconfig = w.Cluster.Kubeconfig
	}
	if o.DataDir == "" {
		o.DataDir = w.T.TempDir()
	}
	if o.SystemNamespace == "" {
		o.SystemNamespace = w.Namespace
	}
	addr := freeAddr(w.T)
	args := append([]string{"serve", "--kubeconfig", o.Kubeconfig, "--data-dir", o.DataDir, "--listen", addr, "--log-format", "text", "--system-namespace", o.SystemNamespace}, o.Args...)
	debug := ""
	if o.Debug {
		debug = freeAddr(w.T)
		args = append(args, "--debug-listen", debug)
	}
	cmd := exec.Command(Binary(w.T), args...)
	cmd.Env = append(os.Environ(), o.Env...)
	s := &Server{t: w.T, cmd: cmd, Addr: addr, Debug: debug, log: &logBuffer{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.PID = cmd.Process.Pid
	go func() { _ = cmd.Wait(); close(s.done) }()
	w.T.Cleanup(s.Stop)
	w.server = s
	return s, s.awaitReady()
}

func (s *Server) awaitReady() error {
	deadline := time.After(30 * time.Second)
	for {
		resp, err := http.Get("http://" + s.Addr + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			return fmt.Errorf("lockstep serve ended: %s\n%s", s.cmd.ProcessState, s.log.tail())
		case <-deadline:
			return fmt.Errorf("lockstep serve was not ready in time\n%s", s.log.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server as an operator would.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.Kill()
		s.t.Errorf("lockstep serve did not stop within 20s of SIGTERM\n%s", s.log.tail())
	}
}

// Kill ends the server as a power cut would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Wait waits until the process has ended.
func (s *Server) Wait() { <-s.done }

// Ended says whether the process has ended.
func (s *Server) Ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Log returns what the server wrote.
func (s *Server) Log() string { return s.log.String() }

// Metric returns the sum of a metric over all label sets that hold every one of
// labels (name="value").
func (s *Server) Metric(name string, labels ...string) float64 {
	s.t.Helper()
	resp, err := http.Get("http://" + s.Addr + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return Sum(string(body), name, labels...)
}

// Sum adds up the samples of a metric in Prometheus' text form.
func Sum(text, name string, labels ...string) float64 {
	var sum float64
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		if !containsAll(rest, labels) {
			continue
		}
		fields := strings.Fields(rest)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err == nil {
			sum += v
		}
	}
	return sum
}

func containsAll(s string, subs []string) bool {
	for _, sub := range subs {
		if !strings.Contains(s, sub) {
			return false
		}
	}
	return true
}

var binary struct {
	once sync.Once
	path string
	err  error
}

// Binary returns the lockstep binary: the one that LOCKSTEP_BINARY names, else
// one built from this tree.
func Binary(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.path = os.Getenv("LOCKSTEP_BINARY"); binary.path != "" {
			return
		}
		var dir string
		if dir, binary.err = os.MkdirTemp("", "lockstep-*"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(dir, "lockstep")
		out, err := exec.Command("go", "build", "-o", binary.path, "github.com/lockstep-dev/lockstep/cmd/lockstep").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("building lockstep: %v\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

func freeAddr(t testing.TB) string {
	t.Helper()
	var lc = httptest.NewUnstartedServer(nil)
	addr := lc.Listener.Addr().String()
	_ = lc.Listener.Close()
	return addr
}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// tail returns the last 4 KiB: enough to see why.
func (b *logBuffer) tail() string {
	s := b.String()
	if len(s) > 4096 {
		return "…" + s[len(s)-4096:]
	}
	return s
}

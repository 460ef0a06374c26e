// Package postgres runs a real PostgreSQL for tests.
package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Server is a running server.
type Server struct {
	dir, bin string
	port     string
	cmd      *exec.Cmd
	done     chan struct{}
	out      *bytes.Buffer
	attr     *syscall.SysProcAttr
}

var (
	mu     sync.Mutex
	shared *Server
	n      atomic.Int64
)

// Main runs the tests of a package and ends the server that they shared.
func Main(m *testing.M) {
	code := m.Run()
	if shared != nil {
		shared.Stop()
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// Database returns the URL of an empty database on a server that all tests of the
// package share; its TestMain has to be Main.
func Database(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if shared == nil {
		s, err := start()
		if err != nil {
			t.Fatal(err)
		}
		shared = s
	}
	return shared.Database(t)
}

// New starts a server of the test's own, which it may stop and start.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(); _ = os.RemoveAll(s.dir) })
	return s
}

// Database creates an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := "db" + strconv.FormatInt(n.Add(1), 10)
	if out, err := s.tool("createdb", "-h", s.dir, "-p", s.port, "-U", "lockstep", name).CombinedOutput(); err != nil {
		t.Fatalf("createdb: %v\n%s", err, out)
	}
	return fmt.Sprintf("postgres://lockstep@127.0.0.1:%s/%s?sslmode=disable", s.port, name)
}

// binaries finds the newest PostgreSQL that Debian has installed.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right
	if len(found) == 0 {
		if p, err := exec.LookPath("initdb"); err == nil {
			return filepath.Dir(p), nil
		}
		return "", errors.New("PostgreSQL is not installed: bash test/prepare.sh, or apt-get install postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if err := s.unprivileged(); err != nil {
		return nil, err
	}
	if out, err := s.tool("initdb", "-D", dir+"/data", "-U", "lockstep", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// unprivileged: the server refuses to run as root.
func (s *Server) unprivileged() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root, and there is no user for it: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return os.Chown(s.dir, uid, gid)
}

func (s *Server) tool(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = s.attr, s.dir
	return cmd
}

// Start starts the server, once more if it was stopped, and waits until it answers.
func (s *Server) Start() error {
	s.out, s.done = &bytes.Buffer{}, make(chan struct{})
	s.cmd = s.tool("postgres", "-D", s.dir+"/data", "-p", s.port, "-k", s.dir, "-h", "127.0.0.1", "-c", "fsync=off", "-c", "max_connections=100")
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(s.cmd, s.done)
	deadline := time.Now().Add(30 * time.Second)
	for {
		if s.tool("pg_isready", "-q", "-h", s.dir, "-p", s.port, "-U", "lockstep").Run() == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("postgres ended\n%s", strings.TrimSpace(s.out.String()))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("postgres does not answer")
		}
	}
}

// Stop ends the server at once; what was committed stays.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	<-s.done
}

package tofutest_test

import (
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

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

// backend is as much of the HTTP backend as shows what a tool sends and when.
type backend struct {
	mu     sync.Mutex
	state  []byte
	lock   []byte
	posted int
	url    string
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	b := &backend{}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	b.url = s.URL
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.Method == http.MethodGet && b.state == nil:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet:
		_, _ = w.Write(b.state)
	case r.Method == http.MethodPost:
		b.state = body
		b.posted++
	case r.Method == "LOCK" && b.lock != nil:
		w.WriteHeader(http.StatusLocked)
		_, _ = w.Write(b.lock)
	case r.Method == "LOCK":
		b.lock = body
	case r.Method == "UNLOCK":
		b.lock = nil
	}
}

func (b *backend) env() []string {
	return []string{"TF_HTTP_ADDRESS=" + b.url, "TF_HTTP_LOCK_ADDRESS=" + b.url, "TF_HTTP_UNLOCK_ADDRESS=" + b.url, "TF_HTTP_PASSWORD=backend-secret"}
}

func (b *backend) locked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lock != nil
}

func (b *backend) has(word string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(string(b.state), word)
}

// override takes the place of whatever backend the configuration names.
const override = "terraform {\n  backend \"http\" {}\n}\n"

const two = `
resource "fakecloud_network" "first" {
  name = "first"
  cidr = "10.0.0.0/16"
}
resource "fakecloud_database" "second" {
  name    = "second"
  engine  = "x"
  network = fakecloud_network.first.id
}
`

// background is an apply in a process group of its own.
type background struct {
	cmd  *exec.Cmd
	out  strings.Builder
	done chan struct{}
}

func (w *work) background(args ...string) *background {
	w.t.Helper()
	b := &background{cmd: w.tool.Command(w.t, w.dir, w.env, args...), done: make(chan struct{})}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.cmd.Stdout, b.cmd.Stderr = &b.out, &b.out
	if err := b.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { _ = b.cmd.Wait(); close(b.done) }()
	w.t.Cleanup(func() { _ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL); <-b.done })
	return b
}

func (b *background) within(d time.Duration) bool {
	select {
	case <-b.done:
		return true
	case <-time.After(d):
		return false
	}
}

// TestStop is what a signal in the middle of an apply leaves behind: the first of two
// resources is made, the second half made.
func TestStop(t *testing.T) {
	type to func(pid int) int // whom the signal goes to
	var tool to = func(pid int) int { return pid }
	var group to = func(pid int) int { return -pid }
	cases := map[string]struct {
		why     string
		do      string // what the provider is doing
		signals []syscall.Signal
		to      to
		locked  bool
		first   bool // in the state
		second  bool
		said    string
	}{
		"Term": {
			why: "The provider is asked to stop, tells how far it got, and everything is saved.",
			do:  "slow", signals: []syscall.Signal{syscall.SIGTERM}, to: tool,
			first: true, second: true, said: "interrupted: context canceled",
		},
		"InterruptGroup": {
			why: "Providers ignore INT, so that Ctrl-C in a terminal does the same.",
			do:  "slow", signals: []syscall.Signal{syscall.SIGINT}, to: group,
			first: true, second: true, said: "interrupted: context canceled",
		},
		"TermGroup": {
			why: "Providers do not ignore TERM: sent to the group, it kills them, and what they were making is lost.",
			do:  "slow", signals: []syscall.Signal{syscall.SIGTERM}, to: group,
			first: true, second: false, said: "",
		},
		"TermTwice": {
			why: "Nothing stops a provider that hangs but a second signal. That gives the lock back and keeps what was made before; the half made object is known to nobody.",
			do:  "hang", signals: []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, to: tool,
			first: true, second: false, said: "Two interrupts received",
		},
		"Kill": {
			why: "Killed, it leaves the lock and has told nobody even of what was finished.",
			do:  "hang", signals: []syscall.Signal{syscall.SIGKILL}, to: tool,
			locked: true, first: false, second: false,
		},
	}
	tools := tofutest.Tools(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tools.Each(t, func(t *testing.T, tool *tofutest.Tool) {
				t.Parallel()
				b := newBackend(t)
				w := newRemote(t, tool, b, tofutest.Require("fakecloud")+two)
				w.cloud.Fail(t, tofutest.Fault{On: "create", Type: "fakecloud_database", Do: c.do, Seconds: 30})
				run := w.background("apply", "-auto-approve", "-no-color")
				provider := w.cloud.Await(t, "create", "fakecloud_database", "second").PID
				for i, s := range c.signals {
					if i > 0 && run.within(time.Second) {
						t.Fatalf("%s\nended by the first signal:\n%s", c.why, run.out.String())
					}
					if err := syscall.Kill(c.to(run.cmd.Process.Pid), s); err != nil {
						t.Fatal(err)
					}
				}
				if !run.within(20 * time.Second) {
					t.Fatalf("%s\nstill there:\n%s", c.why, run.out.String())
				}
				type left struct{ Locked, First, Second, Exists bool }
				want := left{c.locked, c.first, c.second, true}
				_, exists := w.cloud.Objects(t)["database-second-2"]
				got := left{b.locked(), b.has("network-first-1"), b.has("database-second-2"), exists}
				if diff := cmp.Diff(want, got); diff != "" || !strings.Contains(run.out.String(), c.said) {
					t.Errorf("%s\n(-want +got):\n%s\n%s", c.why, diff, run.out.String())
				}
				orphan := syscall.Kill(provider, 0) == nil
				if killed := run.cmd.ProcessState.ExitCode() < 0; killed != orphan {
					t.Errorf("%s\nkilled: %v, provider still there: %v", c.why, killed, orphan)
				}
			})
		})
	}
}

// TestOverride holds that a file named _override.tf takes the place of whatever
// backend the configuration names.
func TestOverride(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		b := newBackend(t)
		w := newRemote(t, tool, b, `
terraform {
  backend "s3" {
    bucket = "theirs"
    key    = "a"
    region = "eu-central-1"
  }
}
resource "terraform_data" "a" {}
`)
		w.must("apply", "-auto-approve", "-no-color")
		if !b.has("terraform_data") || b.locked() {
			t.Errorf("the state is %s, locked: %v", b.state, b.locked())
		}
	})
}

// TestForeignLock holds that on a conflict terraform shows its own lock for that of
// the holder, so that we have to say ourselves who holds it.
func TestForeignLock(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		b := newBackend(t)
		b.lock = []byte(`{"ID":"4711","Operation":"OperationTypeApply","Who":"anna@desk","Version":"1.0","Created":"2026-01-01T00:00:00Z"}`)
		w := newRemote(t, tool, b, `resource "terraform_data" "a" {}`)
		r := w.run("plan", "-no-color")
		if r.Code != 1 || !strings.Contains(r.All(), "Error acquiring the state lock") {
			t.Errorf("exit code %d\n%s", r.Code, r.All())
		}
		if shown := strings.Contains(r.All(), "anna@desk"); shown != (tool.Name == "tofu") {
			t.Errorf("the holder is shown: %v\n%s", shown, r.All())
		}
		w.must("plan", "-lock=false")
	})
}

// TestStopProvisioner holds that a command which listens to no signal stops an apply
// from ending for as long as nobody tells the tool to, and no longer: the tool kills
// it at the first signal.
func TestStopProvisioner(t *testing.T) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		t.Parallel()
		b := newBackend(t)
		dir := t.TempDir()
		pid := filepath.Join(dir, "pid")
		w := newRemote(t, tool, b, tofutest.HangingProvisioner(pid, filepath.Join(dir, "release")))
		run := w.background("apply", "-auto-approve", "-no-color")
		command := awaitPID(t, pid)
		if run.within(500 * time.Millisecond) {
			t.Fatalf("it did not wait for its command:\n%s", run.out.String())
		}
		if err := run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if !run.within(20 * time.Second) {
			t.Fatalf("still there:\n%s", run.out.String())
		}
		if b.locked() || !b.has("made") || !strings.Contains(run.out.String(), "signal: killed") {
			t.Errorf("locked: %v, the first resource is in the state: %v\n%s", b.locked(), b.has("made"), run.out.String())
		}
		if syscall.Kill(command, 0) == nil {
			t.Errorf("the command %d goes on", command)
		}
	})
}

func awaitPID(t *testing.T, file string) int {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return pid
		}
	}
	t.Fatal("the command was not started")
	return 0
}

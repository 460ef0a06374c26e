package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestMain(m *testing.M) {
	Main(Jobs{
		"echo":   func(_ *Call, in []byte) ([]byte, error) { return in, nil },
		"ask":    asking,
		"refuse": refusing,
		"panic":  func(*Call, []byte) ([]byte, error) { panic("at the disco") },
		"loop":   looping,
		"grow":   growing,
		"leap":   leaping,
		"dive":   diving,
		"crash":  crashing,
		"fails":  failing,
		"pid":    func(*Call, []byte) ([]byte, error) { return []byte(strconv.Itoa(os.Getpid())), nil },
		"mute":   muting,
		"escape": escaping,
		"look":   looking,
	})
	if os.Getenv("WORKER_TEST_PARENT") != "" {
		parent()
	}
	os.Exit(m.Run())
}

func asking(c *Call, in []byte) ([]byte, error) {
	c.Note([]byte("noted"))
	out, err := c.Ask(in)
	if err != nil {
		return nil, err
	}
	return append(out, '!'), nil
}

func refusing(*Call, []byte) ([]byte, error) {
	return nil, fault.Join(
		fault.NotFound("no %q", "a").At("x.yaml:3").WithHint("add it").Because(fmt.Errorf("cause: %w", lockstep.ErrNotExist)),
		fault.Denied("b"))
}

func looping(c *Call, _ []byte) ([]byte, error) {
	c.Doing("the template", "templates/loop.yaml")
	for i := 0; ; i++ {
		if i < 0 {
			return nil, nil
		}
	}
}

var kept [][]byte

// growing takes memory bit by bit, as text that gets longer does.
func growing(c *Call, _ []byte) ([]byte, error) {
	c.Doing("the template", "templates/grow.yaml")
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = 1
		}
		kept = append(kept, b)
	}
}

// leaping takes it at once.
func leaping(c *Call, _ []byte) ([]byte, error) {
	c.Doing("the template", "templates/leap.yaml")
	kept = append(kept, make([]byte, 64<<30))
	return nil, nil
}

func diving(c *Call, _ []byte) ([]byte, error) {
	c.Doing("the template", "templates/dive.yaml")
	return []byte(strconv.Itoa(dive(1))), nil
}

//go:noinline
func dive(n int) int {
	if n < 0 {
		return 0
	}
	return dive(n+1) + 1
}

func crashing(c *Call, _ []byte) ([]byte, error) {
	c.Doing("the template", "templates/crash.yaml")
	go func() { panic("secret") }()
	select {}
}

func failing(*Call, []byte) ([]byte, error) { os.Exit(7); return nil, nil }

func muting(*Call, []byte) ([]byte, error) {
	_ = unix.Close(1)
	for i := 1; i > 0; i++ {
		time.Sleep(0)
	}
	return nil, nil
}

// escaping tries what a worker must not do and returns what succeeded.
func escaping(*Call, []byte) ([]byte, error) {
	var free []string
	try := func(what string, f func() error) {
		if err := f(); err == nil {
			free = append(free, what)
		}
	}
	try("dial tcp", func() error { _, err := net.DialTimeout("tcp", "127.0.0.1:22", time.Second); return refused(err) })
	try("socket", func() error { _, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); return err })
	try("unix socket", func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err })
	try("netlink", func() error { _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0); return err })
	try("listen", func() error { _, err := net.Listen("tcp", "127.0.0.1:0"); return err })
	try("resolve", func() error { _, err := net.LookupHost("localhost.example.com"); return err })
	try("open", func() error { _, err := os.Open("/etc/passwd"); return err })
	try("openat2", func() error { _, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{}); return err })
	try("stat", func() error { _, err := os.Stat("/etc/passwd"); return err })
	try("write", func() error { return os.WriteFile("/tmp/escaped", nil, 0o600) })
	try("remove", func() error { return os.Remove("/tmp/does-not-matter") })
	try("exec", func() error { return exec.Command("/bin/true").Run() })
	try("fork", func() error {
		pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0)
		if errno == 0 && pid == 0 {
			syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
		}
		if errno != 0 {
			return errno
		}
		return nil
	})
	try("kill", func() error { return syscall.Kill(os.Getppid(), 0) })
	try("ptrace", func() error { return unix.PtraceSeize(os.Getppid()) })
	try("prlimit", func() error { return unix.Prlimit(os.Getppid(), unix.RLIMIT_CORE, nil, &unix.Rlimit{}) })
	try("process_vm_readv", func() error {
		_, err := unix.ProcessVMReadv(os.Getppid(), nil, nil, 0)
		return err
	})
	try("memfd", func() error { _, err := unix.MemfdCreate("x", 0); return err })
	try("unshare", func() error { return unix.Unshare(unix.CLONE_NEWUSER) })
	try("setrlimit", func() error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) })
	return []byte(strings.Join(free, ",")), nil
}

// refused is nil unless the network itself was out of reach: a port that nobody
// listens on was reached.
func refused(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return err
}

// looking returns the environment and the open descriptors that are not its own.
const leaked = 100

func looking(*Call, []byte) ([]byte, error) {
	var fds []string
	for fd := range uintptr(1024) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0)
		if err == nil && (flags&unix.FD_CLOEXEC == 0 || fd == leaked) {
			fds = append(fds, strconv.Itoa(int(fd)))
		}
	}
	return []byte(strings.Join(os.Environ(), " ") + "|" + strings.Join(fds, " ")), nil
}

func idle(p *Pool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.free)
}

func pool(t testing.TB, l Limits) *Pool {
	l, err := l.Check()
	if err != nil {
		t.Fatal(err)
	}
	p := NewPool(Options{Limits: l, Size: 2})
	t.Cleanup(p.Close)
	return p
}

type host struct {
	in    string
	notes []string
	err   error
}

func (h *host) Input(*Peer) []byte { return []byte(h.in) }
func (h *host) Answer(_ context.Context, q []byte) ([]byte, error) {
	return []byte(strings.ToUpper(string(q))), h.err
}
func (h *host) Note(b []byte) { h.notes = append(h.notes, string(b)) }

func TestTalk(t *testing.T) {
	p := pool(t, Limits{})
	ctx := context.Background()
	for _, in := range []string{"", "a", strings.Repeat("long ", 1<<20)} {
		out, err := p.Call(ctx, "echo", []byte(in))
		if err != nil || string(out) != in {
			t.Fatalf("%d bytes came back as %d, %v", len(in), len(out), err)
		}
	}
	h := &host{in: "why"}
	out, err := p.Do(ctx, "ask", h)
	if err != nil || string(out) != "WHY!" || strings.Join(h.notes, " ") != "noted" {
		t.Errorf("got %q, %v, notes %q", out, err, h.notes)
	}
	h.err = fault.Denied("no").WithHint("ask nicely")
	if _, err = p.Do(ctx, "ask", h); !errors.Is(err, fault.KindDenied) || fault.As(err).Hint != "ask nicely" {
		t.Errorf("a refused answer came back as %v", err)
	}
	if _, err = p.Call(ctx, "nonsense", nil); !errors.Is(err, fault.KindInternal) {
		t.Errorf("an unknown job: %v", err)
	}
	_, err = p.Call(ctx, "panic", nil)
	if err == nil || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("a panic came back as %v", err)
	}
	if n := idle(p); n != 1 {
		t.Errorf("%d workers were used for jobs one after the other", n)
	}
}

func TestFaultsComeBackWhole(t *testing.T) {
	_, err := pool(t, Limits{}).Call(context.Background(), "refuse", nil)
	all := fault.All(err)
	if len(all) != 2 {
		t.Fatalf("got %v", err)
	}
	f := all[0]
	if f.Kind != fault.KindNotFound || f.Error() != `x.yaml:3: no "a"` || f.Hint != "add it" || !errors.Is(f, lockstep.ErrNotExist) ||
		f.Unwrap().Error() != "cause: does not exist" {
		t.Errorf("got %#v, cause %v", f, f.Unwrap())
	}
	if all[1].Kind != fault.KindDenied || all[1].Unwrap() != nil {
		t.Errorf("got %#v", all[1])
	}
}

func TestLimits(t *testing.T) {
	cases := map[string]struct {
		why  string
		job  string
		want string
		kind error
	}{
		"Loop":  {why: "A loop that does nothing else looks at no context.", job: "loop", want: "templates/loop.yaml: the template ran for more than 400ms", kind: ErrDeadline},
		"Grow":  {why: "Seen from outside.", job: "grow", want: "templates/grow.yaml: the template needed more than 128 MiB of memory", kind: fault.KindInvalid},
		"Leap":  {why: "Refused by the kernel before anybody could look.", job: "leap", want: "templates/leap.yaml: the template needed more than 128 MiB of memory", kind: fault.KindInvalid},
		"Dive":  {why: "A stack that overflows ends a Go process.", job: "dive", want: "templates/dive.yaml: the template calls itself without end", kind: fault.KindInvalid},
		"Crash": {why: "What the process said last may hold values.", job: "crash", want: "templates/crash.yaml: the process of the template crashed twice", kind: fault.KindInvalid},
		"Exit":  {why: "A process that just goes.", job: "fails", want: "the process of the job crashed twice", kind: fault.KindInvalid},
		"Mute":  {why: "One that says no more and goes on.", job: "mute", want: "the job gave a result that cannot be read", kind: fault.KindInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := Limits{Memory: 128 << 20}
			if tc.job == "loop" {
				l.Time = 400 * time.Millisecond
			}
			p := pool(t, l)
			start := time.Now()
			_, err := p.Call(context.Background(), tc.job, nil)
			if err == nil || err.Error() != tc.want || !errors.Is(err, tc.kind) {
				t.Errorf("%s\nafter %s got  %v\nwant %s", tc.why, time.Since(start), err, tc.want)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if out, err := p.Call(context.Background(), "echo", []byte("x")); err != nil || string(out) != "x" {
				t.Errorf("afterwards: %q, %v", out, err)
			}
		})
	}
}

// TestOthersGoOn runs jobs beside one that loops.
func TestOthersGoOn(t *testing.T) {
	p := pool(t, Limits{Time: time.Second})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := p.Call(context.Background(), "loop", nil); !errors.Is(err, ErrDeadline) {
			t.Errorf("the loop ended with %v", err)
		}
	})
	n := 0
	for end := time.Now().Add(700 * time.Millisecond); time.Now().Before(end); n++ {
		if _, err := p.Call(context.Background(), "echo", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n < 100 {
		t.Errorf("only %d jobs were done beside a loop", n)
	}
	wg.Wait()
}

func TestNobodyWaits(t *testing.T) {
	p := pool(t, Limits{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := p.Call(ctx, "loop", nil)
	if !errors.Is(err, fault.KindTimeout) || errors.Is(err, ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestKilledFromOutside kills a worker as the kernel does when memory is short:
// the job is started again, once.
func TestKilledFromOutside(t *testing.T) {
	p := pool(t, Limits{})
	kills := 0
	assassin := &killer{t: t, p: p, kill: func() bool { kills++; return kills == 1 }}
	if out, err := p.Do(context.Background(), "ask", assassin); err != nil || string(out) != "ok!" {
		t.Errorf("killed once: %q, %v", out, err)
	}
	assassin.kill = func() bool { return true }
	if _, err := p.Do(context.Background(), "ask", assassin); !errors.Is(err, fault.KindUnavailable) {
		t.Errorf("killed twice: %v", err)
	}
}

type killer struct {
	t    *testing.T
	p    *Pool
	kill func() bool
}

func (k *killer) Input(*Peer) []byte { return nil }
func (k *killer) Note([]byte)        {}
func (k *killer) Answer(context.Context, []byte) ([]byte, error) {
	if k.kill() {
		for _, pid := range children(k.t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return []byte("ok"), nil
}

// children are the processes that this one has started and that are alive.
func children(t testing.TB) []int {
	t.Helper()
	var out []int
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		b, _ := os.ReadFile("/proc/self/task/" + task.Name() + "/children") // a thread that has ended has none
		for _, f := range strings.Fields(string(b)) {
			pid, _ := strconv.Atoi(f)
			out = append(out, pid)
		}
	}
	return out
}

func TestIdleWorkersGo(t *testing.T) {
	p := NewPool(Options{Limits: Limits{Time: time.Second, Memory: DefaultMemory}, Idle: 100 * time.Millisecond})
	first, err := p.Call(context.Background(), "pid", nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Call(context.Background(), "pid", nil)
	if err != nil || string(first) != string(second) {
		t.Fatalf("%s, then %s, %v: the worker was not used again", first, second, err)
	}
	pid, _ := strconv.Atoi(string(first))
	gone := func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }
	for end := time.Now().Add(5 * time.Second); !gone(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never went")
		}
	}
	if n := idle(p); n != 0 {
		t.Errorf("%d are still kept", n)
	}
}

func TestConfinement(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("only Linux confines")
		return
	}
	p := pool(t, Limits{})
	for _, plain := range []bool{false, true} {
		p.plain = plain // as where a container forbids namespaces
		out, err := p.Call(context.Background(), "escape", nil)
		if err != nil || len(out) > 0 {
			t.Errorf("namespaces %t: a worker could: %s (%v)", !plain, out, err)
		}
		for len(p.free) > 0 {
			w := p.pop()
			if !strings.Contains(w.confined, "seccomp") || !strings.Contains(w.confined, "no-new-privileges") {
				t.Errorf("it gave up only: %s", w.confined)
			}
			p.retire(w, "closed")
		}
	}
}

func TestNothingIsHandedDown(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	f, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	// One that a library forgot to mark.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, leaked)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	out, err := pool(t, Limits{}).Call(context.Background(), "look", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "|0 1 2"; string(out) != want {
		t.Errorf("environment and descriptors of a worker are %q, want %q", out, want)
	}
}

// parent starts a worker that loops, says its pid and waits to be killed.
func parent() {
	p := NewPool(Options{Limits: Limits{Time: time.Hour, Memory: DefaultMemory}})
	out, err := p.Call(context.Background(), "pid", nil)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() { _, _ = p.Call(context.Background(), "loop", nil) }()
	time.Sleep(100 * time.Millisecond)
	fmt.Println(string(out))
	signal.Ignore(syscall.SIGTERM)
	select {}
}

func TestWorkersDieWithTheirParent(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "WORKER_TEST_PARENT=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("there is no worker %d: %v", pid, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for end := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("worker %d outlives its parent", pid)
		}
	}
}

func BenchmarkCold(b *testing.B) {
	for _, plain := range []bool{false, true} {
		b.Run(fmt.Sprintf("namespaces=%t", !plain), func(b *testing.B) {
			for b.Loop() {
				p := pool(b, Limits{})
				p.plain = plain
				if _, err := p.Call(context.Background(), "echo", nil); err != nil {
					b.Fatal(err)
				}
				p.Close()
			}
		})
	}
}

func BenchmarkWarm(b *testing.B) {
	p := pool(b, Limits{})
	for b.Loop() {
		if _, err := p.Call(context.Background(), "echo", []byte("x")); err != nil {
			b.Fatal(err)
		}
	}
}

// Package state holds what Lockstep keeps of states to what the real tools do with it.
package state

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
	"github.com/lockstep-dev/lockstep/internal/state"
	"github.com/lockstep-dev/lockstep/internal/state/kube"
	"github.com/lockstep-dev/lockstep/internal/state/statetest"
	"github.com/lockstep-dev/lockstep/test/cluster"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

func TestMain(m *testing.M) { cluster.Main(m) }

// secret is planted in states.
const secret = "hunter2-planted-secret"

// override puts our backend in the place of whatever a module configures.
const override = "terraform {\n  backend \"http\" {}\n}\n"

// scene is a server of states on a real cluster, which can be ended and started again.
type scene struct {
	t         *testing.T
	namespace string
	cluster   *cluster.Cluster
	dir       string
	tool      *tofutest.Tool
	alive     atomic.Pointer[func(string) bool]
	*statehttp.Server
	stop context.CancelFunc
	n    int
}

// each runs a test with each of the binaries.
func each(t *testing.T, test func(*scene)) {
	tofutest.Tools(t).Each(t, func(t *testing.T, tool *tofutest.Tool) {
		c := cluster.Start(t)
		x := &scene{t: t, cluster: c, namespace: c.Namespace(t), dir: t.TempDir(), tool: tool}
		x.start()
		test(x)
	})
}

func (x *scene) start() {
	x.t.Helper()
	s, err := statehttp.New(statehttp.Options{Dir: x.dir, State: state.Options{
		Vault: kube.New(x.cluster.Client(x.t).CoreV1(), x.namespace), Key: statetest.Key, Keep: 5,
		Live: func(run string) bool {
			if f := x.alive.Load(); f != nil {
				return (*f)(run)
			}
			return true
		},
	}})
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(x.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	x.Server, x.stop = s, func() { stop(); <-done }
	x.t.Cleanup(stop)
}

func (x *scene) key(name string) state.Key {
	return state.Of(lockstep.Unit{Namespace: "team", Name: name}, "")
}

// backend mints a credential, waiting for a server that has just been started.
func (x *scene) backend(name, run string, mode statehttp.Mode) driver.Backend {
	x.t.Helper()
	for range 200 {
		b, err := x.Mint(statehttp.Grant{Unit: x.key(name).Unit, Run: run, Mode: mode})
		if err == nil {
			return b
		}
		time.Sleep(10 * time.Millisecond)
	}
	x.t.Fatal("no credential is minted")
	return driver.Backend{}
}

// env is what a tool is told of a backend.
func env(b driver.Backend, more ...string) []string {
	return append([]string{
		"TF_HTTP_ADDRESS=" + b.Address, "TF_HTTP_LOCK_ADDRESS=" + b.LockAddress, "TF_HTTP_UNLOCK_ADDRESS=" + b.UnlockAddress,
		"TF_HTTP_USERNAME=" + b.User, "TF_HTTP_PASSWORD=" + b.Password, "TF_HTTP_CLIENT_CA_CERTIFICATE_PEM=" + string(b.CA),
		"TF_HTTP_RETRY_MAX=20", "TF_HTTP_RETRY_WAIT_MIN=1", "TF_HTTP_RETRY_WAIT_MAX=1",
	}, more...)
}

// module writes a module into a directory of its own, ready to run.
func (x *scene) module(name, run string, text string) (dir string) {
	x.t.Helper()
	x.n++
	dir = filepath.Join(x.t.TempDir(), strconv.Itoa(x.n))
	tofutest.Write(x.t, dir, map[string]string{"main.tf": text, "zz_lockstep_override.tf": override})
	x.tool.Must(x.t, dir, env(x.backend(name, run, statehttp.Plan)), "init")
	return dir
}

const simple = `
terraform { 
  backend "s3" { 
    bucket = "nobody"
    key    = "has/this"
    region = "eu-west-1"
  } 
}
variable "value" { default = "one" }
resource "terraform_data" "a" { input = var.value }
output "value" { value = terraform_data.a.output }
`

// TestLifecycle takes a state through plan, apply and destroy. The backend that the
// module configures is overridden.
func TestLifecycle(t *testing.T) {
	each(t, func(x *scene) {
		dir := x.module("net", "run1", simple)
		plan := env(x.backend("net", "run1", statehttp.Plan), "TF_VAR_value="+secret)
		x.tool.Must(x.t, dir, plan, "plan", "-out=plan.bin")
		apply := env(x.backend("net", "run2", statehttp.Apply), "TF_VAR_value="+secret)
		x.tool.Must(x.t, dir, apply, "apply", "plan.bin")
		// A plan may not write.
		if r := x.tool.Run(x.t, dir, plan, "apply", "-auto-approve", "-var=value=other"); r.Code == 0 {
			x.t.Error("a credential to plan was good for an apply")
		}
		os.Remove(filepath.Join(dir, "errored.tfstate"))
		h, err := x.States().Head(x.t.Context(), x.key("net"))
		if err != nil {
			x.t.Fatal(err)
		}
		v, ok := h.Current()
		if !ok || v.Run != "run2" || v.Resources != 1 || v.Tool != x.tool.Version || h.Lock != nil {
			x.t.Errorf("kept is %+v, lock %+v", v, h.Lock)
		}
		x.unseen()
		// Drift is looked for without the lock, and with a credential that only reads.
		look := env(x.backend("net", "run3", statehttp.Read), "TF_VAR_value="+secret)
		if r := x.tool.Run(x.t, dir, look, "plan", "-lock=false", "-detailed-exitcode"); r.Code != 0 {
			x.t.Errorf("there is something to do:\n%s", r.All())
		}
		x.tool.Must(x.t, dir, env(x.backend("net", "run4", statehttp.Apply)), "destroy", "-auto-approve")
		_, content, err := x.States().Read(x.t.Context(), x.key("net"))
		if err != nil || strings.Contains(string(content), "terraform_data") {
			x.t.Errorf("after the destroy there is %s %v", content, err)
		}
	})
}

// unseen looks for the planted secret in everything that the cluster keeps.
func (x *scene) unseen() {
	x.t.Helper()
	l, err := x.cluster.Client(x.t).CoreV1().Secrets(x.namespace).List(x.t.Context(), metav1.ListOptions{})
	if err != nil || len(l.Items) < 2 {
		x.t.Fatalf("%d Secrets: %v", len(l.Items), err)
	}
	for _, s := range l.Items {
		for _, text := range []string{fmt.Sprint(s), string(s.Data["data"])} {
			if strings.Contains(text, secret) {
				x.t.Errorf("the secret is in %s", s.Name)
			}
		}
	}
}

// slow is a module whose apply waits for a file.
func slow(dir string) string {
	return fmt.Sprintf(`
resource "terraform_data" "first" { input = "made before" }
resource "terraform_data" "slow" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "touch '%[1]s/begun'; n=0; while [ ! -e '%[1]s/go' ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n+1)); done" }
}
`, dir)
}

// begin starts an apply that waits, and returns once it does.
func (x *scene) begin(dir, gate string, e []string) (cmd *exec.Cmd, out *strings.Builder) {
	x.t.Helper()
	out = &strings.Builder{}
	cmd = x.tool.Command(x.t, dir, e, "apply", "-auto-approve", "-no-color")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	for range 600 {
		if _, err := os.Stat(filepath.Join(gate, "begun")); err == nil {
			return cmd, out
		}
		time.Sleep(50 * time.Millisecond)
	}
	x.t.Fatalf("it does not get to where it waits:\n%s", out)
	return nil, nil
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestContention has two runs want the same lock: the second is told who has it.
func TestContention(t *testing.T) {
	each(t, func(x *scene) {
		gate := x.t.TempDir()
		dir := x.module("net", "run1", slow(gate))
		cmd, out := x.begin(dir, gate, env(x.backend("net", "run1", statehttp.Apply)))
		r := x.tool.Run(x.t, dir, env(x.backend("net", "run2", statehttp.Apply)), "plan", "-no-color")
		if r.Code == 0 || !strings.Contains(r.All(), "Error acquiring the state lock") {
			x.t.Errorf("a second run planned:\n%s", r.All())
		}
		if x.tool.Name == "tofu" && !strings.Contains(r.All(), "held by run run1") { // Terraform prints its own
			x.t.Errorf("the holder is not told:\n%s", r.All())
		}
		if err := x.Trouble("run2"); err == nil || !strings.Contains(err.Error(), "locked by run run1") {
			x.t.Errorf("the run's trouble is %v", err)
		}
		touch(x.t, filepath.Join(gate, "go"))
		if err := cmd.Wait(); err != nil {
			x.t.Errorf("the first: %v\n%s", err, out)
		}
		x.tool.Must(x.t, dir, env(x.backend("net", "run2", statehttp.Apply)), "plan")
	})
}

// TestKilled kills a tool in the middle of an apply. Its lock stays until its run is
// over, and is then in nobody's way; what was made before the last write is known.
func TestKilled(t *testing.T) {
	each(t, func(x *scene) {
		over := atomic.Bool{}
		x.alive.Store(new(func(run string) bool { return run != "run1" || !over.Load() }))
		gate := x.t.TempDir()
		dir := x.module("net", "run1", slow(gate))
		cmd, _ := x.begin(dir, gate, env(x.backend("net", "run1", statehttp.Apply)))
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
			x.t.Fatal(err)
		}
		_ = cmd.Wait()
		touch(x.t, filepath.Join(gate, "go"))
		next := env(x.backend("net", "run2", statehttp.Apply))
		if r := x.tool.Run(x.t, dir, next, "plan"); r.Code == 0 {
			x.t.Error("the lock of a run that goes on was taken")
		}
		over.Store(true)
		x.tool.Must(x.t, dir, next, "apply", "-auto-approve")
		h, err := x.States().Head(x.t.Context(), x.key("net"))
		if err != nil || h.Lock != nil {
			x.t.Errorf("the lock is %+v %v", h.Lock, err)
		}
	})
}

// TestServerGone ends the server in the middle of an apply and starts another one
// after a while: the run does not lose its state, though the new server knows nothing
// of it, and takes the run for over.
func TestServerGone(t *testing.T) {
	each(t, func(x *scene) {
		gate := x.t.TempDir()
		dir := x.module("net", "run1", slow(gate))
		cmd, out := x.begin(dir, gate, env(x.backend("net", "run1", statehttp.Apply)))
		x.stop()
		touch(x.t, filepath.Join(gate, "go"))
		time.Sleep(3 * time.Second) // the tool finds nobody there, and tries again
		x.alive.Store(new(func(string) bool { return false }))
		x.start()
		if err := cmd.Wait(); err != nil {
			x.t.Errorf("the run: %v\n%s", err, out)
		}
		v, content, err := x.States().Read(x.t.Context(), x.key("net"))
		if err != nil || v.Run != "run1" || v.Resources != 2 || !strings.Contains(string(content), "made before") {
			x.t.Errorf("the state is %+v %v", v, err)
		}
		if h, err := x.States().Head(x.t.Context(), x.key("net")); err != nil || h.Lock != nil {
			x.t.Errorf("the lock is %+v %v", h.Lock, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "errored.tfstate")); err == nil {
			x.t.Error("the tool wrote its state beside")
		}
	})
}

// TestRemoteState reads the outputs of another Stack through a credential for that.
func TestRemoteState(t *testing.T) {
	each(t, func(x *scene) {
		dir := x.module("net", "run1", simple)
		x.tool.Must(x.t, dir, env(x.backend("net", "run1", statehttp.Apply)), "apply", "-auto-approve")
		b := x.backend("net", "run2", statehttp.Read)
		shop := x.module("shop", "run2", fmt.Sprintf(`
data "terraform_remote_state" "net" {
  backend = "http"
  config = {
    address                   = %q
    username                  = %q
    password                  = %q
    client_ca_certificate_pem = %q
  }
}
output "got" { value = data.terraform_remote_state.net.outputs.value }
`, b.Address, b.User, b.Password, b.CA))
		r := x.tool.Must(x.t, shop, env(x.backend("shop", "run2", statehttp.Apply)), "apply", "-auto-approve", "-no-color")
		if !strings.Contains(r.Stdout, `got = "one"`) {
			x.t.Errorf("the output of the other Stack is not there:\n%s", r.All())
		}
	})
}

// TestSwapped has somebody push the state of something else.
func TestSwapped(t *testing.T) {
	each(t, func(x *scene) {
		dir := x.module("net", "run1", simple)
		e := env(x.backend("net", "run1", statehttp.Apply))
		x.tool.Must(x.t, dir, e, "apply", "-auto-approve")
		tofutest.Write(x.t, dir, map[string]string{"other.tfstate": string(statetest.State("of-something-else", 99, "x"))})
		if r := x.tool.Run(x.t, dir, e, "state", "push", "-force", "other.tfstate"); r.Code == 0 {
			x.t.Error("a swapped state was taken")
		}
		if err := x.Trouble("run1"); err == nil || !strings.Contains(err.Error(), "of-something-else") {
			x.t.Errorf("the run's trouble is %v", err)
		}
		x.tool.Must(x.t, dir, e, "plan", "-detailed-exitcode")
	})
}

// TestVersions has a module applied more often than versions are kept.
func TestVersions(t *testing.T) {
	each(t, func(x *scene) {
		dir := x.module("net", "run", simple)
		for i := range 7 {
			e := env(x.backend("net", fmt.Sprint("run", i), statehttp.Apply), fmt.Sprint("TF_VAR_value=", i))
			x.tool.Must(x.t, dir, e, "apply", "-auto-approve")
		}
		h, err := x.States().Head(x.t.Context(), x.key("net"))
		if err != nil || len(h.Versions) != 5 {
			x.t.Fatalf("%d versions are kept: %v", len(h.Versions), err)
		}
		l, err := x.cluster.Client(x.t).CoreV1().Secrets(x.namespace).List(x.t.Context(), metav1.ListOptions{LabelSelector: kube.LabelPart + "=part"})
		if err != nil || len(l.Items) != 5 {
			x.t.Errorf("%d parts are kept: %v", len(l.Items), err)
		}
		if _, err := x.States().Restore(x.t.Context(), x.key("net"), h.Versions[0].Number, state.Actor{Person: "ana"}, "back"); err != nil {
			x.t.Fatal(err)
		}
		// The tool goes on from there.
		r := x.tool.Run(x.t, dir, env(x.backend("net", "run9", statehttp.Apply), "TF_VAR_value=2"), "plan", "-detailed-exitcode", "-no-color")
		if r.Code != 0 {
			x.t.Errorf("the state is not that of the third apply (%d):\n%s", r.Code, r.All())
		}
		x.tool.Must(x.t, dir, env(x.backend("net", "run9", statehttp.Apply), "TF_VAR_value=9"), "apply", "-auto-approve")
	})
}

// TestEncrypted has OpenTofu encrypt the state itself: it is kept all the same.
func TestEncrypted(t *testing.T) {
	c := cluster.Start(t)
	x := &scene{t: t, cluster: c, namespace: c.Namespace(t), dir: t.TempDir(), tool: tofutest.Tools(t).Tofu}
	x.start()
	dir := x.module("net", "run1", `
terraform {
  encryption {
    key_provider "pbkdf2" "k" { passphrase = "a passphrase that is long enough" }
    method "aes_gcm" "m" { keys = key_provider.pbkdf2.k }
    state { method = method.aes_gcm.m }
  }
}
resource "terraform_data" "a" { input = "x" }
`)
	x.tool.Must(t, dir, env(x.backend("net", "run1", statehttp.Apply)), "apply", "-auto-approve")
	x.tool.Must(t, dir, env(x.backend("net", "run2", statehttp.Plan)), "plan", "-detailed-exitcode")
	h, err := x.States().Head(t.Context(), x.key("net"))
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := h.Current(); v.Resources != -1 {
		t.Errorf("%d resources are known of what the tool encrypts", v.Resources)
	}
}

// TestMethods has the tools lock by other methods than LOCK and UNLOCK, which some
// proxies do not let pass.
func TestMethods(t *testing.T) {
	each(t, func(x *scene) {
		b := x.backend("net", "run1", statehttp.Apply)
		b.LockAddress, b.UnlockAddress = b.Address+"/lock", b.Address+"/unlock"
		dir := x.module("net", "run1", simple)
		e := env(b, "TF_HTTP_LOCK_METHOD="+http.MethodPut, "TF_HTTP_UNLOCK_METHOD="+http.MethodPost, "TF_HTTP_UPDATE_METHOD="+http.MethodPut)
		x.tool.Must(x.t, dir, e, "init", "-reconfigure")
		x.tool.Must(x.t, dir, e, "apply", "-auto-approve")
	})
}

package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// rig is a driver with one Stack, a cloud and a state in a file.
type rig struct {
	*Driver
	t     *testing.T
	tool  *tofutest.Tool
	cloud *tofutest.Cloud
	dir   string // the driver's
	state string // file
	runs  int
}

// each runs a test with a rig for each binary.
func each(t *testing.T, test func(r *rig)) {
	tools := tofutest.Tools(t)
	tools.Each(t, func(t *testing.T, tool *tofutest.Tool) { test(newRig(t, tools, tool)) })
}

func newRig(t *testing.T, tools *tofutest.Set, tool *tofutest.Tool) *rig {
	t.Helper()
	r := &rig{t: t, tool: tool, cloud: tofutest.NewCloud(t), dir: t.TempDir(), state: filepath.Join(t.TempDir(), "state.tfstate")}
	r.Driver = open(t, r.dir, tools, tool)
	return r
}

// open makes a driver that finds one binary.
func open(t testing.TB, dir string, tools *tofutest.Set, tool *tofutest.Tool) *Driver {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "tools")
	at := filepath.Join(bin, tool.Name, tool.Version)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tool.Path, filepath.Join(at, tool.Name)); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(tools.CLIConfig)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Options{Dir: dir, Tools: []string{bin}, Path: "/usr/bin:/bin", Key: key, CLIConfig: config, Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// reopen is what a server that starts anew does.
func (r *rig) reopen() {
	d, err := New(r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Driver = d
}

// job makes a job of the files of a root module at infra, with the state in a file.
func (r *rig) job(files map[string]string) driver.Job {
	r.runs++
	job := driver.Job{
		ID: fmt.Sprintf("run-%d", r.runs), Unit: lockstep.Unit{Namespace: "shop", Name: "network"}, Dir: "infra",
		Tool:  driver.Tool{Name: r.tool.Name, Version: r.tool.Version},
		Files: map[string][]byte{"infra/backend.tf": fmt.Appendf(nil, "terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", r.state)},
	}
	for _, e := range r.cloud.Env() {
		name, value, _ := strings.Cut(e, "=")
		job.Env = append(job.Env, driver.Variable{Name: name, Value: json.RawMessage(value)})
	}
	for name, text := range files {
		job.Files["infra/"+name] = []byte(text)
	}
	return job
}

// module is a job of one file, with the provider fakecloud.
func (r *rig) module(text string) driver.Job {
	return r.job(map[string]string{"main.tf": text, "versions.tf": tofutest.Require("fakecloud")})
}

// events are what a driver told.
type events struct {
	mu  sync.Mutex
	all []driver.Event
}

func (e *events) tell(ev driver.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) list() []driver.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]driver.Event(nil), e.all...)
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	r.t.Cleanup(cancel)
	return ctx
}

func (r *rig) plan(job driver.Job, intent driver.Intent) driver.Proposal {
	r.t.Helper()
	p, err := r.Plan(r.ctx(), job, intent, silent)
	if err != nil {
		r.t.Fatalf("Plan: %v", err)
	}
	return p
}

func (r *rig) apply(job driver.Job, p driver.Proposal) driver.Applied {
	r.t.Helper()
	a, err := r.Apply(r.ctx(), job, p, silent)
	if err != nil {
		r.t.Fatalf("Apply: %v", err)
	}
	return a
}

// up plans and applies.
func (r *rig) up(job driver.Job) driver.Applied {
	r.t.Helper()
	return r.apply(job, r.plan(job, driver.IntentApply))
}

package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/test/tofu/tofutest"
)

const slowPair = `
resource "fakecloud_network" "first" {
  name = "first"
  cidr = "10.0.0.0/16"
}
resource "fakecloud_database" "second" {
  name    = "second"
  engine  = "postgres"
  network = fakecloud_network.first.id
}
`

// underway starts to apply, with the state on a server, and returns when the second of
// two resources is half made.
func underway(r *rig) (s *stateServer, job driver.Job, p driver.Proposal, ended chan error, stop context.CancelFunc) {
	r.t.Helper()
	s = newStateServer(r.t)
	job = r.module(slowPair)
	delete(job.Files, "infra/backend.tf")
	job.Backend = s.backend()
	p = r.plan(job, driver.IntentApply)
	r.cloud.Fail(r.t, tofutest.Fault{On: "create", Name: "second", Do: "slow", Seconds: 3})
	ctx, cancel := context.WithCancel(r.ctx())
	ended = make(chan error, 1)
	go func() {
		_, err := r.Apply(ctx, job, p, silent)
		ended <- err
	}()
	r.cloud.Await(r.t, "create", "fakecloud_database", "second")
	return s, job, p, ended, cancel
}

func (r *rig) keeperOf(job driver.Job) int {
	r.t.Helper()
	run, state, err := keeper.Look(filepath.Join(r.dir, "runs", job.ID, "apply"))
	if err != nil || state != keeper.Running {
		r.t.Fatalf("the keeper is not there: %v, %v", state, err)
	}
	return run.PID()
}

func TestStopped(t *testing.T) {
	each(t, func(r *rig) {
		s, job, _, ended, stop := underway(r)
		stop()
		err := <-ended
		if !errors.Is(err, fault.KindTimeout) && !errors.Is(err, fault.KindUnavailable) {
			r.t.Errorf("it was stopped, and says %v", err)
		}
		if s.locked() {
			r.t.Error("the lock stayed behind")
		}
		next := r.module(slowPair)
		delete(next.Files, "infra/backend.tf")
		next.Backend = job.Backend
		r.cloud.Fail(r.t)
		for _, c := range r.plan(next, driver.IntentApply).Set.Changes {
			if c.Name == "first" {
				r.t.Errorf("the first resource was made, and the state does not know: %+v", c.Action)
			}
		}
	})
}

// TestServerKilled is the life of a run whose server is gone: the keeper holds on, and
// who asks under the same ID gets the end of it.
func TestServerKilled(t *testing.T) {
	each(t, func(r *rig) {
		s, job, p, ended, stop := underway(r)
		defer stop()
		r.reopen() // the old one knows nothing of it, as a process that is gone does not
		var told events
		a, err := r.Apply(r.ctx(), job, p, told.tell)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(a.Outcomes) != 2 || a.Outcomes[0].Result != lockstep.Done || a.Outcomes[1].Result != lockstep.Done || a.Resources != 2 {
			r.t.Errorf("%+v", a)
		}
		if len(told.list()) == 0 {
			r.t.Error("nothing was told of what went before")
		}
		if n := len(r.cloud.Calls(r.t, "create")); n != 2 {
			r.t.Errorf("%d resources were made, want 2", n)
		}
		if err := <-ended; err != nil || s.locked() {
			r.t.Errorf("%v, locked: %v", err, s.locked())
		}
	})
}

// TestKeeperKilled: the system asks the tool to stop in its place; what was made is in
// the state, the lock is off, and the next plan tells what is left.
func TestKeeperKilled(t *testing.T) {
	each(t, func(r *rig) {
		s, job, p, ended, stop := underway(r)
		defer stop()
		if err := syscall.Kill(r.keeperOf(job), syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "ended from outside") {
			r.t.Errorf("got %v", err)
		}
		if s.locked() {
			r.t.Error("the lock stayed behind")
		}
		r.reopen()
		if _, err := r.Apply(r.ctx(), job, p, silent); err == nil {
			r.t.Error("the same run, asked again, says that it went well")
		}
		r.cloud.Fail(r.t)
		next := r.module(slowPair)
		delete(next.Files, "infra/backend.tf")
		next.Backend = job.Backend
		for _, c := range r.plan(next, driver.IntentApply).Set.Changes {
			if c.Name == "first" {
				r.t.Errorf("the first resource was made, and the state does not know: %s", c.Action)
			}
		}
		if files := plain(r.t, r.dir, "tfplan"); len(files) > 0 {
			r.t.Errorf("saved plans lie around: %v", files)
		}
	})
}

// TestToolKilled is the one end that loses: resources exist that no state knows, and
// the lock stays. It is said, and a person takes the lock off.
func TestToolKilled(t *testing.T) {
	each(t, func(r *rig) {
		s, job, _, ended, stop := underway(r)
		defer stop()
		tool := keeper.Tool(r.toolFile(job))
		if !tool.Alive() {
			r.t.Fatal("nobody says which process the tool is")
		}
		if err := syscall.Kill(tool.PID, syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "killed") || !strings.Contains(err.Error(), "may still be locked") {
			r.t.Errorf("got %v", err)
		}
		if !s.locked() {
			r.t.Error("the lock is off, so this is no test of it")
		}
		var lock struct{ ID string }
		if err := json.Unmarshal(s.lock, &lock); err != nil {
			r.t.Fatal(err)
		}
		next := r.module(slowPair)
		delete(next.Files, "infra/backend.tf")
		next.Backend = job.Backend
		if _, err := r.Plan(r.ctx(), next, driver.IntentApply, silent); !errors.Is(err, fault.KindConflict) {
			r.t.Errorf("a lock that stayed behind: %v", err)
		}
		if err := r.Unlock(r.ctx(), next, lock.ID); err != nil {
			r.t.Fatal(err)
		}
		r.plan(next, driver.IntentApply)
	})
}

// TestUnsavedState: the state server is gone at the end. The tool leaves the state in a
// file, which is kept, sealed, and saved when that is possible.
func TestUnsavedState(t *testing.T) {
	each(t, func(r *rig) {
		s, job, p, ended, stop := underway(r)
		defer stop()
		s.set(func() { s.fail = true })
		err := <-ended
		if err == nil || !strings.Contains(err.Error(), "could not be saved") {
			r.t.Fatalf("got %v", err)
		}
		if files := plain(r.t, r.dir, `"lineage"`); len(files) > 0 {
			r.t.Errorf("the state lies in clear in %v", files)
		}
		s.set(func() { s.fail = false })
		r.reopen()
		if _, err := r.Apply(r.ctx(), job, p, silent); err == nil {
			r.t.Error("the tool failed, and the run is said to have gone well")
		}
		r.cloud.Fail(r.t)
		next := r.module(slowPair)
		delete(next.Files, "infra/backend.tf")
		next.Backend = job.Backend
		if q := r.plan(next, driver.IntentApply); !q.Set.Empty() || q.Resources != 2 {
			r.t.Errorf("the state does not have what was made: %+v", q.Set.Changes)
		}
	})
}

// plain lists the files below dir that hold a text.
func plain(t *testing.T, dir, text string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasPrefix(filepath.Base(p), "terraform-provider") {
			return err
		}
		if filepath.Base(p) == text {
			out = append(out, p)
			return nil
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(data, []byte(text)) {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHangingProvider: it is waited for while it may hold the lock, and not when it only
// looks.
func TestHangingProvider(t *testing.T) {
	each(t, func(r *rig) {
		r.up(r.module(slowPair))
		r.cloud.Fail(r.t, tofutest.Fault{On: "read", Do: "hang"})
		r.opts.Grace = time.Second
		r.reopen()
		ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		_, err := r.Plan(ctx, r.module(slowPair), driver.IntentDrift, silent)
		if !errors.Is(err, fault.KindTimeout) && !errors.Is(err, fault.KindInternal) {
			r.t.Errorf("looking: %v", err)
		}
		r.t.Logf("looking ended after %s: %v", time.Since(began), err)
		r.cloud.Fail(r.t)
		r.plan(r.module(slowPair), driver.IntentApply)
	})
}

func TestCrashingProvider(t *testing.T) {
	each(t, func(r *rig) {
		job := r.module(slowPair)
		p := r.plan(job, driver.IntentApply)
		r.cloud.Fail(r.t, tofutest.Fault{On: "create", Name: "second", Do: "crash"})
		a, err := r.Apply(r.ctx(), job, p, silent)
		if err == nil {
			r.t.Fatal("no error")
		}
		got := map[string]lockstep.Result{}
		for _, o := range a.Outcomes {
			got[o.Address] = o.Result
			if o.Action != change.Create {
				r.t.Errorf("%+v", o)
			}
		}
		if got["fakecloud_network.first"] != lockstep.Done || got["fakecloud_database.second"] != lockstep.Failed {
			r.t.Errorf("%v, with %v", got, err)
		}
	})
}

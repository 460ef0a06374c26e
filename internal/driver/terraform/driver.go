package terraform

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Options are what a Driver is made of.
type Options struct {
	// Dir is where everything is kept that may be lost: working directories, what was
	// fetched, and the runs. Only one process uses it at a time, besides keepers.
	Dir string
	// Tools are directories with binaries, laid out as NAME/VERSION/NAME; they come
	// before the PATH.
	Tools []string
	// Path is the PATH in which binaries are looked for, and which the tools get.
	Path string
	// Key is the installation's own, of at least 32 bytes: saved plans and masks are
	// made with it.
	Key []byte
	// CLIConfig is the tools' CLI configuration: provider mirrors, credentials of
	// registries. nil lets providers come from their registries.
	CLIConfig []byte
	// Grace is how long a tool that holds no lock may take to stop; default 30 s.
	Grace time.Duration
}

// Driver is a driver.Planner. Make one with New.
type Driver struct {
	opts     Options
	tools    finder
	artifact []byte
	digester diff.Digester
}

var _ driver.Planner = (*Driver)(nil)

// defaultCLIConfig is there so that the implied one, which looks for providers in the
// repository, is not.
const defaultCLIConfig = "disable_checkpoint = true\nprovider_installation {\n  direct {}\n}\n"

// New returns a Driver that keeps what it needs in opts.Dir.
func New(opts Options) (*Driver, error) {
	if len(opts.Key) < 32 {
		return nil, errors.New("the key of the Terraform driver has less than 32 bytes")
	}
	if opts.Grace == 0 {
		opts.Grace = 30 * time.Second
	}
	if opts.CLIConfig == nil {
		opts.CLIConfig = []byte(defaultCLIConfig)
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, err
	}
	opts.Dir = dir
	for _, sub := range []string{"", "runs", "work", "plugins"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil { // somebody may have made it
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "cli.tfrc"), opts.CLIConfig, 0o600); err != nil {
		return nil, err
	}
	d := &Driver{
		opts: opts, tools: finder{dirs: opts.Tools, path: opts.Path},
		artifact: derive(opts.Key, "artifact"),
		digester: diff.Digester{Key: derive(opts.Key, "mask")},
	}
	d.sweep(time.Now())
	return d, nil
}

// derive makes a key for one purpose.
func derive(key []byte, what string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("lockstep terraform " + what))
	return mac.Sum(nil)
}

// saved is what an artifact holds, before it is encrypted.
type saved struct {
	Plan    []byte
	Secrets []string // that the plan has
	Lock    []byte   // .terraform.lock.hcl that init left
	Tool    string   // binary's SHA-256: no other carries it out
}

const forArtifact = "lockstep terraform artifact"

// Plan implements driver.Planner.
func (d *Driver) Plan(ctx context.Context, job driver.Job, intent driver.Intent, tell func(driver.Event)) (driver.Proposal, error) {
	p, err := d.plan(ctx, job, intent, tell)
	return p, named(err, job)
}

func (d *Driver) plan(ctx context.Context, job driver.Job, intent driver.Intent, tell func(driver.Event)) (driver.Proposal, error) {
	var out driver.Proposal
	w, err := d.ready(ctx, job, tell)
	if err != nil {
		return out, err
	}
	defer w.leave()
	out.ToolVersion = w.tool.version
	planFile := filepath.Join(w.run("plan"), "tfplan")
	res, report, err := w.kept(ctx, "plan", planArgs(job, w, intent, planFile), patience(intent, d.opts.Grace), tell)
	if err != nil {
		return out, err
	}
	red := w.redactor
	shown, showErr := w.show(ctx, planFile)
	if showErr == nil {
		red, err = w.propose(&out, planFile, shown, intent)
		if err != nil {
			return out, err
		}
	}
	notes, faults := w.judge(ctx, report, res, red)
	out.Set.Notes = append(notes, out.Set.Notes...)
	tfplan.SortNotes(out.Set.Notes)
	tellNotes(tell, "plan", notes)
	if res.Exit != 0 {
		out.Set.Errored, out.Artifact = true, nil
		out.Digest = out.Set.Digest()
		w.distrust() // what init left may be why
		return out, planFailed(ctx, res, faults, report, red)
	}
	if showErr != nil {
		return out, showErr
	}
	out.Digest = out.Set.Digest()
	return out, nil
}

// patience is how long a tool may take to stop: for ever where it may hold the lock.
func patience(intent driver.Intent, grace time.Duration) time.Duration {
	if intent == driver.IntentDrift {
		return grace
	}
	return 0
}

func planFailed(ctx context.Context, res keeper.Result, faults error, report keeper.Report, red *tfplan.Redactor) error {
	switch {
	case res.Stopped && ctx.Err() != nil:
		return fault.Timeout("planning was stopped before it was done").Because(ctx.Err())
	case faults != nil:
		return faults
	}
	return crashed(res, report, red)
}

// propose fills in what the saved plan says.
func (w *work) propose(out *driver.Proposal, planFile string, shown []byte, intent driver.Intent) (*tfplan.Redactor, error) {
	p, err := tfplan.Reader{Digester: w.driver.digester, Secrets: w.redactor.Secrets(), Dir: w.job.Dir}.Read(shown)
	if err != nil {
		return w.redactor, err
	}
	out.Set, out.Resources = p.Set, p.Resources
	data, err := os.ReadFile(planFile)
	if err != nil {
		return p.Redactor, fault.Internal(err)
	}
	if prior, ok := priorState(data); ok {
		out.Set.State, out.Outputs, out.Resources = prior.ref, prior.outputs, prior.resources
	}
	if intent == driver.IntentDrift || p.Set.Errored {
		return p.Redactor, nil
	}
	lock, _ := os.ReadFile(filepath.Join(w.module(), lockFile)) // a module without providers has none
	plain, err := json.Marshal(saved{Plan: data, Secrets: p.Redactor.Secrets(), Lock: lock, Tool: w.tool.sum})
	if err != nil {
		return p.Redactor, err
	}
	out.Artifact, err = keeper.Seal(w.driver.artifact, plain, forArtifact)
	return p.Redactor, err
}

// Outputs implements driver.Planner.
func (d *Driver) Outputs(ctx context.Context, job driver.Job) (map[string]driver.Output, error) {
	w, err := d.ready(ctx, job, silent)
	if err != nil {
		return nil, named(err, job)
	}
	defer w.leave()
	s, err := w.state(ctx)
	return s.outputs, named(err, job)
}

// Unlock implements driver.Planner.
func (d *Driver) Unlock(ctx context.Context, job driver.Job, lockID string) error {
	if lockID == "" || lockID[0] == '-' {
		return fault.Usage("%q is not the ID of a lock", lockID)
	}
	if job.Backend != nil {
		return named(unlock(ctx, *job.Backend, lockID), job)
	}
	w, err := d.ready(ctx, job, silent)
	if err != nil {
		return named(err, job)
	}
	defer w.leave()
	_, err = w.direct(ctx, "unlock", append(w.varArgs("force-unlock", "-force"), lockID)...)
	return named(err, job)
}

// Discard implements driver.Planner.
func (d *Driver) Discard(id string) error {
	if err := plainName("the ID of a run", id); err != nil {
		return err
	}
	dir := filepath.Join(d.opts.Dir, "runs", id)
	for _, op := range []string{"plan", "apply"} {
		if _, state, err := keeper.Look(filepath.Join(dir, op)); err == nil && state == keeper.Running {
			return fault.Conflict("run %q is still at work", id)
		}
	}
	return os.RemoveAll(dir)
}

// Alive says whether a process of the run with this ID is still at work. known is false
// for a run that this directory holds nothing of: another replica's, or one that was
// discarded.
func (d *Driver) Alive(id string) (alive, known bool) {
	if plainName("the ID of a run", id) != nil {
		return false, false
	}
	dir := filepath.Join(d.opts.Dir, "runs", id)
	if _, err := os.Stat(dir); err != nil {
		return false, false
	}
	for _, op := range []string{"plan", "apply"} {
		if _, state, err := keeper.Look(filepath.Join(dir, op)); err != nil || state == keeper.Running {
			return true, true
		}
	}
	return false, true
}

// keptRuns is for how long a run that failed is kept, with what it could not save.
const keptRuns = 30 * 24 * time.Hour

// sweep discards runs that nobody asked about for a long time.
func (d *Driver) sweep(now time.Time) {
	entries, err := os.ReadDir(filepath.Join(d.opts.Dir, "runs"))
	if err != nil {
		return // there are none yet
	}
	for _, e := range entries {
		if at, err := e.Info(); err == nil && now.Sub(at.ModTime()) > keptRuns {
			_ = d.Discard(e.Name()) // one that is at work stays
		}
	}
}

func silent(driver.Event) {}

// named says whose trouble it is.
func named(err error, job driver.Job) error {
	if err == nil {
		return nil
	}
	for _, f := range fault.All(err) {
		f.At("stack %s", job.Unit)
	}
	return err
}

package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/driver/terraform/keeper"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// work is a job laid out on disk, in the directory of its Stack. Whoever has it holds
// that directory's lock.
type work struct {
	driver   *Driver
	job      driver.Job
	tool     tool
	dir      string
	lock     *os.File
	redactor *tfplan.Redactor
	// temp is the tool's TMPDIR.
	temp string
	// forget says that what init leaves holds a credential.
	forget bool
}

// Names in a Stack's directory. Everything but data is gone when a call returns.
const (
	sourceDir = "src"
	dataDir   = "data" // the tool's TF_DATA_DIR: providers, modules, which backend
	homeDir   = "home"
	varsFile  = "lockstep.tfvars.json"
	lockFile  = ".terraform.lock.hcl"
	// overrideFile comes last by its name, and so wins over what the module has.
	overrideFile = "zz_lockstep_override.tf"
)

// ready lays a job out so that the tool can be run on it.
func (d *Driver) ready(ctx context.Context, job driver.Job, tell func(driver.Event), secrets ...string) (*work, error) {
	if err := checkJob(job); err != nil {
		return nil, err
	}
	t, err := d.tools.find(ctx, job.Tool)
	if err != nil {
		return nil, err
	}
	if len(job.Excludes) > 0 && t.name != "tofu" {
		return nil, fault.Invalid("%s cannot exclude resources, only tofu can", t.name)
	}
	conf, err := readConfiguration(job.Files, job.Dir)
	if err != nil {
		return nil, err
	}
	if err := conf.check(job); err != nil {
		return nil, err
	}
	w := &work{driver: d, job: job, tool: t, dir: d.stackDir(job), redactor: tfplan.NewRedactor(slices.Concat(jobSecrets(job), secrets))}
	if err := w.enter(ctx); err != nil {
		return nil, err
	}
	if err := w.layOut(); err != nil {
		w.leave()
		return nil, fault.Internal(err)
	}
	if err := w.initialise(ctx, conf, tell); err != nil {
		w.leave()
		return nil, err
	}
	return w, nil
}

func (d *Driver) stackDir(job driver.Job) string {
	return filepath.Join(d.opts.Dir, "work", job.Unit.Namespace, job.Unit.Name)
}

func (d *Driver) toolFile(job driver.Job) string { return filepath.Join(d.stackDir(job), "tool.json") }

func (w *work) at(names ...string) string { return filepath.Join(append([]string{w.dir}, names...)...) }

// module is the directory of the root module.
func (w *work) module() string { return w.at(sourceDir, filepath.FromSlash(w.job.Dir)) }

// run is the directory of what is done with this job's ID.
func (w *work) run(op string) string { return filepath.Join(w.driver.opts.Dir, "runs", w.job.ID, op) }

func (w *work) key() []byte { return derive(w.driver.opts.Key, "run "+w.job.ID) }

// enter takes the lock of the Stack's directory. A keeper of a server that is no more
// holds it as long as it is at work.
func (w *work) enter(ctx context.Context) error {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return fault.Internal(err)
	}
	f, err := os.OpenFile(w.at("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Internal(err)
	}
	// A plan of this very run is made anew, so an old one need not be finished.
	patience := 3 * time.Second
	if run, state, err := keeper.Look(w.run("plan")); err == nil && state == keeper.Running {
		run.Stop()
		patience = time.Hour
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && !keeper.Tool(w.driver.toolFile(w.job)).Alive() {
			w.lock = f
			return nil
		}
		if time.Since(began) > patience || ctx.Err() != nil {
			_ = f.Close() // it was never locked
			return fault.Conflict("another run of this Stack is still at work").WithHint("it is waited for; nothing is lost")
		}
	}
}

// leave removes what nobody is to find, and lets others in.
func (w *work) leave() {
	if w.forget {
		w.distrust()
	}
	for _, name := range []string{w.at(sourceDir), w.at(homeDir), w.at(varsFile), w.at(backendFile), w.temp} {
		_ = os.RemoveAll(name) // the next one tries again before it begins
	}
	_ = os.RemoveAll(w.run("plan")) // likewise
	_ = w.lock.Close()              // that unlocks it
}

func (w *work) layOut() error {
	if err := w.makeTemp(); err != nil {
		return err
	}
	for _, name := range []string{sourceDir, homeDir} {
		if err := os.RemoveAll(w.at(name)); err != nil {
			return err
		}
	}
	for _, dir := range []string{w.module(), w.at(homeDir), w.at(dataDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// A root, because a path is somebody else's word.
	root, err := os.OpenRoot(w.at(sourceDir))
	if err != nil {
		return err
	}
	err = writeAll(root, w.job.Files)
	if err == nil && w.job.Backend != nil {
		err = root.WriteFile(path.Join(w.job.Dir, overrideFile), []byte("terraform {\n  backend \"http\" {}\n}\n"), 0o600)
	}
	return errors.Join(err, root.Close(), w.writeVars())
}

// longestTemp leaves room for the name of a socket, of which the whole path must not
// exceed some hundred bytes: that is how tool and providers talk.
const longestTemp = 80

// makeTemp makes the tool's TMPDIR, under a name that is short whatever the Stack's is.
func (w *work) makeTemp() (err error) {
	sum := sha256.Sum256([]byte(w.job.Unit.String()))
	w.temp = filepath.Join(w.driver.opts.Dir, "tmp", hex.EncodeToString(sum[:6]))
	if len(w.temp) > longestTemp {
		w.temp, err = os.MkdirTemp("", "lockstep-")
		return err
	}
	if err := os.RemoveAll(w.temp); err != nil {
		return err
	}
	return os.MkdirAll(w.temp, 0o700)
}

func writeAll(root *os.Root, files map[string][]byte) error {
	for name, data := range files {
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		// Executable, because a repository's scripts are when they are checked out; whether
		// they may be run is decided elsewhere.
		if err := root.WriteFile(name, data, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// writeVars writes the variables. They are in a file of the Stack's own directory while
// a tool runs, and not in TF_VAR_ variables, which lose against every file.
func (w *work) writeVars() error {
	if len(w.job.Variables) == 0 {
		return nil
	}
	vars := map[string]json.RawMessage{}
	for _, v := range w.job.Variables {
		vars[v.Name] = v.Value
	}
	data, err := json.Marshal(vars)
	if err != nil {
		return err
	}
	return os.WriteFile(w.at(varsFile), data, 0o600)
}

// varFiles are the arguments that name variables.
func (w *work) varFiles() []string {
	var out []string
	for _, f := range w.job.VarFiles {
		out = append(out, "-var-file="+w.at(sourceDir, filepath.FromSlash(f)))
	}
	if len(w.job.Variables) > 0 {
		out = append(out, "-var-file="+w.at(varsFile))
	}
	return out
}

// varArgs adds the variables to a command that plans nothing: OpenTofu wants to know
// them there too, because a backend or a module's source may depend on them.
func (w *work) varArgs(command ...string) []string {
	if w.tool.tofuSince("1.8.0") {
		return append(command, w.varFiles()...)
	}
	return command
}

// env is all of the environment that the tool sees.
func (w *work) env() []string {
	env := []string{
		"PATH=" + w.driver.opts.Path, "HOME=" + w.at(homeDir), "TMPDIR=" + w.temp,
		"TF_DATA_DIR=" + w.at(dataDir), "TF_CLI_CONFIG_FILE=" + filepath.Join(w.driver.opts.Dir, "cli.tfrc"),
		"TF_PLUGIN_CACHE_DIR=" + filepath.Join(w.driver.opts.Dir, "plugins"),
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
	}
	if b := w.job.Backend; b != nil {
		env = append(env, "TF_HTTP_ADDRESS="+b.Address, "TF_HTTP_LOCK_ADDRESS="+b.LockAddress, "TF_HTTP_UNLOCK_ADDRESS="+b.UnlockAddress,
			"TF_HTTP_LOCK_METHOD=LOCK", "TF_HTTP_UNLOCK_METHOD=UNLOCK", "TF_HTTP_USERNAME="+b.User, "TF_HTTP_PASSWORD="+b.Password)
		if len(b.CA) > 0 {
			env = append(env, "TF_HTTP_CLIENT_CA_CERTIFICATE_PEM="+string(b.CA))
		}
	}
	for _, v := range w.job.Env {
		env = append(env, v.Name+"="+string(v.Value))
	}
	return env
}

// order is what a keeper is told.
func (w *work) order(op string, args []string, grace time.Duration) keeper.Order {
	return keeper.Order{
		Dir: w.run(op), Path: w.tool.path, Args: args, Env: w.env(), WorkDir: w.module(), Tool: w.driver.toolFile(w.job),
		Secrets: w.redactor.Secrets(), Key: w.key(), Grace: grace, Remove: []string{w.at(varsFile)},
	}
}

// kept runs the tool under a keeper.
func (w *work) kept(ctx context.Context, op string, args []string, grace time.Duration, tell func(driver.Event)) (keeper.Result, keeper.Report, error) {
	if err := errors.Join(os.RemoveAll(w.run(op)), os.MkdirAll(w.run(op), 0o700)); err != nil {
		return keeper.Result{}, keeper.Report{}, fault.Internal(err)
	}
	run, err := keeper.Begin(w.order(op, args, grace), w.lock)
	if err != nil {
		return keeper.Result{}, keeper.Report{}, fault.New(fault.KindInternal, "%s could not be started", w.tool.name).Because(err)
	}
	res, err := run.Wait(ctx, func(e keeper.Event) {
		if ev, ok := shown(op, e); ok {
			tell(ev)
		}
	})
	if errors.Is(err, keeper.ErrLost) {
		return res, keeper.Report{}, fault.New(fault.KindInternal, "the process that looked after the tool was ended from outside").WithHint("it is tried again").Because(err)
	}
	if err != nil {
		return res, keeper.Report{}, fault.Internal(err)
	}
	report, err := res.Report(w.key())
	return res, report, errors.Join(err, w.writeVars())
}

func planArgs(job driver.Job, w *work, intent driver.Intent, file string) []string {
	args := []string{"plan", "-json", "-input=false", "-no-color", "-out=" + file}
	switch intent {
	case driver.IntentDestroy:
		args = append(args, "-destroy")
	case driver.IntentDrift:
		args = append(args, "-refresh-only", "-lock=false")
	}
	if intent != driver.IntentDrift {
		args = append(args, "-lock-timeout="+strconv.Itoa(job.LockTimeoutSeconds)+"s")
		if job.NoRefresh {
			args = append(args, "-refresh=false")
		}
	}
	if job.Parallelism > 0 {
		args = append(args, "-parallelism="+strconv.Itoa(job.Parallelism))
	}
	for _, t := range job.Targets {
		args = append(args, "-target="+t)
	}
	for _, t := range job.Excludes {
		args = append(args, "-exclude="+t)
	}
	return append(args, w.varFiles()...)
}

// jobSecrets are the values that must be seen nowhere.
func jobSecrets(job driver.Job) []string {
	var out []string
	for _, v := range job.Variables {
		if v.Secret {
			out = append(out, tfplan.Leaves(v.Value)...)
		}
	}
	for _, v := range slices.Concat(job.Env, job.BackendConfig) {
		if v.Secret {
			out = append(out, string(v.Value))
		}
	}
	if job.Backend != nil {
		out = append(out, job.Backend.Password)
	}
	return out
}

// checkJob refuses what would lead out of the directories or change what we rely on.
func checkJob(job driver.Job) error {
	if err := plainName("the ID of the run", job.ID); err != nil {
		return err
	}
	for what, name := range map[string]string{"the namespace": job.Unit.Namespace, "the name": job.Unit.Name} {
		if err := plainName(what, name); err != nil {
			return err
		}
	}
	for name := range job.Files {
		if clean, err := lockstep.CleanPath(name); err != nil || clean != name || name == "." {
			return fault.Invalid("the path %q of a file is not one within the Source", name)
		}
	}
	for _, v := range job.Env {
		if reserved(v.Name) || strings.ContainsAny(v.Name, "=\x00") || v.Name == "" || strings.Contains(string(v.Value), "\x00") {
			return fault.Invalid("the environment variable %q cannot be set", v.Name).WithHint("Lockstep sets it itself, or it would change how the tool is run")
		}
	}
	for _, v := range job.Variables {
		if !json.Valid(v.Value) {
			return fault.Invalid("the variable %q has a value that is not JSON", v.Name)
		}
	}
	for _, list := range [][]string{job.Targets, job.Excludes} {
		for _, t := range list {
			if t == "" || strings.HasPrefix(t, "-") {
				return fault.Invalid("%q is not the address of a resource", t)
			}
		}
	}
	for _, f := range job.VarFiles {
		if _, ok := job.Files[f]; !ok {
			return fault.NotFound("the file of variables %q does not exist", f).At("%s", f)
		}
	}
	return nil
}

// reserved are variables that decide how the tool is run.
func reserved(name string) bool {
	if strings.HasPrefix(name, "TF_VAR_") || strings.HasPrefix(name, "TF_TOKEN_") || strings.HasPrefix(name, "TF_HTTP_") || name == "TF_ENCRYPTION" {
		return false
	}
	return strings.HasPrefix(name, "TF_") || strings.HasPrefix(name, "LD_") || strings.HasPrefix(name, "DYLD_") ||
		slices.Contains([]string{"PATH", "HOME", "TMPDIR", "CHECKPOINT_DISABLE", "TOFU_CLI_ARGS"}, name)
}

func plainName(what, name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 200 || strings.ContainsAny(name, "/\\\x00") {
		return fault.Usage("%s is %q, which is no plain file name", what, name)
	}
	return nil
}

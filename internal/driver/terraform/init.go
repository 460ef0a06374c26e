package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

const (
	backendFile = "lockstep.tfbackend"
	// In the data directory: what init was made for, and the lock file that it left.
	initKeyFile  = "lockstep.key"
	initLockFile = "lockstep.lock.hcl"
)

// initialise fetches providers and modules and prepares the backend, unless that was
// done for the same ones.
func (w *work) initialise(ctx context.Context, conf *configuration, tell func(driver.Event)) error {
	w.forget = hasSecret(w.job.BackendConfig) // init writes them down
	key := w.initKey(conf)
	if w.initialised(key) {
		return conf.checkFetched(w)
	}
	tell(driver.Event{Phase: "init", Moment: "start"})
	if err := w.runInit(ctx); err != nil {
		tell(driver.Event{Phase: "init", Moment: "failed"})
		return err
	}
	if err := w.remember(key); err != nil {
		return fault.Internal(err)
	}
	tell(driver.Event{Phase: "init", Moment: "done"})
	return conf.checkFetched(w)
}

func hasSecret(vs []driver.Variable) bool {
	for _, v := range vs {
		if v.Secret {
			return true
		}
	}
	return false
}

// initKey is over all that decides what init does: not over what the module says of
// resources, so that most commits need none.
func (w *work) initKey(conf *configuration) string {
	h := sha256.New()
	say := func(parts ...string) {
		for _, p := range parts {
			_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
		}
	}
	say(w.tool.sum, string(w.driver.opts.CLIConfig), w.job.Dir, w.job.Workspace)
	say(conf.facts...)
	say(string(w.job.Files[path.Join(w.job.Dir, lockFile)]))
	if w.job.Backend != nil {
		say("http")
	}
	for _, v := range w.job.BackendConfig {
		say(v.Name, string(v.Value))
	}
	if conf.dependsOnVariables {
		for _, v := range w.job.Variables {
			say(v.Name, string(v.Value))
		}
		for _, f := range w.job.VarFiles {
			say(f, string(w.job.Files[f]))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// initialised says whether init was done for the key, and puts back what it left.
func (w *work) initialised(key string) bool {
	was, err := os.ReadFile(w.at(dataDir, initKeyFile))
	if err != nil || string(was) != key {
		return false
	}
	lock, err := os.ReadFile(w.at(dataDir, initLockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return true // no providers
	}
	return err == nil && os.WriteFile(filepath.Join(w.module(), lockFile), lock, 0o600) == nil
}

func (w *work) remember(key string) error {
	lock, err := os.ReadFile(filepath.Join(w.module(), lockFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.RemoveAll(w.at(dataDir, initLockFile))
	case err == nil:
		err = os.WriteFile(w.at(dataDir, initLockFile), lock, 0o600)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(w.at(dataDir, initKeyFile), []byte(key), 0o600)
}

// distrust has the next one begin with init.
func (w *work) distrust() {
	_ = os.Remove(w.at(dataDir, initKeyFile)) // it may never have been there
	if w.forget {
		_ = os.Remove(w.at(dataDir, "terraform.tfstate")) // which backend, with its credentials
	}
}

func (w *work) runInit(ctx context.Context) error {
	w.distrust()
	args := []string{"init", "-json", "-input=false", "-no-color", "-reconfigure"}
	if len(w.job.BackendConfig) > 0 {
		if err := w.writeBackendConfig(); err != nil {
			return fault.Internal(err)
		}
		args = append(args, "-backend-config="+w.at(backendFile))
	}
	// Only OpenTofu shares its cache of providers safely.
	if !w.tool.tofuSince("1.10.0") {
		unlock, err := flock(filepath.Join(w.driver.opts.Dir, "plugins.lock"))
		if err != nil {
			return fault.Internal(err)
		}
		defer unlock()
	}
	if _, err := w.direct(ctx, "init", w.varArgs(args...)...); err != nil {
		return err
	}
	if w.job.Workspace == "" || w.job.Workspace == "default" || w.job.Backend != nil {
		return nil
	}
	_, err := w.direct(ctx, "init", append(w.varArgs("workspace", "select", "-or-create=true"), w.job.Workspace)...)
	return err
}

// writeBackendConfig writes settings as HCL takes them.
func (w *work) writeBackendConfig() error {
	var b strings.Builder
	for _, v := range w.job.BackendConfig {
		quoted, err := json.Marshal(string(v.Value))
		if err != nil {
			return err
		}
		text := strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(quoted))
		fmt.Fprintf(&b, "%s = %s\n", v.Name, text)
	}
	return os.WriteFile(w.at(backendFile), []byte(b.String()), 0o600)
}

// flock waits for a file to be ours.
func flock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close() // the first error says it
		return nil, err
	}
	return func() { _ = f.Close() }, nil // that unlocks it
}

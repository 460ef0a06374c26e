package keeper

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/tfplan"
)

// Order is what a keeper is to do.
type Order struct {
	Dir     string   // of the run; there is one order for each
	Path    string   // of the tool
	Args    []string // without the tool's name
	Env     []string
	WorkDir string
	// Tool is a file that says which process the tool is while it runs.
	Tool string
	// Secrets are taken out of everything that is written.
	Secrets []string
	// Key seals what may hold others.
	Key []byte
	// Grace is how long the tool may take to stop before it is killed with all that it
	// started. 0 means never to kill it: it may hold the state's lock.
	Grace time.Duration
	// Remove are files that nobody is to find when the tool has ended.
	Remove []string
}

// Event is one line of what happens.
type Event struct {
	Type    string        `json:"type"` // the tool's own: apply_start
	Address string        `json:"address,omitempty"`
	Action  change.Action `json:"action,omitempty"`
	Seconds float64       `json:"seconds,omitempty"`
	Message string        `json:"message,omitempty"`
}

// Result is how a run ended.
type Result struct {
	// Exit is the tool's code, -1 if a signal ended it.
	Exit   int
	Signal int
	// Stopped says that the tool was asked to stop.
	Stopped        bool
	Started, Ended time.Time
	// Sealed is a Report.
	Sealed []byte
	// Unsaved says that the tool could not save the state and left it in a file, which
	// is sealed beside the result.
	Unsaved bool
	// Dropped counts bytes of the tool's output beyond what is kept.
	Dropped int64
}

// Report is what the tool said of errors, as it said it.
type Report struct {
	Diagnostics []tfplan.Diagnostic
	Stderr      string
}

// Names in a run's directory.
const (
	eventsFile  = "events.jsonl"
	resultFile  = "result.json"
	keeperFile  = "keeper.json"
	unsavedFile = "errored.tfstate.sealed"
	// toolsUnsaved is what both tools call the state that they could not save.
	toolsUnsaved = "errored.tfstate"
)

// Bounds of what one run may write.
const (
	maxLine   = 1 << 20
	maxEvents = 64 << 20
	maxReport = 4 << 20
	maxStderr = 64 << 10
)

// writeFile writes a file so that whoever reads it finds all of it or none. It is not
// forced to the disk: what ends the machine ends the keeper too, and its run is lost.
func writeFile(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error says it
	}
	return err
}

// readFile reads what writeFile wrote; false if it is not there.
func readFile(path string, v any) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(data, v)
}

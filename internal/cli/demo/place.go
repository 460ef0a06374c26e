package demo

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// place is the directory of a demo.
type place struct {
	dir   string // absolute
	shown string // as the user wrote it
}

// state is what the next start needs to know. It is also the mark by which
// "demo down" knows that a directory is ours.
type state struct {
	PID int `json:"pid,omitempty"`
	// The ports are kept, because clones and Sources hold them.
	GitPort    int    `json:"gitPort,omitempty"`
	ServerPort int    `json:"serverPort,omitempty"`
	Secret     string `json:"secret"` // of the webhooks
	// Token is what the second terminal signs in with.
	Token string `json:"token,omitempty"`
}

func newPlace(dir string) (place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fault.Internal(err)
	}
	shown := dir
	if !filepath.IsAbs(dir) && !strings.HasPrefix(dir, ".") {
		shown = "./" + dir
	}
	return place{dir: abs, shown: shown}, nil
}

func (p place) path(elem ...string) string {
	return filepath.Join(append([]string{p.dir}, elem...)...)
}

func (p place) stateFile() string { return p.path("demo.json") }

// make creates the directory, and refuses one that holds something else.
func (p place) make() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fault.Invalid("directory %q cannot be used", p.shown).Because(err).WithHint("choose another with --dir")
	}
	if _, err := os.Stat(p.stateFile()); err != nil && len(entries) > 0 {
		return fault.Conflict("directory %q is not empty and is no demo's", p.shown).WithHint("choose another with --dir")
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fault.Invalid("directory %q cannot be created", p.shown).Because(err).WithHint("choose another with --dir")
	}
	if _, err := os.Stat(p.stateFile()); err == nil {
		return nil
	}
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return fault.Internal(err)
	}
	return p.save(state{Secret: hex.EncodeToString(secret)})
}

func (p place) load() (state, error) {
	var s state
	data, err := os.ReadFile(p.stateFile())
	if errors.Is(err, os.ErrNotExist) {
		return s, fault.NotFound("there is no demo in %s", p.shown).WithHint("lockstep demo starts one; --dir says where")
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fault.Invalid("%s cannot be read", p.stateFile()).Because(err).WithHint("lockstep demo down, and start again")
	}
	return s, nil
}

func (p place) save(s state) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fault.Internal(err)
	}
	if err := os.WriteFile(p.stateFile(), append(data, '\n'), 0o600); err != nil {
		return fault.Invalid("%s cannot be written", p.stateFile()).Because(err)
	}
	return nil
}

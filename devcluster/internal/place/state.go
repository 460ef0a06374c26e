package place

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// State is what one run leaves for the next and for the other commands.
type State struct {
	// Port of the API server. Kept, so that kubeconfigs stay good.
	Port int `json:"port"`
	// Nodes of the latest run.
	Nodes int `json:"nodes"`
	// Started is when the latest run began.
	Started time.Time `json:"started"`
}

// Server is the address of the API server.
func (s State) Server() string { return fmt.Sprintf("https://127.0.0.1:%d", s.Port) }

// Load reads the state; a directory never used has the zero State.
func (d Dir) Load() (State, error) {
	var s State
	text, err := os.ReadFile(d.state())
	if os.IsNotExist(err) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the state of %s: %w", d, err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s is damaged (%w); start over with: devcluster wipe --dir %s", d.state(), err, d)
	}
	return s, nil
}

// Save writes the state whole or not at all.
func (d Dir) Save(s State) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return WriteFile(d.state(), append(text, '\n'))
}

// WriteFile replaces a file in one step, so that no reader meets half of it.
func WriteFile(path string, text []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

package terraform

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/driver"
)

// stateFile is what is read of a state.
type stateFile struct {
	ref       change.StateRef
	outputs   map[string]driver.Output
	resources int
}

func parseState(data []byte) (stateFile, error) {
	var raw struct {
		Serial  int64  `json:"serial"`
		Lineage string `json:"lineage"`
		Outputs map[string]struct {
			Value     json.RawMessage `json:"value"`
			Type      json.RawMessage `json:"type"`
			Sensitive bool            `json:"sensitive"`
		} `json:"outputs"`
		Resources []struct {
			Mode      string            `json:"mode"`
			Instances []json.RawMessage `json:"instances"`
		} `json:"resources"`
	}
	out := stateFile{outputs: map[string]driver.Output{}}
	if len(bytes.TrimSpace(data)) == 0 {
		return out, nil // there is no state yet
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return out, err
	}
	out.ref = change.StateRef{Lineage: raw.Lineage, Serial: raw.Serial}
	for name, o := range raw.Outputs {
		out.outputs[name] = driver.Output{Value: o.Value, Type: o.Type, Sensitive: o.Sensitive}
	}
	for _, r := range raw.Resources {
		if r.Mode == "managed" {
			out.resources += len(r.Instances)
		}
	}
	return out, nil
}

// priorState reads what the state was when a plan was saved; false for a plan that the
// tool itself has encrypted. Version and place of the state are in one of its files,
// what the state had before the tool looked at the world is in the other.
func priorState(plan []byte) (stateFile, bool) {
	z, err := zip.NewReader(bytes.NewReader(plan), int64(len(plan)))
	if err != nil {
		return stateFile{}, false
	}
	after, ok := unzip(z, "tfstate")
	before, there := unzip(z, "tfstate-prev")
	if !ok || !there {
		return stateFile{}, false
	}
	out, err := parseState(before)
	if err != nil {
		return out, false
	}
	refreshed, err := parseState(after)
	out.ref = refreshed.ref
	return out, err == nil
}

// maxState bounds one state; the plan that holds it is bounded on the disk only.
const maxState = 256 << 20

func unzip(z *zip.Reader, name string) ([]byte, bool) {
	f, err := z.Open(name)
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }() // nothing to lose in a reader
	data, err := io.ReadAll(io.LimitReader(f, maxState))
	return data, err == nil
}

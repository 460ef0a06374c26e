package state

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// DefaultWorkspace is the one that a tool uses when none is named.
const DefaultWorkspace = "default"

// Key names one state. It is the Stack's name and not its UID: a Stack that was
// deleted by mistake and made again has to find what it looks after.
type Key struct {
	Unit      lockstep.Unit
	Workspace string
}

// Of returns the key of a unit's workspace; "" is the default one.
func Of(u lockstep.Unit, workspace string) Key {
	if workspace == "" {
		workspace = DefaultWorkspace
	}
	return Key{Unit: u, Workspace: workspace}
}

// workspaces are named so that a name is a part of a path and of an address as it is.
var (
	workspaces = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,89}$`)
	names      = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// Check refuses what cannot be the name of a state.
func (k Key) Check() error {
	if !names.MatchString(k.Unit.Namespace) || !names.MatchString(k.Unit.Name) {
		return fault.Usage("%q is no NAMESPACE/NAME", short(k.Unit.String()))
	}
	if !workspaces.MatchString(k.Workspace) {
		return fault.Usage("%q is no workspace", short(k.Workspace)).
			WithHint("letters, digits, '-', '_' and '.', 90 at most")
	}
	return nil
}

// String is how people are told of it: payments/network, with the workspace where it
// is not the default one.
func (k Key) String() string {
	if k.Workspace == DefaultWorkspace {
		return k.Unit.String()
	}
	return k.Unit.String() + " (workspace " + k.Workspace + ")"
}

// Hash is a name for the key that fits everywhere.
func (k Key) Hash() string {
	sum := sha256.Sum256([]byte(k.Unit.Namespace + "\x00" + k.Unit.Name + "\x00" + k.Workspace))
	return hex.EncodeToString(sum[:10])
}

// short keeps what somebody sent from filling an error.
func short(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

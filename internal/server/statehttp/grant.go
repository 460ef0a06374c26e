package statehttp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// Mode is what a credential is good for.
type Mode string

// The modes.
const (
	Read  Mode = "read"  // look for drift, or at the outputs of another Stack
	Plan  Mode = "plan"  // that, and take the lock
	Apply Mode = "apply" // that, and write
)

// Grant is what a run gets a credential for.
type Grant struct {
	// Unit and Workspace are whose state it is; for a [Read] of another Stack's
	// outputs that other Stack's.
	Unit      lockstep.Unit
	Workspace string // "" is the default one
	// Run and Commit are kept with what it writes. The run is asked for by Live.
	Run, Commit string
	Mode        Mode
}

func (g Grant) key() state.Key { return state.Of(g.Unit, g.Workspace) }

func (g Grant) check() error {
	if g.Mode != Read && g.Mode != Plan && g.Mode != Apply {
		return fault.Usage("a credential for a state needs a mode")
	}
	if g.Run == "" || len(g.Run) > 200 || len(g.Commit) > 100 {
		return fault.Usage("a credential for a state needs a run")
	}
	return g.key().Check()
}

// longestRun is after how long a credential ends that nobody has revoked. It is not
// for a run that goes on: who has the lock may write for as long as that.
const longestRun = 24 * time.Hour

// userPrefix begins the names under which runs come.
const userPrefix = "run1"

var encoding = base64.RawURLEncoding

// user writes what a credential states in the name that it comes under. What it opens
// is not in there: that is in the address.
func (g Grant) user(until time.Time) string {
	return strings.Join([]string{
		userPrefix, string(g.Mode), strconv.FormatInt(until.Unix(), 36), encoding.EncodeToString([]byte(g.Run)), encoding.EncodeToString([]byte(g.Commit)),
	}, ".")
}

// signer signs and checks statements.
type signer struct{ key []byte }

func newSigner(key []byte) (signer, error) {
	sub, err := state.Derive(key, "state credential v1", 32)
	return signer{sub}, err
}

func (s signer) password(user string, k state.Key) string {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range []string{user, k.Unit.Namespace, k.Unit.Name, k.Workspace} {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return encoding.EncodeToString(mac.Sum(nil))
}

// read returns what a credential states, if we made it for the state k.
func (s signer) read(user, password string, k state.Key) (g Grant, until time.Time, err error) {
	bad := fault.Unauthenticated("the credential is not one for this state")
	if len(user) > 1024 || len(password) > 100 {
		return g, until, bad
	}
	// The signature first: nothing that strangers wrote is taken apart.
	if !hmac.Equal([]byte(s.password(user, k)), []byte(password)) {
		return g, until, bad
	}
	parts := strings.Split(user, ".")
	if len(parts) != 5 || parts[0] != userPrefix {
		return g, until, bad
	}
	end, err1 := strconv.ParseInt(parts[2], 36, 64)
	run, err2 := encoding.DecodeString(parts[3])
	commit, err3 := encoding.DecodeString(parts[4])
	if err1 != nil || err2 != nil || err3 != nil {
		return g, until, bad
	}
	g = Grant{Unit: k.Unit, Workspace: k.Workspace, Run: string(run), Commit: string(commit), Mode: Mode(parts[1])}
	if g.check() != nil {
		return g, until, bad
	}
	return g, time.Unix(end, 0), nil
}

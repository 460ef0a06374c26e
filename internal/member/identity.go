package member

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/core/shard"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Identity is the name of this replica and the lock that nobody else has it.
type Identity struct {
	ID shard.ID
	// run tells this process from an earlier one with the same name.
	run  string
	lock *os.File
}

// Identify returns the identity that dir keeps, and makes one for an empty dir. A
// process that is started again with its data directory is the same replica and
// goes on where it was; the lock makes sure that the one before has ended.
func Identify(dir string) (*Identity, error) {
	lock, err := lockFile(filepath.Join(dir, "member.lock"))
	if errors.Is(err, errLocked) {
		return nil, fault.Conflict("data directory %q is in use by another server", dir).Because(err).
			WithHint("give each replica a data directory of its own: --data-dir")
	}
	if err != nil {
		return nil, fault.Invalid("data directory %q cannot be locked", dir).Because(err)
	}
	id, err := identity(filepath.Join(dir, "member"))
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	run, err := random(8)
	if err != nil {
		return nil, err
	}
	return &Identity{ID: id, run: run, lock: lock}, nil
}

// Close lets another process be this replica.
func (i *Identity) Close() { _ = i.lock.Close() }

// valid is a name that a Lease may have and that stays one word in a view.
var valid = regexp.MustCompile(`^lockstep-[a-z0-9]([a-z0-9-]{0,80}[a-z0-9])?$`)

func identity(path string) (shard.ID, error) {
	b, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(b)); err == nil && valid.MatchString(id) {
		return shard.ID(id), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.Invalid("the identity %q cannot be read", path).Because(err)
	}
	tail, err := random(4)
	if err != nil {
		return "", err
	}
	// The host's name is for people. Two machines may have the same one.
	id := "lockstep-" + tail
	if host := hostName(); host != "" {
		id = "lockstep-" + host + "-" + tail
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fault.Invalid("the identity %q cannot be written", path).Because(err)
	}
	return shard.ID(id), nil
}

var strange = regexp.MustCompile(`[^a-z0-9]+`)

func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	host = strange.ReplaceAllString(strings.ToLower(host), "-")
	host = strings.TrimPrefix(host, "lockstep-")
	return strings.Trim(host[:min(len(host), 50)], "-")
}

func random(n int) (string, error) {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		return "", fault.Internal(err)
	}
	return hex.EncodeToString(b), nil
}

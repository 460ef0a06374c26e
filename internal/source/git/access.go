package git

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/scrypt"
)

// access remembers which credentials have reached the remote.
//
// All who name one address share one mirror, and a commit that is there is
// served without asking the remote. Without this, knowing a hash would be
// enough to read a private repository that a neighbour fetched. The list is
// kept on disk, hashed as passwords are, so that a restart needs no network.
type access struct {
	file string

	mu     sync.Mutex
	proven map[string]bool // by credential.id; absent when the disk was not asked yet
}

// keepProven bounds the list: tokens that change every hour would grow it.
const keepProven = 16

// prove notes that c has just reached the remote.
func (a *access) prove(id string, c credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.proven[id] {
		return
	}
	a.note(id, true)
	if a.onDisk(c) >= 0 {
		return
	}
	line, err := seal(c)
	if err != nil {
		return
	}
	lines := append(a.lines(), line)
	if len(lines) > keepProven {
		lines = lines[len(lines)-keepProven:]
	}
	a.write(lines)
}

// has says whether c has ever reached the remote. The slow look at the disk is
// taken once.
func (a *access) has(id string, c credential) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	ok, known := a.proven[id]
	if !known {
		ok = a.onDisk(c) >= 0
		a.note(id, ok)
	}
	return ok
}

// forget is for a credential that the remote has refused.
func (a *access) forget(id string, c credential) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.proven[id] {
		return
	}
	a.note(id, false)
	if i := a.onDisk(c); i >= 0 {
		a.write(slices.Delete(a.lines(), i, i+1))
	}
}

func (a *access) write(lines []string) {
	// A list that cannot be written costs one fetch after the next restart.
	_ = os.WriteFile(a.file, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

func (a *access) note(id string, ok bool) {
	if a.proven == nil {
		a.proven = map[string]bool{}
	}
	a.proven[id] = ok
}

func (a *access) lines() []string {
	data, _ := os.ReadFile(a.file)
	return strings.Fields(string(data))
}

// onDisk returns the line that c is on, or -1.
func (a *access) onDisk(c credential) int {
	for i, line := range a.lines() {
		salt, want, _ := strings.Cut(line, ":")
		raw, err := hex.DecodeString(salt)
		if err != nil {
			continue
		}
		got, err := stretch(c, raw)
		if err == nil && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
			return i
		}
	}
	return -1
}

func seal(c credential) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	sum, err := stretch(c, salt)
	return hex.EncodeToString(salt) + ":" + sum, err
}

func stretch(c credential, salt []byte) (string, error) {
	text, _ := json.Marshal(c.Auth) // strings and bytes cannot fail
	sum, err := scrypt.Key(text, salt, 1<<13, 8, 1, 32)
	return hex.EncodeToString(sum), err
}

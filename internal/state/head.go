package state

import (
	"encoding/json"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Head is what is known of a state without opening it.
type Head struct {
	Format    int    `json:"format"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Workspace string `json:"workspace"`
	// Next is the number of the next version.
	Next int64 `json:"next"`
	// Versions that are kept, oldest first. The last one is current.
	Versions []Version `json:"versions,omitempty"`
	// Lock is nil while nobody has it.
	Lock *Lock `json:"lock,omitempty"`
	// Unlocked is the ID of the lock that was last taken off: an unlock that is sent
	// once more, because its answer was lost, has done its work.
	Unlocked string `json:"unlocked,omitempty"`
}

// format is the one that this version writes.
const format = 1

// Version is one version of a state.
type Version struct {
	// Number counts up from 1 for each state, whatever the tool's serial does.
	Number  int64  `json:"number"`
	Serial  int64  `json:"serial"`
	Lineage string `json:"lineage,omitempty"`
	// Tool that wrote it, "1.12.6"; "" if that is not known.
	Tool string    `json:"tool,omitempty"`
	At   time.Time `json:"at"`
	// Run and Commit are those of the run that wrote it; "" where a person did.
	Run    string `json:"run,omitempty"`
	Commit string `json:"commit,omitempty"`
	// By is the person who wrote it; "" where a run did.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// RestoredFrom is the number of the version whose content it is; 0 for none.
	RestoredFrom int64 `json:"restoredFrom,omitempty"`
	// Deleted: there was no state from here on.
	Deleted bool `json:"deleted,omitempty"`
	// Resources counts them; -1 where the tool encrypts its state itself.
	Resources int `json:"resources"`
	// Size of the content, and of what is kept of it.
	Size   int64 `json:"size"`
	Stored int64 `json:"stored"`

	// ID and Parts are where the Vault has it.
	ID    string `json:"id,omitempty"`
	Parts int    `json:"parts,omitempty"`
	// Key is the fingerprint of the key that it is sealed with, Digest a keyed digest
	// of the content.
	Key    string `json:"key,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// Lock is who has a state. The first fields are the tool's own, in its words.
type Lock struct {
	ID        string    `json:"id"`
	Operation string    `json:"operation,omitempty"`
	Info      string    `json:"info,omitempty"`
	Who       string    `json:"who,omitempty"`
	Version   string    `json:"version,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	Path      string    `json:"path,omitempty"`

	// Run has the lock, or a Person with a tool of their own; Since is the server's
	// time.
	Run    string    `json:"run,omitempty"`
	Commit string    `json:"commit,omitempty"`
	Person string    `json:"person,omitempty"`
	Since  time.Time `json:"since"`
}

// Holder says who has the lock: run 17, oidc:ana@example.org.
func (l Lock) Holder() string {
	switch {
	case l.Run != "":
		return "run " + l.Run
	case l.Person != "":
		return l.Person
	}
	return "somebody"
}

// Current returns the newest version that there is a state of; false if there is none.
func (h Head) Current() (Version, bool) {
	if len(h.Versions) == 0 {
		return Version{}, false
	}
	v := h.Versions[len(h.Versions)-1]
	return v, !v.Deleted
}

// Find returns the version of a number.
func (h Head) Find(number int64) (Version, bool) {
	for _, v := range h.Versions {
		if v.Number == number {
			return v, true
		}
	}
	return Version{}, false
}

// Key returns whose head it is.
func (h Head) Key() Key {
	k := Key{Workspace: h.Workspace}
	k.Unit.Namespace, k.Unit.Name = h.Namespace, h.Name
	return k
}

// Encode returns a head as a Vault keeps it.
func (h Head) Encode() ([]byte, error) {
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return raw, nil
}

// maxHead bounds what is read as a head.
const maxHead = 1 << 20

// DecodeHead reads what Encode wrote for k. Anything else is an error, never an empty
// head: a tool that is told that there is no state makes everything anew.
func DecodeHead(k Key, raw []byte) (Head, error) {
	bad := func(why string) error {
		return fault.Invalid("what is kept of its state cannot be read: %s", why).At("stack %s", k).
			WithHint("somebody changed it; put it back from a backup")
	}
	if len(raw) == 0 || len(raw) > maxHead {
		return Head{}, bad("it has no content")
	}
	var h Head
	if err := json.Unmarshal(raw, &h); err != nil {
		return Head{}, bad("it is no JSON of a head")
	}
	if h.Format != format {
		return Head{}, bad("it was written by another version of Lockstep")
	}
	if h.Key() != k {
		return Head{}, bad("it is that of another state")
	}
	if h.Lock != nil && h.Lock.ID == "" {
		return Head{}, bad("it has a lock without an ID")
	}
	last := int64(0)
	for _, v := range h.Versions {
		if v.Number <= last || v.Number >= h.Next || !v.Deleted && (v.ID == "" || v.Parts <= 0 || v.Parts > maxParts || v.Size <= 0) {
			return Head{}, bad("its versions are not in order")
		}
		last = v.Number
	}
	return h, nil
}

// maxParts bounds in how many parts a version may be.
const maxParts = 4096

package source

import (
	"context"
	"errors"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// ErrUnchanged is returned (wrapped) for a commit that would change nothing.
var ErrUnchanged = errors.New("nothing changes")

// Writer is a Mirror that can also make commits and push them. Nothing of the
// repository is executed for it, and nothing that is pushed is ever forced.
type Writer interface {
	Mirror
	// Commit makes, in the mirror, the commit that c asks for and returns its hash;
	// the remote does not hear of it. ErrUnchanged if it would change nothing,
	// KindInvalid for a path or key that cannot be.
	Commit(ctx context.Context, c Commit) (hash string, err error)
	// Changes lists what differs between two commits that are in the mirror, in order
	// of path.
	Changes(ctx context.Context, from, to string) ([]Change, error)
	// Branches asks the remote for its branches that begin with prefix: name → hash.
	Branches(ctx context.Context, prefix string) (map[string]string, error)
	// Push makes branch at the remote be commit, if it is at onto there now, or with
	// onto "" if it does not exist; commit must follow after onto. It returns what the
	// server had to say to it. KindConflict if the branch moved, KindDenied if the
	// credential or the server's rules do not allow it.
	Push(ctx context.Context, commit, branch, onto string) (said []string, err error)
}

// Commit is a commit to be made.
type Commit struct {
	// Onto is the commit that it follows after.
	Onto string
	// Back are files and directories that are taken back to what they were at From,
	// "." for all of it. What did not exist then is removed.
	Back []string
	From string
	// Files are written after that, by path. A file that exists keeps its mode.
	Files map[string]File
	// Message is kept as it is, but for what a commit cannot hold.
	Message string
	Author  Signature // and committer
	Signing Signing
}

// File is what a file is to be.
type File struct {
	Data []byte
	// Gone removes it.
	Gone bool
}

// Signature says who made a commit and when.
type Signature struct {
	Name, Email string
	At          time.Time
}

// Signing is the key that a commit is signed with; zero for none. It holds a
// secret: it is never logged.
type Signing struct {
	// SSHKey is a private key as ssh-keygen writes it, PGPKey an armored OpenPGP one.
	// One of them at most is set.
	SSHKey, PGPKey []byte
	Passphrase     string
}

// Change is what became of one file between two commits.
type Change struct {
	Path string
	// Verb is Create, Update or Delete.
	Verb lockstep.Verb
	// Was and Is tell one content, and mode, from another; "" where there is no file.
	Was, Is string
}

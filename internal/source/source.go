// Package source is the contract of everything that desired state is pulled
// from.
//
// An implementation keeps one mirror per URL, however many Sources and Stacks
// use it, and hands out Snapshots: immutable trees that are read where they
// lie. sourcetest holds every promise made here; a promise that it does not
// check is not a promise.
package source

import (
	"context"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Opener opens the mirror of one URL.
type Opener interface {
	// Open returns the mirror for spec, creating it on first use. Two calls with
	// equal URL, credentials and options share one mirror. Open does not reach
	// for the network.
	Open(ctx context.Context, spec Spec) (Mirror, error)
}

// Mirror is the local copy of one URL. All methods are safe for concurrent use.
type Mirror interface {
	// Fetch asks the remote what ref is now, brings what is missing, and returns
	// the Snapshot. When the remote has not moved nothing is transferred and the
	// same Revision comes back. Faults: KindNotFound (the ref; closest names in
	// the hint), KindDenied (credential), KindUnavailable, KindTimeout,
	// KindInvalid (URL, ref or credential that cannot work).
	Fetch(ctx context.Context, ref Ref) (Snapshot, error)

	// At returns the Snapshot of a commit that is already in the mirror, without
	// the network. KindNotFound if it is not.
	At(ctx context.Context, commit string) (Snapshot, error)

	// Close releases what is open. Snapshots of it must not be used afterwards.
	Close() error
}

// Snapshot is the immutable tree of a Source at a revision.
type Snapshot interface {
	lockstep.Tree
	// Revision says which commit the tree is of, and the name that it was found
	// under.
	Revision() lockstep.Revision
}

// Ref chooses a revision. Exactly one field is set; none means Branch "main".
type Ref struct {
	Branch string
	Tag    string
	Semver string // range over tags: ">=1.2.0 <2.0.0"
	Name   string // full ref: refs/pull/7/head
	Commit string // full hash
}

// Spec is what a Mirror needs to know. It holds secrets: it is never logged.
type Spec struct {
	URL  string // https://…, http://…, ssh://…, git@host:path, file:///… (file only where allowed)
	Auth Auth
	// Submodules and LFS are fetched only when asked for.
	Submodules bool
	LFS        bool
}

// Auth is the credential for one URL; zero for none.
type Auth struct {
	Username, Password string // HTTPS basic
	BearerToken        string // HTTPS; sent as Authorization: Bearer
	CA                 []byte // PEM, added to the system's roots
	ClientCert         []byte // PEM
	ClientKey          []byte // PEM
	ProxyURL           string // http://, https://, socks5://; may carry user:password
	SSHKey             []byte // PEM
	SSHPassphrase      string
	KnownHosts         []byte // known_hosts lines; required for SSH
}

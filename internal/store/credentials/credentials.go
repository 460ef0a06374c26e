// Package credentials keeps what people and machines prove themselves with: the
// logins that a provider vouched for, the sessions that live on them, tokens of
// machines, and what may be used once.
//
// Nothing that could be presented is kept: of every secret there is a hash, and what
// Lockstep itself presents to a provider arrives here sealed. A stolen database signs
// nobody in.
//
// [Keeper] is the contract, [Memory] and [SQL] fulfil it, and credentialstest holds
// both to it.
package credentials

import (
	"context"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// Login is one proof of who somebody is. The sessions that were begun with it live
// and end with it, and are whoever it says.
type Login struct {
	ID string
	// Provider and Subject are by whom and as whom the person is known there; Sid is
	// the provider's own session, "" where it names none.
	Provider, Subject, Sid string
	Person                 lockstep.Person
	// Sealed is what the provider gave to ask it again with, encrypted; nil where the
	// provider cannot be asked.
	Sealed []byte
	// Checked is when the provider last said that all is as it was.
	Created, Checked, Expires time.Time
}

// Session is a browser or a CLI that holds a secret for a Login.
type Session struct {
	ID, Login string
	Kind      Kind
	// Client is what the browser or the CLI calls itself, Address where it was.
	Client, Address string
	// Hash is that of the secret. Before was, until BeforeUntil: requests that were on
	// their way when the secret changed are not refused.
	Hash, Before string
	BeforeUntil  time.Time
	// Seen is kept to the minute.
	Created, Rotated, Seen time.Time
}

// Kind is what holds a Session.
type Kind string

// The kinds of sessions.
const (
	Browser Kind = "browser"
	CLI     Kind = "cli"
)

// Token is a secret of a machine.
type Token struct {
	ID, Name, Hash string
	// Person is who the machine is, with groups and scopes.
	Person lockstep.Person
	// By made it: a person's name, or the rule that a job's token met.
	By               string
	Created, Expires time.Time
	// Used is kept to the minute; zero for never.
	Used time.Time
}

// Voucher says who a person was when their provider was last asked, and until when
// that is believed of their tokens.
type Voucher struct {
	Person lockstep.Person
	Until  time.Time
}

// Once is something that may be used one time: a code on its way to a CLI, the id of
// a job's token that was seen.
type Once struct {
	Key     string // tells its kind and has a hash, never the secret
	Payload []byte
	Expires time.Time
}

// Whose chooses logins. Empty members choose nothing; at least one is set.
type Whose struct {
	ID, Person        string
	Provider, Subject string // together
	Sid               string // with Provider
}

// Keeper keeps it all. What has expired is as if it were not there. A missing one is
// a fault of kind NotFound. Every method is safe to be called by several replicas at
// once; those that return a bool say whether this caller was the one.
type Keeper interface {
	AddLogin(ctx context.Context, l Login) error
	// AnyLogin says whether anybody has ever signed in.
	AnyLogin(ctx context.Context) (bool, error)
	// DueLogins returns those that can be checked and were not since before, the
	// longest unchecked first.
	DueLogins(ctx context.Context, now, before time.Time, limit int) ([]Login, error)
	// ChangeLogin writes the person, Sealed and Checked of l if it was last checked at
	// since: one of several replicas asks the provider.
	ChangeLogin(ctx context.Context, l Login, since time.Time) (bool, error)
	// EndLogins ends logins with their sessions and returns how many.
	EndLogins(ctx context.Context, w Whose) (int, error)

	AddSession(ctx context.Context, s Session) error
	// SessionOf finds a session by the hash of its secret, the present or, for its
	// grace, the one before.
	SessionOf(ctx context.Context, hash string, now time.Time) (Session, Login, error)
	// Rotate replaces a hash if it is still from.
	Rotate(ctx context.Context, id, from, to string, now, grace time.Time) (bool, error)
	// Sessions returns those of a person, the newest first.
	Sessions(ctx context.Context, person string, now time.Time) ([]Session, error)
	// EndSession ends one, and its login when it was the last one on it.
	EndSession(ctx context.Context, id string) (bool, error)
	// EndIdle ends the sessions of a kind that nobody has used since.
	EndIdle(ctx context.Context, k Kind, since time.Time) error

	AddToken(ctx context.Context, t Token) error
	TokenOf(ctx context.Context, hash string, now time.Time) (Token, error)
	// Tokens returns those that a person made or that are the person, the newest
	// first; person "" is all.
	Tokens(ctx context.Context, person string, now time.Time) ([]Token, error)
	EndToken(ctx context.Context, id string) (bool, error)
	// EndTokens ends those that are a person, and returns how many.
	EndTokens(ctx context.Context, person string) (int, error)
	// EndMade ends those that a person made for somebody else, machines as a rule.
	EndMade(ctx context.Context, maker string) (int, error)

	// Vouch keeps v in place of what was known of the person.
	Vouch(ctx context.Context, v Voucher) error
	// Doubt makes what is known of a person be believed no longer than until.
	Doubt(ctx context.Context, person string, until time.Time) error
	// VoucherOf returns what is known of a person; false for one of whom nobody ever
	// vouched. It stays for as long as the person has tokens.
	VoucherOf(ctx context.Context, person string) (Voucher, bool, error)

	// Saw writes when sessions and tokens were last used, by their ids.
	Saw(ctx context.Context, sessions, tokens map[string]time.Time) error

	// Put keeps o unless its key is there already.
	Put(ctx context.Context, o Once) (bool, error)
	// Peek returns what is there, and leaves it.
	Peek(ctx context.Context, key string, now time.Time) (Once, bool, error)
	// Take removes it; of several callers one gets it.
	Take(ctx context.Context, key string, now time.Time) (Once, bool, error)

	// Sweep deletes what has expired.
	Sweep(ctx context.Context, now time.Time) error
}

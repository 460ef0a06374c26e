// Package webhook reads the pushes that Git servers announce.
//
// A webhook says that something may have changed and nothing else is taken from
// it: the receiver fetches from the Source's own address with the Source's own
// credential. A replayed or late one therefore costs a fetch that finds nothing
// new. What must hold is that a stranger cannot cause work, so an announcement
// is checked against the Source's secret before its body is looked at.
//
// Start at [Parse]. payload.go knows what each server's body looks like.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// MaxBody is the longest body that is read, in bytes.
const MaxBody = 1 << 20

// ErrTooLarge is the cause of the fault for a body that is longer; the handler
// answers 413.
var ErrTooLarge = errors.New("body is too large")

// Provider is the kind of server that an announcement came from.
type Provider string

// The providers.
const (
	GitHub          Provider = "github"
	GitLab          Provider = "gitlab"
	Gitea           Provider = "gitea" // and Forgejo
	BitbucketCloud  Provider = "bitbucket-cloud"
	BitbucketServer Provider = "bitbucket-server"
	Generic         Provider = "generic"
)

// Event is what an announcement is about.
type Event string

// The events. Other is for what a server also sends when it is told to send
// everything; it is answered with 200 and nothing happens.
const (
	EventPush  Event = "push"
	EventPing  Event = "ping"
	EventOther Event = "other"
)

// Push is what an announcement says. Only Event and Provider are always set.
type Push struct {
	Provider Provider
	Event    Event
	// RepoURLs are all addresses that the server gave for the repository.
	RepoURLs []string
	// Ref is the full name of what was pushed; "" when it is several or unknown.
	Ref string
	// Before and After are hashes; all zeros, or "", where there was or is nothing.
	Before, After string
}

// Names says whether the push may be to the repository at url.
func (p Push) Names(url string) bool {
	for _, u := range p.RepoURLs {
		if SameRepository(u, url) {
			return true
		}
	}
	return false
}

// SameRepository says whether two addresses name one repository, in whatever
// form either is written.
func SameRepository(a, b string) bool { return giturl.SameRepository(a, b) }

// Parse reads an announcement that is signed with secret. Faults: KindDenied for
// a signature that is missing or wrong, KindInvalid for a body that cannot be
// read (with ErrTooLarge as its cause where it is that).
func Parse(r *http.Request, secret []byte) (Push, error) {
	if len(secret) == 0 {
		// An empty key signs as well as any other, and everybody knows it.
		return Push{}, fault.Denied("the source has no webhook secret").
			WithHint("name a Secret with the key token in the Source's webhook")
	}
	return parse(r, func(k kind, body []byte) error { return k.verify(r.Header, body, secret) })
}

// ParseUnsigned reads an announcement that nobody vouches for. It is for a
// receiver that strangers cannot reach.
func ParseUnsigned(r *http.Request) (Push, error) {
	return parse(r, func(kind, []byte) error { return nil })
}

func parse(r *http.Request, verify func(kind, []byte) error) (Push, error) {
	if r.Method != http.MethodPost {
		return Push{}, fault.Invalid("a webhook is a POST, not a %s", printable(r.Method))
	}
	k, ok := kindOf(r.Header)
	if !ok {
		return Push{}, fault.Invalid("the request has no header of a known Git server").
			WithHint("GitHub, GitLab, Gitea, Forgejo and Bitbucket are known; others sign the body and send X-Signature-256: sha256=…")
	}
	if r.ContentLength > MaxBody {
		return Push{}, tooLarge()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return Push{}, fault.Invalid("the body broke off").Because(err)
	}
	if len(body) > MaxBody {
		return Push{}, tooLarge()
	}
	if err := verify(k, body); err != nil {
		return Push{}, err
	}
	return k.read(r.Header, body)
}

func tooLarge() error {
	return fault.Invalid("the body is longer than %d bytes", MaxBody).Because(ErrTooLarge)
}

// kind is how one provider announces.
type kind struct {
	provider Provider
	// event is the header that names the event, and tells the provider.
	event string
	// signature is the header with the HMAC of the body, prefix what stands before
	// its hexadecimal digits. token, for GitLab, is a header with the secret itself.
	signature, prefix string
	token             string
}

// kinds in the order in which they are tried: Gitea sends GitHub's headers too.
var kinds = []kind{
	{provider: Gitea, event: "X-Gitea-Event", signature: "X-Gitea-Signature"},
	{provider: Gitea, event: "X-Forgejo-Event", signature: "X-Forgejo-Signature"},
	{provider: GitHub, event: "X-Github-Event", signature: "X-Hub-Signature-256", prefix: "sha256="},
	{provider: GitLab, event: "X-Gitlab-Event", token: "X-Gitlab-Token"},
	{provider: BitbucketCloud, event: "X-Event-Key", signature: "X-Hub-Signature", prefix: "sha256="},
	{provider: Generic, event: "X-Signature-256", signature: "X-Signature-256", prefix: "sha256="},
}

func kindOf(h http.Header) (kind, bool) {
	for _, k := range kinds {
		if h.Get(k.event) == "" {
			continue
		}
		// Both Bitbuckets use one header; only the cloud numbers its hooks.
		if k.provider == BitbucketCloud && h.Get("X-Hook-Uuid") == "" {
			k.provider = BitbucketServer
		}
		return k, true
	}
	return kind{}, false
}

func (k kind) verify(h http.Header, body, secret []byte) error {
	if k.token != "" {
		got := h.Get(k.token)
		if got == "" {
			return unsigned(k.token)
		}
		// Compared as digests, so that not even the length can be timed.
		x, y := sha256.Sum256([]byte(got)), sha256.Sum256(secret)
		if subtle.ConstantTimeCompare(x[:], y[:]) != 1 {
			return forged()
		}
		return nil
	}
	got := h.Get(k.signature)
	if got == "" {
		return unsigned(k.signature)
	}
	digits, ok := strings.CutPrefix(got, k.prefix)
	if !ok {
		return forged()
	}
	sum, err := hex.DecodeString(digits)
	if err != nil {
		return forged()
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	if !hmac.Equal(sum, mac.Sum(nil)) {
		return forged()
	}
	return nil
}

func unsigned(header string) error {
	return fault.Denied("the webhook is not signed").
		WithHint("set the same secret at the Git server as on the Source; it then sends the header %s", header)
}

func forged() error {
	return fault.Denied("the webhook's signature is wrong").WithHint("set the same secret at the Git server as on the Source")
}

// printable makes a stranger's word safe to show.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 32)]
}

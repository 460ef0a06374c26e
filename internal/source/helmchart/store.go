// Package helmchart brings charts from HTTP chart repositories and OCI
// registries.
//
// [New] opens a store in a directory; [Store.With] binds credentials to it. What
// was fetched is kept by digest and checked on the way in and out, so that the
// directory can be lost or damaged without harm. An exact version and a range
// are both looked up again after an interval, with a conditional request where
// the server supports it.
//
// A fetched archive is not looked into here: the renderer that unpacks it treats
// it as hostile.
package helmchart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/core/render"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Options say where and how a Store keeps charts.
type Options struct {
	// Dir holds fetched charts; it is created. Indexes are kept in memory.
	Dir string
	// Interval is how long an index, or what a tag stands for, is not asked for
	// again; default five minutes.
	Interval time.Duration
	// MaxIndex and MaxChart bound what is downloaded, in bytes; default 64 MiB
	// and 32 MiB.
	MaxIndex, MaxChart int64
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Store keeps charts. It is safe for concurrent use.
type Store struct {
	opts Options

	mu      sync.Mutex
	indexes map[string]*indexEntry
	tags    map[string]resolved
}

// New returns a Store over opts.Dir, which is created when it is first needed.
func New(opts Options) *Store {
	if opts.Interval == 0 {
		opts.Interval = 5 * time.Minute
	}
	if opts.MaxIndex == 0 {
		opts.MaxIndex = 64 << 20
	}
	if opts.MaxChart == 0 {
		opts.MaxChart = 32 << 20
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{opts: opts, indexes: map[string]*indexEntry{}, tags: map[string]resolved{}}
}

// Credential is what one repository asks for. It holds secrets: it is never
// logged.
type Credential struct {
	// URL is the repository it is for; it serves every repository below it. An
	// empty URL serves every repository.
	URL                string
	Username, Password string
	CA                 []byte // PEM, added to the system's roots
	// PassCredentials also sends the credential to the other hosts that an index
	// names.
	PassCredentials bool
}

// With returns a fetcher that uses creds, the most exact URL first.
func (s *Store) With(creds ...Credential) *Fetcher { return &Fetcher{s: s, creds: creds} }

// A Fetcher is a Store with credentials.
type Fetcher struct {
	s     *Store
	creds []Credential
}

// Fetch returns the chart that ref names, from the cache where the version is
// known to be current.
func (f *Fetcher) Fetch(ctx context.Context, ref render.ChartRef) (render.ChartArchive, error) {
	u, err := url.Parse(ref.Repo)
	where := "chart " + ref.Name + " of " + redact(ref.Repo)
	if err != nil || u.Host == "" || u.User != nil {
		return render.ChartArchive{}, fault.Invalid("%q is not the URL of a chart repository", redact(ref.Repo)).
			WithHint("write it as https://host/path or oci://host/path; credentials go into a Secret")
	}
	cred := f.credential(ref.Repo)
	var a render.ChartArchive
	switch u.Scheme {
	case "oci":
		a, err = f.s.oci(ctx, ref, cred)
	case "http", "https":
		a, err = f.s.http(ctx, ref, cred)
	default:
		err = fault.Invalid("chart repositories are reached by https, http or oci, not by %q", u.Scheme)
	}
	if err != nil {
		return render.ChartArchive{}, fault.As(err).At("%s", where)
	}
	return a, nil
}

// credential returns the one whose URL is the longest that repo is below.
func (f *Fetcher) credential(repo string) Credential {
	var best Credential
	found := false
	for _, c := range f.creds {
		if !below(repo, c.URL) || found && len(c.URL) <= len(best.URL) {
			continue
		}
		best, found = c, true
	}
	return best
}

// below says whether repo is base or a path in it; a host that merely begins
// alike is not.
func below(repo, base string) bool {
	base = strings.TrimSuffix(base, "/")
	rest, ok := strings.CutPrefix(repo, base)
	return base == "" || ok && (rest == "" || rest[0] == '/')
}

func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

// load returns what is kept under digest, if it is there and whole.
func (s *Store) load(digest string) ([]byte, bool) {
	data, err := os.ReadFile(s.file(digest))
	if err != nil || sum(data) != digest {
		return nil, false
	}
	return data, true
}

// save keeps data. That it cannot be kept is no reason not to use it.
func (s *Store) save(digest string, data []byte) {
	_ = s.write(s.file(digest), data)
}

func (s *Store) write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

func (s *Store) file(digest string) string {
	return filepath.Join(s.opts.Dir, "charts", strings.ReplaceAll(digest, ":", "-")+".tgz")
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(h[:])
}

// statusFault says what an HTTP status means to the person who wrote the Stack.
func statusFault(code int, what string) *fault.Fault {
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fault.Denied("the repository refuses %s (HTTP %d)", what, code).
			WithHint("check the keys username and password of the repository's Secret")
	case code == http.StatusNotFound:
		return fault.NotFound("the repository has no %s (HTTP 404)", what).
			WithHint("check the URL; some registries also answer this when a credential is missing")
	}
	return fault.Unavailable("the repository answers %s with HTTP %d", what, code)
}

// reachFault says that no answer came.
func reachFault(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.Timeout("the repository did not answer in time").Because(err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fault.Internal(err)
	}
	return fault.Unavailable("the repository cannot be reached: %s", cause(err)).Because(err)
}

// cause is the innermost error, without the URL that may hold a token.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

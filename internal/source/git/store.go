package git

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// Options says how a Store works. Only Dir is needed.
type Options struct {
	// Dir holds the mirrors. It is created when missing.
	Dir string
	// AllowFile permits file:// addresses: for the command line and for tests,
	// never for a server that takes addresses from others.
	AllowFile bool
	// Timeout bounds one call of git, the first clone included; default 5 minutes.
	Timeout time.Duration
	// MaxBlob bounds one file that is read; default 32 MiB.
	MaxBlob int64
	// CacheBytes bounds the parsed directories kept in memory; default 32 MiB.
	CacheBytes int64
	// Readers bounds the cat-file processes of one mirror; default 4.
	Readers int
	// Idle is how long an unused cat-file process is kept; default 5 minutes.
	Idle time.Duration
	// UpkeepEvery is how many fetches that brought something pass between two
	// repacks of a mirror; default 50.
	UpkeepEvery int
	// Metrics counts what is done; nil for nothing.
	Metrics *Metrics
	// Log gets one debug line for each call of git; default none.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.MaxBlob <= 0 {
		o.MaxBlob = 32 << 20
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = 32 << 20
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	if o.Idle <= 0 {
		o.Idle = 5 * time.Minute
	}
	if o.UpkeepEvery <= 0 {
		o.UpkeepEvery = 50
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store holds the mirrors below one directory. It is a [source.Opener].
type Store struct {
	opts  Options
	cache *cache
	// salt makes the digests of credentials that are kept in memory useless
	// anywhere else.
	salt [32]byte

	mu    sync.Mutex
	repos map[string]*repo // by address
}

// New returns a Store. Nothing is touched before the first Open.
func New(opts Options) *Store {
	opts = opts.withDefaults()
	s := &Store{opts: opts, cache: newCache(opts.CacheBytes), repos: map[string]*repo{}}
	_, _ = rand.Read(s.salt[:]) // never fails
	return s
}

// Open returns the mirror for spec.
//
// The folder on disk belongs to the address alone, so that a new password does
// not mean a new clone. What one credential brought in is still not shown to
// another before that one has reached the remote itself; see access.go.
func (s *Store) Open(ctx context.Context, spec source.Spec) (source.Mirror, error) {
	return s.open(ctx, spec, 0)
}

func (s *Store) open(_ context.Context, spec source.Spec, depth int) (*mirror, error) {
	u, err := giturl.Parse(spec.URL)
	if err != nil {
		// The address is not repeated: it may hold a password.
		return nil, fault.Invalid("the git url %v", err).
			WithHint("write https://host/path, ssh://user@host/path or user@host:path, and put credentials into a Secret")
	}
	if u.Scheme == "file" && !s.opts.AllowFile {
		return nil, fault.Invalid("file:// urls are not allowed here").At("%s", u).
			WithHint("serve the repository over https or ssh")
	}
	if spec.Auth.Username == "" && u.Scheme != "ssh" {
		spec.Auth.Username = u.User
	}
	cred, err := newCredential(u, spec.Auth)
	if err != nil {
		return nil, fault.As(err).At("%s", u)
	}
	r, err := s.acquire(u)
	if err != nil {
		return nil, fault.As(err).At("%s", u)
	}
	return &mirror{store: s, repo: r, url: u, spec: spec, cred: cred, id: cred.id(s.salt), depth: depth}, nil
}

// acquire returns the repo for u with one more user of it.
func (s *Store) acquire(u giturl.URL) (*repo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := u.Key()
	if r := s.repos[key]; r != nil {
		r.users++
		return r, nil
	}
	sum := sha256.Sum256([]byte(key))
	r, err := openRepo(s.opts, filepath.Join(s.opts.Dir, hex.EncodeToString(sum[:])), key)
	if err != nil {
		return nil, err
	}
	r.users = 1
	s.repos[key] = r
	return r, nil
}

func (s *Store) release(r *repo) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.users--
	if r.users > 0 {
		return nil
	}
	delete(s.repos, r.key)
	return r.close()
}

// repo is one mirror on disk, held by this process alone.
type repo struct {
	opts  Options
	key   string // the address
	dir   string // our folder
	git   string // the bare repository in it
	lock  *os.File
	users int // guarded by Store.mu

	// turn is held by whoever changes the repository.
	turn    chan struct{}
	life    context.Context // ends with close
	end     context.CancelFunc
	flights flights
	pool    *pool
	access  access
	health  health
}

// openRepo takes the folder over: it is created or, after a crash, swept.
func openRepo(opts Options, dir, key string) (*repo, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, diskFault(err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if errors.Is(err, errLocked) {
		return nil, fault.Conflict("the mirror is in use by another process").
			WithHint("give each Lockstep its own data directory; after a crash, git processes of the old one need a moment to end")
	}
	if err != nil {
		return nil, diskFault(err)
	}
	r := &repo{opts: opts, key: key, dir: dir, git: filepath.Join(dir, "repo.git"), lock: lock, turn: make(chan struct{}, 1)}
	r.life, r.end = context.WithCancel(context.Background())
	r.flights.life = r.life
	r.access.file = filepath.Join(dir, "access")
	r.pool = newPool(opts.Readers, opts.Idle, opts.Metrics, r.startReader)
	if err := r.settle(); err != nil {
		_ = lock.Close()
		return nil, diskFault(err)
	}
	return r, nil
}

// settle leaves a folder as if nothing had ever been cut short in it.
func (r *repo) settle() error {
	for _, d := range []string{r.tmp(), r.home()} {
		if err := os.RemoveAll(d); err != nil {
			return err
		}
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	// For the person who looks into the data directory.
	if err := os.WriteFile(filepath.Join(r.dir, "url"), []byte(r.key+"\n"), 0o600); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.git, "HEAD")); errors.Is(err, os.ErrNotExist) {
		return r.init("sha1")
	}
	return r.sweep()
}

func (r *repo) tmp() string  { return filepath.Join(r.dir, "tmp") }
func (r *repo) home() string { return filepath.Join(r.dir, "home") }

// close stops what is under way and waits for it: once the lock is let go,
// somebody else may take the folder.
func (r *repo) close() error {
	r.end()
	r.turn <- struct{}{}
	r.pool.close()
	return r.lock.Close()
}

func diskFault(err error) error {
	return fault.Unavailable("the data directory cannot be used").
		WithHint("check that it exists, is writable and has space left: %v", err).Because(err)
}

// lockTurn waits until nobody else changes the repository.
func (r *repo) lockTurn(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *repo) unlockTurn() { <-r.turn }

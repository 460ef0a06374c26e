package statehttp

import (
	"context"
	"crypto/md5" // what the protocol has; it guards against mistakes of the way alone
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/state"
)

// Prefix is where states are.
const Prefix = "/terraform/state/"

func pathOf(k state.Key) string {
	return Prefix + k.Unit.Namespace + "/" + k.Unit.Name + "/" + k.Workspace
}

// bodyTime is how long a state may take on its way.
const bodyTime = 5 * time.Minute

// route is what a method at a path means.
func route(method, last string) (what, bool) {
	switch {
	case last == "" && (method == http.MethodGet || method == http.MethodHead):
		return doRead, true
	case last == "" && (method == http.MethodPost || method == http.MethodPut):
		return doWrite, true
	case last == "" && method == http.MethodDelete:
		return doDelete, true
	case method == "LOCK" && last != "unlock", last == "lock" && (method == http.MethodPost || method == http.MethodPut):
		return doLock, true
	case method == "UNLOCK", last == "lock" && method == http.MethodDelete,
		last == "unlock" && (method == http.MethodPost || method == http.MethodPut || method == http.MethodDelete):
		return doUnlock, true
	}
	return "", false
}

// parsePath reads NAMESPACE/NAME/WORKSPACE, with /lock or /unlock behind it for tools
// that are told to lock by PUT or POST.
func parsePath(path string) (k state.Key, last string, err error) {
	rest, ok := strings.CutPrefix(path, Prefix)
	parts := strings.Split(rest, "/")
	if len(parts) == 4 && (parts[3] == "lock" || parts[3] == "unlock") {
		last = parts[3]
		parts = parts[:3]
	}
	if !ok || len(parts) != 3 {
		return k, "", fault.Usage("the address of a state is %sNAMESPACE/NAME/WORKSPACE", Prefix).
			WithHint("the workspace is default where there is only one; /lock behind it for PUT and POST")
	}
	k = state.Key{Unit: lockstep.Unit{Namespace: parts[0], Name: parts[1]}, Workspace: parts[2]}
	return k, last, k.Check()
}

// routes serves whoever by tells.
func (s *Server) routes(by func(*http.Request, state.Key) (caller, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		k, last, err := parsePath(r.URL.Path)
		if err != nil {
			s.refuse(w, err)
			return
		}
		op, ok := route(r.Method, last)
		if !ok {
			h.Set("Allow", "GET, POST, PUT, DELETE, LOCK, UNLOCK")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		c, err := by(r, k)
		if err != nil {
			s.refuse(w, err)
			return
		}
		// A large state on a slow line takes longer than any other request.
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(s.now().Add(bodyTime))
		_ = control.SetWriteDeadline(s.now().Add(2 * bodyTime))
		x := request{s: s, w: w, r: r, c: c, k: k}
		err = x.serve(op)
		c.done(r, k, op, x.reason, err)
		if err != nil {
			s.refuse(w, err)
		}
	})
}

// request is one on its way.
type request struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	c      caller
	k      state.Key
	reason string
}

func (x *request) serve(op what) error {
	ctx, q := x.r.Context(), x.r.URL.Query()
	id := q.Get("ID")
	x.reason = clip(q.Get("reason"))
	if err := x.c.may(ctx, x.k, op, id); err != nil {
		return err
	}
	switch op {
	case doRead:
		return x.read(ctx, q.Get("version"))
	case doWrite:
		return x.write(ctx, id, q.Get("force") == "true")
	case doLock:
		return x.lock(ctx)
	case doUnlock:
		return x.unlock(ctx)
	default:
		return x.s.states.Delete(ctx, x.k, id, x.c.actor())
	}
}

// room waits until so many bytes fit into memory.
func (x *request) room(ctx context.Context, n int64) (leave func(), err error) {
	n = min(max(n, 1<<20), inMemory)
	if err := x.s.bytes.Acquire(ctx, n); err != nil {
		return nil, fault.Unavailable("too many states are on their way").Because(err)
	}
	return func() { x.s.bytes.Release(n) }, nil
}

func (x *request) read(ctx context.Context, version string) error {
	leave, err := x.room(ctx, 16<<20)
	if err != nil {
		return err
	}
	defer leave()
	var v state.Version
	var content []byte
	switch version {
	case "":
		v, content, err = x.s.states.Read(ctx, x.k)
	default:
		n, bad := strconv.ParseInt(version, 10, 64)
		if bad != nil || !x.c.trusted() {
			return fault.Usage("version %q is none", clip(version))
		}
		v, content, err = x.s.states.ReadVersion(ctx, x.k, n)
	}
	if err != nil {
		return err
	}
	if v.Number == 0 {
		x.w.WriteHeader(http.StatusNoContent) // there is none yet
		return nil
	}
	sum := md5.Sum(content)
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))
	h.Set("Lockstep-State-Version", strconv.FormatInt(v.Number, 10))
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write(content) // the peer may be gone
	}
	return nil
}

func (x *request) write(ctx context.Context, id string, force bool) error {
	n := x.r.ContentLength
	if n > x.s.states.MaxBytes() {
		return x.tooLarge()
	}
	if n < 0 {
		n = x.s.states.MaxBytes()
	}
	leave, err := x.room(ctx, 3*n) // as it came, packed, and sealed
	if err != nil {
		return err
	}
	defer leave()
	content, err := x.body(x.s.states.MaxBytes())
	if err != nil {
		return err
	}
	if want := x.r.Header.Get("Content-MD5"); want != "" {
		sum := md5.Sum(content)
		if want != base64.StdEncoding.EncodeToString(sum[:]) {
			return fault.Usage("the state was changed on its way: it has another Content-MD5").At("stack %s", x.k)
		}
	}
	_, err = x.s.states.Write(ctx, x.k, state.Write{Content: content, Lock: id, By: x.c.actor(), Force: force && x.c.trusted(), Reason: x.reason})
	return err
}

func (x *request) tooLarge() error {
	// Who still sends does not read the answer, but finds the connection reset; so as
	// much again is taken in and thrown away.
	_, _ = io.CopyN(io.Discard, x.r.Body, x.s.states.MaxBytes())
	return fault.TooLarge("a state may have %d bytes", x.s.states.MaxBytes()).At("stack %s", x.k).
		WithHint("split the module, or start the server with a larger --state-max-size")
}

func (x *request) body(most int64) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, x.tooLarge()
	case err != nil:
		return nil, fault.Unavailable("the request broke off").Because(err)
	}
	return raw, nil
}

// maxLock bounds what a tool says of a lock.
const maxLock = 64 << 10

// info is a lock in the tools' own form.
type info struct {
	ID        string
	Operation string
	Info      string
	Who       string
	Version   string
	Created   time.Time
	Path      string
}

func parseLock(raw []byte) (info, error) {
	var i struct {
		info
		Created json.RawMessage // a time, or empty where a lock is forced off
	}
	if err := json.Unmarshal(raw, &i); err != nil || i.ID == "" {
		return info{}, fault.Usage("this is no lock of OpenTofu or Terraform").WithHint("it needs an ID")
	}
	out := i.info
	_ = json.Unmarshal(i.Created, &out.Created) // what is no time is none
	return out, nil
}

func (x *request) locked() (info, error) {
	raw, err := x.body(maxLock)
	if err != nil {
		return info{}, err
	}
	return parseLock(raw)
}

func (x *request) lock(ctx context.Context) error {
	i, err := x.locked()
	if err != nil {
		return err
	}
	by := x.c.actor()
	return x.s.states.Lock(ctx, x.k, state.Lock{
		ID: i.ID, Operation: i.Operation, Info: i.Info, Who: i.Who, Version: i.Version, Created: i.Created, Path: i.Path,
		Run: by.Run, Commit: by.Commit, Person: by.Person,
	})
}

func (x *request) unlock(ctx context.Context) error {
	i, err := x.locked()
	if err != nil {
		return err
	}
	return x.s.states.Unlock(ctx, x.k, i.ID, x.c.actor())
}

// refuse answers with an error. A lock that somebody else has is told as the tools
// want to read it; what is not there is never answered by "not found", which they
// take for an empty state.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	var held *state.Held
	if errors.As(err, &held) {
		l := held.Lock
		if l.Info == "" {
			l.Info = "held by " + l.Holder()
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusLocked)
		_ = json.NewEncoder(w).Encode(info{ID: l.ID, Operation: l.Operation, Info: l.Info, Who: l.Who, Version: l.Version, Created: l.Created, Path: l.Path}) // the peer may be gone
		return
	}
	f := fault.As(err)
	if f.Kind == fault.KindInternal {
		s.log.Error("a request about a state failed", "error", f.Error())
		f = fault.New(fault.KindInternal, "something went wrong inside the server").WithHint("the server's log has more")
	}
	status := f.Kind.Consequence().Status
	if status == http.StatusNotFound {
		status = http.StatusGone
	}
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="Lockstep"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the peer may be gone
		"type": "about:blank", "title": f.Kind.String(), "status": status, "detail": f.What, "place": f.Where, "hint": f.Hint,
	})
}

func clip(s string) string {
	if len(s) > 1000 {
		return strings.ToValidUTF8(s[:1000], "")
	}
	return s
}

package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Read returns what reads the answer of one of c's operations; an error is a fault.
func Read[T any](c *Client) func(*http.Response, error) (*T, error) {
	return func(r *http.Response, err error) (*T, error) {
		out, err := wire.Read[T](r, err)
		return out, c.Fault(err)
	}
}

// kinds are the faults by the title of a problem.
var kinds = func() map[string]fault.Kind {
	out := map[string]fault.Kind{}
	for k := fault.KindInternal; k <= fault.KindTooLarge; k++ {
		out[k.String()] = k
	}
	return out
}()

// ofStatus is what an answer is that is not Lockstep's own.
func ofStatus(status int64) fault.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return fault.KindUnauthenticated
	case status == http.StatusForbidden:
		return fault.KindDenied
	case status == http.StatusNotFound:
		return fault.KindNotFound
	case status == http.StatusConflict:
		return fault.KindConflict
	case status == http.StatusTooManyRequests:
		return fault.KindTooMany
	case status >= http.StatusInternalServerError:
		return fault.KindUnavailable
	}
	return fault.KindInvalid
}

// Fault says what an error of the server, or on the way to it, means to who typed a
// command.
func (c *Client) Fault(err error) error {
	var p *wire.Problem
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &p):
		return c.problem(p)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Timeout("the server did not answer in time").At("%s", c.Server()).Because(err)
	}
	return c.unreachable(err)
}

func (c *Client) problem(p *wire.Problem) error {
	kind, ok := kinds[p.Title]
	if !ok {
		kind = ofStatus(p.Status)
	}
	f := fault.New(kind, "%s", p.Detail).Because(p)
	for _, e := range p.Errors {
		f = fault.New(kind, "%s: %s: %s", p.Detail, e.Location, e.Message).Because(p)
		break // the first is enough to go on
	}
	if p.Place != "" {
		f = f.At("%s", p.Place)
	}
	switch {
	case kind == fault.KindUnauthenticated && c.at.Token != "":
		return f.WithHint("the token has expired, was revoked or belongs to another server: lockstep login %s", c.Server())
	case kind == fault.KindUnauthenticated:
		return f.WithHint("lockstep login %s, or set LOCKSTEP_TOKEN", c.Server())
	case p.Hint != "":
		return f.WithHint("%s", p.Hint)
	case kind == fault.KindInternal && p.Request != "":
		return f.WithHint("the server's log has more under %s", p.Request)
	}
	return f
}

func (c *Client) unreachable(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return fault.Unavailable("nobody known vouches for the server's certificate").At("%s", c.Server()).Because(err).
			WithHint("set SSL_CERT_FILE to a file with the certificate of its authority")
	case errors.As(err, &name):
		return fault.Unavailable("the server's certificate is for another name").At("%s", c.Server()).Because(err).
			WithHint("use the name that is in it")
	}
	return fault.Unavailable("the server cannot be reached: %s", reason(err)).At("%s", c.Server()).Because(err).
		WithHint("is it running, and is this its address? --kubeconfig FILE goes straight to the cluster")
}

// reason leaves out the URL and the verb that Go puts before the cause.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		if cause := errors.Unwrap(op.Err); cause != nil {
			return cause.Error()
		}
		return op.Err.Error()
	}
	return err.Error()
}

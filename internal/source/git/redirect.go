package git

import (
	"context"
	"net/http"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// follow finds out where the server redirects to and takes it when the
// credential may go there: same host, and never from https down to http.
//
// git itself is told not to follow when it carries a credential, because it
// would send it to any host that the first one names.
func (m *mirror) follow(ctx context.Context) (bool, error) {
	const tail = "/info/refs?service=git-upload-pack"
	from := m.address()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String()+tail, nil)
	if err != nil {
		return false, nil //nolint:nilerr // git's own failure says more
	}
	if h := m.cred.header(); h != "" {
		req.Header.Set("Authorization", h)
	}
	c := m.cred.client()
	defer c.CloseIdleConnections()
	res, err := c.Do(req)
	if err != nil {
		return false, nil //nolint:nilerr // as above
	}
	_ = res.Body.Close()
	loc, err := res.Location()
	if err != nil {
		return false, nil //nolint:nilerr // no redirect any more, or a broken one
	}
	loc.User = nil
	base, ok := strings.CutSuffix(loc.String(), tail)
	to, err := giturl.Parse(base)
	if !ok || err != nil {
		return false, fault.Invalid("the server redirects to something that is no repository").
			WithHint("a login page, perhaps: check the url and the credential")
	}
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	if to.Host != from.Host || (to.Origin() != from.Origin() && !upgrade) {
		return false, fault.Invalid("the server redirects to %q", to.Origin()).
			WithHint("the credential is not sent to another server; if that is right, set the url to %s", to)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved = &to
	return true, nil
}

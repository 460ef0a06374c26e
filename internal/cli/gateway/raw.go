package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Raw sends a request to a path of the server that is no operation of the API. An
// answer that is no success is an error; the body of any other is for the caller to
// close.
func (c *Client) Raw(ctx context.Context, method, path string, body io.Reader, head http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.Server()+path, body)
	if err != nil {
		return nil, fault.Internal(err)
	}
	for name, values := range head {
		r.Header[name] = values
	}
	for _, edit := range c.c.RequestEditors {
		if err := edit(ctx, r); err != nil {
			return nil, fault.Internal(err)
		}
	}
	resp, err := c.c.Client.Do(r)
	if err != nil {
		return nil, c.Fault(err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	p := &wire.Problem{}
	if err == nil && json.Unmarshal(raw, p) == nil && p.Detail != "" {
		return nil, c.problem(p)
	}
	return nil, fault.New(ofStatus(int64(resp.StatusCode)), "the server answers %d, and not as Lockstep does", resp.StatusCode).At("%s", c.Server())
}

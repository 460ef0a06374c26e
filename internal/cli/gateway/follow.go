package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	wire "github.com/lockstep-dev/lockstep/client"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Follow returns what reads a stream that ends with an event "end" or "problem", and
// shows the data of those called name to tell.
func (c *Client) Follow(ctx context.Context, name string, tell func(data []byte) error) func(*http.Response, error) error {
	return func(r *http.Response, err error) error {
		for m, err := range wire.Events(r, err) {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				return c.Fault(err)
			case m.Name == "end":
				return nil
			case m.Name == "problem":
				p := &wire.Problem{}
				if json.Unmarshal(m.Data, p) != nil {
					return fault.Unavailable("the server broke off").At("%s", c.Server())
				}
				return c.problem(p)
			case m.Name == name:
				if err := tell(m.Data); err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Unavailable("the server broke off").At("%s", c.Server()).WithHint("the same command goes on with what comes")
	}
}

package state

import (
	"bytes"
	"context"
	"crypto/md5" // what the protocol has
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-dev/lockstep/internal/cli/env"
	"github.com/lockstep-dev/lockstep/internal/cli/gateway"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/statehttp"
)

// path is where the server has the content of a state.
func (o *options) path(q url.Values) string {
	p := statehttp.Prefix + url.PathEscape(o.Unit.Namespace) + "/" + url.PathEscape(o.Unit.Name) + "/" + url.PathEscape(o.Workspace)
	if len(q) > 0 {
		p += "?" + q.Encode()
	}
	return p
}

func newPull(e *env.Env) *cobra.Command {
	o := &options{}
	var version int64
	cmd := of(e, o, &cobra.Command{
		Use:   "pull STACK",
		Short: "Write a state to standard output as it is, secrets and all",
		Long: `Write a state to standard output as it is, secrets and all.

It needs the permission read-state, and is recorded.`,
		Example: `  lockstep state pull payments/network > network.tfstate`,
	}, func(ctx context.Context, g *gateway.Client) error { return pull(ctx, o, g, version) })
	cmd.Flags().Int64Var(&version, "version", 0, "number of a version (default the newest)")
	return cmd
}

func pull(ctx context.Context, o *options, g *gateway.Client, version int64) error {
	q := url.Values{}
	if version > 0 {
		q.Set("version", strconv.FormatInt(version, 10))
	}
	r, err := g.Raw(ctx, http.MethodGet, o.path(q), nil, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusNoContent {
		return fault.NotFound("no state of it is kept here").At("stack %s", o.name())
	}
	if _, err := io.Copy(o.IO.Out, r.Body); err != nil {
		return fault.Unavailable("the server broke off").Because(err)
	}
	return nil
}

func newPush(e *env.Env) *cobra.Command {
	o := &options{}
	var force bool
	var reason string
	var file string
	cmd := of(e, o, &cobra.Command{
		Use:   "push STACK FILE",
		Short: "Make a file the newest version of a state",
		Long: `Make a file the newest version of a state.

It needs the permission write-state, takes the lock for as long as it takes, and is
recorded. A file whose lineage is another, or whose serial is not higher than that of
the newest version, is refused unless --force says that it is meant.`,
		Example: `  lockstep state push payments/network network.tfstate --reason "moved from the bucket"`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := env.Exactly("STACK", "FILE")(cmd, args); err != nil {
				return err
			}
			file = args[1]
			return nil
		},
	}, func(ctx context.Context, g *gateway.Client) error { return push(ctx, o, g, file, reason, force) })
	cmd.Flags().BoolVar(&force, "force", false, "take a lineage or serial that does not follow")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return cmd
}

func push(ctx context.Context, o *options, g *gateway.Client, file, reason string, force bool) (err error) {
	content, err := read(o.IO.In, file)
	if err != nil {
		return err
	}
	id := rand.Text()
	host, _ := os.Hostname()
	lock, err := json.Marshal(map[string]any{"ID": id, "Operation": "push", "Info": reason, "Who": host, "Version": "lockstep", "Created": time.Now().UTC(), "Path": ""})
	if err != nil {
		return fault.Internal(err)
	}
	if err := o.send(ctx, g, "LOCK", nil, lock, nil); err != nil {
		return err
	}
	defer func() {
		// Also where nobody waits any more: a lock of a person stays until it is taken off.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		if unlocked := o.send(ctx, g, "UNLOCK", nil, lock, nil); err == nil {
			err = unlocked
		}
	}()
	q := url.Values{"ID": {id}}
	if reason != "" {
		q.Set("reason", reason)
	}
	if force {
		q.Set("force", "true")
	}
	sum := md5.Sum(content)
	if err := o.send(ctx, g, http.MethodPost, q, content, http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}); err != nil {
		return err
	}
	o.IO.Notef("%s is the newest version of %s", file, o.name())
	return nil
}

func (o *options) send(ctx context.Context, g *gateway.Client, method string, q url.Values, body []byte, head http.Header) error {
	if head == nil {
		head = http.Header{}
	}
	head.Set("Content-Type", "application/json")
	r, err := g.Raw(ctx, method, o.path(q), bytes.NewReader(body), head)
	if err != nil {
		return err
	}
	return r.Body.Close()
}

func read(in io.Reader, file string) ([]byte, error) {
	if file == "-" {
		raw, err := io.ReadAll(in)
		if err != nil {
			return nil, fault.Usage("standard input cannot be read").Because(err)
		}
		return raw, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Usage("%q cannot be read", file).Because(err)
	}
	if len(raw) == 0 {
		return nil, fault.Usage("%s is empty", fmt.Sprintf("%q", file))
	}
	return raw, nil
}

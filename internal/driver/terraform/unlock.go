package terraform

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"

	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

// unlock takes a lock off a state that Lockstep keeps. It speaks to the server itself:
// Terraform's own force-unlock does not tell it which lock is meant.
func unlock(ctx context.Context, b driver.Backend, id string) error {
	body, err := json.Marshal(map[string]string{"ID": id})
	if err != nil {
		return fault.Internal(err)
	}
	req, err := http.NewRequestWithContext(ctx, "UNLOCK", b.UnlockAddress, bytes.NewReader(body))
	if err != nil {
		return fault.Invalid("%q is no address of a state server", b.UnlockAddress).Because(err)
	}
	req.SetBasicAuth(b.User, b.Password)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	if len(b.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(b.CA) {
			return fault.Invalid("the certificate of the state server is not PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fault.Unavailable("the state server does not answer").Because(err)
	}
	_ = res.Body.Close() // nothing of it is read
	switch {
	case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNoContent:
		return nil
	case res.StatusCode == http.StatusConflict || res.StatusCode == http.StatusLocked || res.StatusCode == http.StatusNotFound:
		return fault.Conflict("the state is not locked by %q", id).WithHint("look at who has it now")
	}
	return fault.Denied("the state server answers %q", res.Status)
}

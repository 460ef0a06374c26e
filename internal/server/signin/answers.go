package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// answersTime bounds the look at whether a provider answers, and answeredFor is how
// long it is believed: many may sign in at once.
const (
	answersTime = 3 * time.Second
	answeredFor = 5 * time.Second
)

// answers looks whether a provider is there. What it says about itself is known for
// long, so that a browser would be sent to one that is down, and be left there with
// a page of its own that says nothing of Lockstep.
func (p *provider) answers(ctx context.Context) error {
	i := p.issuer
	i.mu.Lock()
	recent, client := time.Since(i.answered) < answeredFor, i.http
	i.mu.Unlock()
	if recent {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answersTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(i.url, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return silent(p, err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return silent(p, err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusInternalServerError {
		return silent(p, errors.New(resp.Status))
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answered = time.Now()
	return nil
}

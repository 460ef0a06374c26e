package signin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// settings is a configuration, with what was learned from those that it names.
type settings struct {
	Config
	raw       []byte
	providers map[string]*provider
	trusts    []*trust
}

// with returns the settings of src; s itself when that is what it already has.
func (s *settings) with(src Source) (*settings, error) {
	// A file or a key with a client secret may change alone, so that they are read
	// again when they are used.
	if s != nil && bytes.Equal(s.raw, src.Raw) {
		for _, p := range s.providers {
			p.source(src)
		}
		return s, nil
	}
	c, err := ParseConfig(src.Raw)
	if err != nil {
		return nil, err
	}
	out := &settings{Config: *c, raw: src.Raw, providers: map[string]*provider{}}
	for _, p := range c.Providers {
		out.providers[p.Name] = &provider{Provider: p, src: src, issuer: &issuer{url: p.Issuer, caFile: p.CAFile}}
	}
	for _, t := range c.Trust {
		made, err := newTrust(t)
		if err != nil {
			return nil, err
		}
		out.trusts = append(out.trusts, made)
	}
	return out, nil
}

// provider is a Provider that can be asked.
type provider struct {
	Provider
	issuer *issuer

	mu  sync.Mutex
	src Source
}

func (p *provider) source(src Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.src = src
}

// client returns how Lockstep speaks to the provider. back is where people are sent
// back to.
func (p *provider) client(ctx context.Context, back string) (*oauth2.Config, *oidc.Provider, context.Context, error) {
	p.mu.Lock()
	src := p.src
	p.mu.Unlock()
	secret, err := p.secret(src)
	if err != nil {
		return nil, nil, ctx, err
	}
	known, ctx, err := p.issuer.discover(ctx)
	if err != nil {
		return nil, nil, ctx, fault.As(err).At("provider %s", p.Name)
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: secret, Endpoint: known.Endpoint(), RedirectURL: back, Scopes: p.Scopes,
	}, known, ctx, nil
}

// issuer is somebody who signs tokens. What it says about itself is asked for when
// it is needed first, so that a server starts while it is down.
type issuer struct {
	url, caFile string

	mu     sync.Mutex
	known  *oidc.Provider
	http   *http.Client
	failed time.Time
	err    error
	// answered is when it was last seen to be there.
	answered time.Time
}

// askTime bounds a request to an issuer, askAgain is how soon one that did not
// answer is asked once more.
const (
	askTime  = 10 * time.Second
	askAgain = 3 * time.Second
)

// discover returns what the issuer says about itself, and a context for requests to
// it.
func (i *issuer) discover(ctx context.Context) (*oidc.Provider, context.Context, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.http == nil {
		client, err := httpClient(i.caFile)
		if err != nil {
			return nil, ctx, err
		}
		i.http = client
	}
	ctx = oidc.ClientContext(ctx, i.http)
	if i.known != nil {
		return i.known, ctx, nil
	}
	if i.err != nil && time.Since(i.failed) < askAgain {
		return nil, ctx, i.err
	}
	// Its keys are fetched with the context of the discovery, long after: that one
	// must not end with a request.
	known, err := oidc.NewProvider(oidc.ClientContext(context.Background(), i.http), i.url)
	if err != nil {
		i.failed, i.err = time.Now(), fault.Unavailable("the identity provider %s does not answer as one", i.url).Because(err).
			WithHint("is it up, and is the issuer's address the one that it gives itself? who is signed in stays so")
		return nil, ctx, i.err
	}
	i.known, i.err = known, nil
	return known, ctx, nil
}

func httpClient(caFile string) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fault.Invalid("caFile %q cannot be read", caFile).Because(err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fault.Invalid("caFile %q has no certificate", caFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Timeout: askTime, Transport: t}, nil
}

// unanswered says whether err is of a provider that did not answer, as opposed to
// one that said no.
func unanswered(err error) bool {
	var said *oauth2.RetrieveError
	if errors.As(err, &said) {
		return said.Response == nil || said.Response.StatusCode >= 500 || said.Response.StatusCode == http.StatusTooManyRequests
	}
	return err != nil
}

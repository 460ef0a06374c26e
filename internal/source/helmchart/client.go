package helmchart

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

const maxRedirects = 5

// transportFor returns one that trusts what cred trusts.
func transportFor(cred Credential) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ResponseHeaderTimeout: 30 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ForceAttemptHTTP2:     true,
		DisableKeepAlives:     true, // a repository is asked once in minutes
	}
	if len(cred.CA) == 0 {
		return t, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(cred.CA) {
		return nil, fault.Invalid("ca.crt of the repository's Secret holds no certificate").
			WithHint("it must be PEM: -----BEGIN CERTIFICATE-----")
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return t, nil
}

// client follows redirects, but takes no credential to another host and no
// request from HTTPS to HTTP.
func client(cred Credential) (*http.Client, error) {
	t, err := transportFor(cred)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return fault.Unavailable("the repository redirects in a circle")
		}
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fault.Unavailable("the repository redirects from https to %s", req.URL.Scheme)
		}
		if req.URL.Host != via[0].URL.Host {
			req.Header.Del("Authorization")
		}
		return nil
	}}, nil
}

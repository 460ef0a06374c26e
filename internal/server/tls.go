package server

import (
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// lookEvery is how often a certificate is looked at, when somebody connects.
const lookEvery = 10 * time.Second

// certificate is a certificate in files, read anew when they change: whoever renews
// it does not have to know who uses it.
type certificate struct {
	cert, key string
	now       func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate
	changed [2]time.Time
	looked  time.Time
}

// secured has a listener speak TLS, if there is a certificate.
func (o Options) secured(l net.Listener) (net.Listener, error) {
	if o.TLSCert == "" && o.TLSKey == "" {
		return l, nil
	}
	if o.TLSCert == "" || o.TLSKey == "" {
		return nil, fault.Usage("a certificate and its key come together").WithHint("--tls-cert FILE --tls-key FILE")
	}
	c := &certificate{cert: o.TLSCert, key: o.TLSKey, now: time.Now}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.pair != nil && now.Sub(c.looked) < lookEvery {
		return c.pair, nil
	}
	c.looked = now
	changed := [2]time.Time{modified(c.cert), modified(c.key)}
	if c.pair != nil && changed == c.changed {
		return c.pair, nil
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err == nil {
		c.pair, c.changed = &pair, changed
		return c.pair, nil
	}
	if c.pair != nil {
		return c.pair, nil // half written: the next look finds it whole
	}
	return nil, fault.Invalid("the certificate %q and the key %q cannot be used: %v", c.cert, c.key, err).Because(err)
}

func modified(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (s *server) scheme() string {
	if s.opts.TLSCert != "" {
		return "https"
	}
	return "http"
}

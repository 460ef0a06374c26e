package crash

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// moment is when, around a request, the power goes.
type moment string

const (
	// beforeIt: the API never hears of the request.
	beforeIt moment = "before"
	// afterIt: the API has done what was asked, and nobody hears of it.
	afterIt moment = "after"
)

// proxy stands between the server and the API and calls kill at one request
// that changes something.
type proxy struct {
	kubeconfig string
	kill       func()

	mu    sync.Mutex
	when  moment
	left  int    // requests until the kill; 0: none is planned
	fatal string // the request that it came to
}

func newProxy(t *testing.T, cfg *rest.Config) *proxy {
	t.Helper()
	transport, err := rest.TransportFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	api, err := url.Parse(cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(api) },
		Transport:      transport,
		FlushInterval:  -1, // watches are streams
		ModifyResponse: p.answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p.strike(r) {
		case beforeIt:
			p.kill()
			panic(http.ErrAbortHandler)
		case afterIt:
			r = r.WithContext(context.WithValue(r.Context(), struckKey{}, true))
		}
		forward.ServeHTTP(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	p.kubeconfig = writeKubeconfig(t, srv)
	return p
}

type struckKey struct{}

var errKilled = errors.New("killed")

func (p *proxy) answered(r *http.Response) error {
	if r.Request.Context().Value(struckKey{}) == nil {
		return nil
	}
	p.kill()
	return errKilled
}

// arm plans a kill at the k-th request from now on.
func (p *proxy) arm(when moment, k int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.when, p.left, p.fatal = when, k, ""
}

// disarm ends the plan and returns the request that it came to, "" for none.
func (p *proxy) disarm() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = 0
	return p.fatal
}

// strike counts r and says when to kill if it is the one, "" if it is not.
func (p *proxy) strike(r *http.Request) moment {
	if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/events") || strings.Contains(r.URL.Path, "/leases") {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left == 0 {
		return ""
	}
	if p.left--; p.left > 0 {
		return ""
	}
	p.fatal = r.Method + " " + r.URL.Path
	return p.when
}

func writeKubeconfig(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	c := clientcmdapi.NewConfig()
	c.Clusters["proxy"] = &clientcmdapi.Cluster{
		Server:                   srv.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}),
	}
	c.AuthInfos["nobody"] = &clientcmdapi.AuthInfo{} // the proxy is somebody
	c.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy", AuthInfo: "nobody"}
	c.CurrentContext = "proxy"
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

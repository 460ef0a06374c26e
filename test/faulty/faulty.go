// Package faulty stands between a server and its Kubernetes API, and makes the
// API fail in ways that the real one cannot be made to show when it is wanted:
// errors at one certain request, answers that get lost, requests that hang,
// watches that end.
//
// Everything else passes through to the real API, so what is tested is still the
// real thing.
package faulty

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Act is what becomes of one request. The zero Act lets it pass.
type Act struct {
	// Before is called before the API hears of the request.
	Before func()
	// After is called when the API has carried the request out and before anybody
	// hears of it.
	After func()
	// Status is answered in the API's place, as it would word it: 409, 410, 429,
	// 500, 503.
	Status int
	// RetryAfter, in seconds, goes with Status.
	RetryAfter int
	// LoseRequest cuts the connection; the API never hears of the request.
	LoseRequest bool
	// LoseAnswer lets the API carry the request out and cuts the connection then.
	LoseAnswer bool
	// Hang keeps the request until the client gives up or Release is called; the
	// API never hears of it.
	Hang bool
}

// Proxy is an API server that can be made to fail. It is safe for concurrent
// use.
type Proxy struct {
	// Kubeconfig is a file that leads to the proxy, with the rights of the
	// configuration that it was made with.
	Kubeconfig string

	forward http.Handler

	mu       sync.Mutex
	decide   func(*http.Request) Act
	counts   map[Call]int
	watches  map[int]context.CancelFunc
	next     int
	released chan struct{}
}

// Call is a kind of request as it is counted.
type Call struct {
	Verb     string // get, list, watch, create, update, patch, apply, delete
	Resource string // "configmaps", "stacks/status", "/apis/…" for what is no resource
}

// New starts a proxy in front of cfg's API. It ends with the test.
func New(t testing.TB, cfg *rest.Config) *Proxy {
	t.Helper()
	transport, err := rest.TransportFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	api, err := url.Parse(cfg.Host)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{counts: map[Call]int{}, watches: map[int]context.CancelFunc{}, released: make(chan struct{})}
	p.forward = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(api) },
		Transport:      transport,
		FlushInterval:  -1, // watches are streams
		ModifyResponse: answered,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	srv := httptest.NewUnstartedServer(p)
	srv.EnableHTTP2 = true
	// Cut connections are what this is for; they are no news.
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(func() {
		p.Release()
		srv.CloseClientConnections()
		srv.Close()
	})
	p.Kubeconfig = kubeconfig(t, srv)
	return p
}

// Decide makes f say what becomes of each request from now on; nil lets all
// pass. f must be safe for concurrent use.
func (p *Proxy) Decide(f func(*http.Request) Act) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.decide = f
}

// Release lets go of the requests that hang; their connections are cut.
func (p *Proxy) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.released)
	p.released = make(chan struct{})
}

// CutWatches ends every watch that is under way, in the middle of its stream.
func (p *Proxy) CutWatches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.watches)
	for id, cut := range p.watches {
		cut()
		delete(p.watches, id)
	}
	return n
}

// Counts returns how many requests of each kind have come so far, failed ones
// included.
func (p *Proxy) Counts() map[Call]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[Call]int, len(p.counts))
	for c, n := range p.counts {
		out[c] = n
	}
	return out
}

// Since returns what came after before, without what did not.
func (p *Proxy) Since(before map[Call]int) map[Call]int {
	out := p.Counts()
	for c, n := range before {
		if out[c] -= n; out[c] == 0 {
			delete(out, c)
		}
	}
	return out
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	act, released := p.begin(r)
	if act.Before != nil {
		act.Before()
	}
	switch {
	case act.LoseRequest:
		panic(http.ErrAbortHandler)
	case act.Hang:
		select {
		case <-r.Context().Done():
		case <-released:
		}
		panic(http.ErrAbortHandler)
	case act.Status != 0:
		refuse(w, act)
		return
	}
	if act.After != nil || act.LoseAnswer {
		if act.After != nil {
			act.After = sync.OnceFunc(act.After)
			defer act.After() // there is no answer to a client that went away meanwhile
		}
		r = r.WithContext(context.WithValue(r.Context(), actKey{}, act))
	}
	if CallOf(r).Verb == "watch" {
		ctx, done := p.watch(r.Context())
		defer done()
		r = r.WithContext(ctx)
	}
	p.forward.ServeHTTP(w, r)
}

func (p *Proxy) begin(r *http.Request) (Act, <-chan struct{}) {
	p.mu.Lock()
	p.counts[CallOf(r)]++
	decide, released := p.decide, p.released
	p.mu.Unlock()
	if decide == nil {
		return Act{}, released
	}
	return decide(r), released
}

func (p *Proxy) watch(ctx context.Context) (context.Context, func()) {
	ctx, cut := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	id := p.next
	p.watches[id] = cut
	return ctx, func() {
		cut()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watches, id)
	}
}

type actKey struct{}

var errLost = errors.New("the answer gets lost")

func answered(r *http.Response) error {
	act, ok := r.Request.Context().Value(actKey{}).(Act)
	if !ok {
		return nil
	}
	if act.After != nil {
		act.After()
	}
	if act.LoseAnswer {
		return errLost
	}
	return nil
}

// refuse answers as the API server words its errors.
func refuse(w http.ResponseWriter, act Act) {
	reasons := map[int]metav1.StatusReason{
		http.StatusConflict:            metav1.StatusReasonConflict,
		http.StatusGone:                metav1.StatusReasonExpired,
		http.StatusTooManyRequests:     metav1.StatusReasonTooManyRequests,
		http.StatusInternalServerError: metav1.StatusReasonInternalError,
		http.StatusServiceUnavailable:  metav1.StatusReasonServiceUnavailable,
	}
	if act.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(act.RetryAfter))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(act.Status)
	_ = json.NewEncoder(w).Encode(metav1.Status{ // the client may be gone
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure,
		Code:     int32(act.Status),
		Reason:   reasons[act.Status],
		Message:  fmt.Sprintf("injected: %d", act.Status),
	})
}

// Changes says whether r changes something that matters to Git's cause: events
// and leases are no part of it.
func Changes(r *http.Request) bool {
	c := CallOf(r)
	switch c.Verb {
	case "get", "list", "watch":
		return false
	}
	return c.Resource != "events" && c.Resource != "leases"
}

// CallOf tells what kind of request r is, from its method and path, as
// https://kubernetes.io/docs/reference/using-api/api-concepts/ lays them out.
func CallOf(r *http.Request) Call {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	skip := map[string]int{"api": 2, "apis": 3}[parts[0]]
	if skip == 0 || len(parts) <= skip {
		return Call{Verb: strings.ToLower(r.Method), Resource: r.URL.Path}
	}
	parts = parts[skip:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	named := len(parts) > 1
	c := Call{Verb: verb(r, named), Resource: parts[0]}
	if len(parts) > 2 {
		c.Resource += "/" + parts[2]
	}
	return c
}

func verb(r *http.Request, named bool) string {
	switch r.Method {
	case http.MethodGet:
		switch {
		case r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1":
			return "watch"
		case named:
			return "get"
		}
		return "list"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch") {
			return "apply"
		}
		return "patch"
	}
	return strings.ToLower(r.Method)
}

func kubeconfig(t testing.TB, srv *httptest.Server) string {
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

package gittest

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
)

// Proxy is a forward proxy for http and, by CONNECT, for https. It asks for a
// user when User is set.
type Proxy struct {
	User, Password string
	// Used counts the requests it passed on.
	Used atomic.Int64
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password))
	if p.User != "" && r.Header.Get("Proxy-Authorization") != want {
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	p.Used.Add(1)
	if r.Method != http.MethodConnect {
		(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(w, r)
		return
	}
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = up.Close() }()
	w.WriteHeader(http.StatusOK)
	down, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = down.Close() }()
	go func() { _, _ = io.Copy(up, down) }()
	_, _ = io.Copy(down, up)
}

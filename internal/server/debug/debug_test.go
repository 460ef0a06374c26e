package debug

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestListen(t *testing.T) {
	cases := map[string]struct {
		why  string
		addr string
		err  error
	}{
		"Loopback":  {why: "This machine only.", addr: "127.0.0.1:0"},
		"Name":      {why: "As people type it.", addr: "localhost:0"},
		"Everybody": {why: "Profiles show memory.", addr: ":0", err: fault.KindUsage},
		"Wildcard":  {why: "The same, spelled out.", addr: "0.0.0.0:0", err: fault.KindUsage},
		"Address":   {why: "So is one address that others reach.", addr: "192.0.2.1:0", err: fault.KindUsage},
		"NoPort":    {why: "Half an address is none.", addr: "127.0.0.1", err: fault.KindUsage},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := Listen(tc.addr)
			if l != nil {
				_ = l.Close()
			}
			if !errors.Is(err, tc.err) {
				t.Errorf("%s\nListen(%q) = %v, want %v", tc.why, tc.addr, err, tc.err)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	level := &slog.LevelVar{}
	h := Handler(func() any { return map[string]int{"stacks": 3} }, func(namespace, name string) any { return namespace + " and " + name }, level)
	cases := map[string]struct {
		why                string
		method, path, body string
		header             map[string]string
		host               string
		status             int
		contains           string
	}{
		"Fleet":     {why: "What the server knows, as JSON.", method: "GET", path: "/debug/fleet", status: 200, contains: `"stacks": 3`},
		"Stack":     {why: "What the server knows of one Stack.", method: "GET", path: "/debug/stacks/shop/web", status: 200, contains: `"shop and web"`},
		"Heap":      {why: "Where memory goes.", method: "GET", path: "/debug/pprof/heap?debug=1", status: 200, contains: "heap profile"},
		"Mutex":     {why: "Where locks are waited for, once it is switched on.", method: "GET", path: "/debug/pprof/mutex?debug=1", status: 200, contains: "mutex"},
		"Rates":     {why: "They cost something, so they are switched, not left on.", method: "PUT", path: "/debug/profile-rates?mutex=5&block=1ms", status: 200},
		"RatesOff":  {why: "And off again.", method: "PUT", path: "/debug/profile-rates?mutex=0&block=0s", status: 200},
		"RatesBad":  {why: "A typing error must not switch off what one wanted on.", method: "PUT", path: "/debug/profile-rates?mutex=five", status: 400},
		"Level":     {why: "A level that cannot be read changes nothing.", method: "PUT", path: "/debug/log-level", body: "loud", status: 400},
		"Elsewhere": {why: "A page whose name was made to lead to this machine.", method: "GET", path: "/debug/fleet", host: "evil.example:6060", status: 403},
		"Page":      {why: "A page of another site in a browser here.", method: "GET", path: "/debug/fleet", header: map[string]string{"Origin": "https://evil.example"}, status: 403},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body))
			req.Host = "127.0.0.1:6060"
			if tc.host != "" {
				req.Host = tc.host
			}
			for k, v := range tc.header {
				req.Header.Set(k, v)
			}
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, req)
			if rec.Code != tc.status || !strings.Contains(rec.Body.String(), tc.contains) {
				t.Errorf("%s\n%s %s = %d %.200q, want %d with %q", tc.why, tc.method, tc.path, rec.Code, rec.Body, tc.status, tc.contains)
			}
		})
	}
	req := httptest.NewRequest(http.MethodPut, "/debug/log-level", strings.NewReader("debug\n"))
	req.Host = "localhost:6060"
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if level.Level() != slog.LevelDebug || rec.Body.String() != "debug\n" {
		t.Errorf("the level is %s after it was set to debug: %s", level, rec.Body)
	}
}

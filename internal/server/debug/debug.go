// Package debug is what somebody needs who was woken at three: profiles, a dump
// of what the server knows, and the level of the log, changed while it runs.
//
// It is a listener of its own, on loopback only: profiles show memory, and whoever
// reaches it can make the server slow. Reaching it takes a shell on the machine, or
// kubectl port-forward, which asks for permission.
package debug

import (
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Listen opens the listener.
func Listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil || !loopback(host) {
		return nil, fault.Usage("--debug-listen is %q, which others can reach", addr).
			WithHint("it shows memory: 127.0.0.1:6060, and from elsewhere kubectl port-forward")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fault.Invalid("cannot listen on %q", addr).Because(err).WithHint("choose another address with --debug-listen")
	}
	return l, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Handler serves it. dump is asked for what the server knows, stack for what it
// knows of one Stack; level may be nil where the log is not ours to change.
func Handler(dump func() any, stack func(namespace, name string) any, level *slog.LevelVar) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("PUT /debug/profile-rates", rates)
	mux.HandleFunc("GET /debug/fleet", func(w http.ResponseWriter, _ *http.Request) { write(w, dump()) })
	mux.HandleFunc("GET /debug/stacks/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
		write(w, stack(r.PathValue("namespace"), r.PathValue("name")))
	})
	if level != nil {
		mux.HandleFunc("GET /debug/log-level", func(w http.ResponseWriter, _ *http.Request) { say(w, word(level.Level())) })
		mux.HandleFunc("PUT /debug/log-level", func(w http.ResponseWriter, r *http.Request) { setLevel(w, r, level) })
	}
	return fromHere(mux)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	_ = enc.Encode(v) // the peer may be gone
}

// fromHere refuses pages of other sites: a browser on this machine reaches
// loopback, too, and a name that leads here is all that such a page needs.
func fromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !loopback(host) || r.Header.Get("Origin") != "" {
			http.Error(w, "only for programs on this machine", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func setLevel(w http.ResponseWriter, r *http.Request, level *slog.LevelVar) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64))
	var next slog.Level
	if err == nil {
		err = next.UnmarshalText([]byte(strings.TrimSpace(string(body))))
	}
	if err != nil {
		http.Error(w, "the body is one of debug, info, warn, error", http.StatusBadRequest)
		return
	}
	level.Set(next)
	say(w, word(next))
}

func word(l slog.Level) string { return strings.ToLower(l.String()) }

// rates switches two profiles on and off that cost something while they run:
// mutex=N notes every Nth wait for a lock, block=DURATION one wait in so much
// time. 0 is off.
func rates(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if s := q.Get("mutex"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			http.Error(w, "mutex is a number: every so many waits for a lock one is noted; 0 for none", http.StatusBadRequest)
			return
		}
		runtime.SetMutexProfileFraction(n)
	}
	if s := q.Get("block"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			http.Error(w, "block is a duration such as 1ms: one wait in so much time is noted; 0s for none", http.StatusBadRequest)
			return
		}
		runtime.SetBlockProfileRate(int(d))
	}
	say(w, "ok")
}

func say(w http.ResponseWriter, what string) { _, _ = io.WriteString(w, what+"\n") }

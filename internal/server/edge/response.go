package edge

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// minGzip is the smallest answer that is worth compressing: less fits one packet.
const minGzip = 1200

var writers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed+2) // the level is one that there is
	return w
}}

// response notes what was answered, and compresses what is worth it. A stream of
// events is passed on as it comes.
type response struct {
	http.ResponseWriter
	gzip    bool // the client takes it
	status  int
	bytes   int64
	held    []byte // the first bytes, until it is known whether there are enough
	decided bool
	z       *gzip.Writer
}

func acceptsGzip(r *http.Request) bool {
	for _, e := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(e), ";")
		if strings.EqualFold(name, "gzip") && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}

// WriteHeader waits with the header until it is known how the body goes out.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	if status == http.StatusNoContent || status == http.StatusNotModified || !w.compressible() {
		w.decide(false)
	}
}

func (w *response) compressible() bool {
	h := w.Header()
	return w.gzip && h.Get("Content-Encoding") == "" && !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

func (w *response) decide(zip bool) {
	if w.decided {
		return
	}
	w.decided = true
	if zip {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Del("Content-Length")
		w.z = writers.Get().(*gzip.Writer)
		w.z.Reset(w.ResponseWriter)
	}
	w.ResponseWriter.WriteHeader(w.status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.bytes += int64(len(p))
	if !w.decided {
		w.held = append(w.held, p...)
		if len(w.held) < minGzip {
			return len(p), nil
		}
		w.decide(true)
		p2 := w.held
		w.held = nil
		if _, err := w.z.Write(p2); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if w.z != nil {
		return w.z.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// FlushError sends what there is.
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.small()
	if w.z != nil {
		if err := w.z.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// forget takes back what was answered, if nothing of it has gone out yet.
func (w *response) forget() bool {
	if w.decided {
		return false
	}
	w.status, w.bytes, w.held = 0, 0, nil
	return true
}

// small sends a body that is too small to compress.
func (w *response) small() {
	if w.status == 0 || w.decided {
		return
	}
	w.decide(false)
	_, _ = w.ResponseWriter.Write(w.held) // the peer may be gone
	w.held = nil
}

func (w *response) close() {
	w.small()
	if w.z != nil {
		_ = w.z.Close() // the peer may be gone
		writers.Put(w.z)
		w.z = nil
	}
}

// Unwrap lets http.ResponseController reach deadlines.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

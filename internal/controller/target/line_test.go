package target

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hole is a server that takes connections and never answers.
func hole(t *testing.T) (url string, taken *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	taken = &atomic.Int64{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken.Add(1)
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return "http://" + l.Addr().String(), taken
}

func ask(ctx context.Context, l *line, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, url, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	resp, err := l.wrap(http.DefaultTransport).RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// TestBlackHoleCostsOneProbe has fifty passes meet a Target that takes connections
// and never answers. One suspicion is raised for all of them, the probe that
// settles it lets them go, and who comes later is not even sent.
func TestBlackHoleCostsOneProbe(t *testing.T) {
	const passes = 50
	url, taken := hole(t)
	var suspicions atomic.Int64
	suspected := make(chan struct{})
	l := newLine(func() {
		if suspicions.Add(1) == 1 {
			close(suspected)
		}
	})
	l.patience = 50 * time.Millisecond
	var wg sync.WaitGroup
	var held atomic.Int64
	for range passes {
		wg.Go(func() {
			held.Add(1)
			defer held.Add(-1)
			if err := ask(t.Context(), l, url); !errors.Is(err, errSilent) {
				t.Errorf("a pass that met the hole ended with %v", err)
			}
		})
	}
	select {
	case <-suspected:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody suspects a Target that never answers")
	}
	before := taken.Load()
	for range passes {
		if err := ask(t.Context(), l, url); !errors.Is(err, errSilent) {
			t.Errorf("a pass that came later ended with %v", err)
		}
	}
	if n := taken.Load() - before; n > int64(passes) {
		t.Errorf("%d connections were made after the suspicion", n)
	}
	// What the controller does: probe, and close the line when that fails.
	probe, cancel := context.WithTimeout(context.WithValue(t.Context(), probeKey{}, true), 100*time.Millisecond)
	defer cancel()
	if err := ask(probe, l, url); err == nil {
		t.Fatal("the hole answered")
	}
	l.close()
	wg.Wait()
	if n := held.Load(); n != 0 {
		t.Errorf("%d workers are held", n)
	}
	if n := suspicions.Load(); n != 1 {
		t.Errorf("%d suspicions were raised, want 1: each is a probe", n)
	}
	if n := taken.Load(); n > passes+1 {
		t.Errorf("%d connections were made by %d passes and one probe", n, passes)
	}
}

// TestRefusedPortIsSuspectedAtOnce: nothing has to wait there.
func TestRefusedPortIsSuspectedAtOnce(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + gone.Addr().String()
	_ = gone.Close()
	var suspicions int
	l := newLine(func() { suspicions++ })
	if err := ask(t.Context(), l, url); err == nil || errors.Is(err, errSilent) {
		t.Errorf("the first got %v, want the reason", err)
	}
	for range 50 {
		if err := ask(t.Context(), l, url); !errors.Is(err, errSilent) {
			t.Errorf("got %v", err)
		}
	}
	if suspicions != 1 {
		t.Errorf("%d suspicions, want 1", suspicions)
	}
}

// TestSlowAnswerIsNoEnd: a suspicion alone ends nothing that is under way.
func TestSlowAnswerIsNoEnd(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			time.Sleep(150 * time.Millisecond)
		}
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	suspected := make(chan struct{}, 1)
	l := newLine(func() { suspected <- struct{}{} })
	l.patience = 20 * time.Millisecond
	if err := ask(t.Context(), l, srv.URL); err != nil {
		t.Errorf("a slow admission webhook ended a request: %v", err)
	}
	<-suspected
	if !l.cleared() {
		t.Error("it was not suspected")
	}
	if err := ask(t.Context(), l, srv.URL); err != nil {
		t.Errorf("after the probe it is not asked: %v", err)
	}
}

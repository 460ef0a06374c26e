package terraform

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/driver"
)

// stateServer speaks the protocol that both tools speak to a state server. The real one
// is tested where it is; this one can be looked into and broken.
type stateServer struct {
	*httptest.Server
	mu    sync.Mutex
	body  []byte
	lock  []byte // as it was asked for
	fail  bool   // refuses to save
	saves int
}

const (
	stateUser     = "run"
	statePassword = "planted-state-password"
)

func newStateServer(t testing.TB) *stateServer {
	s := &stateServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stateServer) backend() *driver.Backend {
	return &driver.Backend{Address: s.URL, LockAddress: s.URL, UnlockAddress: s.URL, User: stateUser, Password: statePassword}
}

// ServeHTTP has one state, whatever the path.
func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != stateUser || password != statePassword {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	switch r.Method {
	case http.MethodGet:
		if s.body == nil {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(s.body)
	case http.MethodPost:
		if s.fail {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.body, s.saves = body, s.saves+1
	case "LOCK":
		if s.lock != nil {
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write(s.lock)
			return
		}
		s.lock = body
	case "UNLOCK":
		var has, asked struct{ ID string }
		if json.Unmarshal(s.lock, &has) != nil || json.Unmarshal(body, &asked) != nil || has.ID != asked.ID {
			w.WriteHeader(http.StatusConflict)
			return
		}
		s.lock = nil
	}
}

func (s *stateServer) locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lock != nil
}

func (s *stateServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// hold takes the lock for somebody.
func (s *stateServer) hold(who string) (id string, release func()) {
	id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	body, err := json.Marshal(map[string]any{"ID": id, "Operation": "OperationTypeApply", "Info": "", "Who": who, "Version": "1", "Created": time.Now().UTC(), "Path": ""})
	if err != nil {
		panic(err)
	}
	s.set(func() { s.lock = body })
	return id, func() { s.set(func() { s.lock = nil }) }
}

package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// answered asks as "ana" and holds that whatever is asked is answered: with what she
// may see, or with a problem that blames the request.
func answered(t *testing.T, h http.Handler, path string, query url.Values) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, Prefix+path, nil)
	r.URL.RawQuery = query.Encode()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.With(r.Context(), lockstep.Person{Name: "ana"})))
	switch {
	case w.Code == http.StatusOK:
	case w.Code >= 400 && w.Code < 500:
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || p.Title == "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s is no problem: %v %d %s", r.URL.RawQuery, err, w.Code, w.Body)
		}
	default:
		t.Errorf("%s: %d %s", r.URL.RawQuery, w.Code, w.Body)
	}
	if w.Code == http.StatusOK && strings.Contains(w.Body.String(), "team-b") && !strings.Contains(r.URL.RawQuery, "team-b") {
		t.Errorf("%s tells what ana may not see: %s", r.URL.RawQuery, w.Body)
	}
	return w.Body.String()
}

func FuzzListQuery(f *testing.F) {
	h := newHouse(f, stackIn("team-a", "shop"), stackIn("team-a", "cart"), stackIn("team-b", "hidden"))
	api := New(h.deps)
	f.Add("env:prod -health:healthy text", "worst", "", "100")
	f.Add(`"two words" changed:<1h label:a=b objects:>=3`, "-name", "eyJzIjoiLW5hbWUiLCJuIjoiYSIsIm0iOiJiIn0", "1")
	f.Add("'; DROP TABLE x --", "<script>", "\x00", "-1")
	f.Fuzz(func(t *testing.T, q, sort, cursor, limit string) {
		answered(t, api, "/stacks", url.Values{"q": {q}, "sort": {sort}, "cursor": {cursor}, "limit": {limit}})
	})
}

func FuzzMapQuery(f *testing.F) {
	h := newHouse(f, stackIn("team-a", "shop"), stackIn("team-b", "hidden"))
	api := New(h.deps)
	f.Add("", "namespace")
	f.Add("name:s* target:?n*", "target")
	f.Add("a:b:c\"", "<b>")
	f.Fuzz(func(t *testing.T, q, group string) {
		answered(t, api, "/stacks/map", url.Values{"q": {q}, "group": {group}})
	})
}

// FuzzLastEventID: an id that this server wrote is read as it was meant; every other
// leads to a place that the Board knows, or to none.
func FuzzLastEventID(f *testing.F) {
	f.Add("epoch-1")
	f.Add("epoch-18446744073709551616")
	f.Add("other-1")
	f.Add("epoch--1")
	f.Add("-")
	f.Fuzz(func(t *testing.T, id string) {
		v, ok := resumeAt(id, "epoch")
		if ok && !strings.HasPrefix(id, "epoch-") {
			t.Errorf("%q was read as %d of this server", id, v)
		}
		if _, err := parseTopics(strings.Split(id, ",")); err == nil && !strings.Contains(id, "fleet") && !strings.Contains(id, "s") {
			t.Errorf("%q is a topic", id)
		}
	})
}

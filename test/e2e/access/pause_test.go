package access

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
)

// TestPause holds that the verb pause is enough to pause, that what is written is
// that and nothing else, and that each attempt is recorded.
func TestPause(t *testing.T) {
	s := newScene(t)
	s.within(s.a, "lockstep-operator", user("oidc:ana"))
	ana, shop := person("oidc:ana"), lockstep.Unit{Namespace: s.a, Name: "shop"}
	s.settled(ana, access.Of(access.Pause, shop))
	s.apply(`{"apiVersion": "lockstep.dev/v1alpha1", "kind": "Stack", "metadata": {"namespace": "` + s.a + `", "name": "shop"}, "spec": {"source": {"name": "x", "path": "y"}}}`)
	scheme := runtime.NewScheme()
	s.must(v1alpha1.AddToScheme(scheme))
	api, err := client.New(s.cluster.Config(t), client.Options{Scheme: scheme})
	s.must(err)
	var record []string
	h := httpapi.New(&httpapi.Deps{
		Access: s.checker, Cache: api, Write: api,
		Record: func(_ context.Context, p lockstep.Person, a httpapi.Act, err error) {
			record = append(record, fmt.Sprint(p.Name, " ", a.Name, " ", a.Reason, " ", err == nil))
		},
	})
	send := func(who, deed, body string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, httpapi.Prefix+"/stacks/"+shop.String()+"/"+deed, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(access.With(r.Context(), person(who))))
		return w.Code, w.Body.String()
	}
	now := func() *v1alpha1.Pause {
		t.Helper()
		got := &v1alpha1.Stack{}
		s.must(api.Get(t.Context(), client.ObjectKey{Namespace: s.a, Name: "shop"}, got))
		return got.Spec.Pause
	}
	if code, body := send("oidc:fay", "pause", `{"reason":"mischief"}`); code != 403 || now() != nil {
		t.Errorf("fay: %d %s", code, body)
	}
	if code, body := send("oidc:ana", "pause", `{"for":"yesterday"}`); code != 400 || now() != nil {
		t.Errorf("a wrong time: %d %s", code, body)
	}
	if code, body := send("oidc:ana", "pause", `{"reason":"migration","for":"2h"}`); code != 200 || !strings.Contains(body, `"by":"oidc:ana"`) {
		t.Fatalf("ana: %d %s", code, body)
	}
	if p := now(); p == nil || p.Reason != "migration" || p.By != "oidc:ana" || p.Until == nil {
		t.Errorf("paused as %+v", p)
	}
	if code, body := send("oidc:ana", "pause", `{}`); code != 200 {
		t.Fatalf("again: %d %s", code, body)
	}
	if p := now(); p == nil || p.Reason != "" || p.Until != nil {
		t.Errorf("something of the old pause is left: %+v", p)
	}
	for range 2 {
		if code, body := send("oidc:ana", "resume", `{"reason":"done"}`); code != 200 || now() != nil {
			t.Errorf("resume: %d %s", code, body)
		}
	}
	want := "oidc:fay pause mischief false, oidc:ana pause  false, oidc:ana pause migration true, oidc:ana pause  true, oidc:ana resume done true, oidc:ana resume done true"
	if got := strings.Join(record, ", "); got != want {
		t.Errorf("recorded\n%s\nwant\n%s", got, want)
	}
}

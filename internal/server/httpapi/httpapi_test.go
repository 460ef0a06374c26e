package httpapi

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
)

// TestContract holds the written contract to what is served.
func TestContract(t *testing.T) {
	want, _, err := Contract()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("api/openapi.yaml is not what is served: run make generate\n%s", diff)
	}
}

func TestMe(t *testing.T) {
	cases := map[string]struct {
		why    string
		person *lockstep.Person
		status int
		body   string
	}{
		"Nobody": {why: "Who has not signed in is told so, as RFC 9457 says.", status: 401, body: `"title":"Unauthenticated"`},
		"Ana":    {why: "A person is told who they are.", person: &lockstep.Person{Name: "oidc:ana", Via: lockstep.ProofSession}, status: 200, body: `"name":"oidc:ana"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, Prefix+"/me", nil)
			if tc.person != nil {
				r = r.WithContext(access.With(r.Context(), *tc.person))
			}
			w := httptest.NewRecorder()
			New(&Deps{}).ServeHTTP(w, r)
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) {
				t.Errorf("%s\ngot %d %s", tc.why, w.Code, w.Body)
			}
			if ct := w.Header().Get("Content-Type"); tc.status >= 400 && ct != "application/problem+json" {
				t.Errorf("the error is of type %q", ct)
			}
		})
	}
}

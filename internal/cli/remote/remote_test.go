package remote

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestAddress(t *testing.T) {
	cases := map[string]struct {
		why, text, want, name string
		kind                  fault.Kind
	}{
		"Bare":      {"https is what is meant.", "lockstep.example.org", "https://lockstep.example.org", "lockstep.example.org", fault.KindNone},
		"Slash":     {"", "https://lockstep.example.org/", "https://lockstep.example.org", "lockstep.example.org", fault.KindNone},
		"Path":      {"A server may be below a path.", "https://example.org/lockstep", "https://example.org/lockstep", "example.org/lockstep", fault.KindNone},
		"PathSlash": {"", "example.org/tools//lockstep//", "https://example.org/tools/lockstep", "example.org/tools/lockstep", fault.KindNone},
		"Dots":      {"", "https://example.org/a/../lockstep", "https://example.org/lockstep", "example.org/lockstep", fault.KindNone},
		"Query":     {"What belongs to a page is left out.", "https://example.org/lockstep?q=1#t=secret", "https://example.org/lockstep", "example.org/lockstep", fault.KindNone},
		"User":      {"So is a password.", "https://ana:pw@example.org/", "https://example.org", "example.org", fault.KindNone},
		"Port":      {"", "http://127.0.0.1:7420/", "http://127.0.0.1:7420", "127.0.0.1:7420", fault.KindNone},
		"Plain":     {"Anybody on the way could read the token.", "http://example.org", "", "", fault.KindUsage},
		"Scheme":    {"", "ftp://example.org", "", "", fault.KindUsage},
		"Nothing":   {"", "", "", "", fault.KindUsage},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Address(tc.text)
			if got != tc.want || fault.KindOf(err) != tc.kind {
				t.Fatalf("%s\ngot %q, %v; want %q, %v", tc.why, got, err, tc.want, tc.kind)
			}
			if err == nil && NameOf(got) != tc.name {
				t.Errorf("it is called %q, want %q", NameOf(got), tc.name)
			}
		})
	}
}

// TestCallBelowAPath: what is asked goes below the path that the server is at.
func TestCallBelowAPath(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.Path }))
	t.Cleanup(srv.Close)
	server, err := Address(srv.URL + "/lockstep/")
	if err != nil {
		t.Fatal(err)
	}
	if err := (Context{Server: server}).Call(t.Context(), http.MethodGet, "/me", nil, nil); err != nil || asked != "/lockstep/api/v1/me" {
		t.Errorf("asked %q, %v", asked, err)
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"lockstep.example.org", "https://example.org/a/../b?x#y", "http://[::1]:1/", "https://a:b@c/%2e%2e/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Address(text)
		if err != nil {
			return
		}
		again, err := Address(got)
		if err != nil || again != got {
			t.Errorf("%q is %q, which is %q, %v", text, got, again, err)
		}
	})
}

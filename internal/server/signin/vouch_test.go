package signin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// bearing is who a request with a token is.
func (d *desk) bearing(secret string) string {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.Server.URL+"/me", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.StatusCode)
	}
	var b [200]byte
	n, _ := resp.Body.Read(b[:])
	return string(b[:n])
}

func (d *desk) tokenFor(id, by string, p lockstep.Person) string {
	d.t.Helper()
	secret := mint(classToken)
	err := d.Keep.AddToken(d.t.Context(), credentials.Token{ID: id, Name: id, Hash: hashOf(secret), Person: p, By: by, Created: d.Now(), Expires: d.Now().Add(90 * 24 * time.Hour)})
	if err != nil {
		d.t.Fatal(err)
	}
	return secret
}

var anaToken = lockstep.Person{Name: "oidc:ana@example.org", Groups: []string{"oidc:platform", "oidc:guests"}, Via: lockstep.ProofToken}

// TestTokensFollowTheirPerson: a token acts as a person, and no longer and as no more
// than the person's provider says.
func TestTokensFollowTheirPerson(t *testing.T) {
	const nobody = "401"
	cases := map[string]struct {
		why    string
		config string
		do     func(d *desk, i *testIssuer)
		want   string
	}{
		"Here": {
			why: "Its groups are those of the moment at which it was made that the person still has.",
			do:  func(*desk, *testIssuer) {}, want: ana,
		},
		"Groups": {
			why: "Who loses a group at the provider loses it in tokens, within the time of a check.",
			do: func(d *desk, i *testIssuer) {
				i.groups = []string{"guests"}
				d.later(6 * time.Minute)
				d.checkLogins(t.Context())
			},
			want: "oidc:ana@example.org [oidc:guests]",
		},
		"Refused": {
			why: "A session that is not renewed may only be old: the person has a day to sign in again.",
			do: func(d *desk, i *testIssuer) {
				i.removed = true
				d.later(6 * time.Minute)
				d.checkLogins(t.Context())
				d.later(23 * time.Hour)
			},
			want: ana,
		},
		"Gone": {
			why: "Who does not sign in again is gone, and the tokens with them.",
			do: func(d *desk, i *testIssuer) {
				i.removed = true
				d.later(6 * time.Minute)
				d.checkLogins(t.Context())
				d.later(25 * time.Hour)
			},
			want: nobody,
		},
		"AtOnce": {
			why:    "How long that is, is the operator's to say.",
			config: "tokens: {doubted: 1s}\n",
			do: func(d *desk, i *testIssuer) {
				i.removed = true
				d.later(6 * time.Minute)
				d.checkLogins(t.Context())
				d.later(5 * time.Second)
			},
			want: nobody,
		},
		"Back": {
			why: "Who comes back has them again.",
			do: func(d *desk, i *testIssuer) {
				i.removed = true
				d.later(6 * time.Minute)
				d.checkLogins(t.Context())
				d.later(25 * time.Hour)
				i.removed = false
				d.get("/auth/start?provider=test")
			},
			want: ana,
		},
		"Down": {
			why: "A provider that does not answer ends nothing.",
			do: func(d *desk, i *testIssuer) {
				i.down = true
				d.later(26 * time.Hour)
				d.checkLogins(t.Context())
			},
			want: ana,
		},
		"Away": {
			why: "Of somebody who was not seen for a month nobody knows whether they are still there.",
			do:  func(d *desk, _ *testIssuer) { d.later(31 * 24 * time.Hour) }, want: nobody,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			i := newTestIssuer(t)
			d := newDesk(t, config(i, tc.config))
			d.get("/auth/start?provider=test")
			secret := d.tokenFor("t", anaToken.Name, anaToken)
			machine := d.tokenFor("m", anaToken.Name, lockstep.Person{Name: "machine:bot", Groups: []string{"ci"}, Via: lockstep.ProofToken})
			tc.do(d, i)
			if got := d.bearing(secret); got != tc.want {
				t.Errorf("%s\nthe token is %q, want %q", tc.why, got, tc.want)
			}
			if got := d.bearing(machine); got != "machine:bot [ci]" {
				t.Errorf("a machine is not its maker: its token is %q", got)
			}
		})
	}
}

func TestEndTokensOf(t *testing.T) {
	machine := lockstep.Person{Name: "machine:bot", Via: lockstep.ProofToken}
	cases := map[string]struct {
		why          string
		as           lockstep.Person
		bearer, made bool
		n            int
		kind         fault.Kind
		left         string
	}{
		"Own":    {why: "", as: lockstep.Person{Name: "ana"}, n: 1, kind: fault.KindNone, left: "bot mia"},
		"Admin":  {why: "", as: lockstep.Person{Name: "root", Groups: []string{Admins}}, n: 1, kind: fault.KindNone, left: "bot mia"},
		"Made":   {why: "Whoever made a token has seen it.", as: lockstep.Person{Name: "root", Groups: []string{Admins}}, made: true, n: 2, kind: fault.KindNone, left: "mia"},
		"Other":  {why: "Not those of others.", as: lockstep.Person{Name: "mia"}, kind: fault.KindDenied, left: "ana bot mia"},
		"Token":  {why: "A token that was stolen cannot end the others.", as: lockstep.Person{Name: "ana"}, bearer: true, kind: fault.KindDenied, left: "ana bot mia"},
		"Nobody": {why: "", kind: fault.KindUnauthenticated, left: "ana bot mia"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, "")
			d.tokenFor("ana", "ana", lockstep.Person{Name: "ana"})
			d.tokenFor("mia", "mia", lockstep.Person{Name: "mia"})
			d.tokenFor("bot", "ana", machine)
			ctx := t.Context()
			if tc.as.Name != "" {
				by := proof{session: &credentials.Session{ID: "s"}}
				if tc.bearer {
					by = proof{token: &credentials.Token{ID: "t"}}
				}
				ctx = access.With(context.WithValue(ctx, proofKey{}, by), tc.as)
			}
			n, err := d.EndTokensOf(ctx, "ana", tc.made)
			if n != tc.n || fault.KindOf(err) != tc.kind {
				t.Errorf("%s\nended %d, %v; want %d, %v", tc.why, n, err, tc.n, tc.kind)
			}
			list, err := d.Keep.Tokens(t.Context(), "", d.Now())
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, name := range []string{"ana", "bot", "mia"} {
				for _, x := range list {
					if x.ID == name {
						left = append(left, name)
					}
				}
			}
			if strings.Join(left, " ") != tc.left {
				t.Errorf("%s\nleft are %v, want %s", tc.why, left, tc.left)
			}
		})
	}
}

package signin

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/store/credentials"
)

// desk is a server that finds out who asks, and a browser in front of it.
type desk struct {
	*Service
	*httptest.Server
	t       *testing.T
	browser *http.Client
	events  []Event
	mu      sync.Mutex
	now     time.Time
}

// oneLink is a link that is out once.
type oneLink struct{ secret string }

func (l *oneLink) Redeem(_ context.Context, secret string) (bool, error) {
	ok := secret == l.secret && secret != ""
	if ok {
		l.secret = ""
	}
	return ok, nil
}

func newDesk(t *testing.T, config string) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Now()}
	s, err := New(Options{
		Keep: credentials.NewMemory(), Key: []byte("0123456789abcdef0123456789abcdef"), Links: &oneLink{"open sesame, but longer"},
		Config: func() (Source, error) { return Source{Raw: []byte(config)}, nil },
		Record: func(_ context.Context, e Event) { d.mu.Lock(); defer d.mu.Unlock(); d.events = append(d.events, e) },
		Now:    func() time.Time { d.mu.Lock(); defer d.mu.Unlock(); return d.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.Mount(mux)
	mux.Handle("/me", s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := access.Who(r.Context())
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintf(w, "%s %v", p.Name, p.Groups)
	})))
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	d.Service, d.Server = s, httptest.NewServer(mux)
	t.Cleanup(d.Close)
	d.browser = d.newBrowser()
	return d
}

func (d *desk) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func (d *desk) later(by time.Duration) { d.mu.Lock(); defer d.mu.Unlock(); d.now = d.now.Add(by) }

func (d *desk) get(path string) (int, string) {
	d.t.Helper()
	resp, err := d.browser.Get(d.Server.URL + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (d *desk) me() string {
	d.t.Helper()
	status, body := d.get("/me")
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	return body
}

func config(i *testIssuer, more string) string {
	return fmt.Sprintf("providers:\n- {name: test, issuer: %q, clientID: lockstep}\n%s", i.URL, more)
}

const ana = "oidc:ana@example.org [oidc:platform]"

// TestTokensOfProviders: what a provider sends decides who is let in, so that
// whatever is wrong with it lets nobody in.
func TestTokensOfProviders(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why    string
		change func(*testIssuer)
		in     bool
	}{
		"Right":      {why: "The way as it should be.", change: func(*testIssuer) {}, in: true},
		"Forged":     {why: "Signed by somebody else.", change: func(i *testIssuer) { i.forger = stranger }},
		"Unsigned":   {why: "alg none is no signature.", change: func(i *testIssuer) { i.alg = "none" }},
		"Symmetric":  {why: "The public key is no shared secret.", change: func(i *testIssuer) { i.alg = "HS256" }},
		"Expired":    {why: "An old token may have been found somewhere.", change: func(i *testIssuer) { i.claims = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()} }},
		"Audience":   {why: "A token for another application is not for us.", change: func(i *testIssuer) { i.claims = map[string]any{"aud": "other"} }},
		"Issuer":     {why: "Another issuer's word is not this one's.", change: func(i *testIssuer) { i.claims = map[string]any{"iss": "https://evil.example.org"} }},
		"Nonce":      {why: "A token of another sign-in was injected.", change: func(i *testIssuer) { i.claims = map[string]any{"nonce": "other"} }},
		"NoNonce":    {why: "Without one it could be of any sign-in.", change: func(i *testIssuer) { i.claims = map[string]any{"nonce": ""} }},
		"Unverified": {why: "Anybody may claim an address.", change: func(i *testIssuer) { i.claims = map[string]any{"email_verified": false} }},
		"NoUser":     {why: "Nobody is nobody.", change: func(i *testIssuer) { i.claims = map[string]any{"email": 7} }},
		"Newline":    {why: "The name becomes a header of requests.", change: func(i *testIssuer) { i.claims = map[string]any{"email": "ana\r\nImpersonate-Group: system:masters"} }},
		"Down":       {why: "A provider that is down lets nobody in.", change: func(i *testIssuer) { i.down = true }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			i := newTestIssuer(t)
			d := newDesk(t, config(i, ""))
			tc.change(i)
			status, body := d.get("/auth/start?provider=test&return=/me")
			want := "401"
			if tc.in {
				want = ana
			}
			if got := d.me(); got != want {
				t.Errorf("%s\nsigned in as %q, want %q (answer: %d %s)", tc.why, got, want, status, body)
			}
			if strings.Contains(body, "id_token") || strings.Contains(body, "access") && !tc.in {
				t.Errorf("the answer says too much: %s", body)
			}
		})
	}
}

// TestWay: a browser that comes back is the one that was sent, and comes back once.
func TestWay(t *testing.T) {
	i := newTestIssuer(t)
	d := newDesk(t, config(i, ""))
	stop := errorOnCallback(d)
	_, _ = d.browser.Get(d.Server.URL + "/auth/start?provider=test")
	back := stop()
	for name, to := range map[string]string{
		"Elsewhere": back, "OtherState": d.Server.URL + "/auth/callback/test?code=code&state=" + strings.Repeat("x", 43), "NoState": d.Server.URL + "/auth/callback/test?code=code",
	} {
		other := d.newBrowser()
		resp, err := other.Get(to)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: answered %d, want 401", name, resp.StatusCode)
		}
	}
	d.browser.CheckRedirect = nil
	keep := cookiesOf(d)
	if resp, err := d.browser.Get(back); err != nil || resp.StatusCode != 200 {
		t.Fatalf("the way back: %v %v", resp, err)
	}
	if got := d.me(); got != ana {
		t.Fatalf("signed in as %q", got)
	}
	// Replayed with the cookie that it had.
	again := d.newBrowser()
	u, _ := url.Parse(d.Server.URL)
	again.Jar.SetCookies(u, keep)
	resp, err := again.Get(back)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the way back once more: %v, %v, want 401", resp.StatusCode, err)
	}
}

// errorOnCallback stops a browser before it is back, and tells where that was.
func errorOnCallback(d *desk) func() string {
	var at string
	d.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/auth/callback") {
			at = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	return func() string { return at }
}

func cookiesOf(d *desk) []*http.Cookie {
	u, _ := url.Parse(d.Server.URL)
	return d.browser.Jar.Cookies(u)
}

// TestChecks: a login holds as long as its provider says so, or does not answer.
func TestChecks(t *testing.T) {
	i := newTestIssuer(t)
	d := newDesk(t, config(i, ""))
	d.get("/auth/start?provider=test")
	if got := d.me(); got != ana {
		t.Fatalf("signed in as %q", got)
	}
	check := func() { d.later(6 * time.Minute); d.checkLogins(t.Context()) }

	i.groups = []string{"guests"}
	check()
	if got := d.me(); got != "oidc:ana@example.org [oidc:guests]" {
		t.Errorf("after the groups changed: %q", got)
	}
	i.down = true
	check()
	if got := d.me(); !strings.HasPrefix(got, "oidc:ana") {
		t.Errorf("a provider that is down signs people out: %q", got)
	}
	i.down, i.removed = false, true
	check()
	if got := d.me(); got != "401" {
		t.Errorf("who was removed is still %q", got)
	}
	if last := d.events[len(d.events)-1]; last.Kind != EventLogout || last.Of != "oidc:ana@example.org" {
		t.Errorf("the record ends with %+v", last)
	}
}

// TestSessions: a session changes its secret, ends when nobody uses it, and at last.
func TestSessions(t *testing.T) {
	d := newDesk(t, "sessions: {idle: 1h, rotate: 10m, unchecked: 3h}")
	link := func(secret string) int {
		resp, err := d.browser.PostForm(d.Server.URL+"/auth/link", url.Values{"t": {secret}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := link("wrong"); got != http.StatusUnauthorized {
		t.Errorf("a wrong link: %d", got)
	}
	if got := link("open sesame, but longer"); got != http.StatusNoContent {
		t.Fatalf("the link: %d", got)
	}
	first := cookiesOf(d)[0].Value
	if got := link("open sesame, but longer"); got != http.StatusUnauthorized {
		t.Errorf("the link once more: %d", got)
	}
	d.later(11 * time.Minute)
	if d.me() == "401" || cookiesOf(d)[0].Value == first {
		t.Error("the secret did not change")
	}
	d.later(2 * time.Minute)
	thief := d.newBrowser()
	u, _ := url.Parse(d.Server.URL)
	thief.Jar.SetCookies(u, []*http.Cookie{{Name: sessionCookie, Value: first}})
	if resp, err := thief.Get(d.Server.URL + "/me"); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the secret before is taken for ever: %v", resp)
	}
	for range 3 {
		d.later(50 * time.Minute)
		if d.me() == "401" && d.Now().Sub(d.started) < 3*time.Hour {
			t.Error("a session in use ended")
		}
	}
	d.later(30 * time.Minute)
	if got := d.me(); got != "401" {
		t.Errorf("beyond its absolute end the session is %q", got)
	}
}

// TestOtherSites: a page of another site changes nothing with the cookie of ours.
func TestOtherSites(t *testing.T) {
	d := newDesk(t, "")
	if _, err := d.browser.PostForm(d.Server.URL+"/auth/link", url.Values{"t": {"open sesame, but longer"}}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		method, header, value string
		want                  int
	}{
		"CrossSite": {http.MethodPost, "Sec-Fetch-Site", "cross-site", 403},
		"SameSite":  {http.MethodPost, "Sec-Fetch-Site", "same-site", 403},
		"Origin":    {http.MethodPost, "Origin", "https://evil.example.org", 403},
		"Null":      {http.MethodDelete, "Origin", "null", 403},
		"Own":       {http.MethodPost, "Sec-Fetch-Site", "same-origin", 200},
		"Reading":   {http.MethodGet, "Sec-Fetch-Site", "cross-site", 200},
	} {
		r, _ := http.NewRequest(tc.method, d.Server.URL+"/me", nil)
		r.Header.Set(tc.header, tc.value)
		resp, err := d.browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s: answered %d, want %d", name, resp.StatusCode, tc.want)
		}
	}
}

// TestExchange: a job's token is taken if a rule holds for it, and once.
func TestExchange(t *testing.T) {
	i := newTestIssuer(t)
	d := newDesk(t, fmt.Sprintf(`trust:
- name: ci
  issuer: %q
  audience: lockstep
  rules:
  - {when: 'claims.repository == "acme/shop"', user: '"ci:" + claims.repository', groups: ["ci:deployers"], scopes: ["get:payments"]}
  - {when: 'claims.repository == "acme/evil"', user: 'claims.who'}
`, i.URL))
	shop := map[string]any{"repository": "acme/shop", "jti": "1"}
	with := func(key string, value any) map[string]any {
		out := map[string]any{"repository": "acme/shop", "jti": rand.Text()}
		out[key] = value
		return out
	}
	cases := map[string]string{
		"expired":   i.token(t, with("exp", time.Now().Add(-time.Minute).Unix())),
		"audience":  i.token(t, with("aud", "sigstore")),
		"issuer":    i.token(t, with("iss", "https://evil.example.org")),
		"no rule":   i.token(t, with("repository", "acme/other")),
		"reserved":  i.token(t, map[string]any{"repository": "acme/evil", "who": "system:admin", "jti": "9"}),
		"no claim":  i.token(t, map[string]any{"jti": "8"}),
		"malformed": "a.b.c",
	}
	for name, token := range cases {
		if out, err := d.Exchange(t.Context(), token); err == nil {
			t.Errorf("%s: exchanged for %v", name, out.Person)
		}
	}
	token := i.token(t, shop)
	out, err := d.Exchange(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("ci:acme/shop", out.Person.Name); diff != "" {
		t.Error(diff)
	}
	if _, err := d.Exchange(t.Context(), token); err == nil || fault.KindOf(err) != fault.KindUnauthenticated {
		t.Errorf("once more: %v", err)
	}
	ask := func() int {
		r, _ := http.NewRequest(http.MethodGet, d.Server.URL+"/me", nil)
		r.Header.Set("Authorization", "Bearer "+out.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask(); got != 200 {
		t.Errorf("the token is answered with %d", got)
	}
	d.later(16 * time.Minute)
	if got := ask(); got != 401 {
		t.Errorf("the expired token is answered with %d", got)
	}
}

// TestAttemptsAreLimited: guessing is slow.
func TestAttemptsAreLimited(t *testing.T) {
	d := newDesk(t, "")
	last := 0
	for range tryBurst + 1 {
		resp, err := d.browser.PostForm(d.Server.URL+"/auth/link", url.Values{"t": {"guess"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		last = resp.StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last of many was answered with %d", last)
	}
}

// TestReturn: nobody is sent to another site.
func TestReturn(t *testing.T) {
	for to, want := range map[string]string{
		"/stacks?x=1": "/stacks?x=1", "": "/", "https://evil.example.org": "/", "//evil.example.org": "/", `/\evil.example.org`: "/",
		"/a\r\nb": "/", "javascript:alert(1)": "/", "/%2f/evil": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("local(%q) = %q, want %q", to, got, want)
		}
	}
}

// TestAddress: only what our own proxies appended is believed.
func TestAddress(t *testing.T) {
	f, err := ParseFront("https://lockstep.example.org", []string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ peer, forwarded, want string }{
		"Direct":  {"192.0.2.1:1", "198.51.100.7", "192.0.2.1"},
		"Proxied": {"10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		"Spoofed": {"10.0.0.1:1", "1.1.1.1, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		"Rubbish": {"10.0.0.1:1", "<script>", "10.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tc.peer
		r.Header.Set("X-Forwarded-For", tc.forwarded)
		if got := f.Address(r); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestCookiesOverHTTPS: they are for this host, for https, and not for scripts.
func TestCookiesOverHTTPS(t *testing.T) {
	d := newDesk(t, "")
	d.Front.External = "https://lockstep.example.org"
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	d.setCookie(w, r, sessionCookie, "secret", time.Hour)
	const want = "__Host-lockstep-session=secret; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"
	if got := w.Header().Get("Set-Cookie"); got != want {
		t.Errorf("Set-Cookie: %s, want %s", got, want)
	}
	d.Front.External = ""
	r.Host, r.RemoteAddr = "lockstep.example.org", "192.0.2.1:1"
	if err := d.Front.fit(r); err == nil || fault.KindOf(err) != fault.KindDenied {
		t.Errorf("signing in over http from elsewhere: %v", err)
	}
}

func FuzzBearer(f *testing.F) {
	f.Add(mint(classToken))
	f.Add("lockstep_")
	f.Add("lockstep_t" + strings.Repeat("0", 38))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := classOf(s)
		if err != nil {
			return
		}
		body := s[len(bearerPrefix) : len(s)-bearerCheck]
		if s != bearerPrefix+body+check(body) || class(body[0]) != c {
			t.Errorf("%q was read as one of class %q", s, c)
		}
	})
}

func FuzzSealed(f *testing.F) {
	s, err := newSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		f.Fatal(err)
	}
	good, _ := s.sealText(wayPurpose, way{State: "x"})
	f.Add(good)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var w way
		if err := s.openText(wayPurpose, text, &w); err == nil && text != good {
			t.Errorf("%q was opened", text)
		}
		if s.openText(grantPurpose, text, &w) == nil {
			t.Errorf("%q was opened for another purpose", text)
		}
	})
}

func FuzzLocal(f *testing.F) {
	f.Add("/x?y=z")
	f.Add("//evil")
	base, _ := url.Parse("https://lockstep.example.org/auth/callback/x")
	f.Fuzz(func(t *testing.T, to string) {
		u, err := base.Parse(local(to))
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme {
			t.Errorf("%q leads to %v, %v", to, u, err)
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("providers:\n- {name: a, issuer: https://x.example.org, clientID: b}\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = ParseConfig(raw) })
}

// TestStill: what began by a session goes on while that lives, also when its secret
// changes, and ends with it.
func TestStill(t *testing.T) {
	d := newDesk(t, "")
	now := d.Now()
	begin := func(id string) context.Context {
		t.Helper()
		login := credentials.Login{ID: "l" + id, Person: lockstep.Person{Name: id}, Created: now, Expires: now.Add(24 * time.Hour)}
		session := credentials.Session{ID: id, Login: login.ID, Kind: credentials.Browser, Hash: hashOf("secret of " + id), Created: now, Rotated: now, Seen: now}
		if err := d.Keep.AddLogin(t.Context(), login); err != nil {
			t.Fatal(err)
		}
		if err := d.Keep.AddSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		ctx := context.WithValue(t.Context(), proofKey{}, proof{session: &session, login: &login})
		return access.With(ctx, login.Person)
	}
	ana, bob := begin("ana"), begin("bob")
	if p, err := d.Still(ana); err != nil || p.Name != "ana" {
		t.Errorf("at once: %s, %v", p.Name, err)
	}
	if _, err := d.Keep.Rotate(t.Context(), "ana", hashOf("secret of ana"), hashOf("another"), now, now); err != nil {
		t.Fatal(err)
	}
	d.later(time.Hour)
	if p, err := d.Still(ana); err != nil || p.Name != "ana" {
		t.Errorf("under a new secret: %s, %v", p.Name, err)
	}
	if _, err := d.Keep.EndSession(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Still(bob); fault.KindOf(err) != fault.KindUnauthenticated {
		t.Errorf("after the end: %v", err)
	}
	token := credentials.Token{ID: "t", Hash: hashOf("t"), Person: lockstep.Person{Name: "machine:x"}, Created: now, Expires: now.Add(2 * time.Hour)}
	if err := d.Keep.AddToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	job := context.WithValue(t.Context(), proofKey{}, proof{token: &token})
	if p, err := d.Still(job); err != nil || p.Name != "machine:x" {
		t.Errorf("a token: %s, %v", p.Name, err)
	}
	d.later(2 * time.Hour)
	if _, err := d.Still(job); fault.KindOf(err) != fault.KindUnauthenticated {
		t.Errorf("a token that expired: %v", err)
	}
}

package signin

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/test/forgetest"
)

// browser is what a browser is for signing in: it keeps cookies, follows where it is
// sent, and sends forms.
type browser struct {
	t      *testing.T
	client *http.Client
	went   []*url.URL // where it was sent, newest last
}

// page is what it shows.
type page struct {
	status int
	url    *url.URL
	body   string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		b.went = append(b.went, r.URL)
		return nil
	}}
	return b
}

func (b *browser) send(method, at string, form url.Values, head map[string]string) page {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, at, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for k, v := range head {
		r.Header.Set(k, v)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{status: resp.StatusCode, url: resp.Request.URL, body: string(raw)}
}

func (b *browser) get(at string) page { b.t.Helper(); return b.send("GET", at, nil, nil) }

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
	action = regexp.MustCompile(`(?i)<form[^>]*method="post"[^>]*action="([^"]+)"`)
)

// submit sends the page's form with what is hidden in it and then more.
func (b *browser) submit(p page, more url.Values) page {
	b.t.Helper()
	to := action.FindStringSubmatch(p.body)
	if to == nil {
		b.t.Fatalf("%s (%d) has no form\n%s", p.url, p.status, p.body)
	}
	at, err := p.url.Parse(html.UnescapeString(to[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	form := url.Values{}
	for _, in := range hidden.FindAllStringSubmatch(p.body, -1) {
		form.Set(in[1], html.UnescapeString(in[2]))
	}
	for k := range more {
		form.Set(k, more.Get(k))
	}
	return b.send("POST", at.String(), form, nil)
}

// signIn goes the whole way of a person: from Lockstep to the forge and back.
func (b *browser) signIn(f *forgetest.Forge, server, name string) page {
	b.t.Helper()
	b.submitLogin(f, name)
	p := b.get(server + "/auth/start?provider=gitea&return=%2Fapi%2Fv1%2Fme")
	if strings.HasPrefix(p.url.String(), f.URL) {
		p = b.submit(p, url.Values{"granted": {"true"}})
	}
	return p
}

// submitLogin signs in at the forge itself, whose own form no test is about.
func (b *browser) submitLogin(f *forgetest.Forge, name string) {
	b.t.Helper()
	if p := b.send("POST", f.URL+"/user/login", url.Values{"user_name": {name}, "password": {forgetest.Password}}, nil); p.status != http.StatusOK && p.status != http.StatusNotFound {
		b.t.Fatalf("the forge answers %d\n%s", p.status, p.body)
	}
}

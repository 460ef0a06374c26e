package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// source FILE reads what a shell would export.
func source(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok && strings.HasPrefix(line, "export ") {
			ts.Setenv(name, strings.Trim(value, "'"))
		}
	}
}

var linked = regexp.MustCompile(`(http://[^/]+)/login\?return=%2Fwelcome#t=(\S+)`)

// opens opens the link that the last command printed, as the sign-in page does: it
// signs in once, and once only.
func opens(ts *testscript.TestScript, _ bool, _ []string) {
	found := linked.FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("no link is printed")
	}
	server, secret := found[1], found[2]
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	c := &http.Client{Jar: jar, Timeout: patience}
	redeem := func(c *http.Client) int {
		r, err := http.NewRequest(http.MethodPost, server+"/auth/link", strings.NewReader(url.Values{"t": {secret}}.Encode()))
		ts.Check(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := c.Do(r)
		ts.Check(err)
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := redeem(c); got != http.StatusNoContent {
		ts.Fatalf("the link is answered with %d", got)
	}
	resp, err := c.Get(server + "/api/v1/me")
	ts.Check(err)
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	ts.Check(err)
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "lockstep:local-admin") {
		ts.Fatalf("who opened the link is %d %s", resp.StatusCode, body)
	}
	if got := redeem(&http.Client{Timeout: patience}); got != http.StatusUnauthorized {
		ts.Fatalf("the second use of the link is answered with %d", got)
	}
}

// ask reads from the API with the token of the demo's terminal.
func ask(ts *testscript.TestScript, path string) (int, []byte) {
	r, err := http.NewRequest(http.MethodGet, ts.Getenv("LOCKSTEP_SERVER")+"/api/v1/"+path, nil)
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+ts.Getenv("LOCKSTEP_TOKEN"))
	resp, err := (&http.Client{Timeout: patience}).Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, out
}

// recorded KIND VERB OUTCOME STACK waits until the record says so: it is what the
// welcome page ticks its cards by.
func recorded(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[3], "/")
	path := "audit?" + url.Values{"kind": {args[0]}, "verb": {args[1]}, "outcome": {args[2]}, "namespace": {namespace}, "name": {name}}.Encode()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		got, body := ask(ts, path)
		var page struct{ Items []struct{ Seq int64 } }
		if got == http.StatusOK && json.Unmarshal(body, &page) == nil && len(page.Items) > 0 {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the record has no %s: %d %s", strings.Join(args, " "), got, body)
		}
	}
}

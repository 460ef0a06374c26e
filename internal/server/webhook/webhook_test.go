package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/server/webhook"
)

const (
	secret = "s3cret"
	old    = "1111111111111111111111111111111111111111"
	now    = "2222222222222222222222222222222222222222"
	zero   = "0000000000000000000000000000000000000000"
)

// The bodies hold the fields that the servers really send around those we read,
// shortened.
const (
	githubBody = `{"ref":"refs/heads/main","before":"` + old + `","after":"` + now + `","created":false,"deleted":false,"forced":false,
"repository":{"id":1,"full_name":"org/repo","private":true,"html_url":"https://github.example/org/repo","url":"https://github.example/org/repo","git_url":"git://github.example/org/repo.git","ssh_url":"git@github.example:org/repo.git","clone_url":"https://github.example/org/repo.git","master_branch":"main"},
"pusher":{"name":"u"},"commits":[{"id":"` + now + `","message":"x","added":[],"modified":["a"]}]}`
	gitlabBody = `{"object_kind":"tag_push","event_name":"tag_push","before":"` + zero + `","after":"` + now + `","ref":"refs/tags/v1.0.0","checkout_sha":"` + now + `","project_id":1,
"project":{"id":1,"name":"r","web_url":"http://gitlab.example/g/r","git_ssh_url":"git@gitlab.example:g/r.git","git_http_url":"http://gitlab.example/g/r.git","url":"git@gitlab.example:g/r.git"},
"repository":{"name":"r","url":"git@gitlab.example:g/r.git","homepage":"http://gitlab.example/g/r"},"commits":[]}`
	giteaBody = `{"ref":"refs/heads/dev","before":"` + old + `","after":"` + now + `","compare_url":"","repository":{"id":1,"html_url":"http://gitea.example:3000/o/r","ssh_url":"ssh://git@gitea.example:2222/o/r.git","clone_url":"http://gitea.example:3000/o/r.git"},"commits":[]}`
	cloudBody = `{"push":{"changes":[{"forced":false,"old":{"type":"branch","name":"main","target":{"hash":"` + old + `"}},"new":{"type":"branch","name":"main","target":{"hash":"` + now + `","type":"commit"}}}]},
"repository":{"type":"repository","full_name":"ws/r","links":{"self":{"href":"https://api.bitbucket.example/2.0/repositories/ws/r"},"html":{"href":"https://bitbucket.example/ws/r"}}},"actor":{}}`
	serverBody = `{"eventKey":"repo:refs_changed","date":"2026-01-01T00:00:00+0000","repository":{"slug":"r","id":84,"project":{"key":"PROJ"},"links":{"clone":[{"href":"https://bb.example/scm/proj/r.git","name":"http"},{"href":"ssh://git@bb.example:7999/proj/r.git","name":"ssh"}],"self":[{"href":"https://bb.example/projects/PROJ/repos/r/browse"}]}},
"changes":[{"ref":{"id":"refs/heads/master","displayId":"master","type":"BRANCH"},"refId":"refs/heads/master","fromHash":"` + old + `","toHash":"` + zero + `","type":"DELETE"}]}`
	genericBody = `{"url":"https://git.example/o/r.git","ref":"refs/heads/main","after":"` + now + `"}`
)

func sign(body, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func request(body string, headers map[string]string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	return r
}

// signed returns the headers that each provider sends with body.
func signed(p webhook.Provider, body, key string) map[string]string {
	s := sign(body, key)
	return map[webhook.Provider]map[string]string{
		webhook.GitHub:          {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + s},
		webhook.GitLab:          {"X-Gitlab-Event": "Tag Push Hook", "X-Gitlab-Token": key},
		webhook.Gitea:           {"X-Gitea-Event": "push", "X-GitHub-Event": "push", "X-Gitea-Signature": s, "X-Hub-Signature-256": "sha256=" + s},
		webhook.BitbucketCloud:  {"X-Event-Key": "repo:push", "X-Hook-UUID": "u", "X-Hub-Signature": "sha256=" + s},
		webhook.BitbucketServer: {"X-Event-Key": "repo:refs_changed", "X-Hub-Signature": "sha256=" + s},
		webhook.Generic:         {"X-Signature-256": "sha256=" + s},
	}[p]
}

var bodies = map[webhook.Provider]struct {
	body string
	want webhook.Push
	url  string // that must be recognised
}{
	webhook.GitHub: {githubBody, webhook.Push{Ref: "refs/heads/main", Before: old, After: now, RepoURLs: []string{
		"https://github.example/org/repo.git", "git@github.example:org/repo.git", "https://github.example/org/repo",
	}}, "ssh://git@github.example/org/repo"},
	webhook.GitLab: {gitlabBody, webhook.Push{Ref: "refs/tags/v1.0.0", Before: zero, After: now, RepoURLs: []string{
		"git@gitlab.example:g/r.git", "http://gitlab.example/g/r.git", "http://gitlab.example/g/r",
	}}, "https://gitlab.example/g/r"},
	webhook.Gitea: {giteaBody, webhook.Push{Ref: "refs/heads/dev", Before: old, After: now, RepoURLs: []string{
		"http://gitea.example:3000/o/r.git", "ssh://git@gitea.example:2222/o/r.git", "http://gitea.example:3000/o/r",
	}}, "http://gitea.example:3000/O/R/"},
	webhook.BitbucketCloud: {cloudBody, webhook.Push{Ref: "refs/heads/main", Before: old, After: now, RepoURLs: []string{
		"https://bitbucket.example/ws/r",
	}}, "git@bitbucket.example:ws/r.git"},
	webhook.BitbucketServer: {serverBody, webhook.Push{Ref: "refs/heads/master", Before: old, After: zero, RepoURLs: []string{
		"https://bb.example/scm/proj/r.git", "ssh://git@bb.example:7999/proj/r.git", "https://bb.example/scm/PROJ/r.git", "ssh://git@bb.example/PROJ/r.git",
	}}, "https://bb.example/scm/proj/r"},
	webhook.Generic: {genericBody, webhook.Push{Ref: "refs/heads/main", After: now, RepoURLs: []string{
		"https://git.example/o/r.git",
	}}, "https://git.example/o/r.git"},
}

func TestParse(t *testing.T) {
	for provider, tc := range bodies {
		t.Run(string(provider), func(t *testing.T) {
			want := tc.want
			want.Provider, want.Event = provider, webhook.EventPush
			got, err := webhook.Parse(request(tc.body, signed(provider, tc.body, secret)), []byte(secret))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			if !got.Names(tc.url) {
				t.Errorf("does not name %s", tc.url)
			}
			if got.Names("https://elsewhere.example/o/r") {
				t.Error("names a stranger")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for provider, tc := range bodies {
		good := signed(provider, tc.body, secret)
		wrong := map[string]map[string]string{"with another secret": signed(provider, tc.body, "guess")}
		bare := map[string]string{}
		for k, v := range good {
			if !strings.Contains(k, "Signature") && !strings.Contains(k, "Token") {
				bare[k] = v
			}
		}
		if provider != webhook.Generic { // without its signature there is no telling what it is
			wrong["without a signature"] = bare
		}
		for how, headers := range wrong {
			_, err := webhook.Parse(request(tc.body, headers), []byte(secret))
			if fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s %s: %v", provider, how, err)
			}
		}
		if provider != webhook.GitLab { // which signs nothing
			_, err := webhook.Parse(request(tc.body+" ", good), []byte(secret))
			if fault.KindOf(err) != fault.KindDenied {
				t.Errorf("%s with a changed body: %v", provider, err)
			}
		}
		if _, err := webhook.Parse(request(tc.body, signed(provider, tc.body, "")), nil); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("%s signed with the empty secret: %v", provider, err)
		}
		if provider == webhook.Generic {
			continue
		}
		if got, err := webhook.ParseUnsigned(request(tc.body, bare)); err != nil || got.Ref != tc.want.Ref {
			t.Errorf("%s where unsigned ones are allowed: %+v, %v", provider, got, err)
		}
	}
}

func TestOldSignatureIsRefused(t *testing.T) {
	// SHA-1, which GitHub sends for those who still want it.
	h := map[string]string{"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=" + strings.Repeat("0", 40)}
	if _, err := webhook.Parse(request(githubBody, h), []byte(secret)); fault.KindOf(err) != fault.KindDenied {
		t.Errorf("got %v", err)
	}
}

func TestEvents(t *testing.T) {
	cases := map[string]struct {
		headers map[string]string
		want    webhook.Event
	}{
		"github ping":    {map[string]string{"X-GitHub-Event": "ping"}, webhook.EventPing},
		"bitbucket ping": {map[string]string{"X-Event-Key": "diagnostics:ping"}, webhook.EventPing},
		"github issues":  {map[string]string{"X-GitHub-Event": "issues"}, webhook.EventOther},
		"gitlab note":    {map[string]string{"X-Gitlab-Event": "Note Hook"}, webhook.EventOther},
	}
	for name, tc := range cases {
		if got, err := webhook.ParseUnsigned(request(`{"zen":"x"}`, tc.headers)); err != nil || got.Event != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestForm(t *testing.T) {
	body := url.Values{"payload": {githubBody}}.Encode()
	r := request(body, signed(webhook.GitHub, body, secret))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got, err := webhook.Parse(r, []byte(secret)); err != nil || got.After != now {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSeveralChangesLeaveTheRefOpen(t *testing.T) {
	body := strings.Replace(cloudBody, `"changes":[`, `"changes":[{"new":{"type":"tag","name":"v1"}},`, 1)
	got, err := webhook.Parse(request(body, signed(webhook.BitbucketCloud, body, secret)), []byte(secret))
	if err != nil || got.Ref != "" || !got.Names("https://bitbucket.example/ws/r") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadRequests(t *testing.T) {
	long := strings.Repeat(" ", webhook.MaxBody+1)
	_, err := webhook.Parse(request(long, signed(webhook.GitHub, long, secret)), []byte(secret))
	if !errors.Is(err, webhook.ErrTooLarge) {
		t.Errorf("a long body: %v", err)
	}
	chunked := request(long, signed(webhook.GitHub, long, secret))
	chunked.ContentLength = -1
	if _, err := webhook.Parse(chunked, []byte(secret)); !errors.Is(err, webhook.ErrTooLarge) {
		t.Errorf("a long body of unknown length: %v", err)
	}
	for name, body := range map[string]string{"no JSON": "hello", "empty": "", "no repository": "{}", "wrong types": `{"ref":7}`} {
		if _, err := webhook.Parse(request(body, signed(webhook.GitHub, body, secret)), []byte(secret)); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := webhook.Parse(request("{}", nil), []byte(secret)); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("no header: %v", err)
	}
	get := request("", signed(webhook.GitHub, "", secret))
	get.Method = http.MethodGet
	if _, err := webhook.Parse(get, []byte(secret)); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("GET: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for provider, tc := range bodies {
		f.Add(string(provider), tc.body)
	}
	f.Fuzz(func(t *testing.T, provider, body string) {
		h := signed(webhook.Provider(provider), body, secret)
		got, err := webhook.Parse(request(body, h), []byte(secret))
		if err != nil {
			return
		}
		if len(got.RepoURLs) > 16 || strings.ContainsAny(got.Ref+got.Before+got.After, " \n\x00") {
			t.Errorf("took %+v from a stranger", got)
		}
		if _, err := webhook.Parse(request(body, h), []byte("another")); err == nil {
			t.Error("any secret will do")
		}
	})
}

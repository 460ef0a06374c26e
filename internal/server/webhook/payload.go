package webhook

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// payload is the union of what the servers send, as far as we read it. Their
// names do not clash, so one type reads them all.
type payload struct {
	Ref        string     `json:"ref"`
	Before     string     `json:"before"`
	After      string     `json:"after"`
	URL        string     `json:"url"` // generic
	Repository repository `json:"repository"`
	Project    repository `json:"project"` // GitLab

	Push struct { // Bitbucket Cloud
		Changes []struct {
			New, Old *cloudRef
		} `json:"changes"`
	} `json:"push"`
	Changes []struct { // Bitbucket Server
		Ref struct {
			ID string `json:"id"`
		} `json:"ref"`
		FromHash string `json:"fromHash"`
		ToHash   string `json:"toHash"`
	} `json:"changes"`
}

type cloudRef struct {
	Type   string `json:"type"` // branch, tag
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

func (c *cloudRef) hash() string {
	if c == nil {
		return ""
	}
	return c.Target.Hash
}

// repository holds every field in which some server puts an address.
type repository struct {
	CloneURL   string `json:"clone_url"`
	SSHURL     string `json:"ssh_url"`
	HTMLURL    string `json:"html_url"`
	GitHTTPURL string `json:"git_http_url"`
	GitSSHURL  string `json:"git_ssh_url"`
	WebURL     string `json:"web_url"`
	URL        string `json:"url"`
	Links      struct {
		Clone []link          `json:"clone"`
		HTML  link            `json:"html"`
		Self  json.RawMessage `json:"self"` // a list at the server, one link in the cloud
	} `json:"links"`
}

type link struct {
	Href string `json:"href"`
}

func (r repository) urls() []string {
	out := []string{r.CloneURL, r.SSHURL, r.GitHTTPURL, r.GitSSHURL, r.HTMLURL, r.WebURL, r.URL, r.Links.HTML.Href}
	for _, l := range r.Links.Clone {
		out = append(out, l.Href)
	}
	var self []link
	if json.Unmarshal(r.Links.Self, &self) == nil {
		for _, l := range self {
			out = append(out, serverClone(l.Href)...)
		}
	}
	return out
}

var browse = regexp.MustCompile(`^(.*)/(projects|users)/([^/]+)/repos/([^/]+)(/browse)?/?$`)

// serverClone derives the clone address from the page of a repository: older
// Bitbucket Servers send nothing else.
func serverClone(page string) []string {
	u, err := url.Parse(page)
	if err != nil {
		return nil
	}
	m := browse.FindStringSubmatch(u.Path)
	if m == nil {
		return nil
	}
	owner := m[3]
	if m[2] == "users" {
		owner = "~" + owner
	}
	u.Path = m[1] + "/scm/" + owner + "/" + m[4] + ".git"
	over := "ssh://git@" + u.Hostname() + "/" + owner + "/" + m[4] + ".git"
	return []string{u.String(), over}
}

// read turns a body whose signature was found good into a Push.
func (k kind) read(h http.Header, body []byte) (Push, error) {
	p := Push{Provider: k.provider, Event: k.eventOf(h)}
	if p.Event != EventPush {
		return p, nil
	}
	if strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded") {
		// GitHub's other way to send the same.
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return Push{}, fault.Invalid("the body is not a form").WithHint("choose application/json at the Git server")
		}
		body = []byte(form.Get("payload"))
	}
	var in payload
	if err := json.Unmarshal(body, &in); err != nil {
		return Push{}, fault.Invalid("the body is not what %s sends", k.provider).
			WithHint("choose application/json at the Git server").Because(err)
	}
	p.RepoURLs = addresses(append(in.Repository.urls(), append(in.Project.urls(), in.URL)...))
	p.Ref, p.Before, p.After = in.change()
	if len(p.RepoURLs) == 0 {
		return Push{}, fault.Invalid("the body names no repository")
	}
	return p, nil
}

// eventOf reads the header that each server puts the event in.
func (k kind) eventOf(h http.Header) Event {
	if k.provider == Generic {
		return EventPush
	}
	switch h.Get(k.event) {
	case "push", "create", "delete", "Push Hook", "Tag Push Hook", "repo:push", "repo:refs_changed":
		return EventPush
	case "ping", "diagnostics:ping":
		return EventPing
	}
	return EventOther
}

func (in payload) change() (ref, before, after string) {
	ref, before, after = in.Ref, in.Before, in.After
	// Several changes in one announcement leave the ref open: all are looked at.
	if c := in.Push.Changes; len(c) == 1 {
		ref, before, after = cloudName(c[0].New, c[0].Old), c[0].Old.hash(), c[0].New.hash()
	}
	if c := in.Changes; len(c) == 1 {
		ref, before, after = c[0].Ref.ID, c[0].FromHash, c[0].ToHash
	}
	if !plainRef.MatchString(ref) {
		ref = ""
	}
	return ref, hashOrNone(before), hashOrNone(after)
}

func cloudName(refs ...*cloudRef) string {
	for _, r := range refs {
		if r == nil {
			continue
		}
		if r.Type == "tag" {
			return "refs/tags/" + r.Name
		}
		return "refs/heads/" + r.Name
	}
	return ""
}

var (
	plainRef  = regexp.MustCompile(`^refs/[^\s\x00-\x1f\x7f]{1,1000}$`)
	plainHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
)

func hashOrNone(s string) string {
	if plainHash.MatchString(s) {
		return s
	}
	return ""
}

// addresses keeps what an address of a repository can be, once each.
func addresses(all []string) []string {
	const most = 16
	var out []string
	for _, u := range all {
		if isRepository(u) && !slices.Contains(out, u) && len(out) < most {
			out = append(out, u)
		}
	}
	return out
}

func isRepository(u string) bool { return len(u) <= 2048 && SameRepository(u, u) }

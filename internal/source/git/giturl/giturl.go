// Package giturl reads the addresses that git takes.
//
// It is strict where git is generous: git runs a program for "ext::sh -c …",
// takes "--upload-pack=…" for an option and a bare path for a repository on
// disk. An address that [Parse] returns can do none of that.
package giturl

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// URL is an address of a repository, without a password.
type URL struct {
	Scheme string // http, https, ssh, file
	User   string // as written; "" if none
	Host   string // lower case, no brackets
	Port   string // "" for the scheme's own
	Path   string // as the server is asked for it
	// Scp is true for user@host:path, where a path without a leading slash is
	// relative to the user's home.
	Scp bool
}

var (
	helper  = regexp.MustCompile(`^[A-Za-z0-9+.-]+::`)
	scpForm = regexp.MustCompile(`^(?:([^@/:\s]+)@)?(\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\]|[^@/:\s\[\]]+):(.+)$`)
	host    = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._:%-]*[A-Za-z0-9_.])?$|^::[0-9A-Fa-f:.]*$`)
)

var defaultPort = map[string]string{"http": "80", "https": "443", "ssh": "22"}

// Parse reads an address. The error names what is wrong with it and never
// repeats a password.
func Parse(raw string) (URL, error) {
	switch {
	case raw == "":
		return URL{}, fmt.Errorf("is empty")
	case strings.HasPrefix(raw, "-"):
		return URL{}, fmt.Errorf("starts with a dash")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return URL{}, fmt.Errorf("holds a space or a control character")
	case helper.MatchString(raw):
		return URL{}, fmt.Errorf("asks for a transport helper, which could run any program")
	}
	if strings.Contains(raw, "://") {
		return parseURL(raw)
	}
	m := scpForm.FindStringSubmatch(raw)
	if m == nil {
		return URL{}, fmt.Errorf("is neither scheme://host/path nor user@host:path")
	}
	u := URL{Scheme: "ssh", User: m[1], Host: strings.ToLower(strings.Trim(m[2], "[]")), Path: m[3], Scp: true}
	return u, u.check()
}

func parseURL(raw string) (URL, error) {
	p, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the address, password and all.
		return URL{}, fmt.Errorf("cannot be read as a URL")
	}
	u := URL{Scheme: strings.ToLower(p.Scheme), Host: strings.ToLower(p.Hostname()), Port: p.Port(), Path: p.EscapedPath()}
	if u.Scheme == "git+ssh" || u.Scheme == "ssh+git" {
		u.Scheme = "ssh"
	}
	if u.Port == defaultPort[u.Scheme] {
		u.Port = ""
	}
	if p.User != nil {
		u.User = p.User.Username()
		if _, ok := p.User.Password(); ok {
			return URL{}, fmt.Errorf("holds a password, which would show wherever the URL does")
		}
	}
	if p.RawQuery != "" || p.Fragment != "" {
		return URL{}, fmt.Errorf("holds a query or a fragment")
	}
	return u, u.check()
}

func (u URL) check() error {
	switch u.Scheme {
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return fmt.Errorf("must be file:///absolute/path")
		}
		return nil
	case "http", "https", "ssh":
	default:
		return fmt.Errorf("has scheme %q; http, https and ssh are known", u.Scheme)
	}
	switch {
	case !host.MatchString(u.Host):
		return fmt.Errorf("has no valid host")
	case strings.HasPrefix(u.User, "-"):
		return fmt.Errorf("has a user that starts with a dash")
	case strings.Trim(u.Path, "/") == "":
		return fmt.Errorf("has no path")
	case strings.HasPrefix(u.Path, "-"):
		return fmt.Errorf("has a path that starts with a dash")
	case strings.HasPrefix(u.Path, ":"):
		// Two colons are how git is asked for a transport helper.
		return fmt.Errorf("has a path that starts with a colon")
	}
	return nil
}

// Origin returns scheme://host:port, the part that a credential belongs to.
func (u URL) Origin() string { return u.Scheme + "://" + u.hostPort() }

func (u URL) hostPort() string {
	switch {
	case u.Port != "":
		return net.JoinHostPort(u.Host, u.Port)
	case strings.Contains(u.Host, ":"):
		return "[" + u.Host + "]"
	}
	return u.Host
}

// String returns the address to hand to git. The user is kept for ssh alone,
// where it says which account to knock at.
func (u URL) String() string {
	user := ""
	if u.User != "" && u.Scheme == "ssh" {
		user = u.User + "@"
	}
	if u.Scp {
		return user + u.hostPort() + ":" + u.Path
	}
	return u.Scheme + "://" + user + u.hostPort() + u.Path
}

// Key returns a text that is equal for two addresses exactly when one mirror
// can serve both.
func (u URL) Key() string {
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String()
}

// Resolve reads a submodule's address, which may be relative to its parent's.
func (u URL) Resolve(ref string) (URL, error) {
	if !strings.HasPrefix(ref, "./") && !strings.HasPrefix(ref, "../") {
		return Parse(ref)
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return URL{}, fmt.Errorf("holds a space or a control character")
	}
	rooted := strings.HasPrefix(u.Path, "/")
	depth := len(strings.Split(strings.Trim(u.Path, "/"), "/"))
	for e := range strings.SplitSeq(ref, "/") {
		if e == ".." {
			depth--
		}
	}
	if depth < 0 {
		return URL{}, fmt.Errorf("climbs above the host")
	}
	u.Path = path.Join("/", u.Path, ref)
	if !rooted {
		u.Path = strings.TrimPrefix(u.Path, "/")
	}
	return u, u.check()
}

// SameRepository says whether two addresses name one repository, as a webhook's
// may differ from a Source's: scp form or URL, ssh or https, with or without
// user, .git and default port.
//
// It errs towards yes. Ports are compared only within one kind of transport,
// and paths without regard to case, because forges do so. What hangs on the
// answer is a fetch.
func SameRepository(a, b string) bool {
	x, errX := Parse(withoutPassword(a))
	y, errY := Parse(withoutPassword(b))
	if errX != nil || errY != nil {
		return false
	}
	if x.Host != y.Host || (x.Scheme == y.Scheme && x.Port != y.Port) {
		return false
	}
	return strings.EqualFold(x.bare(), y.bare())
}

func (u URL) bare() string {
	return strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

// withoutPassword drops the user info of a URL, because a webhook's may hold a
// token and Parse would refuse it.
func withoutPassword(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	return scheme + "://" + authority + "/" + path
}

package signin

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// Config says who may sign in, and how. Its file is docs/guides/sign-in.md.
type Config struct {
	Providers []Provider `json:"providers,omitempty"`
	// Trust says which jobs may exchange their token.
	Trust    []Trust  `json:"trust,omitempty"`
	Sessions Sessions `json:"sessions,omitempty"`
	Tokens   Tokens   `json:"tokens,omitempty"`
}

// Provider is an OpenID Connect provider.
type Provider struct {
	Name         string   `json:"name"`
	Title        string   `json:"title,omitempty"`
	Issuer       string   `json:"issuer"`
	ClientID     string   `json:"clientID"`
	ClientSecret Secret   `json:"clientSecret,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	Claims       Claims   `json:"claims,omitempty"`
	// Prefix keeps the names of a provider apart from those of others.
	Prefix *Prefix `json:"prefix,omitempty"`
	Allow  Allow   `json:"allow,omitempty"`
	// CAFile has the certificates that vouch for the provider, beside the system's.
	CAFile string `json:"caFile,omitempty"`
	// Parameters are added to the address that people are sent to.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Secret is where a client secret is: a file, or a key of the Secret that the
// configuration is in.
type Secret struct {
	File string `json:"file,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Claims are the names of those that say who somebody is.
type Claims struct {
	User    string `json:"user,omitempty"`
	Groups  string `json:"groups,omitempty"`
	Display string `json:"display,omitempty"`
}

// Prefix is put before what the claims say.
type Prefix struct {
	User   string `json:"user"`
	Groups string `json:"groups"`
}

// Allow lets in those in one of the groups, as the provider calls them, whose
// address is in one of the domains; empty lets in everybody.
type Allow struct {
	Groups  []string `json:"groups,omitempty"`
	Domains []string `json:"domains,omitempty"`
}

// Trust is an issuer of jobs' tokens with the rules of whose may be exchanged.
type Trust struct {
	Name     string          `json:"name"`
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	CAFile   string          `json:"caFile,omitempty"`
	Lifetime metav1.Duration `json:"lifetime,omitempty"`
	Rules    []Rule          `json:"rules"`
}

// Rule is who a job is. The first one whose condition holds counts.
type Rule struct {
	// When is a CEL condition over claims.
	When string `json:"when"`
	// User is a CEL expression of the name.
	User   string   `json:"user"`
	Groups []string `json:"groups,omitempty"`
	Scopes []string `json:"scopes,omitempty"`
}

// Sessions bounds sessions.
type Sessions struct {
	Idle     metav1.Duration `json:"idle,omitempty"`
	Absolute metav1.Duration `json:"absolute,omitempty"`
	// CLI and CLIIdle are the same for a CLI.
	CLI     metav1.Duration `json:"cli,omitempty"`
	CLIIdle metav1.Duration `json:"cliIdle,omitempty"`
	// Check is how often a provider is asked whether all is as it was.
	Check metav1.Duration `json:"check,omitempty"`
	// Unchecked is the absolute bound where a provider cannot be asked.
	Unchecked metav1.Duration `json:"unchecked,omitempty"`
	// Rotate is how often the secret in the cookie changes.
	Rotate metav1.Duration `json:"rotate,omitempty"`
}

// Tokens bounds tokens of machines.
type Tokens struct {
	Longest metav1.Duration `json:"longest,omitempty"`
	// Vouched is how long tokens of a person work after their provider last vouched for
	// them: at a sign-in, and while a session of theirs is checked.
	Vouched metav1.Duration `json:"vouched,omitempty"`
	// Doubted is how long they go on when the provider does not renew a session, which
	// may mean that the person is gone and may mean that the session was old.
	Doubted metav1.Duration `json:"doubted,omitempty"`
}

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// ParseConfig reads a configuration and fills in what it leaves open.
func ParseConfig(raw []byte) (*Config, error) {
	c := &Config{}
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := yaml.UnmarshalStrict(raw, c); err != nil {
			return nil, fault.Invalid("the sign-in configuration cannot be read: %v", err).Because(err)
		}
	}
	c.fill()
	seen := map[string]bool{}
	for i := range c.Providers {
		p := &c.Providers[i]
		if err := p.check(); err != nil {
			return nil, fault.As(err).At("provider %s", p.Name)
		}
		if seen[p.Name] {
			return nil, fault.Invalid("two providers are called %q", p.Name)
		}
		seen[p.Name] = true
	}
	for _, t := range c.Trust {
		if err := t.check(); err != nil {
			return nil, fault.As(err).At("trust %s", t.Name)
		}
	}
	return c, nil
}

func (c *Config) fill() {
	set := func(d *metav1.Duration, value time.Duration) {
		if d.Duration <= 0 {
			d.Duration = value
		}
	}
	set(&c.Sessions.Idle, 8*time.Hour)
	set(&c.Sessions.Absolute, 7*24*time.Hour)
	set(&c.Sessions.CLIIdle, 14*24*time.Hour)
	set(&c.Sessions.CLI, 30*24*time.Hour)
	set(&c.Sessions.Check, 5*time.Minute)
	set(&c.Sessions.Unchecked, 12*time.Hour)
	set(&c.Sessions.Rotate, time.Hour)
	set(&c.Tokens.Longest, 366*24*time.Hour)
	set(&c.Tokens.Vouched, 30*24*time.Hour)
	set(&c.Tokens.Doubted, 24*time.Hour)
	for i := range c.Trust {
		set(&c.Trust[i].Lifetime, 15*time.Minute)
	}
	for i := range c.Providers {
		c.Providers[i].fill()
	}
}

func (p *Provider) fill() {
	if p.Title == "" {
		p.Title = p.Name
	}
	if len(p.Scopes) == 0 {
		p.Scopes = []string{"openid", "profile", "email", "groups", "offline_access"}
	}
	if !slices.Contains(p.Scopes, "openid") {
		p.Scopes = append([]string{"openid"}, p.Scopes...)
	}
	if p.Claims.User == "" {
		p.Claims.User = "email"
	}
	if p.Claims.Groups == "" {
		p.Claims.Groups = "groups"
	}
	if p.Claims.Display == "" {
		p.Claims.Display = "name"
	}
	if p.Prefix == nil {
		p.Prefix = &Prefix{User: "oidc:", Groups: "oidc:"}
	}
}

func (p *Provider) check() error {
	switch {
	case !nameForm.MatchString(p.Name):
		return fault.Invalid("%q is no name for a provider", p.Name).WithHint("lower-case letters, digits and dashes: it is part of an address")
	case p.ClientID == "":
		return fault.Invalid("it has no clientID").WithHint("the provider gave it when Lockstep was registered there")
	case p.ClientSecret.File != "" && p.ClientSecret.Key != "":
		return fault.Invalid("clientSecret has a file and a key").WithHint("one of them")
	}
	return checkIssuer(p.Issuer)
}

// checkIssuer wants https: what an issuer says decides who is let in.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fault.Invalid("issuer %q is no address", issuer)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopbackName(u.Hostname()) {
		return nil
	}
	return fault.Invalid("issuer %q is not https", issuer).WithHint("anybody on the way could sign in as anybody; only localhost may do without")
}

func (t Trust) check() error {
	switch {
	case t.Name == "":
		return fault.Invalid("it has no name")
	case t.Audience == "":
		// Without, every job of the world that the issuer serves would be looked at.
		return fault.Invalid("it has no audience").WithHint("a name that only tokens meant for this Lockstep carry, for one its address")
	case t.Lifetime.Duration > time.Hour:
		return fault.Invalid("lifetime %s is more than an hour", t.Lifetime.Duration)
	case len(t.Rules) == 0:
		return fault.Invalid("it has no rules").WithHint("nobody is let in by default")
	}
	for i, r := range t.Rules {
		if _, err := r.compile(); err != nil {
			return fault.As(err).At("trust %s, rule %d", t.Name, i+1)
		}
		for _, s := range r.Scopes {
			if err := checkScope(s); err != nil {
				return fault.As(err).At("trust %s, rule %d", t.Name, i+1)
			}
		}
	}
	return checkIssuer(t.Issuer)
}

// Source is a configuration as it is found, with the secrets beside it.
type Source struct {
	Raw []byte
	// Secret returns the value of a key beside Raw; nil where there is none.
	Secret func(key string) []byte
}

// FromFile reads a configuration from a file each time that it is asked for.
func FromFile(path string) func() (Source, error) {
	return func() (Source, error) {
		raw, err := os.ReadFile(path)
		if err != nil {
			return Source{}, fault.Invalid("the sign-in configuration %q cannot be read", path).Because(err)
		}
		return Source{Raw: raw}, nil
	}
}

func (p Provider) secret(src Source) (string, error) {
	switch {
	case p.ClientSecret.File != "":
		raw, err := os.ReadFile(filepath.Clean(p.ClientSecret.File))
		if err != nil {
			return "", fault.Invalid("the client secret %q cannot be read", p.ClientSecret.File).Because(err)
		}
		return strings.TrimSpace(string(raw)), nil
	case p.ClientSecret.Key == "":
		return "", nil // a public client: PKCE alone
	case src.Secret == nil:
		return "", fault.Invalid("clientSecret.key is %q, and the configuration is in no Secret", p.ClientSecret.Key).WithHint("name a file")
	}
	value := src.Secret(p.ClientSecret.Key)
	if len(value) == 0 {
		return "", fault.Invalid("the Secret has no key %q with the client secret", p.ClientSecret.Key)
	}
	return strings.TrimSpace(string(value)), nil
}

// loopbackName says whether a name leads to this machine and nowhere else.
func loopbackName(host string) bool {
	host = strings.Trim(host, "[]")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || loopbackAddr(host)
}

package signin

import (
	"net/mail"
	"slices"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// claims is what a token says.
type claims map[string]any

// has says whether there is something under a name; an empty list is something.
func (c claims) has(name string) bool {
	v, ok := c[name]
	return ok && v != nil && v != ""
}

// text returns a claim that is a text, "" for any other.
func (c claims) text(name string) string {
	t, _ := c[name].(string)
	return t
}

// list returns a claim that is a list of texts, or one text.
func (c claims) list(name string) []string {
	switch v := c[name].(type) {
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []any:
		out := make([]string, 0, len(v))
		for _, item := range v {
			if t, ok := item.(string); ok && t != "" {
				out = append(out, t)
			}
		}
		return out
	}
	return nil
}

// Bounds of what a provider may say of one person: it becomes headers of requests to
// the Kubernetes API.
const (
	maxName   = 256
	maxGroups = 1000
)

// person returns who the claims say that it is, if they may come in.
func (p *provider) person(c claims) (lockstep.Person, error) {
	name := c.text(p.Claims.User)
	if name == "" {
		return lockstep.Person{}, fault.Unauthenticated("the identity provider does not say who this is: there is no claim %q", p.Claims.User).
			WithHint("ask for the scope that has it, or name another one as claims.user")
	}
	if p.Claims.User == "email" && c["email_verified"] == false {
		// Anybody may write anybody's address into their profile.
		return lockstep.Person{}, fault.Denied("the identity provider has not verified the address %q", cut(name)).WithHint("verify it there, and sign in again")
	}
	groups := c.list(p.Claims.Groups)
	if err := p.Allow.admits(name, c, groups); err != nil {
		return lockstep.Person{}, err
	}
	if len(groups) > maxGroups {
		return lockstep.Person{}, fault.Denied("the identity provider lists %d groups, and %d are read", len(groups), maxGroups).
			WithHint("have it send only those that matter here")
	}
	out := lockstep.Person{Name: p.Prefix.User + name, Display: c.text(p.Claims.Display), Via: lockstep.ProofSession}
	if out.Display == "" {
		out.Display = name
	}
	for _, g := range groups {
		g = p.Prefix.Groups + g
		if nameAllowed(g) == nil && !slices.Contains(out.Groups, g) {
			out.Groups = append(out.Groups, g)
		}
	}
	return out, nameAllowed(out.Name)
}

// nameAllowed refuses names that Kubernetes or Lockstep give out: without a prefix a
// provider's group could otherwise be system:masters.
func nameAllowed(name string) error {
	switch {
	case name == "", len(name) > maxName, strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fault.Denied("the name %q cannot be used", cut(name)).WithHint("it has at most %d characters and is on one line", maxName)
	case strings.HasPrefix(name, "system:"), strings.HasPrefix(name, "lockstep:"), name == "lockstep":
		return fault.Denied("the name %q is reserved", cut(name)).WithHint("give the provider a prefix")
	}
	return nil
}

func (a Allow) admits(name string, c claims, groups []string) error {
	if len(a.Groups) > 0 && !slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(a.Groups, g) }) {
		return fault.Denied("%q is in none of the groups that may sign in", cut(name))
	}
	if len(a.Domains) == 0 {
		return nil
	}
	address := c.text("email")
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || c["email_verified"] == false {
		return fault.Denied("%q has no verified address in a domain that may sign in", cut(name))
	}
	_, domain, _ := strings.Cut(address[strings.LastIndex(address, "@"):], "@")
	if !slices.ContainsFunc(a.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return fault.Denied("the domain of %q is none of those that may sign in", cut(name))
	}
	return nil
}

package access

import (
	"crypto/sha256"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

const (
	// reserved begins the names that Kubernetes gives and nobody else may.
	reserved       = "system:"
	serviceAccount = "system:serviceaccount:"
	authenticated  = "system:authenticated"
	// Longer names, and more groups, are a mistake or an attack.
	maxName, maxGroups = 1024, 1000
)

// identity is a person as the Kubernetes API is told of one.
type identity struct {
	user   string
	groups []string
	key    [sha256.Size]byte
	// account is set for a service account, whose groups follow from its name.
	account bool
}

// identify refuses whoever carries a name that only Kubernetes gives: what an
// identity provider claims must never make somebody a member of system:masters.
func identify(p lockstep.Person) (identity, error) {
	if p.Via == lockstep.ProofServer {
		return identity{}, fault.Denied("Lockstep itself does not act as a person")
	}
	id := identity{user: p.Name}
	namespace, account, isAccount := accountOf(p)
	if err := proper("name", p.Name); err != nil && !isAccount {
		return id, err
	}
	if len(p.Groups) > maxGroups {
		return id, fault.Denied("%d groups are more than the %d that are looked at", len(p.Groups), maxGroups).
			WithHint("have the identity provider send only the groups that rules name")
	}
	for _, g := range p.Groups {
		if err := proper("group", g); err != nil {
			return id, err
		}
	}
	if id.account = isAccount && account != ""; id.account {
		id.groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, authenticated}
	} else {
		id.groups = append(slices.Clone(p.Groups), authenticated)
	}
	id.key = id.digest()
	return id, nil
}

// accountOf returns the service account that p is. Only a token of ours, which
// somebody with the right to do so made for it, is believed to be one.
func accountOf(p lockstep.Person) (namespace, name string, ok bool) {
	rest, ok := strings.CutPrefix(p.Name, serviceAccount)
	if !ok || p.Via != lockstep.ProofToken || len(p.Groups) > 0 {
		return "", "", false
	}
	namespace, name, ok = strings.Cut(rest, ":")
	if !ok || !label(namespace) || !label(name) {
		return "", "", false
	}
	return namespace, name, true
}

func label(s string) bool {
	return s != "" && len(s) <= 253 && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) < 0
}

// proper says whether a name of a person or a group may be passed on. It travels
// in a header, where blanks at its ends would be lost, and with them the difference
// to another name.
func proper(what, name string) error {
	refuse := func(why string) error {
		return fault.Denied("%s %q %s", what, shortened(name), why).
			WithHint("set a prefix for the names that the identity provider sends")
	}
	switch {
	case name == "":
		return refuse("is empty")
	case len(name) > maxName:
		return refuse("is too long")
	case strings.HasPrefix(strings.ToLower(name), reserved):
		return refuse("is reserved: names that begin with \"system:\" are given by Kubernetes")
	case !utf8.ValidString(name):
		return refuse("is not UTF-8")
	case strings.TrimSpace(name) != name:
		return refuse("begins or ends with a blank")
	case strings.ContainsFunc(name, unicode.IsControl):
		return refuse("has control characters")
	}
	return nil
}

func shortened(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// digest tells identities apart; a separator that proper refuses keeps names from
// running into one another.
func (id identity) digest() [sha256.Size]byte {
	return sha256.Sum256([]byte(id.user + "\x00" + strings.Join(id.groups, "\x00")))
}

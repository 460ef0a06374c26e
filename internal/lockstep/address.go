package lockstep

import (
	"strings"
	"unicode"
)

// GroupTerraform is the group of the keys of resources that a tool keeps under an
// address of its own. No kind of Kubernetes has it: the group of a custom resource
// has a dot in it.
const GroupTerraform = "terraform"

// kindOutput is the kind of the keys of outputs, which are no resources.
const kindOutput = "output"

// ResourceKey returns the key of a resource that a tool knows by an address, of the
// object that a replacement left behind under that address if deposed is its key.
func ResourceKey(kind, address, deposed string) Key {
	if deposed != "" {
		address += deposedFrom + deposed + deposedTo
	}
	return Key{Group: GroupTerraform, Kind: kind, Name: address}
}

// OutputKey returns the key of an output of a unit.
func OutputKey(name string) Key {
	return Key{Group: GroupTerraform, Kind: kindOutput, Name: kindOutput + "." + name}
}

// HasAddress says whether k is of something that a tool knows by an address, and
// not of an object on a cluster. Name is the address then.
func (k Key) HasAddress() bool { return k.Group == GroupTerraform && k.Namespace == "" }

const (
	deposedFrom = " (deposed "
	deposedTo   = ")"
)

// isAddress tells an address from a key of Kubernetes, which has a slash after its
// kind: an address has slashes only inside of the brackets of an index.
func isAddress(s string) bool {
	i := strings.IndexAny(s, "/[")
	return i < 0 || s[i] == '['
}

// parseAddress reads module.a["x"].TYPE.NAME[0], with data before the type of a data
// source; false if s is none.
func parseAddress(s string) (Key, bool) {
	address := s
	if i := strings.LastIndex(s, deposedFrom); i >= 0 && strings.HasSuffix(s, deposedTo) {
		key := s[i+len(deposedFrom) : len(s)-len(deposedTo)]
		if key == "" || strings.ContainsAny(key, ` ()"[]/`) {
			return Key{}, false
		}
		address = s[:i]
	}
	parts, ok := addressParts(address)
	for ok && len(parts) >= 2 && parts[0].name == "module" && !parts[0].indexed {
		parts = parts[2:]
	}
	if ok && len(parts) == 3 && (parts[0].name == "data" || parts[0].name == "ephemeral") && !parts[0].indexed {
		parts = parts[1:]
	}
	if !ok || len(parts) != 2 || parts[0].indexed {
		return Key{}, false
	}
	return Key{Group: GroupTerraform, Kind: parts[0].name, Name: s}, true
}

// part is one name in an address, with or without an index after it.
type part struct {
	name    string
	indexed bool
}

// addressParts splits s at the dots outside of brackets.
func addressParts(s string) ([]part, bool) {
	var out []part
	for {
		n := nameLength(s)
		if n == 0 {
			return nil, false
		}
		p := part{name: s[:n]}
		s = s[n:]
		if strings.HasPrefix(s, "[") {
			m := indexLength(s)
			if m == 0 {
				return nil, false
			}
			p.indexed, s = true, s[m:]
		}
		out = append(out, p)
		if s == "" {
			return out, true
		}
		if s[0] != '.' {
			return nil, false
		}
		s = s[1:]
	}
}

// nameLength is that of the identifier at the beginning of s.
func nameLength(s string) int {
	for i, r := range s {
		if r == '_' || unicode.IsLetter(r) || i > 0 && (r == '-' || unicode.IsDigit(r)) {
			continue
		}
		return i
	}
	return len(s)
}

// indexLength is that of [0] or ["text"] at the beginning of s, 0 if it is neither.
func indexLength(s string) int {
	if !strings.HasPrefix(s, `["`) {
		n := strings.IndexByte(s, ']')
		if n < 2 || strings.Trim(s[1:n], "0123456789") != "" {
			return 0
		}
		return n + 1
	}
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if strings.HasPrefix(s[i+1:], "]") {
				return i + 2
			}
			return 0
		}
	}
	return 0
}

// Unindexed returns an address as the configuration writes it, without the keys of
// count and for_each and without the key of a deposed object: module.a["x"].b.c[0] is
// module.a.b.c.
func Unindexed(address string) string {
	if i := strings.LastIndex(address, deposedFrom); i >= 0 && strings.HasSuffix(address, deposedTo) {
		address = address[:i]
	}
	parts, ok := addressParts(address)
	if !ok {
		return address
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, ".")
}

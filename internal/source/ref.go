package source

import (
	"regexp"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

var fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Validate says whether r can be asked for: one field at most, and a name that
// no remote could take for anything but a ref.
func (r Ref) Validate() error {
	set := 0
	for _, f := range []string{r.Branch, r.Tag, r.Semver, r.Name, r.Commit} {
		if f != "" {
			set++
		}
	}
	if set > 1 {
		return fault.Invalid("a ref names one of branch, tag, semver, name and commit, not %d of them", set)
	}
	if r.Commit != "" && !fullHash.MatchString(r.Commit) {
		return fault.Invalid("commit %q is not a full hash", r.Commit).WithHint("write all 40 hexadecimal digits, in lower case")
	}
	if r.Name != "" && !strings.HasPrefix(r.Name, "refs/") {
		return fault.Invalid("ref name %q does not start with \"refs/\"", r.Name).
			WithHint("a full name looks like refs/heads/main or refs/pull/7/head")
	}
	if name := r.FullName(); name != "" && !validRefName(name) {
		return fault.Invalid("%q is not a valid ref name", name)
	}
	return nil
}

// FullName returns the full ref name that r asks for; "" for a commit or a
// range of versions.
func (r Ref) FullName() string {
	switch {
	case r.Commit != "" || r.Semver != "":
		return ""
	case r.Tag != "":
		return "refs/tags/" + r.Tag
	case r.Name != "":
		return r.Name
	case r.Branch != "":
		return "refs/heads/" + r.Branch
	}
	return "refs/heads/main"
}

// validRefName holds git's own rules for ref names, so that a name can neither
// be taken for an option nor smuggle a refspec in.
func validRefName(name string) bool {
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return false
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune(`~^:?*[\`, c) }) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

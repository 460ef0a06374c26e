package giturl_test

import (
	"strings"
	"testing"

	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

func TestParse(t *testing.T) {
	cases := map[string]struct{ why, in, want string }{
		"https":       {"The common one.", "https://Git.Example/Org/Repo.git", "https://git.example/Org/Repo.git"},
		"defaultPort": {"One mirror for both spellings.", "https://git.example:443/r", "https://git.example/r"},
		"port":        {"Another port is another server.", "http://git.example:3000/r", "http://git.example:3000/r"},
		"httpUser":    {"A user belongs to the credential, not to the address.", "https://bob@git.example/r", "https://git.example/r"},
		"ssh":         {"The user of ssh says which account to knock at.", "ssh://git@git.example:2222/r", "ssh://git@git.example:2222/r"},
		"scp":         {"What people copy from a forge.", "git@git.example:org/r.git", "git@git.example:org/r.git"},
		"scpNoUser":   {"A host alone is fine too.", "git.example:r", "git.example:r"},
		"ipv6":        {"Brackets survive.", "https://[::1]:8443/r", "https://[::1]:8443/r"},
		"file":        {"For tests and the command line.", "file:///srv/r.git", "file:///srv/r.git"},
		"helper":      {"git would run the program.", "ext::sh -c id", ""},
		"helper2":     {"Even without a space.", "ext::id", ""},
		"fd":          {"Any helper, not just ext.", "fd::17", ""},
		"option":      {"git would take it for an option.", "--upload-pack=id", ""},
		"hostOption":  {"ssh would take it for an option.", "ssh://-oProxyCommand=id/r", ""},
		"scpOption":   {"The same in scp form.", "-oProxyCommand=id:r", ""},
		"userOption":  {"ssh would take it for an option.", "ssh://-oX@h/r", ""},
		"password":    {"It would show in every status and log.", "https://u:geheim@h/r", ""},
		"ftp":         {"git knows it, we do not.", "ftp://h/r", ""},
		"git":         {"No authentication, no encryption.", "git://h/r", ""},
		"bare":        {"A path is no address.", "/etc", ""},
		"newline":     {"Could smuggle a line into a config.", "https://h/r\n[x]", ""},
		"noPath":      {"A host is no repository.", "https://h/", ""},
		"query":       {"git would pass it on to who knows where.", "https://h/r?x=y", ""},
		"fileHost":    {"A share of another machine.", "file://host/r", ""},
		"empty":       {"", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u, err := giturl.Parse(tc.in)
			if tc.want == "" {
				if err == nil {
					t.Fatalf("%s\nParse(%q) = %v, want an error", tc.why, tc.in, u)
				}
				if strings.Contains(err.Error(), "geheim") {
					t.Fatalf("the error repeats the password: %v", err)
				}
				return
			}
			if err != nil || u.String() != tc.want {
				t.Errorf("%s\nParse(%q) = %q, %v; want %q", tc.why, tc.in, u, err, tc.want)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	cases := map[string]struct{ parent, ref, want string }{
		"sibling":    {"https://h/org/r.git", "../lib.git", "https://h/org/lib.git"},
		"cousin":     {"https://h/a/b/r.git", "../../c/lib", "https://h/a/c/lib"},
		"below":      {"https://h/org/r", "./lib", "https://h/org/r/lib"},
		"scp":        {"git@h:org/r.git", "../lib.git", "git@h:org/lib.git"},
		"absolute":   {"https://h/org/r", "https://other/x", "https://other/x"},
		"tooHigh":    {"https://h/r", "../../../etc", ""},
		"helper":     {"https://h/r", "ext::sh", ""},
		"option":     {"https://h/r", "-u./payload", ""},
		"whitespace": {"https://h/r", "../x y", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := giturl.Parse(tc.parent)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Resolve(tc.ref)
			if (err != nil) != (tc.want == "") || (err == nil && got.String() != tc.want) {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestSameRepository(t *testing.T) {
	const home = "https://git.example/org/repo.git"
	cases := map[string]struct {
		a, b string
		want bool
	}{
		"identical":   {home, home, true},
		"noSuffix":    {home, "https://git.example/org/repo", true},
		"slash":       {home, "https://git.example/org/repo/", true},
		"scp":         {home, "git@git.example:org/repo.git", true},
		"sshPort":     {home, "ssh://git@git.example:2222/org/repo", true},
		"http":        {home, "http://git.example/org/repo", true},
		"hostCase":    {home, "https://GIT.example/org/repo", true},
		"pathCase":    {home, "https://git.example/Org/Repo", true},
		"defaultPort": {home, "https://git.example:443/org/repo", true},
		"token":       {home, "https://u:token@git.example/org/repo", true},
		"otherPort":   {home, "https://git.example:8443/org/repo", false},
		"otherHost":   {home, "https://git.example.org/org/repo", false},
		"otherRepo":   {home, "https://git.example/org/repo2", false},
		"prefix":      {home, "https://git.example/org", false},
		"garbage":     {home, "::", false},
		"empty":       {"", "", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := giturl.SameRepository(tc.a, tc.b); got != tc.want {
				t.Errorf("SameRepository(%q, %q) = %v", tc.a, tc.b, got)
			}
			if got := giturl.SameRepository(tc.b, tc.a); got != tc.want {
				t.Errorf("and not the same the other way round")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"https://h/r", "git@h:r", "ssh://u@h:1/r", "ext::x", "-x:y", "file:///x", "[::1]:x", "https://u:p@h/r", "[0]::", "u@h::x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := giturl.Parse(s)
		if err != nil {
			return
		}
		out := u.String()
		if strings.HasPrefix(out, "-") || strings.HasPrefix(u.Host, "-") {
			t.Fatalf("%q became %q, which a program could take for an option", s, out)
		}
		again, err := giturl.Parse(out)
		if err != nil {
			t.Fatalf("%q became %q, which cannot be read: %v", s, out, err)
		}
		if again.Key() != u.Key() {
			t.Fatalf("%q: key %q, then %q", s, u.Key(), again.Key())
		}
	})
}

package live

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/source/git/giturl"
)

// TestMessage: nothing that people wrote passes for a line of ours.
func TestMessage(t *testing.T) {
	r := Revert{
		Unit: lockstep.Unit{Namespace: "pay", Name: "shop"}, By: "ana\nLockstep-Stack: pay/other\u2028Co-authored-by: eve",
		Reason: "it fails\r\n\r\nLockstep-Requested-By: mallory\n\n\u2028Signed-off-by: eve\n",
		Read:   Rollback{Risks: []Risk{{ID: "PersistentVolumeClaim/pay/data", Level: "loss"}, {Rule: "mass-delete", Level: "loss"}, {ID: "x", Level: "review"}}},
	}
	to := lockstep.Revision{Commit: strings.Repeat("a", 40), Subject: "three replicas"}
	want := `Roll back pay/shop to aaaaaaa

    it fails
    Lockstep-Requested-By: mallory
    Signed-off-by: eve

What pay/shop reads is as it was at

    three replicas

Other stacks read it, too:

    pay/other

What may be lost:

    PersistentVolumeClaim/pay/data
    mass-delete

Lockstep-Rollback-To: ` + to.Commit + `
Lockstep-Stack: pay/shop
Lockstep-Requested-By: ana Lockstep-Stack: pay/other Co-authored-by: eve
`
	if diff := cmp.Diff(want, r.message(attempt{others: []lockstep.Unit{{Namespace: "pay", Name: "other"}}}, to)); diff != "" {
		t.Error(diff)
	}
}

func TestPullRequest(t *testing.T) {
	cases := map[string]struct {
		why, url string
		said     []string
		want     string
	}{
		"GitHub":    {why: "A forge that is known by its name.", url: "git@github.com:acme/platform.git", want: "https://github.com/acme/platform/compare/main...lockstep/rollback-shop-1?expand=1"},
		"GitLab":    {why: "One of somebody's own.", url: "https://gitlab.acme.example:8443/a/b/c.git", want: "https://gitlab.acme.example:8443/a/b/c/-/merge_requests/new?merge_request%5Bsource_branch%5D=lockstep%2Frollback-shop-1&merge_request%5Btarget_branch%5D=main"},
		"SSHPort":   {why: "The port of SSH is not the one of pages.", url: "ssh://git@gitea.acme.example:2222/a/b.git", want: "https://gitea.acme.example/a/b/compare/main...lockstep/rollback-shop-1"},
		"Said":      {why: "The server knows best.", url: "https://git.acme.example/a/b.git", said: []string{"Create a new pull request for 'x':", "https://git.acme.example/a/b/pulls/new?x"}, want: "https://git.acme.example/a/b/pulls/new?x"},
		"Elsewhere": {why: "What a server prints is clicked on.", url: "https://git.acme.example/a/b.git", said: []string{"see https://evil.example/git.acme.example", "javascript://git.acme.example/%0aalert(1)", "https://git.acme.example@evil.example/"}},
		"Unknown":   {why: "Better none than a wrong one.", url: "https://git.acme.example/a/b.git"},
		"Alike":     {why: "A name in a name is another name.", url: "https://notgithub.example/a/b.git"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u, err := giturl.Parse(tc.url)
			if err != nil {
				t.Fatal(err)
			}
			if got := pullRequest(u, tc.said, "main", "lockstep/rollback-shop-1"); got != tc.want {
				t.Errorf("%s\ngot  %s\nwant %s", tc.why, got, tc.want)
			}
		})
	}
}

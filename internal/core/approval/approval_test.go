package approval

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/plan"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var (
	now  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	unit = lockstep.Unit{Namespace: "net", Name: "base"}
)

const db = `module.db.fakecloud_database.main["a/b"]`

func res(a change.Action, address string) change.Change {
	return change.Change{Address: address, Type: "fakecloud_database", Action: a, Fields: []change.Field{{Path: "size", From: "1", To: "2"}}}
}

// module is a plan of a tool, before anybody said anything.
func module(cs ...change.Change) Facts {
	s := change.Set{Changes: cs}
	return Facts{Plan: s.Plan(unit, lockstep.TargetRef{}, lockstep.Revision{}), Set: &s, Author: "Ana <ana@example.org>", Cause: Commit, Now: now}
}

// cluster is a plan of objects on a cluster.
func cluster(v lockstep.Verb) Facts {
	p := plan.Plan{Unit: unit, Digest: "sha256:c1", Stages: []plan.Stage{{Steps: []plan.Step{{Key: claim, Verb: v}}}}}
	return Facts{Plan: p, Author: "Ana <ana@example.org>", Cause: Commit, Now: now}
}

var claim = lockstep.Key{Kind: "PersistentVolumeClaim", Namespace: "shop", Name: "data"}

func (f Facts) with(change func(*Facts)) Facts {
	change(&f)
	return f
}

// loses adds a finding of loss about each key.
func (f Facts) loses(keys ...lockstep.Key) Facts {
	f.Findings = slices.Clone(f.Findings)
	for _, k := range keys {
		f.Findings = append(f.Findings, risk.Finding{Key: k, Level: risk.Loss, Rule: "database", Why: "the database is deleted with all that is in it"})
	}
	return f
}

// yes is an approval of the plan by mia an hour ago, changed.
func (f Facts) yes(changes ...func(*Approval)) Facts {
	a := Approval{Digest: f.Plan.Digest, By: "oidc:mia@example.org", Reason: "the database is empty", At: now.Add(-time.Hour)}
	for _, c := range changes {
		c(&a)
	}
	f.Given = &a
	return f
}

func accepts(names ...string) func(*Approval) { return func(a *Approval) { a.Accepts = names } }

// used counts what was given as used up.
func (f Facts) used() Facts {
	f.Consumed = []string{"other", f.Given.ID()}
	return f
}

// approvedWas makes what was given an approval of another set.
func (f Facts) approvedWas(cs ...change.Change) Facts {
	s := change.Set{Changes: cs}
	f.Approved = &s
	f.Given.Digest = s.Digest()
	return f
}

func mode(m Mode) func(*Facts)              { return func(f *Facts) { f.Policy.Mode = m } }
func asks(cs ...change.Action) func(*Facts) { return func(f *Facts) { f.Policy.For = cs } }
func cause(c Cause) func(*Facts)            { return func(f *Facts) { f.Cause = c } }
func excludes(f *Facts)                     { f.Policy.ExcludeAuthor = true }
func breaker(f *Facts) {
	f.Findings = append(f.Findings, risk.Finding{Level: risk.Loss, Rule: "mass-delete", Why: "9 of 10 objects are deleted at once"})
}
func reviewed(f *Facts) {
	f.Findings = append(f.Findings, risk.Finding{Key: claim, Level: risk.Review, Rule: "x", Why: "y"})
}
func heals(cs ...change.Action) func(*Facts) {
	return func(f *Facts) { f.Cause, f.Policy.Heal = Heal, cs }
}

func TestDecide(t *testing.T) {
	key := lockstep.ResourceKey("fakecloud_database", db, "")
	other := lockstep.ResourceKey("fakecloud_database", "fakecloud_database.other", "")
	del := module(res(change.Delete, db))
	lossy := del.loses(key)
	const open = ""
	for name, tt := range map[string]struct {
		why   string
		facts Facts
		gate  string
		says  []string // in reason or hint
	}{
		// What the policy asks for.
		"Empty":              {"Nothing to do needs nobody.", module().with(mode(Always)), open, nil},
		"NeverModule":        {"never asks nobody, also for a deletion without loss.", del.with(mode(Never)), open, nil},
		"AlwaysModule":       {"always asks for anything.", module(res(change.Create, db)).with(mode(Always)), GateApproval, []string{"every plan of this Stack"}},
		"DestructiveCreate":  {"Making something destroys nothing.", module(res(change.Create, db)), open, nil},
		"DestructiveUpdate":  {"Nor does a change in place.", module(res(change.Update, db)), open, nil},
		"DestructiveForget":  {"Nor does leaving it be.", module(res(change.Forget, db)), open, nil},
		"DestructiveDelete":  {"A deletion does, whatever it is of.", del, GateApproval, []string{"1 resource would be destroyed, which a person has to approve", "lockstep approve net/base --plan " + del.Plan.Digest + ` --reason "…"`}},
		"DestructiveReplace": {"So does a replacement.", module(res(change.Replace, db), res(change.Delete, "a.b"), res(change.Delete, "a.c")), GateApproval, []string{"2 resources would be destroyed and 1 replaced"}},
		"ClassCreate":        {"A class that is named is asked for.", module(res(change.Create, db)).with(asks(change.Create)), GateApproval, []string{"1 resource would be created"}},
		"ClassOther":         {"One that is not named is not, whatever the mode says.", del.with(asks(change.Create)).with(mode(Always)), open, nil},
		"ClassNone":          {"An empty list names none.", del.with(func(f *Facts) { f.Policy.For = []change.Action{} }), open, nil},
		"ClassUpdateOutput": {"What is handed on is changed.", func() Facts {
			s := change.Set{Outputs: []change.OutputChange{{Name: "url", Action: change.Create, To: "1"}}}
			return Facts{Plan: s.Plan(unit, lockstep.TargetRef{}, lockstep.Revision{}), Set: &s, Policy: Policy{For: []change.Action{change.Update}}}
		}(), GateApproval, []string{"1 resource would be changed"}},
		"ClassForget":     {"Giving up can be asked for, too.", module(res(change.Forget, db)).with(asks(change.Forget)), GateApproval, []string{"given up"}},
		"ClusterDelete":   {"On a cluster a deletion alone is not destructive: Git can bring it back.", cluster(lockstep.Delete), open, nil},
		"ClusterReview":   {"Nor is what only deserves a look.", cluster(lockstep.Delete).with(reviewed), open, nil},
		"ClusterLoss":     {"What may lose data is.", cluster(lockstep.Delete).loses(claim), GateLoss, []string{"PersistentVolumeClaim/shop/data may lose data", "--accept-loss PersistentVolumeClaim/shop/data"}},
		"ClusterAlways":   {"always is always.", cluster(lockstep.Create).with(mode(Always)), GateApproval, nil},
		"ClusterClass":    {"Classes count on a cluster, too.", cluster(lockstep.Orphan).with(asks(change.Forget)), GateApproval, nil},
		"ClusterApproved": {"And so do approvals.", cluster(lockstep.Create).with(mode(Always)).yes(), open, nil},
		"ClusterMoved":    {"On a cluster an approval is for exactly that plan.", cluster(lockstep.Create).with(mode(Always)).yes(func(a *Approval) { a.Digest = "sha256:c0" }), GateApproval, []string{"for plan sha256:c0, and this is sha256:c1"}},
		"Unfinished":      {"Half a plan is never carried out.", del.with(mode(Never)).with(func(f *Facts) { f.Set = &change.Set{Errored: true} }).yes(), GateUnfinished, []string{"could not finish"}},

		// What was given.
		"Approved":       {"The digest was approved.", del.yes(), open, nil},
		"ApprovedInGit":  {"By a commit, too.", del.yes(func(a *Approval) { a.By, a.InGit = "", true }), open, nil},
		"ApprovedNoWord": {"A plan that loses nothing needs no reason.", del.yes(func(a *Approval) { a.Reason = "" }), open, nil},
		"WrongDigest":    {"An approval of something else, which nobody knows any more.", del.yes(func(a *Approval) { a.Digest = "sha256:0123456789abcdef" }), GateApproval, []string{"the approval of oidc:mia@example.org is for plan sha256:0123456789ab, and this is sha256:"}},
		"Within":         {"A plan made again that does less goes ahead.", del.yes().approvedWas(res(change.Delete, db), res(change.Delete, "a.b")), open, nil},
		"Grew":           {"One that does more does not, and says what.", del.yes().approvedWas(res(change.Update, db)), GateApproval, []string{"the plan moved since oidc:mia@example.org approved it: " + db + " would be destroyed; approved was"}},
		"Used":           {"An approval opens a plan once.", del.yes().used(), GateApproval, []string{"was used already, and counts once"}},
		"UsedRetry":      {"What was begun under it may be finished under it.", del.yes().used().with(cause(Retry)), open, nil},
		"UsedRetryLess":  {"Also where a part of it is done.", del.yes().approvedWas(res(change.Delete, db), res(change.Delete, "a.b")).used().with(cause(Retry)), open, nil},
		"UsedRetryMore":  {"But not where more is to be done.", del.yes().approvedWas(res(change.Delete, "a.b")).used().with(cause(Retry)), GateApproval, []string{"the plan moved"}},
		"Rejected":       {"Somebody said no.", del.yes(func(a *Approval) { a.Rejected, a.Reason = true, "still in use" }), GateRejected, []string{"was rejected by oidc:mia@example.org: still in use"}},
		"RejectedNever":  {"No is no under every policy.", del.with(mode(Never)).yes(func(a *Approval) { a.Rejected = true }), GateRejected, nil},
		"RejectedOther":  {"No to another plan is nothing about this one.", del.yes(func(a *Approval) { a.Rejected, a.Digest = true, "sha256:00" }), GateApproval, []string{"1 resource would be destroyed"}},
		"RejectedAuthor": {"Whoever wrote it may say no to it.", del.with(excludes).yes(func(a *Approval) { a.Rejected, a.By = true, "ana@example.org" }), GateRejected, nil},
		"RejectedLoss":   {"A no hides nothing of what a yes takes.", lossy.yes(func(a *Approval) { a.Rejected = true }), GateRejected, []string{"--accept-loss"}},

		// Who may say so.
		"Author":         {"Who wrote the commit may approve it.", del.yes(func(a *Approval) { a.By = "oidc:ana@example.org" }), open, nil},
		"AuthorExcluded": {"Unless the policy says otherwise.", del.with(excludes).yes(func(a *Approval) { a.By = "oidc:ANA@example.org" }), GateApproval, []string{"wrote the commit"}},
		"AuthorByName":   {"Whatever name they go by.", del.with(excludes).yes(func(a *Approval) { a.By = "ana" }), GateApproval, []string{"wrote the commit"}},
		"AuthorLoss":     {"For a loss as well.", lossy.with(excludes).yes(accepts(db), func(a *Approval) { a.By = "ana" }), GateLoss, []string{"wrote the commit"}},
		"NotAuthor":      {"Somebody else may.", del.with(excludes).yes(), open, nil},
		"NobodyExcluded": {"Nobody knows who said so, so it may have been the author.", del.with(excludes).yes(func(a *Approval) { a.By, a.InGit = "", true }), GateApproval, []string{"does not say who"}},

		// What may be lost.
		"Loss":           {"Loss holds under every policy.", lossy.with(mode(Never)), GateLoss, []string{"may lose data: the database is deleted", `--accept-loss 'module.db.fakecloud_database.main["a/b"]'`}},
		"LossClass":      {"Also where the class is let through.", lossy.with(asks(change.Create)), GateLoss, nil},
		"LossUnnamed":    {"A mere yes accepts no loss.", lossy.yes(), GateLoss, []string{"does not name " + db}},
		"LossNamed":      {"Named, with a reason, for this digest.", lossy.yes(accepts(db)), open, nil},
		"LossOther":      {"Another name is another thing.", lossy.yes(accepts("fakecloud_database.other")), GateLoss, []string{"does not name " + db}},
		"LossOneOfTwo":   {"Each of them.", lossy.loses(other).yes(accepts(db)), GateLoss, []string{"and 1 more", "does not name fakecloud_database.other"}},
		"LossBoth":       {"All named.", lossy.loses(other, key).yes(accepts("fakecloud_database.other", db)), open, nil},
		"LossWildcard":   {"A pattern is no name.", lossy.yes(accepts("*")), GateLoss, []string{"has a pattern, which stands for nothing"}},
		"LossIndexStar":  {"Nor is one of indexes.", lossy.yes(accepts(`module.db.fakecloud_database.main[*]`)), GateLoss, []string{"pattern"}},
		"LossReason":     {"A loss has a reason.", lossy.yes(accepts(db), func(a *Approval) { a.Reason = " " }), GateLoss, []string{"has no reason"}},
		"LossDigest":     {"It is for one plan.", lossy.yes(accepts(db), func(a *Approval) { a.Digest = "sha256:00" }), GateLoss, []string{"is for plan sha256:00, and this is " + short(lossy.Plan.Digest)}},
		"LossWithin":     {"Also a plan that does less is another one.", lossy.yes(accepts(db)).approvedWas(res(change.Delete, db), res(change.Delete, "a.b")), GateLoss, []string{"is for plan"}},
		"LossUsed":       {"It counts once.", lossy.yes(accepts(db)).used(), GateLoss, []string{"was used already"}},
		"LossExpired":    {"It does not lie around.", lossy.yes(accepts(db), func(a *Approval) { a.At = now.Add(-25 * time.Hour) }), GateLoss, []string{"expired: it counted for 24 h"}},
		"LossSooner":     {"For as long as the policy says.", lossy.with(func(f *Facts) { f.Policy.Expires = 30 * time.Minute }).yes(accepts(db)), GateLoss, []string{"expired: it counted for 30m0s"}},
		"LossInGit":      {"What anybody could have merged is no acceptance.", lossy.yes(accepts(db), func(a *Approval) { a.InGit = true }), GateLoss, []string{"in Git accepts no loss"}},
		"LossNobody":     {"Somebody answers for it.", lossy.yes(accepts(db), func(a *Approval) { a.By = "" }), GateLoss, []string{"who gave it and when"}},
		"LossHeal":       {"Undoing drift never destroys.", lossy.with(cause(Heal)).yes(accepts(db)), GateLoss, []string{"undoing drift never does that"}},
		"LossRollback":   {"Nor does going back.", lossy.with(cause(Rollback)).yes(accepts(db)), GateLoss, []string{"going back never does that"}},
		"LossRetry":      {"Trying again does not carry what was accepted before.", lossy.with(cause(Retry)).yes(accepts(db)).used(), GateLoss, []string{"was used already"}},
		"LossRetryAnew":  {"Whoever looks again may say so again.", lossy.with(cause(Retry)).yes(accepts(db)), open, nil},
		"Breaker":        {"Too much at once is held like a loss.", del.with(mode(Never)).with(breaker), GateBreaker, []string{"9 of 10 objects", "--accept-loss mass-delete"}},
		"BreakerNamed":   {"And let through by its name.", del.with(breaker).yes(accepts("mass-delete")), open, nil},
		"BreakerLoss":    {"One does not stand for the other.", lossy.with(breaker).yes(accepts("mass-delete")), GateLoss, []string{"does not name " + db}},
		"BreakerMissing": {"Nor the other for the one.", lossy.with(breaker).yes(accepts(db)), GateLoss, []string{"does not name mass-delete"}},

		// Drift of a module.
		"HealProposed": {"Drift is only proposed to be undone.", module(res(change.Update, db)).with(heals()), GateApproval, []string{"to undo drift 1 resource would be changed, which is only proposed"}},
		"HealAllowed":  {"Unless its class is healed.", module(res(change.Update, db)).with(heals(change.Update)), open, nil},
		"HealPart":     {"All of it has to be.", module(res(change.Update, db), res(change.Create, "a.b")).with(heals(change.Update)), GateApproval, []string{"created"}},
		"HealNever":    {"The mode is about commits.", module(res(change.Update, db)).with(heals()).with(mode(Never)), GateApproval, nil},
		"HealApproved": {"A person may have it undone.", module(res(change.Update, db)).with(heals()).yes(), open, nil},
		"HealCluster":  {"On a cluster drift is healed as spec.sync.drift says.", cluster(lockstep.Update).with(heals()), open, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := Decide(tt.facts)
			if v.Gate != tt.gate || v.Open != (tt.gate == open) {
				t.Fatalf("%s\nopen %v, gate %q, want %q: %s", tt.why, v.Open, v.Gate, tt.gate, v.Reason)
			}
			for _, s := range tt.says {
				if !strings.Contains(v.Reason+"\n"+v.Hint, s) {
					t.Errorf("%s\nreason: %s\nhint:   %s\nwant %q in it", tt.why, v.Reason, v.Hint, s)
				}
			}
			if !v.Open && (v.Reason == "" || v.Hint == "") {
				t.Errorf("%s\nheld without reason or hint: %+v", tt.why, v)
			}
		})
	}
}

// TestUses: carrying a plan out uses up the approval that it needed, and no other.
func TestUses(t *testing.T) {
	given := module(res(change.Delete, db)).yes()
	if v := Decide(given); v.Uses != given.Given.ID() {
		t.Errorf("needed: uses %q, want %q", v.Uses, given.Given.ID())
	}
	if v := Decide(given.with(mode(Never))); !v.Open || v.Uses != "" {
		t.Errorf("not needed: %+v", v)
	}
	a, b := *given.Given, *given.Given
	b.At = b.At.Add(time.Second)
	if a.ID() == b.ID() {
		t.Error("said twice is two approvals")
	}
	b = a
	b.At = a.At.In(time.FixedZone("there", 3600))
	if a.ID() != b.ID() {
		t.Error("the same moment elsewhere is the same approval")
	}
}

// TestGrewListed: what grew is listed whole, the sentence tells the first.
func TestGrewListed(t *testing.T) {
	v := Decide(module(res(change.Delete, "a.b"), res(change.Delete, "a.c")).yes().approvedWas())
	want := []change.Growth{
		{What: "a.b", Why: "would be destroyed; it was not in what was approved"},
		{What: "a.c", Why: "would be destroyed; it was not in what was approved"},
	}
	if diff := cmp.Diff(want, v.Grew); diff != "" || !strings.HasSuffix(v.Reason, "; and 1 more") {
		t.Errorf("%q\n%s", v.Reason, diff)
	}
}

func TestPlanGate(t *testing.T) {
	held := Decide(module(res(change.Delete, db)))
	if g, there := held.PlanGate(); !there || g.Open || g.Name != GateApproval || g.Reason == "" {
		t.Errorf("held: %+v", g)
	}
	if g, there := Decide(module(res(change.Delete, db)).yes()).PlanGate(); !there || !g.Open || g.Reason != "was approved by oidc:mia@example.org: the database is empty" {
		t.Errorf("approved: %+v", g)
	}
	if _, there := Decide(module(res(change.Create, db))).PlanGate(); there {
		t.Error("what nobody has to approve has no gate")
	}
}

func TestSame(t *testing.T) {
	for name, tt := range map[string]struct {
		user, author string
		want         bool
	}{
		"Mail":    {"ana@example.org", "Ana B <ana@example.org>", true},
		"Name":    {"ana b", "Ana B <ana@example.org>", true},
		"Prefix":  {"oidc:ana@example.org", "Ana B <ana@example.org>", true},
		"Issuer":  {"https://id.example.org#ana@example.org", "Ana <ana@example.org>", true},
		"Whole":   {"ana", "ana", true},
		"Another": {"oidc:mia@example.org", "Ana B <ana@example.org>", false},
		"Nobody":  {"", "Ana B <ana@example.org>", false},
		"Unknown": {"ana", "", false},
		"Part":    {"an", "Ana <ana@example.org>", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := same(tt.user, tt.author); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// FuzzQuote: whatever a resource is called, the shell sees one word.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{db, "a'b", "", "$(x)", "a b", "PersistentVolumeClaim/shop/data"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := quote(s)
		// Undo it as a shell does: parts between single quotes are as they are, \' is one.
		var out strings.Builder
		for q != "" {
			switch {
			case strings.HasPrefix(q, `\'`):
				out.WriteByte('\'')
				q = q[2:]
			case q[0] == '\'':
				end := strings.IndexByte(q[1:], '\'')
				if end < 0 {
					t.Fatalf("%q: a quote is open", s)
				}
				out.WriteString(q[1 : 1+end])
				q = q[end+2:]
			case strings.ContainsAny(q[:1], " \t\n$`\"\\*?[]{}()<>|&;#~!"):
				t.Fatalf("%q: the shell reads %q", s, q)
			default:
				out.WriteByte(q[0])
				q = q[1:]
			}
		}
		if out.String() != s {
			t.Fatalf("%q comes out as %q", s, out.String())
		}
	})
}

package access

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/deploy"
	"github.com/lockstep-dev/lockstep/internal/controller/shelf"
	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/risk"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
	"github.com/lockstep-dev/lockstep/internal/server/access"
	"github.com/lockstep-dev/lockstep/internal/server/httpapi"
	"github.com/lockstep-dev/lockstep/internal/server/live"
	"github.com/lockstep-dev/lockstep/internal/store"
)

func (s *scene) stacks(as string) client.Client {
	s.t.Helper()
	scheme := runtime.NewScheme()
	s.must(v1alpha1.AddToScheme(scheme))
	cfg := s.cluster.Config(s.t)
	if as != "" {
		cfg.Impersonate = rest.ImpersonationConfig{UserName: as}
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	s.must(err)
	return c
}

// module creates a Stack with a module, which holds a plan that may lose a database.
func (s *scene) module(name string) (lockstep.Unit, shelf.Plan) {
	s.t.Helper()
	set := change.Set{Changes: []change.Change{{Address: "db.main", Type: "db", Action: change.Delete}}}
	k := shelf.Plan{Digest: set.Digest(), Set: set, Commit: "c1", Findings: []risk.Finding{
		{Key: lockstep.ResourceKey("db", "db.main", ""), Level: risk.Loss, Rule: "database", Why: "it goes"},
	}}
	x := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: s.a, Name: name}, Spec: v1alpha1.StackSpec{
		Source: v1alpha1.StackSource{Name: "x", Path: "y"}, Terraform: &v1alpha1.Terraform{},
	}}
	// A kind that was just defined is not served at once, and a client asks only once.
	api, err := s.stacks(""), error(nil)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); api = s.stacks("") {
		if err = api.Create(s.t.Context(), x); err == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.must(err)
	x.Status.Plan = &v1alpha1.PlanSummary{Digest: k.Digest, Summary: "1 to destroy", Held: "loss"}
	s.must(api.Status().Update(s.t.Context(), x))
	return lockstep.Unit{Namespace: s.a, Name: name}, k
}

// TestApprove holds that the verb approve is enough to answer a plan, that what is
// written is that and nothing else, that what would open nothing is refused, and that
// each attempt is recorded with the plan.
func TestApprove(t *testing.T) {
	s := newScene(t)
	s.within(s.a, "lockstep-approver", user("oidc:ana"))
	u, k := s.module("base")
	s.settled(person("oidc:ana"), access.Of(access.Approve, u))
	api := s.stacks("")
	var record []string
	h := httpapi.New(&httpapi.Deps{
		Access: s.checker, Cache: api, Write: api,
		Live: &live.Looker{Stacks: api, Kept: func(context.Context, lockstep.Unit) (shelf.Plan, bool, error) { return k, true, nil }},
		Record: func(_ context.Context, p lockstep.Person, a httpapi.Act, err error) {
			d := a.Detail().(store.ApprovalDetail)
			record = append(record, fmt.Sprint(p.Name, " ", a.Name, " ", d.Plan == k.Digest, d.Revision, d.Gate, d.Losses, " ", err == nil))
		},
	})
	send := func(who, method, deed, body string) (int, string) {
		r := httptest.NewRequest(method, httpapi.Prefix+"/stacks/"+u.String()+"/"+deed, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(access.With(r.Context(), person(who))))
		return w.Code, w.Body.String()
	}
	now := func() *v1alpha1.Stack {
		t.Helper()
		got := &v1alpha1.Stack{}
		s.must(api.Get(t.Context(), client.ObjectKey{Namespace: s.a, Name: "base"}, got))
		return got
	}
	if code, body := send("oidc:ana", "GET", "waiting-plan", ""); code != 200 || !strings.Contains(body, `"accept":["db.main"]`) || !strings.Contains(body, k.Digest) {
		t.Fatalf("the plan: %d %s", code, body)
	}
	good := `{"plan":"` + k.Digest + `","reason":"it is empty","acceptLoss":["db.main"]}`
	other := "sha256:" + strings.Repeat("0", 64)
	for _, try := range []struct {
		who, deed, body string
		code            int
		says            string
	}{
		{"oidc:fay", "approve", good, 403, "approve"},
		{"oidc:ana", "approve", `{"plan":"` + other + `","reason":"r"}`, 409, "the plan moved: it is now " + k.Digest},
		{"oidc:ana", "approve", `{"plan":"` + k.Digest + `","reason":"r"}`, 409, "may lose the data of db.main"},
		{"oidc:ana", "approve", `{"plan":"` + k.Digest + `","reason":"r","acceptLoss":["db.main","db.*"]}`, 409, "is nothing that the plan would lose"},
		{"oidc:ana", "reject", `{"plan":"` + k.Digest + `"}`, 422, "reason"},
	} {
		if code, body := send(try.who, "POST", try.deed, try.body); code != try.code || !strings.Contains(body, try.says) || now().Spec.Approval != nil {
			t.Errorf("%s %s %s: %d %s", try.who, try.deed, try.body, code, body)
		}
	}
	if code, body := send("oidc:ana", "POST", "approve", good); code != 200 || !strings.Contains(body, `"by":"oidc:ana"`) {
		t.Fatalf("ana: %d %s", code, body)
	}
	first := now()
	if a := first.Spec.Approval; a == nil || a.Plan != k.Digest || a.By != "oidc:ana" || a.At == nil || len(a.AcceptLoss) != 1 || a.Rejected {
		t.Errorf("written was %+v", a)
	}
	if code, body := send("oidc:ana", "POST", "approve", good); code != 200 || now().ResourceVersion != first.ResourceVersion {
		t.Errorf("again: %d %s", code, body)
	}
	if code, body := send("oidc:ana", "POST", "reject", `{"plan":"`+k.Digest+`","reason":"no"}`); code != 200 {
		t.Fatalf("reject: %d %s", code, body)
	}
	if a := now().Spec.Approval; !a.Rejected || len(a.AcceptLoss) != 0 || a.Reason != "no" {
		t.Errorf("something of the approval is left: %+v", a)
	}
	x := now()
	x.Status.Plan = nil
	s.must(api.Status().Update(t.Context(), x))
	if code, body := send("oidc:ana", "POST", "approve", good); code != 409 || !strings.Contains(body, "holds no plan") {
		t.Errorf("without a plan: %d %s", code, body)
	}
	want := `oidc:fay approve true[db.main] false
oidc:ana approve falsec1loss[] false
oidc:ana approve truec1loss[] false
oidc:ana approve truec1loss[db.main db.*] false
oidc:ana approve truec1loss[db.main] true
oidc:ana approve true[db.main] true
oidc:ana reject truec1loss[] true
oidc:ana approve true[db.main] false`
	if got := strings.Join(record, "\n"); got != want {
		t.Errorf("recorded\n%s\nwant\n%s", got, want)
	}
}

// TestApprovalPolicy holds that the API itself keeps those who may change Stacks from
// approving, and everybody from approving in another name.
func TestApprovalPolicy(t *testing.T) {
	s := newScene(t)
	for _, file := range []string{"approval-policy.yaml", "approval-binding.yaml"} {
		raw, err := deploy.Admission.ReadFile("admission/" + file)
		s.must(err)
		s.apply(string(raw))
	}
	s.within(s.a, "editor", user("oidc:edi"), rule(nil, "get", "patch", "create"))
	s.within(s.a, "approving", user("oidc:ana"), rule(nil, "get", "patch", "create", "approve"))
	s.within(s.a, "server", user("lockstep"), rule(nil, "get", "patch", "create", "approve", "approve-for"))
	u, k := s.module("guarded")
	for _, who := range []string{"oidc:ana", "lockstep"} {
		s.settled(person(who), access.Of(access.Approve, u))
	}
	s.settled(person("oidc:edi"), access.Of("patch", u))
	patch := func(who, body string) error {
		x := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: u.Namespace, Name: u.Name}}
		return s.stacks(who).Patch(t.Context(), x, client.RawPatch("application/merge-patch+json", []byte(body)))
	}
	signed := func(by string) string {
		return `{"spec":{"approval":{"plan":"` + k.Digest + `","by":"` + by + `","reason":"` + by + `"}}}`
	}
	// A policy counts some time after it was written.
	end := time.Now().Add(30 * time.Second)
	for err := patch("oidc:edi", signed("oidc:edi")); err == nil; err = patch("oidc:edi", signed("oidc:edi")) {
		s.must(patch("", `{"spec":{"approval":null}}`))
		if time.Now().After(end) {
			t.Fatal("the policy is never in force")
		}
		time.Sleep(200 * time.Millisecond)
	}
	git := `{"spec":{"approved":"` + k.Digest + `"}}`
	for _, try := range []struct{ why, who, body, says string }{
		{"Who may not approve does not.", "oidc:edi", signed("oidc:edi"), "oidc:edi may not approve stack " + u.String()},
		{"Also not by a digest.", "oidc:edi", git, "may not change spec.approval or spec.approved"},
		{"What is no approval is none of it.", "oidc:edi", `{"spec":{"pause":{"reason":"x"}}}`, ""},
		{"Nobody signs as somebody else.", "oidc:ana", signed("oidc:mia"), "nobody approves in the name of somebody else"},
		{"Nor as nobody.", "oidc:ana", `{"spec":{"approval":{"plan":"` + k.Digest + `"}}}`, "has to be oidc:ana"},
		{"Who may approve does.", "oidc:ana", signed("oidc:ana"), ""},
		{"A pause leaves it as it is.", "oidc:edi", `{"spec":{"pause":null}}`, ""},
		{"It is not taken back by others.", "oidc:edi", `{"spec":{"approval":null}}`, "may not approve"},
		{"Nor passed off as their own.", "lockstep-other", signed("lockstep-other"), "cannot patch"},
		{"The server writes for whom it asked about.", "lockstep", signed("oidc:mia"), ""},
		{"And applies what Git says.", "lockstep", git, ""},
		{"Which leaves what mia said as it is.", "oidc:ana", `{"spec":{"approved":null}}`, ""},
	} {
		err := patch(try.who, try.body)
		if try.says == "" && err != nil || try.says != "" && (!apierrors.IsForbidden(err) || !strings.Contains(err.Error(), try.says)) {
			t.Errorf("%s\n%s %s: %v", try.why, try.who, try.body, err)
		}
	}
	made := &v1alpha1.Stack{ObjectMeta: metav1.ObjectMeta{Namespace: u.Namespace, Name: "made"}, Spec: v1alpha1.StackSpec{Source: v1alpha1.StackSource{Name: "x", Path: "y"}, Approved: k.Digest}}
	if err := s.stacks("oidc:edi").Create(t.Context(), made.DeepCopy()); !apierrors.IsForbidden(err) {
		t.Errorf("a Stack that is approved when it is made: %v", err)
	}
	made.Spec.Approved = ""
	s.must(s.stacks("oidc:edi").Create(t.Context(), made))
}

package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var (
	shop = lockstep.Unit{Namespace: "payments", Name: "shop"}
	key  = []byte("key")
)

// object makes a desired object from "ConfigMap/web/settings a=1 b=2".
func object(s string) lockstep.Object {
	words := strings.Fields(s)
	k := parseKey(words[0])
	version := "v1"
	if k.Group != "" {
		version = k.Group + "/v1"
	}
	meta := map[string]any{"name": k.Name}
	if k.Namespace != "" {
		meta["namespace"] = k.Namespace
	}
	tree := map[string]any{"apiVersion": version, "kind": k.Kind, "metadata": meta}
	data := map[string]any{}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		if a, ok := strings.CutPrefix(name, "@"); ok {
			meta["annotations"] = map[string]any{a: value}
			continue
		}
		data[name] = value
	}
	if len(data) > 0 {
		tree["data"] = data
	}
	return lockstep.Object{Tree: tree, Origin: lockstep.Origin{File: "web/all.yaml", Line: 3}}
}

// parseKey reads "Kind.group/namespace/name" and "Kind.group/name".
func parseKey(s string) lockstep.Key {
	parts := strings.Split(s, "/")
	kind, group, _ := strings.Cut(parts[0], ".")
	k := lockstep.Key{Group: group, Kind: kind, Name: parts[len(parts)-1]}
	if len(parts) == 3 {
		k.Namespace = parts[1]
	}
	return k
}

func objects(specs ...string) []lockstep.Object {
	var out []lockstep.Object
	for _, s := range specs {
		out = append(out, object(s))
	}
	return out
}

// applied is the live projection of an object that we applied as it is.
func applied(spec string, change ...func(*lockstep.LiveObject)) lockstep.LiveObject {
	o := object(spec)
	owned := map[string]any{}
	if d, ok := o.Tree["data"]; ok {
		owned["data"] = d
	}
	l := lockstep.LiveObject{
		Key: o.Key(), Unit: shop, Managed: true, UID: "uid-" + o.Name(), Owned: owned,
		Digest: diff.Digester{Key: key}.Object(o),
	}
	for _, c := range change {
		c(&l)
	}
	return l
}

// passingJob is a Job that the API removes once it has finished.
func passingJob(name string) lockstep.Object {
	o := object("Job.batch/web/" + name)
	o.Tree["spec"] = map[string]any{"ttlSecondsAfterFinished": int64(0)}
	return o
}

func live(objects ...lockstep.LiveObject) lockstep.Live { return lockstep.Live{Objects: objects} }

func drifted(l *lockstep.LiveObject) {
	l.Drift = []lockstep.FieldChange{{Path: "data.a", From: `"9"`, To: `"1"`, Manager: "kubectl-edit"}}
	delete(l.Owned["data"].(map[string]any), "a")
}

func putBack(l *lockstep.LiveObject) {
	l.Drift = []lockstep.FieldChange{{Path: "data.a", From: `"1"`, To: `"1"`, Manager: "kubectl-edit"}}
	delete(l.Owned["data"].(map[string]any), "a")
}

// marked is an object of Git with an annotation.
func marked(spec, name, value string) lockstep.Object {
	o := object(spec)
	o.Tree["metadata"].(map[string]any)["annotations"] = map[string]any{name: value}
	return o
}

// sameAs makes the live object one that was applied from o.
func sameAs(o lockstep.Object) func(*lockstep.LiveObject) {
	return func(l *lockstep.LiveObject) { l.Digest = diff.Digester{Key: key}.Object(o) }
}

func annotated(name, value string) func(*lockstep.LiveObject) {
	return func(l *lockstep.LiveObject) { l.Annotations = map[string]string{name: value} }
}

func TestMake(t *testing.T) {
	prune := Policy{Prune: true}
	cases := map[string]struct {
		why   string
		facts Facts
		want  string // as printed
		stage []string
		kind  fault.Kind
		says  []string // in the error
	}{
		"Create": {
			why:   "What is not there is created, and stages keep what the API would refuse apart.",
			facts: Facts{Desired: objects("Widget.example.com/web/w", "ConfigMap/web/a", "Namespace/web", "CustomResourceDefinition.apiextensions.k8s.io/widgets"), Policy: prune},
			want: `  + ConfigMap/web/a                    is not there yet
  + Namespace/web                      is not there yet
  + CustomResourceDefinition/widgets   is not there yet
  + Widget/web/w                       is not there yet
4 to create
`,
			stage: []string{"namespaces", "definitions", "foundation", "workloads"},
		},
		"InStep": {
			why:   "Equal digests need no step, whatever the policy.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1")), Policy: prune},
			want:  "1 unchanged\n",
		},
		"JobWentByItself": {
			why:   "A Job that removes itself once it ran is not run again while Git asks for the same.",
			facts: Facts{Carried: true, Desired: []lockstep.Object{passingJob("migrate"), object("Job.batch/web/kept")}, Policy: prune},
			want: `  + Job/web/kept      is gone from the target
  · Job/web/migrate   ran and went away by itself: spec.ttlSecondsAfterFinished
1 to create, 1 unchanged
`,
			stage: []string{"workloads"},
		},
		"JobIsGoingByItself": {
			why: "On its way out it is as good as gone.",
			facts: Facts{
				Carried: true, Desired: []lockstep.Object{passingJob("migrate")}, Policy: prune,
				Live: live(applied("Job.batch/web/migrate", func(l *lockstep.LiveObject) { l.Terminating = true })),
			},
			want: `  · Job/web/migrate   ran and went away by itself: spec.ttlSecondsAfterFinished
1 unchanged
`,
		},
		"JobOfANewCommit": {
			why:   "What was not carried out yet has not run.",
			facts: Facts{Desired: []lockstep.Object{passingJob("migrate")}, Policy: prune},
			want: `  + Job/web/migrate   is not there yet
1 to create
`,
			stage: []string{"workloads"},
		},
		"ChangeInGit": {
			why:   "The fields that change are shown with both values.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=2 c=3"), Live: live(applied("ConfigMap/web/a a=1 b=1")), Policy: prune},
			want: `  ~ ConfigMap/web/a   3 fields change in Git
      ~ data.a  "1" → "2"
      - data.b  "1"
      + data.c  "3"
1 to change
`,
			stage: []string{"foundation"},
		},
		"ChangeUndoesDrift": {
			why:   "A field that somebody changed shows what it holds and who did it, not that it is absent.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=2 b=1"), Live: live(applied("ConfigMap/web/a a=1 b=1", drifted)), Policy: prune},
			want: `  ~ ConfigMap/web/a   1 field changes in Git
      ~ data.a  "9" → "2"  (kubectl-edit)
1 to change
`,
			stage: []string{"foundation"},
		},
		"Heal": {
			why:   "Drift is undone where healing is on.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)), Policy: prune},
			want: `  ~ ConfigMap/web/a   drift: changed by kubectl-edit
      ~ data.a  "9" → "1"  (kubectl-edit)
1 to change
`,
			stage: []string{"foundation"},
		},
		"DriftLeftAlone": {
			why:   "Where healing is off drift is shown and nothing is done.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)), Policy: Policy{Drift: DriftReport}},
			want: `  ≠ ConfigMap/web/a   drift, left alone: changed by kubectl-edit
      ~ data.a  "9" → "1"  (kubectl-edit)
1 unchanged, 1 drifted
`,
		},
		"DriftOff": {
			why:   "Where nobody asks for drift there is none.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)), Policy: Policy{Drift: DriftOff}},
			want:  "1 unchanged\n",
		},
		"DeletedIsDrift": {
			why:   "What somebody deletes is drift as well: where drift is reported it is not created again.",
			facts: Facts{Carried: true, Desired: objects("ConfigMap/web/a a=1"), Policy: Policy{Drift: DriftReport}},
			want: `  ≠ ConfigMap/web/a   drift, left alone: removed on the target
1 unchanged, 1 drifted
`,
		},
		"NotYetThereIsNoDrift": {
			why:   "What was never carried out is a change of Git's, whatever becomes of drift.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Policy: Policy{Drift: DriftReport}},
			want: `  + ConfigMap/web/a   is not there yet
1 to create
`,
			stage: []string{"foundation"},
		},
		"TakenBack": {
			why:   "A field that was changed and put back is no drift; only its owner is another, and a later removal in Git would miss it.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", putBack)), Policy: prune},
			want: `  ~ ConfigMap/web/a   holds what Git asks for; takes back fields that somebody else owns
1 to change
`,
			stage: []string{"foundation"},
		},
		"TakenBackReported": {
			why:   "A field that holds Git's value is not reported.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", putBack)), Policy: Policy{Drift: DriftReport}},
			want:  "1 unchanged\n",
		},
		"LeftAloneByAPerson": {
			why:   "In an emergency a person takes the live object out of our hands, whatever Git changes meanwhile.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=2"), Live: live(applied("ConfigMap/web/a a=1", drifted, annotated("lockstep.dev/reconcile", "disabled"))), Policy: prune},
			want: `  · ConfigMap/web/a   is left alone: annotation lockstep.dev/reconcile is disabled
1 unchanged
`,
		},
		"LeftAloneNotPruned": {
			why:   "An object that is out of our hands is not deleted either.",
			facts: Facts{Live: live(applied("ConfigMap/web/a a=1", annotated("kustomize.toolkit.fluxcd.io/ssa", "Ignore"))), Policy: prune},
			want: `  · ConfigMap/web/a   is gone from Git, left alone: annotation kustomize.toolkit.fluxcd.io/ssa is Ignore
nothing to do
`,
		},
		"LeftAloneByGit": {
			why:   "What Git itself takes out is not even created.",
			facts: Facts{Desired: []lockstep.Object{marked("ConfigMap/web/a a=1", "kustomize.toolkit.fluxcd.io/reconcile", "disabled")}, Policy: prune},
			want: `  · ConfigMap/web/a   is left alone: annotation kustomize.toolkit.fluxcd.io/reconcile is disabled
1 unchanged
`,
		},
		"DriftProtected": {
			why:   "An object whose drift is to be ignored keeps what somebody set.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted, annotated("lockstep.dev/drift", "ignore"))), Policy: prune},
			want:  "1 unchanged\n",
		},
		"DriftOfOneReported": {
			why: "One object may be reported where the others are healed.",
			facts: Facts{Desired: []lockstep.Object{marked("ConfigMap/web/a a=1", "lockstep.dev/drift", "report")},
				Live: live(applied("ConfigMap/web/a a=1", drifted, sameAs(marked("ConfigMap/web/a a=1", "lockstep.dev/drift", "report")))), Policy: prune},
			want: `  ≠ ConfigMap/web/a   drift, left alone: changed by kubectl-edit
      ~ data.a  "9" → "1"  (kubectl-edit)
1 unchanged, 1 drifted
`,
		},
		"DriftOfFieldProtected": {
			why:   "Fields that the live annotation names keep what somebody set.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted, annotated("lockstep.dev/ignore-fields", "/data/b, /data/a"))), Policy: prune},
			want:  "1 unchanged\n",
		},
		"GuardMisspelt": {
			why:   "A word that means nothing is not taken for one that does, and says so.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", annotated("lockstep.dev/reconcile", "disable"))), Policy: prune},
			want: `  · ConfigMap/web/a   annotation lockstep.dev/reconcile has no effect: "disable" is not known, "disabled" is
1 unchanged
`,
		},
		"DriftIgnoredByPointer": {
			why: "An ignored field is nobody's business, so it is no drift either.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)),
				Policy: Policy{Ignore: []Ignore{{Kind: "ConfigMap", JSONPointers: []string{"/data/a"}}}}},
			want: "1 unchanged\n",
		},
		"DriftIgnoredByManager": {
			why: "A manager that may change fields, an autoscaler for one, does not drift.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)),
				Policy: Policy{Ignore: []Ignore{{Managers: []string{"kubectl-edit"}}}}},
			want: "1 unchanged\n",
		},
		"IgnoreOfAnotherKind": {
			why: "Selectors must hold for a rule to hold.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1", drifted)),
				Policy: Policy{Ignore: []Ignore{{Kind: "Secret", JQPaths: []string{".data.a"}}}}},
			want: `  ~ ConfigMap/web/a   drift: changed by kubectl-edit
      ~ data.a  "9" → "1"  (kubectl-edit)
1 to change
`,
			stage: []string{"foundation"},
		},
		"TakesOver": {
			why: "An object with our mark that we never applied is not known to be what Git says.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"),
				Live: live(applied("ConfigMap/web/a a=1", func(l *lockstep.LiveObject) { l.Managed = false }))},
			want: `  ~ ConfigMap/web/a   exists already and was never applied by us: takes it over
1 to change
`,
			stage: []string{"foundation"},
		},
		"Force": {
			why:   "Force applies what is in step.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"), Live: live(applied("ConfigMap/web/a a=1")), Policy: Policy{Force: true}},
			want:  "  ~ ConfigMap/web/a   applied again as asked\n1 to change\n",
			stage: []string{"foundation"},
		},
		"Prune": {
			why: "What is gone from Git goes, in the reverse of the order of applying.",
			facts: Facts{Desired: objects("ConfigMap/web/b"), Policy: prune, Live: live(applied("ConfigMap/web/b"),
				applied("Namespace/web"), applied("Deployment.apps/web/api"), applied("ConfigMap/web/a"))},
			want: `  - ConfigMap/web/a      is gone from Git
  - Namespace/web        is gone from Git
  - Deployment/web/api   is gone from Git
3 to delete, 1 unchanged
`,
			stage: []string{"prune workloads", "prune foundation", "prune namespaces"},
		},
		"NothingThatSpeaksAgainstIsPruned": {
			why: "An annotation, another owner, a copied mark, a deletion under way: each keeps an object.",
			facts: Facts{Desired: objects("ConfigMap/web/z"), Policy: prune, Live: live(applied("ConfigMap/web/z"),
				applied("ConfigMap/web/a", annotated("lockstep.dev/prune", "disabled")),
				applied("ConfigMap/web/b", annotated("argocd.argoproj.io/sync-options", "Replace=true, Prune=false")),
				applied("ConfigMap/web/c", annotated("helm.sh/resource-policy", "keep")),
				applied("ConfigMap/web/d", func(l *lockstep.LiveObject) { l.Managed = false }),
				applied("ConfigMap/web/e", func(l *lockstep.LiveObject) { l.Terminating = true }),
				applied("ConfigMap/web/f", func(l *lockstep.LiveObject) { l.Unit.Name = "other" }),
				applied("ConfigMap/web/g", func(l *lockstep.LiveObject) {
					l.Owned = map[string]any{"metadata": map[string]any{"annotations": map[string]any{"kustomize.toolkit.fluxcd.io/prune": "disabled"}}}
				}))},
			want: `  · ConfigMap/web/a   is gone from Git, kept: annotation lockstep.dev/prune is disabled
  · ConfigMap/web/b   is gone from Git, kept: annotation argocd.argoproj.io/sync-options has Prune=false
  · ConfigMap/web/c   is gone from Git, kept: annotation helm.sh/resource-policy is keep
  · ConfigMap/web/d   carries this Stack's mark but was never applied by it, so it is left alone
  · ConfigMap/web/g   is gone from Git, kept: annotation kustomize.toolkit.fluxcd.io/prune is disabled
1 unchanged
`,
		},
		"PruneOff": {
			why:   "Without pruning nothing goes, and the plan says what stays behind.",
			facts: Facts{Desired: objects("ConfigMap/web/z"), Live: live(applied("ConfigMap/web/z"), applied("ConfigMap/web/a"))},
			want:  "  · ConfigMap/web/a   is gone from Git, kept: pruning is off\n1 unchanged\n",
		},
		"EmptyRender": {
			why:   "An empty render is nearly always a mistake, and would delete everything.",
			facts: Facts{Policy: prune, Live: live(applied("ConfigMap/web/a"))},
			want: `  - ConfigMap/web/a   is gone from Git
held: Git asks for no object at all, so 1 object would be deleted
hint: check the path and the overlays; if it is meant, set spec.sync.allowEmpty or delete the Stack
1 to delete
`,
			stage: []string{"prune foundation"},
		},
		"EmptyRenderAllowed": {
			why:   "Who says that empty is meant gets it.",
			facts: Facts{Policy: Policy{Prune: true, AllowEmpty: true}, Live: live(applied("ConfigMap/web/a"))},
			want:  "  - ConfigMap/web/a   is gone from Git\n1 to delete\n",
			stage: []string{"prune foundation"},
		},
		"Terminating": {
			why: "Applying to an object that is going away would be lost with it.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1"),
				Live: live(applied("ConfigMap/web/a a=1", func(l *lockstep.LiveObject) { l.Terminating = true }))},
			want:  "  + ConfigMap/web/a   is being deleted; will be created again\n1 to create\n",
			stage: []string{"foundation"},
		},
		"AnotherStackHasIt": {
			why: "Two Stacks would undo each other's work for ever; the other objects go on.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1", "ConfigMap/web/b"),
				Live: live(applied("ConfigMap/web/a a=1", func(l *lockstep.LiveObject) { l.Unit = lockstep.Unit{Namespace: "x", Name: "other"} }))},
			want:  "  + ConfigMap/web/b   is not there yet\n1 to create\n",
			stage: []string{"foundation"},
			kind:  fault.KindConflict,
			says:  []string{"ConfigMap/web/a, web/all.yaml:3", `"x/other"`, `"payments/shop"`},
		},
		"UnknownKind": {
			why: "A kind that nobody serves or defines is the author's mistake; the other objects go on.",
			facts: Facts{Desired: objects("Widget.example.com/web/w", "ConfigMap/web/b"),
				Live: lockstep.Live{MissingKinds: []lockstep.GroupKind{{Group: "example.com", Kind: "Widget"}}}},
			want:  "  + ConfigMap/web/b   is not there yet\n1 to create\n",
			stage: []string{"foundation"},
			kind:  fault.KindInvalid,
			says:  []string{"Widget.example.com/web/w, web/all.yaml:3", `kind "Widget" in "example.com/v1"`},
		},
		"Twice": {
			why:   "One object from two files would flap; the first place is kept.",
			facts: Facts{Desired: objects("ConfigMap/web/a a=1", "ConfigMap/web/a a=2")},
			want:  "  + ConfigMap/web/a   is not there yet\n1 to create\n",
			stage: []string{"foundation"},
			kind:  fault.KindInvalid,
			says:  []string{"is there twice", "web/all.yaml:3"},
		},
		"BadIgnoreRule": {
			why:   "A rule that cannot be read might hide anything, so nothing is planned.",
			facts: Facts{Desired: objects("ConfigMap/web/a"), Policy: Policy{Ignore: []Ignore{{JQPaths: []string{".["}}}}},
			want:  "nothing to do\n",
			kind:  fault.KindInvalid,
			says:  []string{"ignoreDifferences[0]", `".["`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := tc.facts
			f.Unit, f.Key = shop, key
			got, err := Make(f)
			checkFault(t, tc.why, err, tc.kind, tc.says)
			if diff := cmp.Diff(tc.want, Format(got, Detail{})); diff != "" {
				t.Errorf("%s\nplan (-want +got):\n%s", tc.why, diff)
			}
			var stages []string
			for _, s := range got.Stages {
				stages = append(stages, s.Name)
			}
			if diff := cmp.Diff(tc.stage, stages); diff != "" {
				t.Errorf("%s\nstages (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func checkFault(t *testing.T, why string, err error, kind fault.Kind, says []string) {
	t.Helper()
	if len(says) == 0 {
		if err != nil {
			t.Errorf("%s\nMake: %v, want no error", why, err)
		}
		return
	}
	if !errors.Is(err, kind) {
		t.Errorf("%s\nMake: %v, want a fault %s", why, err, kind)
	}
	for _, s := range says {
		if err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%s\nMake: %v, does not say %q", why, err, s)
		}
	}
}

func TestCustomResourceWithItsDefinition(t *testing.T) {
	crd := object("CustomResourceDefinition.apiextensions.k8s.io/widgets.example.com")
	crd.Tree["spec"] = map[string]any{"group": "example.com", "names": map[string]any{"kind": "Widget"}}
	p, err := Make(Facts{Unit: shop, Desired: append(objects("Widget.example.com/web/w"), crd),
		Live: lockstep.Live{MissingKinds: []lockstep.GroupKind{{Group: "example.com", Kind: "Widget"}}}})
	if err != nil {
		t.Fatalf("a kind that the same render defines is no error: %v", err)
	}
	if len(p.Stages) != 2 || p.Stages[0].Name != "definitions" {
		t.Errorf("stages %+v, want the definition before its object", p.Stages)
	}
}

// TestYield: an ignored field that an autoscaler has taken must not be sent, or
// every apply would reset it; the digest stays that of Git's words, or every
// pass would apply.
func TestYield(t *testing.T) {
	was := applied("ConfigMap/web/a a=1 b=1", drifted)
	f := Facts{Unit: shop, Key: key, Desired: objects("ConfigMap/web/a a=1 b=2"), Live: live(was),
		Policy: Policy{Ignore: []Ignore{{JSONPointers: []string{"/data/a"}}}}}
	p, err := Make(f)
	if err != nil || len(p.Steps()) != 1 {
		t.Fatalf("Make: %d steps, %v", len(p.Steps()), err)
	}
	step := p.Steps()[0]
	if diff := cmp.Diff(map[string]any{"b": "2"}, step.Desired.Tree["data"]); diff != "" {
		t.Errorf("what is sent (-want +got):\n%s", diff)
	}
	if want := (diff.Digester{Key: key}).Object(f.Desired[0]); step.Digest != want {
		t.Errorf("digest %s, want that of Git's words %s", step.Digest, want)
	}
	if f.Desired[0].Tree["data"].(map[string]any)["a"] != "1" {
		t.Error("Make changed its facts")
	}
}

func TestSecretsStayOutOfPlans(t *testing.T) {
	f := Facts{Unit: shop, Key: key, Desired: objects("Secret/web/s password=aHVudGVyMg=="), Live: live(applied("Secret/web/s password=aHVudGVyMQ=="))}
	p, err := Make(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(b), Format(p, Detail{})} {
		if strings.Contains(text, "aHVudGVyM") {
			t.Errorf("a secret is in the plan:\n%s", text)
		}
		if !strings.Contains(text, "data.password") {
			t.Errorf("the plan does not say which value changes:\n%s", text)
		}
	}
}

func TestDigestOfPlan(t *testing.T) {
	base := Facts{Unit: shop, Key: key, Desired: objects("ConfigMap/web/a a=1"), Policy: Policy{Prune: true},
		Revision: lockstep.Revision{Commit: "c1"}, Live: live(applied("ConfigMap/web/b"))}
	cases := map[string]struct {
		why    string
		change func(*Facts)
		same   bool
	}{
		"AnotherCommit": {"An approval survives a commit that plans the same.", func(f *Facts) { f.Revision.Commit = "c2" }, true},
		"UnchangedBeside": {"What needs no step is not part of what is approved.", func(f *Facts) {
			f.Desired = append(f.Desired, object("ConfigMap/web/c"))
			f.Live = live(applied("ConfigMap/web/b"), applied("ConfigMap/web/c"))
		}, true},
		"AnotherValue":  {"The values are what is approved.", func(f *Facts) { f.Desired = objects("ConfigMap/web/a a=2") }, false},
		"AnotherObject": {"A deletion is approved for one object, not for its name.", func(f *Facts) { f.Live.Objects[0].UID = "new" }, false},
		"AnotherTarget": {"The place is part of what is approved.", func(f *Facts) { f.Target.Name = "prod" }, false},
		"AnotherUnit":   {"So is the unit.", func(f *Facts) { f.Unit.Name = "x"; f.Live.Objects[0].Unit.Name = "x" }, false},
	}
	first, err := Make(base)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := base
			f.Live = live(base.Live.Objects[0])
			tc.change(&f)
			p, err := Make(f)
			if err != nil {
				t.Fatal(err)
			}
			if (p.Digest == first.Digest) != tc.same {
				t.Errorf("%s\ndigests equal %v, want %v", tc.why, !tc.same, tc.same)
			}
		})
	}
}

// TestOrderOfFactsDoesNotMatter shuffles facts with every kind of step in them.
func TestOrderOfFactsDoesNotMatter(t *testing.T) {
	var f Facts
	f.Unit, f.Key, f.Policy = shop, key, Policy{Prune: true}
	kinds := []string{"ConfigMap", "Secret", "Namespace", "Deployment.apps", "Widget.example.com", "APIService.apiregistration.k8s.io"}
	for i := range 120 {
		name := fmt.Sprintf("%s/web/o%d", kinds[i%len(kinds)], i)
		switch i % 5 {
		case 0:
			f.Desired = append(f.Desired, object(name+" a=1"))
		case 1:
			f.Desired = append(f.Desired, object(name+" a=2"))
			f.Live.Objects = append(f.Live.Objects, applied(name+" a=1"))
		case 2:
			f.Desired = append(f.Desired, object(name+" a=1"))
			f.Live.Objects = append(f.Live.Objects, applied(name+" a=1", drifted))
		case 3:
			f.Live.Objects = append(f.Live.Objects, applied(name))
		default:
			f.Desired = append(f.Desired, object(name+" a=1"), object(name+" a=2"))
		}
	}
	want, wantErr := render(t, f)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		r.Shuffle(len(f.Desired), func(i, j int) { f.Desired[i], f.Desired[j] = f.Desired[j], f.Desired[i] })
		r.Shuffle(len(f.Live.Objects), func(i, j int) { f.Live.Objects[i], f.Live.Objects[j] = f.Live.Objects[j], f.Live.Objects[i] })
		got, gotErr := render(t, f)
		if !bytes.Equal(want, got) || wantErr != gotErr {
			t.Fatalf("equal facts in another order give another plan:\n%s", cmp.Diff(string(want), string(got)))
		}
	}
}

func render(t *testing.T, f Facts) ([]byte, string) {
	t.Helper()
	p, err := Make(f)
	b, jsonErr := json.Marshal(p)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	if err == nil {
		t.Fatal("the doubled objects are refused")
	}
	return b, err.Error()
}

func BenchmarkMake(b *testing.B) {
	f := Facts{Unit: shop, Key: key, Policy: Policy{Prune: true}}
	for i := range 100 {
		name := fmt.Sprintf("ConfigMap/web/o%d a=1", i)
		f.Desired = append(f.Desired, object(name))
		f.Live.Objects = append(f.Live.Objects, applied(name))
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Make(f); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRemaining(t *testing.T) {
	wants := Wants([]lockstep.Object{passingJob("gone"), passingJob("running"), passingJob("going"), object("ConfigMap/web/lost")}, key)
	var got []string
	for _, w := range Remaining(wants, live(
		lockstep.LiveObject{Key: parseKey("Job.batch/web/running")},
		lockstep.LiveObject{Key: parseKey("Job.batch/web/going"), Terminating: true},
	)) {
		got = append(got, w.Key.Name)
	}
	if diff := cmp.Diff([]string{"running", "lost"}, got); diff != "" {
		t.Errorf("only a Job that removes itself may be missing (-want +got):\n%s", diff)
	}
}

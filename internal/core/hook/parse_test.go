package hook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func object(annotations map[string]string) lockstep.Object {
	all := map[string]any{}
	for k, v := range annotations {
		all[k] = v
	}
	return lockstep.Object{
		Tree:   map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "j", "namespace": "web", "annotations": all}},
		Origin: lockstep.Origin{File: "web/job.yaml", Line: 7},
	}
}

func TestOf(t *testing.T) {
	cases := map[string]struct {
		why  string
		in   map[string]string
		want Role
	}{
		"Nothing":      {why: "Most objects say nothing.", in: map[string]string{"team": "web"}},
		"OwnHook":      {"Our own words.", map[string]string{ownHook: "pre-apply", ownWave: "-3", ownPolicy: "succeeded,failed"}, Role{System: Own, Wave: -3, Policies: OnSuccess | OnFailure, Moments: []Moment{{PreApply, applying, "pre-apply"}}}},
		"Never":        {"Who wants to keep every object of a hook says so.", map[string]string{ownHook: "post-apply", ownPolicy: "never"}, Role{System: Own, Moments: []Moment{{PostApply, applying, "post-apply"}}}},
		"ArgoHook":     {"Argo CD's default policy is the deletion before the next run.", map[string]string{argoHook: "PreSync, SyncFail", argoWave: " 2 "}, Role{System: ArgoCD, Wave: 2, Policies: BeforeCreation, Moments: []Moment{{PreApply, applying, "PreSync"}, {ApplyFailed, applying, "SyncFail"}}}},
		"ArgoSkip":     {"Skip is an object that is not applied.", map[string]string{argoHook: "Skip"}, Role{Options: Options{LeftAlone: argoHook + " is Skip"}}},
		"ArgoPolicies": {"All three words.", map[string]string{argoHook: "Sync", argoPolicy: "BeforeHookCreation,HookSucceeded,HookFailed"}, Role{System: ArgoCD, Policies: BeforeCreation | OnSuccess | OnFailure, Moments: []Moment{{Apply, applying, "Sync"}}}},
		"HelmHook":     {"Helm tells install and upgrade apart.", map[string]string{helmHook: "pre-install,pre-upgrade", helmWeight: "-5", helmPolicy: "hook-succeeded"}, Role{System: Helm, Wave: -5, Policies: OnSuccess, Moments: []Moment{{PreApply, Install, "pre-install"}, {PreApply, Upgrade, "pre-upgrade"}}}},
		"HelmWeight":   {"Helm takes what is no number for 0.", map[string]string{helmHook: "test", helmWeight: "first"}, Role{System: Helm, Policies: BeforeCreation, Moments: []Moment{{Test, applying | Testing, "test"}}, Warnings: []string{`web/job.yaml:7: Job.batch/web/j: annotation helm.sh/hook-weight is "first", which is no weight; Helm takes it for 0`}}},
		"HelmUnknown":  {"Helm never applies an object for a moment that it does not know.", map[string]string{helmHook: "crd-install"}, Role{System: Helm, Policies: 0, LeftOut: true, Warnings: []string{`web/job.yaml:7: Job.batch/web/j is left out, because Helm has no hook "crd-install"`}}},
		"HelmPolicy":   {"Helm passes over policies that it does not know.", map[string]string{helmHook: "test", helmPolicy: "soon"}, Role{System: Helm, Policies: BeforeCreation, Moments: []Moment{{Test, applying | Testing, "test"}}, Warnings: []string{`web/job.yaml:7: Job.batch/web/j: annotation helm.sh/hook-delete-policy: Helm has no policy "soon"`}}},
		"WeightAlone":  {"A weight means something on a hook only.", map[string]string{helmWeight: "4"}, Role{}},
		"OwnWins": {"Ours beat Argo CD's, which beat Helm's, each property by itself.",
			map[string]string{ownHook: "post-apply", argoHook: "PreSync", helmHook: "pre-install", argoWave: "3", helmWeight: "9", helmPolicy: "hook-failed"},
			Role{System: Own, Wave: 3, Policies: OnFailure, Moments: []Moment{{PostApply, applying, "post-apply"}}}},
		"ArgoOverHelm": {"A chart with both is Argo CD's hook, in the wave of its weight.", map[string]string{argoHook: "PreSync", helmHook: "pre-install", helmWeight: "9"},
			Role{System: ArgoCD, Wave: 9, Policies: BeforeCreation, Moments: []Moment{{PreApply, applying, "PreSync"}}}},
		"Options": {"Several options of one annotation.", map[string]string{argoOptions: "Prune=false, Delete=confirm,Replace=true,Validate=false,SkipDryRunOnMissingResource=true,ServerSideApply=true"},
			Role{Options: Options{Kept: argoOptions + " has Prune=false", Confirm: argoOptions + " has Delete=confirm", Replace: true, Unvalidated: true, LateKind: true}}},
		"Flux": {"Flux's switches.", map[string]string{fluxPrune: "Disabled", fluxForce: "enabled", fluxSSA: "IfNotPresent"},
			Role{Options: Options{Kept: fluxPrune + " is disabled", KeptOnDelete: fluxPrune + " is disabled", Replace: true, IfAbsent: true}}},
		"FluxIgnore": {"What Flux does not reconcile, it does not prune either.", map[string]string{fluxReconcile: "disabled"},
			Role{Options: Options{Kept: fluxReconcile + " is disabled", KeptOnDelete: fluxReconcile + " is disabled", LeftAlone: fluxReconcile + " is disabled"}}},
		"HelmKeep": {"Helm keeps on upgrade and on uninstall.", map[string]string{helmKeep: "keep"}, Role{Options: Options{Kept: helmKeep + " is keep", KeptOnDelete: helmKeep + " is keep"}}},
		"OwnKeep":  {"Ours.", map[string]string{ownPrune: "disabled", ownReplace: "true"}, Role{Options: Options{Kept: ownPrune + " is disabled", KeptOnDelete: ownPrune + " is disabled", Replace: true}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Of(object(tc.in))
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	cases := map[string]struct {
		why  string
		in   map[string]string
		says string
	}{
		"Wave":     {"Argo CD takes it for 0, and applies too early.", map[string]string{argoWave: "two"}, `annotation argocd.argoproj.io/sync-wave is "two": it must be a whole number`},
		"TooLarge": {"A number that no API holds.", map[string]string{ownWave: "99999999"}, "whole number between"},
		"Hook":     {"A misspelt moment would never run.", map[string]string{ownHook: "pre-aply"}, `"pre-aply" is not known`},
		"ArgoHook": {"Nor one of Argo CD's.", map[string]string{argoHook: "PreSink"}, `"PreSink" is not known`},
		"Empty":    {"A hook for no moment would never run.", map[string]string{ownHook: ""}, "it names no moment"},
		"Policy":   {"A misspelt policy would leave objects behind.", map[string]string{argoHook: "Sync", argoPolicy: "HookSuceeded"}, `"HookSuceeded" is not known`},
		"Option":   {"A misspelt option would prune what is to be kept.", map[string]string{argoOptions: "Prune=no"}, `"Prune=no" is not known`},
		"SSA":      {"Flux refuses it, too.", map[string]string{fluxSSA: "Sometimes"}, `"Sometimes" is not known`},
		"Prune":    {"The same for ours.", map[string]string{ownPrune: "no"}, `"no" is not known`},
		"RunMark":  {"An object from Git that says it was started by a run would never be pruned.", map[string]string{RunMark: "x"}, "it is Lockstep's own"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Of(object(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%s\ngot %v, want %q", tc.why, err, tc.says)
			}
			if !strings.HasPrefix(err.Error(), "Job.batch/web/j, web/job.yaml:7: ") {
				t.Errorf("%v does not say where", err)
			}
		})
	}
}

func TestOfLive(t *testing.T) {
	live := func(annotations, owned map[string]string) lockstep.LiveObject {
		all := map[string]any{}
		for k, v := range owned {
			all[k] = v
		}
		return lockstep.LiveObject{Annotations: annotations, Owned: map[string]any{"metadata": map[string]any{"annotations": all}}}
	}
	cases := map[string]struct {
		why  string
		in   lockstep.LiveObject
		want Options
	}{
		"Neither":    {why: "An object without annotations goes.", in: live(nil, nil)},
		"Live":       {"What somebody wrote on it counts.", live(map[string]string{ownPrune: "disabled"}, nil), Options{Kept: ownPrune + " is disabled", KeptOnDelete: ownPrune + " is disabled"}},
		"Applied":    {"What we applied counts.", live(nil, map[string]string{argoOptions: "Prune=false"}), Options{Kept: argoOptions + " has Prune=false"}},
		"Confirm":    {"Until a person says so.", live(nil, map[string]string{argoOptions: "Prune=confirm"}), Options{Confirm: argoOptions + " has Prune=confirm"}},
		"Confirmed":  {why: "A person said so.", in: live(map[string]string{ownPrune: "confirmed"}, map[string]string{argoOptions: "Prune=confirm"})},
		"Unreadable": {"Whatever it meant to say, it is nearer to keeping than to deleting.", live(map[string]string{ownPrune: "no!"}, nil), Options{Kept: `an annotation that cannot be read: annotation lockstep.dev/prune is "no!": "no!" is not known`, KeptOnDelete: `an annotation that cannot be read: annotation lockstep.dev/prune is "no!": "no!" is not known`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, OfLive(tc.in)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for p := range Policy(8) {
		if got := ParsePolicy(p.String()); got != p {
			t.Errorf("policy %d is read back as %d", p, got)
		}
	}
	for a := Install; a <= Testing; a <<= 1 {
		if got := ParseAction(a.String()); got != a {
			t.Errorf("action %d is read back as %d", a, got)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add(ownHook, "pre-apply", ownWave, "1")
	f.Add(argoHook, "PreSync,Skip", argoOptions, "Prune=false,,Delete=confirm")
	f.Add(helmHook, "pre-install , TEST", helmWeight, "0x1")
	f.Add(fluxSSA, "ignore", argoWave, "-99999999999999999999")
	f.Fuzz(func(t *testing.T, name, value, other, text string) {
		role, err := Of(object(map[string]string{name: value, other: text}))
		if err != nil && err.Error() == "" {
			t.Error("a fault without words")
		}
		if role.Wave > MaxWave || role.Wave < -MaxWave {
			t.Errorf("wave %d is out of bounds", role.Wave)
		}
		if err == nil && role.IsHook() && role.System == "" {
			t.Error("a hook of no system")
		}
		OfLive(lockstep.LiveObject{Annotations: map[string]string{name: value, other: text}})
	})
}

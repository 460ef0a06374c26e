package drivertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

type data = map[string]any

// promises are the contract, by name.
var promises = map[string]promise{
	"NothingIsAnAnswer": {
		why: "A unit that was never applied has no objects; that is no error.",
		check: func(r *rig) {
			if l := r.observe(r.configMap("absent", nil)); len(l.Objects) != 0 || len(l.MissingKinds) != 0 {
				r.t.Errorf("got %+v, want nothing", l)
			}
		},
	},
	"UnknownKindIsAnAnswer": {
		why: "A plan has to say that a kind is missing, so Observe must not fail on it.",
		check: func(r *rig) {
			gk := lockstep.GroupKind{Group: "nobody.example", Kind: "Nothing"}
			live, err := r.Observe(r.t.Context(), driver.Query{Unit: r.unit, Kinds: []lockstep.GroupKind{gk}})
			if err != nil {
				r.t.Fatal(err)
			}
			if d := cmp.Diff([]lockstep.GroupKind{gk}, live.MissingKinds); d != "" {
				r.t.Errorf("missing kinds (-want +got):\n%s", d)
			}
		},
	},
	"OtherKindsAreLookedAt": {
		why: "After a crash only the Target's record names the kind of an object; a kind that nobody serves any more is none of the unit's business.",
		check: func(r *rig) {
			o := r.configMap("left-behind", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.open()
			gone := lockstep.GroupKind{Group: "nobody.example", Kind: "Nothing"}
			live, err := r.Observe(r.t.Context(), driver.Query{Unit: r.unit, Others: []lockstep.GroupKind{o.Key().GroupKind(), gone}})
			if err != nil {
				r.t.Fatal(err)
			}
			if len(live.Objects) != 1 || live.Objects[0].Key != o.Key() || len(live.MissingKinds) != 0 || live.Unseen != nil {
				r.t.Errorf("got %+v, want the object and nothing missing", live)
			}
		},
	},
	"CreateThenSeen": {
		why: "Whoever observes after an apply sees it at once, with every mark.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			l, ok := r.live(o)
			if !ok {
				r.t.Fatal("it is not there")
			}
			if l.Unit != r.unit || !l.Managed || l.Digest != step(lockstep.Create, o).Digest {
				r.t.Errorf("marks: unit %s, managed %t, digest %q", l.Unit, l.Managed, l.Digest)
			}
			if l.UID == "" || l.ResourceVersion == "" || l.Version != "v1" || l.Terminating || len(l.Drift) != 0 {
				r.t.Errorf("got %+v", l)
			}
			if d := cmp.Diff(map[string]any{"data": data{"a": "1"}}, content(l.Owned)); d != "" {
				r.t.Errorf("owned (-want +got):\n%s", d)
			}
		},
	},
	"SecondApplyIsUnchanged": {
		why: "After a crash a step is repeated; it must find its work done.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.do(lockstep.Create, o, lockstep.Unchanged)
			r.open()
			r.do(lockstep.Update, o, lockstep.Unchanged)
		},
	},
	"UpdateRemovesWhatGitDropped": {
		why: "A field that left Git leaves the Target, and one that Git never had stays.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1", "b": "2"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { tree["data"].(data)["theirs"] = "x" })
			next := r.configMap("settings", data{"a": "3"})
			r.do(lockstep.Update, next, lockstep.Done)
			if d := cmp.Diff(any(data{"a": "3", "theirs": "x"}), r.place.Get(r.t, o.Key())["data"]); d != "" {
				r.t.Errorf("data (-want +got):\n%s", d)
			}
		},
	},
	"ForeignFieldIsNoDrift": {
		why: "What we never asked for is not ours to complain about.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			before, _ := r.live(o)
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { tree["data"].(data)["theirs"] = "x" })
			r.eventually("the edit to be seen", func() bool { l, _ := r.live(o); return l.ResourceVersion != before.ResourceVersion })
			if l, _ := r.live(o); len(l.Drift) != 0 {
				r.t.Errorf("drift: %+v", l.Drift)
			}
		},
	},
	"DriftIsSeenAndHealed": {
		why: "An edited field is named, with both values and the one who did it; applying again undoes it.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1", "b": "2"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { tree["data"].(data)["a"] = "9" })
			r.eventually("the drift to be seen", func() bool { l, _ := r.live(o); return len(l.Drift) > 0 })
			l, _ := r.live(o)
			want := []lockstep.FieldChange{{Path: "data.a", From: `"9"`, To: `"1"`, Manager: "somebody"}}
			if d := cmp.Diff(want, l.Drift, howIsACourtesy); d != "" {
				r.t.Errorf("drift (-want +got):\n%s", d)
			}
			if n := r.changes.count(driver.Change{Unit: r.unit, Key: o.Key()}); n == 0 {
				r.t.Error("nobody was told")
			}
			r.do(lockstep.Update, o, lockstep.Done)
			if l, _ := r.live(o); len(l.Drift) != 0 {
				r.t.Errorf("drift after healing: %+v", l.Drift)
			}
		},
	},
	"RemovedFieldIsDrift": {
		why: "Taking a field away is a change like any other.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1", "b": "2"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { delete(tree["data"].(data), "a") })
			r.eventually("the drift to be seen", func() bool { l, _ := r.live(o); return len(l.Drift) > 0 })
			l, _ := r.live(o)
			if d := cmp.Diff([]lockstep.FieldChange{{Path: "data.a", To: `"1"`}}, withoutManager(l.Drift)); d != "" {
				r.t.Errorf("drift (-want +got):\n%s", d)
			}
		},
	},
	"SecretsAreMasked": {
		why: "Drift is shown to people, and a Secret's value never is.",
		check: func(r *rig) {
			o := r.configMap("token", nil)
			o.Tree["kind"], o.Tree["stringData"] = "Secret", data{"password": "hunter22"}
			delete(o.Tree, "data")
			r.do(lockstep.Create, o, lockstep.Done)
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { tree["data"].(data)["password"] = "Z3Vlc3NlZA==" })
			r.eventually("the drift to be seen", func() bool { l, _ := r.live(o); return len(l.Drift) > 0 })
			l, _ := r.live(o)
			for _, c := range l.Drift {
				if !strings.HasPrefix(c.From, "•••") || !strings.HasPrefix(c.To, "•••") {
					r.t.Errorf("not masked: %+v", c)
				}
			}
		},
	},
	"DeletedIsMissing": {
		why: "An object that somebody deletes is simply not there, and the listener is told.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.place.Delete(r.t, o.Key())
			r.eventually("it to be gone", func() bool { _, ok := r.live(o); return !ok })
			r.eventually("the listener to be told", func() bool { return r.changes.count(driver.Change{Unit: r.unit, Key: o.Key()}) > 0 })
			r.do(lockstep.Create, o, lockstep.Done)
			if _, ok := r.live(o); !ok {
				r.t.Error("it did not come back")
			}
		},
	},
	"OwnApplyIsNotNews": {
		why: "A listener that is woken by its own writes never sleeps.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.observe(o)
			r.do(lockstep.Create, o, lockstep.Done)
			next := r.configMap("settings", data{"a": "2"})
			r.do(lockstep.Update, next, lockstep.Done)
			// Another object's change comes on the same watch, after the echoes.
			r.do(lockstep.Create, r.configMap("flag", data{"x": "1"}), lockstep.Done)
			flag := r.configMap("flag", nil).Key()
			r.place.Edit(r.t, flag, func(tree map[string]any) { tree["data"].(data)["x"] = "2" })
			r.eventually("the flag", func() bool { return r.changes.count(driver.Change{Unit: r.unit, Key: flag}) > 0 })
			if n := r.changes.count(driver.Change{Unit: r.unit, Key: o.Key()}); n != 0 {
				r.t.Errorf("told %d times of our own writes", n)
			}
		},
	},
	"DeleteThenGone": {
		why: "A deletion is seen at once, and repeating it is no error.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.do(lockstep.Delete, o, lockstep.Done)
			if _, ok := r.live(o); ok {
				r.t.Error("it is still there")
			}
			r.do(lockstep.Delete, o, lockstep.Unchanged)
		},
	},
	"DeleteMeansOneObject": {
		why: "A plan is made for one object; one of the same name that came later is another.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			s := step(lockstep.Delete, o)
			s.UID = "00000000-0000-0000-0000-000000000000"
			if out := r.as(r.unit, s); out.Result != lockstep.Failed || !errors.Is(out.Err, fault.KindConflict) {
				r.t.Errorf("got %s, %v; want a conflict", out.Result, out.Err)
			}
		},
	},
	"AnothersObjectIsRefused": {
		why: "Two units must not fight over an object, nor one delete the other's.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			for _, verb := range []lockstep.Verb{lockstep.Create, lockstep.Update, lockstep.Replace, lockstep.Delete, lockstep.Orphan} {
				out := r.as(r.other(), step(verb, o))
				if out.Result != lockstep.Failed || !errors.Is(out.Err, fault.KindConflict) || !strings.Contains(fault.As(out.Err).What, r.unit.String()) {
					r.t.Errorf("%s: got %s, %v; want a conflict that names %s", verb, out.Result, out.Err, r.unit)
				}
			}
			l, ok := find(r.observeAs(r.other(), o), o.Key())
			if !ok || l.Unit != r.unit {
				r.t.Errorf("the other unit does not see whose it is: %+v", l)
			}
			if l := r.observeAs(r.other()); len(l.Objects) != 0 {
				r.t.Errorf("it sees objects that it did not ask for: %+v", l.Objects)
			}
		},
	},
	"OneOfTwoWins": {
		why: "Units that create the same object at the same time must not both succeed.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			var wg sync.WaitGroup
			outs := make([]lockstep.Outcome, 2)
			for i, u := range []lockstep.Unit{r.unit, r.other()} {
				wg.Go(func() { outs[i] = r.as(u, step(lockstep.Create, o)) })
			}
			wg.Wait()
			if (outs[0].Result == lockstep.Done) == (outs[1].Result == lockstep.Done) {
				r.t.Errorf("got %s and %s", outs[0].Result, outs[1].Result)
			}
		},
	},
	"CopiedMarksAreNotOurs": {
		why: "Controllers copy labels and annotations; what they made is never pruned.",
		check: func(r *rig) {
			o := r.configMap("copy", data{"a": "1"})
			tree := o.Clone().Tree
			tree["metadata"].(map[string]any)["labels"] = data{v1alpha1.LabelStack: v1alpha1.StackLabelValue(r.unit)}
			tree["metadata"].(map[string]any)["annotations"] = data{v1alpha1.AnnotationUnit: r.unit.String()}
			r.place.Create(r.t, tree)
			r.eventually("it to be seen", func() bool { _, ok := r.live(o); return ok })
			if l, _ := r.live(o); l.Managed {
				r.t.Error("it counts as applied by us")
			}
			r.do(lockstep.Delete, o, lockstep.Failed)
			if r.place.Get(r.t, o.Key()) == nil {
				r.t.Error("it was deleted")
			}
		},
	},
	"ExistingIsTakenOver": {
		why: "An object that was there before becomes ours, and what others have in it stays.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.place.Create(r.t, r.configMap("settings", data{"a": "0", "theirs": "x"}).Tree)
			r.do(lockstep.Create, o, lockstep.Done)
			l, ok := r.live(o)
			if !ok || !l.Managed || len(l.Drift) != 0 {
				r.t.Errorf("got %+v", l)
			}
			if got := r.place.Get(r.t, o.Key())["data"].(data)["a"]; got != "1" {
				r.t.Errorf("a is %v, want 1", got)
			}
		},
	},
	"OrphanStays": {
		why: "An orphaned object is nobody's, and works on.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.do(lockstep.Orphan, o, lockstep.Done)
			if _, ok := r.live(o); ok {
				r.t.Error("it still counts as the unit's")
			}
			tree := r.place.Get(r.t, o.Key())
			if d := cmp.Diff(any(data{"a": "1"}), tree["data"]); d != "" {
				r.t.Errorf("data (-want +got):\n%s", d)
			}
			if (lockstep.Object{Tree: tree}).Label(v1alpha1.LabelStack) != "" {
				r.t.Error("the label is still there")
			}
			r.do(lockstep.Orphan, o, lockstep.Unchanged)
			// Somebody else may have it now.
			if out := r.as(r.other(), step(lockstep.Create, o)); out.Result != lockstep.Done {
				r.t.Errorf("the other unit got %s: %v", out.Result, out.Err)
			}
		},
	},
	"ReplaceIsANewObject": {
		why: "Replace deletes and creates, whatever the change is.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.do(lockstep.Create, o, lockstep.Done)
			before, _ := r.live(o)
			next := r.configMap("settings", data{"a": "2"})
			r.do(lockstep.Replace, next, lockstep.Done)
			after, ok := r.live(next)
			if !ok || after.UID == before.UID {
				r.t.Errorf("uid %q before, %q after", before.UID, after.UID)
			}
		},
	},
	"RestartFindsTheSame": {
		why: "A restart proves what is there by looking; it finds what was left, without drift.",
		check: func(r *rig) {
			a, b := r.configMap("a", data{"x": "1"}), r.configMap("b", data{"y": "2"})
			r.do(lockstep.Create, a, lockstep.Done)
			r.do(lockstep.Create, b, lockstep.Done)
			before := r.observe(a, b)
			r.open()
			if d := cmp.Diff(before, r.observe(a, b)); d != "" {
				r.t.Errorf("live before and after (-before +after):\n%s", d)
			}
		},
	},
	"DriftDuringADowntime": {
		why: "What was changed while nobody looked is drift, too.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1", "b": "2"})
			r.do(lockstep.Create, o, lockstep.Done)
			r.Close()
			r.place.Edit(r.t, o.Key(), func(tree map[string]any) { tree["data"].(data)["a"] = "9" })
			r.open()
			l, _ := r.live(o)
			want := []lockstep.FieldChange{{Path: "data.a", From: `"9"`, To: `"1"`, Manager: "somebody"}}
			if d := cmp.Diff(want, l.Drift, howIsACourtesy); d != "" {
				r.t.Errorf("drift (-want +got):\n%s", d)
			}
			r.do(lockstep.Update, o, lockstep.Done)
			if l, _ := r.live(o); len(l.Drift) != 0 {
				r.t.Errorf("drift after healing: %+v", l.Drift)
			}
		},
	},
	"UnknownKindIsAFault": {
		why: "An apply of a kind that is not served says so, as a fault.",
		check: func(r *rig) {
			o := lockstep.Object{Tree: map[string]any{
				"apiVersion": "nobody.example/v1", "kind": "Nothing",
				"metadata": map[string]any{"name": "x", "namespace": r.place.Namespace()},
			}}
			out := r.do(lockstep.Create, o, lockstep.Failed)
			if !errors.Is(out.Err, fault.KindNotFound) {
				r.t.Errorf("got %v", out.Err)
			}
		},
	},
	"TimeIsObeyed": {
		why: "A pass that was superseded must end.",
		check: func(r *rig) {
			ctx, cancel := context.WithTimeout(r.t.Context(), time.Nanosecond)
			defer cancel()
			<-ctx.Done()
			out := r.Apply(ctx, driver.Actor{Unit: r.unit}, step(lockstep.Create, r.configMap("settings", data{"a": "1"})))
			if out.Result != lockstep.Failed || !errors.Is(out.Err, fault.KindTimeout) {
				r.t.Errorf("got %s, %v", out.Result, out.Err)
			}
		},
	},
	"ClosedFails": {
		why: "A driver that was closed must not go on quietly.",
		check: func(r *rig) {
			o := r.configMap("settings", data{"a": "1"})
			r.observe(o)
			r.Close()
			if _, err := r.Observe(r.t.Context(), driver.Query{Unit: r.unit}); err == nil {
				r.t.Error("Observe answered")
			}
			r.do(lockstep.Create, o, lockstep.Failed)
			if _, err := r.Capabilities(r.t.Context()); err == nil {
				r.t.Error("Capabilities answered")
			}
		},
	},
	"ManyAtOnce": {
		why: "The steps of a stage run in parallel.",
		check: func(r *rig) {
			var wg sync.WaitGroup
			names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
			for _, n := range names {
				wg.Go(func() {
					o := r.configMap(n, data{"x": n})
					if out := r.as(r.unit, step(lockstep.Create, o)); out.Result != lockstep.Done {
						r.t.Errorf("%s: %v", n, out.Err)
					}
				})
				wg.Go(func() { r.observe() })
			}
			wg.Wait()
			if l := r.observe(); len(l.Objects) != len(names) {
				r.t.Errorf("%d objects, want %d", len(l.Objects), len(names))
			}
		},
	},
	"CapabilitiesAreTold": {
		why: "Renderers ask which version and which kinds there are.",
		check: func(r *rig) {
			c, err := r.Capabilities(r.t.Context())
			if err != nil {
				r.t.Fatal(err)
			}
			if !strings.HasPrefix(c.KubeVersion, "v1.") || !c.Namespaced[lockstep.GroupKind{Kind: "ConfigMap"}] {
				r.t.Errorf("version %q, %d kinds", c.KubeVersion, len(c.Namespaced))
			}
			if namespaced, known := c.Namespaced[lockstep.GroupKind{Kind: "Namespace"}]; !known || namespaced {
				r.t.Error("a Namespace is cluster-scoped")
			}
		},
	},
}

// content leaves out parts of an owned tree that are empty.
func content(tree map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range tree {
		if m, ok := v.(map[string]any); ok {
			v = content(m)
			if len(v.(map[string]any)) == 0 {
				continue
			}
		}
		out[k] = v
	}
	return out
}

// howIsACourtesy leaves out by what kind of request a field was changed: not every
// Target knows.
var howIsACourtesy = cmpopts.IgnoreFields(lockstep.FieldChange{}, "Operation", "Subresource")

func withoutManager(in []lockstep.FieldChange) []lockstep.FieldChange {
	var out []lockstep.FieldChange
	for _, c := range in {
		c.Manager, c.Operation, c.Subresource = "", "", ""
		out = append(out, c)
	}
	return out
}

package kubernetes

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/lockstep-dev/lockstep/api/v1alpha1"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/driver"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

var shop = lockstep.Unit{Namespace: "web", Name: "shop"}

// live is a ConfigMap as the API would send it. ours are the keys of data that
// our entry in the managed fields has; the others belong to "somebody".
func live(t testing.TB, rv int, data map[string]string, ours ...string) map[string]any {
	t.Helper()
	mine := map[string]any{}
	for _, k := range ours {
		mine["f:"+k] = map[string]any{}
	}
	theirs := map[string]any{}
	for k := range data {
		if _, ok := mine["f:"+k]; !ok {
			theirs["f:"+k] = map[string]any{}
		}
	}
	marks := map[string]any{
		"f:annotations": map[string]any{"f:" + v1alpha1.AnnotationUnit: map[string]any{}},
		"f:labels":      map[string]any{"f:" + v1alpha1.LabelStack: map[string]any{}},
	}
	entry := map[string]any{"f:metadata": marks}
	if len(mine) > 0 {
		entry["f:data"] = mine // an empty one would mean all of data
	}
	tree := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": "settings", "namespace": "web", "uid": "u1", "resourceVersion": fmt.Sprint(rv),
			"labels":      map[string]any{v1alpha1.LabelStack: v1alpha1.StackLabelValue(shop)},
			"annotations": map[string]any{v1alpha1.AnnotationUnit: shop.String(), v1alpha1.AnnotationDigest: "sha256-1"},
			"managedFields": []any{
				map[string]any{"manager": v1alpha1.FieldManager, "operation": "Apply", "apiVersion": "v1",
					"fieldsV1": entry},
				map[string]any{"manager": "somebody", "operation": "Update", "apiVersion": "v1",
					"fieldsV1": map[string]any{"f:data": theirs}},
			},
		},
		"data": data,
	}
	// Through JSON, so that the tree has the types that a client would see.
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := kjson.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

var key = lockstep.Key{Kind: "ConfigMap", Namespace: "web", Name: "settings"}

// of is tree as applied with another digest.
func of(digest string, tree map[string]any) map[string]any {
	meta := tree["metadata"].(map[string]any)
	meta["annotations"].(map[string]any)[v1alpha1.AnnotationDigest] = digest
	return tree
}

func appliedRecord(tree map[string]any) *record {
	r := newRecord(tree)
	r.base = r.owned
	return r
}

// TestOrderOfNews plays the orders in which watch events and answers to our own
// writes can meet.
func TestOrderOfNews(t *testing.T) {
	applied := map[string]string{"a": "1"}
	edited := map[string]string{"a": "9"}
	told := []driver.Change{{Unit: shop, Key: key}}
	cases := map[string]struct {
		why   string
		play  func(*view) []driver.Change
		news  []driver.Change
		rv    string
		drift int
	}{
		"AnswerThenEcho": {
			why: "The echo of our own write is no news.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.answered(live(t, 10, applied, "a"))
				news := v.endWrite(key, lockstep.Done)
				return append(news, v.seen(live(t, 10, applied, "a"))...)
			},
			rv: "10",
		},
		"EchoThenAnswer": {
			why: "The watch is often faster than the answer.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				news := v.seen(live(t, 10, applied, "a"))
				v.answered(live(t, 10, applied, "a"))
				return append(news, v.endWrite(key, lockstep.Done)...)
			},
			rv: "10",
		},
		"LateEvent": {
			why: "An event from before our write must not bring the old state back.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.seen(live(t, 9, edited))
			},
			rv: "10",
		},
		"LateDeletion": {
			why: "The label was torn off and our apply has put it back since.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.gone(key, "u1", "9")
			},
			rv: "10",
		},
		"DeletionOfAnother": {
			why: "An object of the same name was deleted before this one was created.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.gone(key, "u0", "11")
			},
			rv: "10",
		},
		"EditAfterApply": {
			why: "Somebody changes our field: drift, and news.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.seen(live(t, 11, edited))
			},
			news: told, rv: "11", drift: 1,
		},
		"EditBeforeAnswer": {
			why: "The answer is older than what the watch brought, so somebody has to look.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.seen(live(t, 11, edited))
				if v.answered(live(t, 10, applied, "a")) {
					t.Error("nobody would look")
				}
				v.looked(live(t, 11, edited), appliedRecord(live(t, 10, applied, "a")))
				return v.endWrite(key, lockstep.Done)
			},
			news: told, rv: "11", drift: 1,
		},
		"StatusBeforeAnswer": {
			why: "A controller was faster than the answer and touched nothing of ours: nobody has to look.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.seen(live(t, 11, applied, "a"))
				if !v.answered(live(t, 10, applied, "a")) {
					t.Error("a needless request")
				}
				return v.endWrite(key, lockstep.Done)
			},
			rv: "11",
		},
		"EventDuringAFailedWrite": {
			why: "Nothing of ours explains it, so it is news.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				v.beginWrite(key)
				v.seen(live(t, 11, edited))
				return v.endWrite(key, lockstep.Failed)
			},
			news: told, rv: "11", drift: 1,
		},
		"RelistKeepsWhatIsNewer": {
			why: "A list that was read before our create does not have it.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.listed(nil, "9", func(*record) bool { return true })
			},
			rv: "10",
		},
		"RelistKeepsTheBase": {
			why: "Drift must not be forgotten because a watch broke.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				news := v.listed([]*record{newRecord(live(t, 11, applied, "a"))}, "11", func(*record) bool { return true })
				return append(news, v.seen(live(t, 12, edited))...)
			},
			news: told, rv: "12", drift: 1,
		},
		"RelistFindsDrift": {
			why: "A field was taken while the watch was broken; that is drift even before somebody has looked.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				news := v.listed([]*record{newRecord(live(t, 11, edited))}, "11", func(*record) bool { return true })
				if r := v.get(key); !r.blind || r.drift[0].Path != "data.a" {
					t.Errorf("blind %t, drift %v", r.blind, r.drift)
				}
				return news
			},
			news: told, rv: "11", drift: 1,
		},
		"DeletedBeforeTheAnswer": {
			why: "Somebody deleted it before the answer to its creation arrived: it must not come to life again.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.seen(live(t, 10, applied, "a"))
				v.gone(key, "u1", "11")
				v.answered(live(t, 10, applied, "a"))
				return v.endWrite(key, lockstep.Done)
			},
			news: told,
		},
		"DeletedBeforeTheAnswerWhileTheWatchWasBroken": {
			why: "A list says that it is gone although its creation was never seen.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.listed(nil, "11", func(r *record) bool { return r.key == key })
				v.answered(live(t, 10, applied, "a"))
				return v.endWrite(key, lockstep.Done)
			},
			news: told,
		},
		"CreatedAfterTheList": {
			why: "A list from before our create says nothing about it.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.listed(nil, "9", func(r *record) bool { return r.key == key })
				v.answered(live(t, 10, applied, "a"))
				return v.endWrite(key, lockstep.Done)
			},
			rv: "10",
		},
		"ReplacedByAnotherBeforeTheAnswer": {
			why: "What the watch brought since is another object, and the later one.",
			play: func(v *view) []driver.Change {
				v.beginWrite(key)
				v.seen(live(t, 10, applied, "a"))
				v.gone(key, "u1", "11")
				other := live(t, 12, edited)
				other["metadata"].(map[string]any)["uid"] = "u2"
				v.seen(other)
				v.answered(live(t, 10, applied, "a"))
				return v.endWrite(key, lockstep.Done)
			},
			news: told, rv: "12",
		},
		"LookedAtAfterItWasDeleted": {
			why: "It was read to learn more, and deleted while the answer was on its way.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				was := v.get(key)
				news := v.gone(key, "u1", "12")
				return append(news, v.looked(live(t, 11, edited), was)...)
			},
			news: told,
		},
		"RelistMissesIt": {
			why: "It was deleted while the watch was broken.",
			play: func(v *view) []driver.Change {
				v.answered(live(t, 10, applied, "a"))
				return v.listed(nil, "11", func(*record) bool { return true })
			},
			news: told,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v := newView(diff.Digester{})
			news := tc.play(v)
			// Whether it is drift alone is another test's question.
			if d := cmp.Diff(tc.news, news, cmpopts.IgnoreFields(driver.Change{}, "Drift")); d != "" {
				t.Errorf("%s\nnews (-want +got):\n%s", tc.why, d)
			}
			r := v.get(key)
			if r == nil {
				r = &record{}
			}
			if r.rv != tc.rv || len(r.drift) != tc.drift {
				t.Errorf("%s\nresource version %q, drift %v", tc.why, r.rv, r.drift)
			}
		})
	}
}

// TestAppliedByAnother: another replica, or a request of ours whose answer was lost,
// has applied a version with a field that the one before did not have. What that
// left nobody has said here, so the object is not proven to be as it was applied; an
// edit of that field would never be found otherwise.
func TestAppliedByAnother(t *testing.T) {
	first, second := map[string]string{"a": "1"}, map[string]string{"a": "1", "b": "1"}
	edited := map[string]string{"a": "1", "b": "9"}
	cases := map[string]struct {
		play     func(*view)
		unproven bool
		drift    int
	}{
		"Seen": {func(v *view) { v.seen(of("sha256-2", live(t, 11, second, "a", "b"))) }, true, 0},
		"SeenAndEdited": {func(v *view) {
			v.seen(of("sha256-2", live(t, 11, second, "a", "b")))
			v.seen(of("sha256-2", live(t, 12, edited, "a")))
		}, true, 0},
		"Listed": {func(v *view) {
			v.listed([]*record{newRecord(of("sha256-2", live(t, 11, edited, "a")))}, "11", func(*record) bool { return true })
		}, true, 0},
		"Looked": {func(v *view) { v.looked(of("sha256-2", live(t, 11, edited, "a")), v.get(key)) }, true, 0},
		"BeforeOurAnswer": {func(v *view) {
			v.beginWrite(key)
			v.seen(of("sha256-2", live(t, 12, edited, "a")))
			v.answered(live(t, 11, first, "a"))
			if len(v.endWrite(key, lockstep.Done)) == 0 {
				t.Error("nobody is told")
			}
		}, true, 0},
		"TheSame": {func(v *view) { v.seen(live(t, 11, first, "a")) }, false, 0},
		"AppliedHere": {func(v *view) {
			v.beginWrite(key)
			v.seen(of("sha256-2", live(t, 11, second, "a", "b")))
			v.answered(of("sha256-2", live(t, 11, second, "a", "b")))
			v.endWrite(key, lockstep.Done)
			v.seen(of("sha256-2", live(t, 12, edited, "a")))
		}, false, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			v := newView(diff.Digester{})
			v.answered(live(t, 10, first, "a"))
			tc.play(v)
			l := v.get(key).live()
			if l.Unproven != tc.unproven || len(l.Drift) != tc.drift {
				t.Errorf("unproven %t, drift %v; want %t and %d", l.Unproven, l.Drift, tc.unproven, tc.drift)
			}
		})
	}
}

// TestMarks reads whose an object is.
func TestMarks(t *testing.T) {
	long := lockstep.Unit{Namespace: "web", Name: strings.Repeat("long", 20)}
	cases := map[string]struct {
		why               string
		annotation, label string
		ours              bool // both marks are in our managed fields
		want              lockstep.Unit
	}{
		"Both":            {"the usual case", "web/shop", "web.shop", true, shop},
		"Torn":            {"the label says the same", "", "web.shop", true, shop},
		"TornAndCut":      {"a cut label does not say it", "", v1alpha1.StackLabelValue(long), true, lockstep.Unit{}},
		"Long":            {"the annotation is never cut", long.String(), v1alpha1.StackLabelValue(long), true, long},
		"Copied":          {"a mark on an object that we never applied is read and proves nothing", "web/shop", "web.shop", false, shop},
		"NoMark":          {"no mark, no unit", "", "", false, lockstep.Unit{}},
		"LabelWithoutDot": {"no label of ours looks like that", "", "shop", true, lockstep.Unit{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var ours ownFields
			if tc.ours {
				ours = ownFieldsOf(live(t, 1, nil))
			}
			r := &record{}
			r.readMarks(map[string]string{v1alpha1.AnnotationUnit: tc.annotation}, tc.label, ours)
			if r.unit != tc.want {
				t.Errorf("%s\ngot %q, want %q", tc.why, r.unit, tc.want)
			}
		})
	}
	t.Run("Rewritten", func(t *testing.T) {
		tree := live(t, 1, nil)
		meta := tree["metadata"].(map[string]any)
		meta["annotations"].(map[string]any)[v1alpha1.AnnotationUnit] = "evil/other"
		entry := meta["managedFields"].([]any)[0].(map[string]any)["fieldsV1"].(map[string]any)
		delete(entry["f:metadata"].(map[string]any), "f:annotations")
		if got := newRecord(tree).unit; got != shop {
			t.Errorf("a mark that somebody wrote over our own made it %q's", got)
		}
	})
}

// TestMemory holds the promise of a projection: an object of 2 KB costs at most
// 4 KiB, all indexes included.
func TestMemory(t *testing.T) {
	const n = 3000
	v := newView(diff.Digester{})
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range n {
		tree := live(t, 1, map[string]string{"rev": fmt.Sprint(i), "app": "app", "text": strings.Repeat(fmt.Sprintf("%05d", i), 380)}, "rev", "app", "text")
		tree["metadata"].(map[string]any)["name"] = fmt.Sprintf("app-%05d", i)
		v.answered(tree)
	}
	each := (heap() - before) / n
	t.Logf("%d bytes for each of %d objects", each, n)
	if each > 4096 {
		t.Errorf("%d bytes for each object, want at most 4096", each)
	}
	runtime.KeepAlive(v)
}

// TestCatalog finds kinds by the version that is asked for.
func TestCatalog(t *testing.T) {
	m := func(version string) mapping {
		return mapping{resource: v1alpha1.GroupVersion.WithResource("x").GroupResource().WithVersion(version)}
	}
	k := &catalog{kinds: map[lockstep.GroupKind][]mapping{{Kind: "A"}: {m("v2"), m("v1")}}}
	for asked, want := range map[string]string{"v1": "v1", "v2": "v2", "": "v2", "v0": "v2"} {
		if got, ok := k.find(lockstep.GroupKind{Kind: "A"}, asked); !ok || got.resource.Version != want {
			t.Errorf("asked for %q: got %q", asked, got.resource.Version)
		}
	}
	if _, ok := k.find(lockstep.GroupKind{Kind: "B"}, ""); ok {
		t.Error("found a kind that is not served")
	}
}

// FuzzRecord projects whatever an API may send; a hostile Target must not bring
// the server down.
func FuzzRecord(f *testing.F) {
	good, err := json.Marshal(live(f, 1, map[string]string{"a": "1"}, "a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"metadata":{"managedFields":[{"manager":"lockstep","operation":"Apply","fieldsV1":{"f:metadata":[]}}]}}`))
	f.Add([]byte(`{"metadata":{"annotations":{"lockstep.dev/unit":"a/b/c"},"labels":[]},"status":{"conditions":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var tree map[string]any
		if kjson.Unmarshal(raw, &tree) != nil || tree == nil {
			return
		}
		v := newView(diff.Digester{})
		v.seen(tree)
		v.answered(tree)
		adopt(tree)
		unmark(tree)
		if o := newRecord(tree).live(); o.Unit != (lockstep.Unit{}) && o.Unit.Name == "" {
			t.Errorf("half a unit: %+v", o.Unit)
		}
	})
}

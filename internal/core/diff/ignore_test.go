package diff

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func TestIgnore(t *testing.T) {
	key := lockstep.Key{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	desired := `{"metadata":{"annotations":{"a/b":"1"}},"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"side","image":"s:1"},{"name":"web","image":"w:1","env":[{"name":"A","value":"1"}]}]}}}}`
	all := []string{"metadata.annotations[\"a/b\"]", "spec.replicas", "spec.template.spec.containers[name=side].image",
		"spec.template.spec.containers[name=web].env[name=A].value", "spec.template.spec.containers[name=web].image"}
	cases := map[string]struct {
		why  string
		rule Rule
		hide []int // of all
	}{
		"Pointer":           {"The usual case: an autoscaler owns the count.", Rule{JSONPointers: []string{"/spec/replicas"}}, []int{1}},
		"PointerEscapes":    {"~1 is a slash in a name.", Rule{JSONPointers: []string{"/metadata/annotations/a~1b"}}, []int{0}},
		"PointerIndex":      {"An index means the item that is there, printed by its name.", Rule{JSONPointers: []string{"/spec/template/spec/containers/1/image"}}, []int{4}},
		"PointerPrefix":     {"Ignoring a place ignores all below, and nothing beside.", Rule{JSONPointers: []string{"/spec/template/spec/containers/1"}}, []int{3, 4}},
		"PointerNowhere":    {"A place that is not there is no error.", Rule{JSONPointers: []string{"/spec/nope/0/x", "/spec/template/spec/containers/7"}}, nil},
		"Query":             {"jq finds items by what they are.", Rule{JQPaths: []string{`.spec.template.spec.containers[] | select(.name == "web") | .image`}}, []int{4}},
		"QueryAll":          {"A query may name many places.", Rule{JQPaths: []string{`.spec.template.spec.containers[].image`}}, []int{2, 4}},
		"QueryFails":        {"A query that does not fit this object ignores nothing in it.", Rule{JQPaths: []string{`.spec.replicas.x`}}, nil},
		"OtherName":         {"Selectors bind.", Rule{Name: "api", JSONPointers: []string{"/spec/replicas"}}, nil},
		"OtherGroup":        {"Selectors bind.", Rule{Group: "batch", JSONPointers: []string{"/spec/replicas"}}, nil},
		"MatchingSelectors": {"All selectors that are set must hold.", Rule{"apps", "Deployment", "shop", "web", []string{"/spec"}, nil, nil, ""}, []int{1, 2, 3, 4}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ignore, err := CompileIgnore([]Rule{tc.rule})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			var changes []lockstep.FieldChange
			for i, p := range all {
				changes = append(changes, lockstep.FieldChange{Path: p, From: "1", To: "2"})
				hidden := false
				for _, h := range tc.hide {
					hidden = hidden || h == i
				}
				if !hidden {
					want = append(want, p)
				}
			}
			var got []string
			for _, c := range ignore.For(key, tree(t, desired)).Filter(changes) {
				got = append(got, c.Path)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\nleft (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestIgnoreRefuses(t *testing.T) {
	for _, r := range []Rule{
		{JSONPointers: []string{"spec/replicas"}}, {JSONPointers: []string{""}},
		{JQPaths: []string{".["}}, {JQPaths: []string{"nosuchfunction"}}, {JQPaths: []string{"$__loc__x"}}, {JQPaths: []string{"1) | (2"}},
	} {
		_, err := CompileIgnore([]Rule{{}, r})
		if fault.KindOf(err) != fault.KindInvalid || fault.As(err).Where != "ignoreDifferences[1]" {
			t.Errorf("CompileIgnore(%+v) = %v, want Invalid at ignoreDifferences[1]", r, err)
		}
	}
}

// TestHostileQueryEnds: a query comes from a Stack that anybody may write.
func TestHostileQueryEnds(t *testing.T) {
	for _, q := range []string{`last(range(1e15))`, `def f: f; f`, `[range(1e12)] | .[0]`, `repeat(.)`, `.. | .. | .. | .. | ..`, `("x" * 1e15) | error`} {
		ignore, err := CompileIgnore([]Rule{{JQPaths: []string{q}}})
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		done := make(chan struct{})
		go func() {
			ignore.For(lockstep.Key{}, twoKB())
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Errorf("%s did not end", q)
		}
	}
}

// TestYieldByManager: a field inside a list that an ignored manager took over is
// found by its printed path.
func TestYieldByManager(t *testing.T) {
	ignore, err := CompileIgnore([]Rule{{Managers: []string{"vpa"}}})
	if err != nil {
		t.Fatal(err)
	}
	o := lockstep.Object{Tree: tree(t, `{"spec":{"containers":[{"name":"web","image":"w","cpu":1}]}}`)}
	drift := []lockstep.FieldChange{{Path: "spec.containers[name=web].cpu", Manager: "vpa"}, {Path: "spec.containers[name=web].image", Manager: "mia"}}
	got := ignore.For(lockstep.Key{}, o.Tree).Yield(o, map[string]any{}, drift)
	if diff := cmp.Diff(tree(t, `{"spec":{"containers":[{"name":"web","image":"w"}]}}`), got.Tree); diff != "" {
		t.Errorf("Yield leaves out what the ignored manager has (-want +got):\n%s", diff)
	}
}

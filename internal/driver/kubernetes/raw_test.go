package kubernetes

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/lockstep-dev/lockstep/internal/core/diff"
)

// FuzzRawRecord holds the projection of bytes to that of the decoded object.
func FuzzRawRecord(f *testing.F) {
	good, err := json.Marshal(live(f, 1, map[string]string{"a": "1\n\t\"é\u2028"}, "a"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	entry := func(fields string) []byte {
		return []byte(`{"metadata":{"uid":"u","annotations":{"lockstep.dev/unit":"a/b"},"managedFields":[{"manager":"kubectl","operation":"Update","fieldsV1":{}},` +
			`{"manager":"lockstep","operation":"Apply","fieldsV1":` + fields + `}]},"data":{"a":1,"b":[{"x":1.5e3,"y":null}]}}`)
	}
	f.Add(entry(`{"f:data":{".":{},"f:a":{},"f:b":{"k:{\"x\":1}":{},"k:{\"x\":10}":{}}}}`))
	f.Add(entry(`{"f:data":{"f:b":{},"f:a":{}}}`))
	f.Add(entry(`{"f:data":{"k:{\"A\":1}":{},"k:{\"\":1}":{}}}`))
	f.Add(entry(`{"f:data":{"f:\u0061":{}}} `))
	f.Add(entry(`null`))
	f.Add([]byte(`{"kind":"","metadata":{"managedFields":[{"manager":"lockstep","operation":"Apply","subresource":null,"fieldsV1":{}}]}}`))
	f.Add([]byte(`{"metadata":null,"a":"\ud800","b":1e999}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var tree map[string]any
		bad := kjson.Unmarshal(raw, &tree) != nil || tree == nil
		r := reader{view: newView(diff.Digester{}), kind: "ConfigMap", apiVersion: "v1", names: map[string]string{}}
		if bad {
			_, _ = r.record(raw) // and does not panic
			return
		}
		got, err := r.record(raw)
		if err != nil {
			t.Fatal(err)
		}
		r.complete(tree)
		want := r.view.record(tree)
		if d := cmp.Diff(want, got, cmp.AllowUnexported(record{}, worry{})); d != "" {
			t.Errorf("the projection of the bytes differs (-tree +bytes):\n%s", d)
		}
	})
}

// FuzzTree holds the quick decoder to the general one.
func FuzzTree(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5,1e3,true,false,null,"x\n\"\\\/\u00e9é"],"b":{"":{}}}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":9223372036854775808}`,
		`{"a":"\ud83d\ude00\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":{"b":2}}`, `[]`, `null`, `{} x`, `{"a":1e400}`, `{"a" : [ ] , "b":{ } }`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want map[string]any
		if kjson.Unmarshal(raw, &want) != nil {
			want = nil
		}
		if d := cmp.Diff(want, decodeTree(raw)); d != "" {
			t.Errorf("(-general +quick):\n%s", d)
		}
	})
}

// TestFrames takes lists apart however they arrive.
func TestFrames(t *testing.T) {
	big := `{"data":"` + strings.Repeat(`\"x\\`, 3*frameSize) + `"}`
	cases := map[string]struct {
		why     string
		list    string
		want    []string
		version string
		bad     bool
	}{
		"Typed":      {"as built-in kinds are listed", `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[{"a":1},{"b":"]}"}]}` + "\n", []string{`{"a":1}`, `{"b":"]}"}`}, "7", false},
		"Custom":     {"as custom kinds are: names in order", `{"apiVersion":"v1","items":[{"a":[{}]}],"kind":"List","metadata":{"continue":"","resourceVersion":"7"}}`, []string{`{"a":[{}]}`}, "7", false},
		"Empty":      {"nothing of that kind", `{"items":[],"metadata":{"resourceVersion":"7"}}`, nil, "7", false},
		"Null":       {"nothing of that kind, by an old server", `{"items":null,"metadata":{"resourceVersion":"7"}}`, nil, "7", false},
		"Spaced":     {"by a server that is kind to people", "{ \"items\" : [ {\"a\": 1} , {\"b\": 2}\n] , \"metadata\" : { \"resourceVersion\" : \"7\" } }", []string{`{"a": 1}`, `{"b": 2}`}, "7", false},
		"Big":        {"an object that is larger than what is read at once", `{"items":[` + big + `,{}],"metadata":{"resourceVersion":"7"}}`, []string{big, `{}`}, "7", false},
		"Torn":       {"a connection that broke is no short list", `{"metadata":{"resourceVersion":"7"},"items":[{"a":1}`, []string{`{"a":1}`}, "", true},
		"TornInside": {"nor is one that broke in an object", `{"metadata":{"resourceVersion":"7"},"items":[{"a":"1`, nil, "", true},
		"TornAfter":  {"nor one that broke after the last", `{"metadata":{"resourceVersion":"7"},"items":[{}]`, []string{`{}`}, "", true},
		"Part":       {"a part is not the whole", `{"metadata":{"resourceVersion":"7","continue":"x"},"items":[]}`, nil, "", true},
		"NoList":     {"not a list", `[]`, nil, "", true},
		"Nothing":    {"not even that", ``, nil, "", true},
	}
	for name, tc := range cases {
		for how, from := range map[string]func(io.Reader) io.Reader{"AtOnce": func(r io.Reader) io.Reader { return r }, "Dribbled": iotest.HalfReader, "WithItsEnd": iotest.DataErrReader} {
			t.Run(name+"/"+how, func(t *testing.T) {
				var got []string
				f := frames{from: from(strings.NewReader(tc.list))}
				version, err := f.each(func(raw []byte) error { got = append(got, string(raw)); return nil })
				if (err != nil) != tc.bad || version != tc.version {
					t.Errorf("%s\ngot version %q, error %v", tc.why, version, err)
				}
				if d := cmp.Diff(tc.want, got); d != "" {
					t.Errorf("%s\n(-want +got):\n%s", tc.why, d)
				}
			})
		}
	}
	t.Run("Refused", func(t *testing.T) {
		no := errors.New("no")
		f := frames{from: strings.NewReader(`{"items":[{}]}`)}
		if _, err := f.each(func([]byte) error { return no }); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzFrames takes apart whatever a hostile Target sends.
func FuzzFrames(f *testing.F) {
	f.Add([]byte(`{"kind":"List","metadata":{"resourceVersion":"7"},"items":[{"a":"\\\""},{}]}`))
	f.Add([]byte(`{"items":[,],"x":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want struct{ Items []json.RawMessage }
		valid := json.Valid(raw) && json.Unmarshal(raw, &want) == nil
		var got []json.RawMessage
		x := frames{from: iotest.HalfReader(strings.NewReader(string(raw)))}
		_, err := x.each(func(item []byte) error { got = append(got, append(json.RawMessage(nil), item...)); return nil })
		if valid && err == nil && strings.Count(string(raw), `"items"`) == 1 && !strings.Contains(string(raw), `\`) && len(got) != len(want.Items) {
			t.Errorf("got %d items, want %d", len(got), len(want.Items))
		}
	})
}

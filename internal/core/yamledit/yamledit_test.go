package yamledit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/lockstep-dev/lockstep/internal/core/yamledit"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

const values = `# Values of the shop.
image:
  repository: shop   # where it is
  tag: "1.8"         # moves with each release


replicas: 3
# Everybody may read this.
labels: {team: pay, tier: 'web'}
args:
- --verbose
- --port=80
env:
  - name: A   # first
    value: one
resources: {}
empty:
script: |
  #!/bin/sh
  echo hello

  exit 0
note: >-
  folded
  text
last: it's
`

func TestSet(t *testing.T) {
	cases := map[string]struct {
		why  string
		doc  string
		path string
		v    any
		// was and is are the lines that go and come, with all else as it was.
		was, is string
	}{
		"Quotes":        {why: "The quotes and the comment stay.", path: "image.tag", v: "1.9", was: `  tag: "1.8"         # moves`, is: `  tag: "1.9"         # moves`},
		"Plain":         {why: "Plain stays plain.", path: "image.repository", v: "reg.example/shop:x", was: "repository: shop ", is: "repository: reg.example/shop:x "},
		"Needed":        {why: "What would be read as a number gets quotes.", path: "image.repository", v: "010", was: "repository: shop ", is: `repository: "010" `},
		"Norway":        {why: "And what YAML 1.1 takes for a boolean.", path: "image.repository", v: "no", was: "repository: shop ", is: `repository: "no" `},
		"Number":        {why: "A number is one.", path: "replicas", v: 5, was: "replicas: 3\n", is: "replicas: 5\n"},
		"Bool":          {why: "So is a boolean.", path: "replicas", v: true, was: "replicas: 3\n", is: "replicas: true\n"},
		"Float":         {why: "And one with a point is none without.", path: "replicas", v: 2.0, was: "replicas: 3\n", is: "replicas: 2.0\n"},
		"Null":          {why: "Null is written.", path: "replicas", v: nil, was: "replicas: 3\n", is: "replicas: null\n"},
		"Flow":          {why: "A flow mapping stays one.", path: "labels.team", v: "ops", was: "{team: pay,", is: "{team: ops,"},
		"Single":        {why: "With the quotes that it has.", path: "labels.tier", v: "it's", was: "'web'", is: "'it''s'"},
		"FlowAdd":       {why: "And can take more.", path: "labels.zone", v: "eu-1", was: "tier: 'web'}", is: "tier: 'web', zone: eu-1}"},
		"FlowDeep":      {why: "Of any depth.", path: "labels.a.b", v: 1, was: "tier: 'web'}", is: "tier: 'web', a: {b: 1}}"},
		"Add":           {why: "A new key comes last in its mapping, and before the blank lines.", path: "image.pull", v: "Always", was: "release\n\n", is: "release\n  pull: Always\n\n"},
		"AddTop":        {why: "Or last of all.", path: "added", v: 1, was: "last: it's\n", is: "last: it's\nadded: 1\n"},
		"AddDeep":       {why: "With all that is missing above it.", path: "a.b.c", v: "x", was: "last: it's\n", is: "last: it's\na:\n  b:\n    c: x\n"},
		"Empty":         {why: "An empty mapping becomes one that can be read.", path: "resources.limits.cpu", v: "1", was: "resources: {}\n", is: "resources:\n  limits:\n    cpu: \"1\"\n"},
		"Nothing":       {why: "Nothing becomes something.", path: "empty", v: "x", was: "empty:\n", is: "empty: x\n"},
		"NothingMap":    {why: "Or a mapping.", path: "empty.x", v: "z", was: "empty:\n", is: "empty:\n  x: z\n"},
		"Element":       {why: "An element by its number.", path: "args.1", v: "--port=81", was: "- --port=80", is: `- "--port=81"`},
		"Append":        {why: "One more.", path: "args.2", v: "more", was: "- --port=80\n", is: "- --port=80\n- more\n"},
		"InElement":     {why: "A key of an element.", path: "env.0.value", v: "two", was: "value: one", is: "value: two"},
		"NewInElement":  {why: "A new one.", path: "env.0.secret", v: true, was: "value: one\n", is: "value: one\n    secret: true\n"},
		"Literal":       {why: "A text of lines by one of lines.", path: "script", v: "#!/bin/sh\nexit 1\n", was: "  echo hello\n\n  exit 0\n", is: "  exit 1\n"},
		"Folded":        {why: "A folded one by a word.", path: "note", v: "short", was: "note: >-\n  folded\n  text\n", is: "note: short\n"},
		"Lines":         {why: "A word by lines.", path: "last", v: "a\nb", was: "last: it's\n", is: "last: |-\n  a\n  b\n"},
		"Mapping":       {why: "A mapping by another.", path: "image", v: map[string]any{"b": []any{1, "x"}, "a": "yy"}, was: "image:\n  repository: shop   # where it is\n  tag: \"1.8\"         # moves with each release\n", is: "image:\n  a: yy\n  b:\n    - 1\n    - x\n"},
		"Replaced":      {why: "A mapping by a word.", path: "image", v: "shop", was: "image:\n  repository: shop   # where it is\n  tag: \"1.8\"         # moves with each release\n", is: "image: shop\n"},
		"Unusual":       {why: "A key of any sort.", path: `a b\.c`, v: 1, was: "last: it's\n", is: "last: it's\n\"a b.c\": 1\n"},
		"Same":          {why: "What is so already is left, quotes and all.", path: "image.tag", v: "1.8"},
		"SameMap":       {why: "Also a mapping in another order.", path: "labels", v: map[string]any{"tier": "web", "team": "pay"}},
		"NoFinal":       {why: "A file that lacks its last line break goes on lacking it.", doc: "a: 1", path: "b", v: 2, was: "a: 1", is: "a: 1\nb: 2"},
		"CRLF":          {why: "Line ends are those of the file.", doc: "a:\r\n  x: 1\r\nb: 2\r\n", path: "a.k", v: map[string]any{"z": 1}, was: "  x: 1\r\n", is: "  x: 1\r\n  k:\r\n    z: 1\r\n"},
		"Comments":      {why: "A file of comments gets its first value.", doc: "# nothing yet\n", path: "a.b", v: 1, was: "yet\n", is: "yet\na:\n  b: 1\n"},
		"Fresh":         {why: "As does an empty one.", doc: "", path: "a.b", v: 1, was: "", is: "a:\n  b: 1\n"},
		"Marker":        {why: "A marker in front stays.", doc: "---\na: 1 # x\n", path: "a", v: 2, was: "a: 1", is: "a: 2"},
		"Wide":          {why: "Columns are counted in letters.", doc: "{ö: [ä, \"ü\"], b: 1}\n", path: "b", v: 2, was: "b: 1", is: "b: 2"},
		"CommentBeside": {why: "A comment beside a key outlives what is below it.", doc: "a: # why\n  b: 1\nc: 2\n", path: "a", v: 7, was: "a: # why\n  b: 1\n", is: "a: 7 # why\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			doc := tc.doc
			if doc == "" && name != "Fresh" {
				doc = values
			}
			path, err := yamledit.ParsePath(tc.path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := yamledit.Set([]byte(doc), path, tc.v)
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			if strings.Count(doc, tc.was) != 1 && doc != "" && tc.was != "" {
				t.Fatalf("%q is in the document %d times", tc.was, strings.Count(doc, tc.was))
			}
			want := strings.Replace(doc, tc.was, tc.is, 1)
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("%s\nSet (-want +got):\n%s", tc.why, diff)
			}
			again, err := yamledit.Set(got, path, tc.v)
			if err != nil || string(again) != string(got) {
				t.Errorf("once more it is %q, %v", again, err)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	cases := map[string]struct {
		why, doc, path string
		v              any
	}{
		"Alias":   {why: "It would change elsewhere, too.", doc: "a: &x {b: 1}\nc: *x\n", path: "c.b", v: 2},
		"Anchor":  {why: "Likewise.", doc: "a: &x {b: 1}\nc: *x\n", path: "a.b", v: 2},
		"Merged":  {why: "What is merged would be lost.", doc: "x: &x\n  r: {a: 1}\ny:\n  <<: *x\n", path: "y.r.b", v: 2},
		"Scalar":  {why: "A word has no keys.", doc: "a: b\n", path: "a.c", v: 2},
		"Element": {why: "Elements are not skipped.", doc: "a: [1]\n", path: "a.3", v: 2},
		"Several": {why: "Which of them?", doc: "a: 1\n---\nb: 1\n", path: "a", v: 2},
		"Broken":  {why: "What is no YAML is not made worse.", doc: "a: [\n", path: "a", v: 2},
		"Mark":    {why: "Positions would be off.", doc: "\ufeffa: 1\n", path: "a", v: 2},
		"Tagged":  {why: "A tag says what the value is.", doc: "a: !secret x\n", path: "a", v: "y"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := yamledit.Set([]byte(tc.doc), strings.Split(tc.path, "."), tc.v)
			if err == nil || string(got) != tc.doc {
				t.Errorf("%s\ngot %q, %v", tc.why, got, err)
			}
			if !errors.Is(err, fault.KindInvalid) {
				t.Errorf("%v is no fault of the document", err)
			}
		})
	}
}

// FuzzSet: whatever the document, it is left alone, or the value is there, once more
// changes nothing, and no comment beside other values is lost.
func FuzzSet(f *testing.F) {
	for _, doc := range []string{
		values, "", "a: 1", "# c\n", "a: {b: [1, 2]}", "- a\n- b: 1\n", "? x\n: y\n", "a: |+\n  x\n\n\nb: 1\n", "a: &x 1\nb: *x\n",
		"a: \"\\\"}\" # q\n", "'a': >2-\n   x\n", "a:\r\n- 1\r\n", "{a: , b: }", "a: b\n  c\n\n  d # e\n", "--- a\n", "a: !!str 1\n", "{\"a\":1}", "[a, b: c]", "a: [\n 1, # x\n 2,\n]\n",
	} {
		f.Add(doc, "a", "x")
		f.Add(doc, "image.tag", "two\nlines\n")
		f.Add(doc, "0.b", "on")
	}
	f.Fuzz(func(t *testing.T, doc, at, value string) {
		path, err := yamledit.ParsePath(at)
		if err != nil {
			return
		}
		got, err := yamledit.Set([]byte(doc), path, value)
		if err != nil {
			if string(got) != doc {
				t.Fatalf("refused, and changed: %q", got)
			}
			return
		}
		var root yaml.Node
		if err := yaml.Unmarshal(got, &root); err != nil {
			t.Fatalf("it is no YAML any more: %v\n%s", err, got)
		}
		n := root.Content[0]
		for _, name := range path {
			n = child(n, name)
			if n == nil {
				t.Fatalf("nothing is at %q in\n%s", at, got)
			}
		}
		if n.Value != value || n.ShortTag() != "!!str" {
			t.Fatalf("at %q is %q (%s), want %q in\n%s", at, n.Value, n.ShortTag(), value, got)
		}
		again, err := yamledit.Set(got, path, value)
		if err != nil || string(again) != string(got) {
			t.Fatalf("once more it is %q, %v; want %q", again, err, got)
		}
	})
}

func child(n *yaml.Node, name string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		for i, c := range n.Content {
			if name == string(rune('0'+i)) || i > 9 {
				return c
			}
		}
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

package render

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

func TestDecode(t *testing.T) {
	cases := map[string]struct {
		why  string
		file string
		in   string
		want []string // key@origin
	}{
		"ManyDocuments": {
			why: "Files hold several objects; comments and empty documents are no objects.",
			in: "# top\n---\n# only a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" +
				"--- # with a comment\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b, namespace: web}\n---\n",
			want: []string{"ConfigMap/a@f.yaml:5", "Deployment.apps/web/b@f.yaml:9"},
		},
		"WindowsFile": {
			why:  "A byte order mark and CRLF are what some editors write.",
			in:   "\xef\xbb\xbfapiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: a\r\n---\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: b\r\n",
			want: []string{"ConfigMap/a@f.yaml:1", "ConfigMap/b@f.yaml:6"},
		},
		"Directive": {
			why:  "A directive belongs to the document that follows it.",
			in:   "%YAML 1.1\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n...\n",
			want: []string{"ConfigMap/a@f.yaml:3"},
		},
		"List": {
			why:  "kubectl get -o yaml writes a List, and people commit it.",
			in:   "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Secret, metadata: {name: s}}\n",
			want: []string{"ConfigMap/a@f.yaml:4", "Secret/s@f.yaml:10"},
		},
		"TypedList": {
			why:  "Items of a typed list may leave their kind to the list.",
			in:   "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleList\nitems:\n- metadata: {name: a}\n",
			want: []string{"Role.rbac.authorization.k8s.io/a@f.yaml:4"},
		},
		"KindNamedList": {
			why:  "A custom kind may end in List without being one.",
			in:   "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n",
			want: []string{"AllowList.example.com/a@f.yaml:1"},
		},
		"JSON": {
			why: "JSON escapes that YAML refuses and tabs for indentation are legal JSON.", file: "f.json",
			in:   "{\n\t\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\",\n\t\"metadata\": {\"name\": \"a\"}, \"data\": {\"e\": \"\\ud83d\\ude00\"}}\n{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"b\"}}",
			want: []string{"ConfigMap/a@f.json:1", "ConfigMap/b@f.json:4"},
		},
		"JSONInYAML": {
			why:  "A .yaml file may hold JSON, also after a YAML document.",
			in:   "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n",
			want: []string{"ConfigMap/a@f.yaml:1", "ConfigMap/b@f.yaml:3"},
		},
		"MarkerInsideText": {
			why:  "An indented marker is text: a ConfigMap may hold YAML files.",
			in:   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  f: |\n    ---\n    x: 1\n    ---\n",
			want: []string{"ConfigMap/a@f.yaml:1"},
		},
		"Empty": {why: "An empty file is no mistake.", in: "\n\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := tc.file
			if file == "" {
				file = "f.yaml"
			}
			objs, err := Decode(file, []byte(tc.in))
			if err != nil {
				t.Fatalf("%s\n%v", tc.why, err)
			}
			var got []string
			for _, o := range objs {
				got = append(got, o.Key().String()+"@"+o.Origin.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func TestDecodeMistakes(t *testing.T) {
	head := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
	cases := map[string]struct {
		why  string
		file string
		in   string
		want []string
		hint string // part of the first hint
	}{
		"Syntax": {
			why:  "The line is where the reader has to look, counted in the file.",
			in:   head + "---\napiVersion: v1\nkind: [\nmetadata:\n",
			want: []string{`f.yaml:7: not valid YAML: did not find expected node content`},
		},
		"Tab": {
			why:  "The parser's words about tabs help nobody.",
			in:   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
			want: []string{"f.yaml:4: not valid YAML: the line is indented with a tab"},
			hint: "spaces",
		},
		"AllAtOnce": {
			why: "Nobody wants to fix one mistake per commit.",
			in:  "kind: ConfigMap\nmetadata: {name: a}\n---\nfoo: [\n---\napiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: 1}\n",
			want: []string{
				`f.yaml:1: apiVersion of ConfigMap "a" is missing`,
				`f.yaml:4: not valid YAML: did not find expected node content`,
				`f.yaml:6: metadata.name of the ConfigMap is missing`,
				`f.yaml:11: metadata.name of the ConfigMap is a number (1), not a string`,
			},
		},
		"NotAnObject": {
			why:  "A values file in the directory is the usual cause.",
			in:   "replicas: 3\n",
			want: []string{"f.yaml:1: the document is not a Kubernetes object: it has neither apiVersion nor kind"},
			hint: "exclude",
		},
		"Scalar": {
			why:  "Prose in a .yaml file parses as one string.",
			in:   "hello world\n",
			want: []string{"f.yaml:1: the document is a string, not a Kubernetes object"},
		},
		"GenerateName": {
			why:  "What gets a new name each time can be neither found nor pruned.",
			in:   "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: x-\n",
			want: []string{"f.yaml:4: metadata.generateName of the Job gives the object a new name each time it is applied"},
			hint: "fixed metadata.name",
		},
		"DuplicateKey": {
			why:  "The last would silently win.",
			in:   head + "data:\n  a: x\n  b: y\n  a: z\n",
			want: []string{`f.yaml:7: key "a" is set twice in the same mapping, first on line 5`},
		},
		"DuplicateKeyJSON": {
			why: "The same in JSON.", file: "f.json",
			in:   "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"},\n\"data\": {\"a\": \"x\",\n\"a\": \"y\"}}",
			want: []string{`f.json:3: key "a" is set twice in the same object`},
		},
		"BooleanKey": {
			why:  "YAML 1.1 reads on as true, which nobody means as a key.",
			in:   head + "data:\n  on: x\n",
			want: []string{`f.yaml:5: key "on" is a boolean, not a string`},
			hint: `quote it: "on"`,
		},
		"MappingKey": {
			why:  "JSON has no such keys; a forgotten quote around a template makes one.",
			in:   head + "data: {{x: y}: z}\n",
			want: []string{`f.yaml:4: a key is a mapping, not a string`},
		},
		"KeyHoldsItself": {
			why:  "A key may be an alias of what it stands in.",
			in:   head + "x: &x\n  ? *x\n  : y\n",
			want: []string{`f.yaml:5: a key is a mapping, not a string`},
		},
		"NumberAsAnnotation": {
			why:  "The API server would refuse it with less to go by.",
			in:   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    x: true\n    ok: fine\n    z: 1\n",
			want: []string{`f.yaml:6: metadata.annotations of ConfigMap "a": the value of "x" is a boolean (true), not a string`, `f.yaml:8: metadata.annotations of ConfigMap "a": the value of "z" is a number (1), not a string`},
			hint: `quote it: x: "true"`,
		},
		"Template": {
			why:  "A chart's templates are often rendered as plain files by mistake.",
			in:   head + "{{- if .Values.x }}\nspec: 1\n{{- end }}\n",
			want: []string{"f.yaml:4: not valid YAML: could not find expected ':'"},
			hint: "template of a Helm chart",
		},
		"NotUTF8": {
			why:  "UTF-16 of old editors.",
			in:   "apiVersion: v1\nkind: \xff\xfe",
			want: []string{"f.yaml:2: the file is not UTF-8 text"},
		},
		"Laughs": {
			why:  "A few lines must not become gigabytes.",
			in:   "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
			want: []string{`f.yaml:2: alias "a" expands the file to more than 200000 values`},
		},
		"SelfReference": {
			why:  "An anchor that holds itself has no end.",
			in:   "a: &a [*a]\n",
			want: []string{"f.yaml:1: values are nested more than 256 deep"},
		},
		"Deep": {
			why:  "Deep nesting costs stack.",
			in:   "a: " + strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
			want: []string{"f.yaml:1: values are nested more than 256 deep"},
		},
		"DeepJSON": {
			why: "The same in JSON.", file: "f.json",
			in:   strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
			want: []string{"f.json:1: values are nested more than 256 deep"},
		},
		"JSONSyntax": {
			why: "The line of a JSON mistake.", file: "f.json",
			in:   "{\n\"a\": 1,\n}",
			want: []string{"f.json:3: not valid JSON: invalid character '}'"},
		},
		"JSONCut": {
			why: "A truncated file.", file: "f.json",
			in:   "{\n\"a\": {",
			want: []string{"f.json:2: not valid JSON: the file ends too early"},
		},
		"Infinity": {
			why:  "JSON has no such number.",
			in:   head + "x: .inf\n",
			want: []string{`f.yaml:4: ".inf" is a number that JSON, and so Kubernetes, does not have`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := tc.file
			if file == "" {
				file = "f.yaml"
			}
			objs, err := Decode(file, []byte(tc.in))
			if objs != nil {
				t.Errorf("%s\ngot objects with an error: %v", tc.why, objs)
			}
			var got []string
			for _, f := range fault.All(err) {
				got = append(got, f.Error())
				if !errors.Is(f, fault.KindInvalid) {
					t.Errorf("%v is of kind %v", f, f.Kind)
				}
			}
			for i := range got {
				// The JSON decoder's words go on; the place is what matters.
				if i < len(tc.want) && strings.HasPrefix(got[i], tc.want[i]) && strings.Contains(got[i], "JSON") {
					got[i] = tc.want[i]
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatalf("%s\n(-want +got):\n%s", tc.why, diff)
			}
			if h := fault.As(err).Hint; !strings.Contains(h, tc.hint) {
				t.Errorf("hint %q does not mention %q", h, tc.hint)
			}
		})
	}
}

// scalars are spellings on which YAML libraries disagree.
const scalars = `y n Y N yes no on off On OFF true True TRUE tRUE false null Null NULL ~ nULL 0 1 -1 +1 007 0777 08 0o17 0x1F 0b101 -0b11 1_000 1__0 _1
1.0 1.5 -0.0 1e3 1E3 1e400 1. .5 -.5 +.5 5e-324 .e1 1e 0x 1:30 12:30:45 2001-01-01 2001-01-01T00:00:00Z 9223372036854775807 9223372036854775808 -9223372036854775809
18446744073709551615 18446744073709551616 1e21 123456789012345678901234567890 100m 1Gi 1.2.3 v1 - -- = !!str !!str\u00201 0.1 3.141592653589793 1e-7 000001 +0 -0 0_7 1e+5 <a`

// TestScalarsAreKubectls compares the meaning of every scalar with the library
// that kubectl reads YAML with, through the JSON that it would send.
func TestScalarsAreKubectls(t *testing.T) {
	for _, s := range strings.Fields(scalars) {
		for _, form := range []string{s, "'" + s + "'", "!!str " + s, "- " + s} {
			doc := "apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec: " + form + "\n"
			if strings.HasPrefix(form, "- ") {
				doc = "apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec:\n" + form + "\n"
			}
			assertKubectl(t, doc)
		}
	}
	for _, doc := range []string{
		"a: &a {x: 1, y1: 2}\nb: {<<: *a, x: 3}\nc: {x: 3, <<: *a}\nd: {<<: [*a, {x: 9, z: 1}]}\n",
		"a: !!binary aGVsbG8=\nb: !!int \"3\"\nc: !!float 3\nd: !custom x\ne: !!null ''\nf: !!bool \"yes\"\n",
		"a: |\n  x\n  y\nb: >-\n  x\n  y\nc: 'it''s'\nd: \"\\u00e9\\n\"\n",
		"8080: x\n1.21: y\ntrue: z\n",
		"? a\n: b\n",
	} {
		assertKubectl(t, "apiVersion: v1\nkind: X\nmetadata: {name: a}\n"+doc)
	}
}

func assertKubectl(t *testing.T, doc string) {
	t.Helper()
	want, werr := kubectlReads([]byte(doc))
	objs, err := Decode("f.yaml", []byte(doc))
	if werr != nil {
		if err == nil {
			t.Errorf("kubectl refuses, we read %v:\n%s\n%v", objs, doc, werr)
		}
		return
	}
	if err != nil {
		t.Errorf("kubectl reads what we refuse: %v\n%s", err, doc)
		return
	}
	if diff := cmp.Diff(want, objs[0].Tree); diff != "" {
		t.Errorf("%s\n(-kubectl +ours):\n%s", doc, diff)
	}
}

func kubectlReads(doc []byte) (any, error) {
	j, err := sigsyaml.YAMLToJSON(doc)
	if err != nil {
		return nil, err
	}
	return decodeJSON(j)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n# x\n"))
	f.Add([]byte("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: A, metadata: {name: b}}]\n"))
	f.Add([]byte("{\"apiVersion\": \"v1\", \"kind\": \"A\", \"metadata\": {\"name\": \"a\"}}"))
	f.Add([]byte("apiVersion: v1\nkind: A\nmetadata: {name: a}\na: &a {b: 1}\nc: {<<: *a, 8080: y, d: [on, 1.0, 0x1]}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, err := Decode("f.yaml", data)
		if err != nil {
			for _, f := range fault.All(err) {
				if f.Kind != fault.KindInvalid || !strings.HasPrefix(f.Where, "f.yaml") {
					t.Errorf("fault without kind or place: %#v", f)
				}
			}
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, o := range objs {
			if o.Kind() == "" || o.APIVersion() == "" || o.Name() == "" {
				t.Errorf("object without identity: %v", o)
			}
			if o.Origin.Line < 1 || o.Origin.Line > lines {
				t.Errorf("line %d of %d", o.Origin.Line, lines)
			}
			if _, err := json.Marshal(o.Tree); err != nil {
				t.Errorf("not a JSON tree: %v", err)
			}
		}
		// What we read as one object kubectl reads the same.
		if len(objs) == 1 && !strings.Contains(string(data), "List") && !strings.Contains(string(data), "---") {
			want, err := kubectlReads(data)
			if err != nil {
				return
			}
			if diff := cmp.Diff(want, any(objs[0].Tree)); diff != "" {
				t.Errorf("(-kubectl +ours):\n%s", diff)
			}
		}
	})
}

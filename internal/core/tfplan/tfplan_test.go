package tfplan

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/change"
	"github.com/lockstep-dev/lockstep/internal/core/diff"
	"github.com/lockstep-dev/lockstep/internal/fault"
)

var update = flag.Bool("update", false, "write golden files anew")

var reader = Reader{Digester: diff.Digester{Key: []byte("key of the test")}, Dir: "infra/net"}

// planted are the secrets of the recorded plans.
var planted = []string{"planted-in-variable", "planted-after-rotation"}

// TestRead holds what both tools printed, recorded from the real binaries, against
// what is made of it.
func TestRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			p, err := reader.Read(load(t, file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(struct {
				Set       change.Set
				Resources int
				Tool      string
			}{p.Set, p.Resources, p.Tool}, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range planted {
				if bytes.Contains(got, []byte(s)) {
					t.Errorf("the set shows %q", s)
				}
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(string(load(t, golden)), string(got)+"\n"); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func load(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBothToolsSayTheSame(t *testing.T) {
	for _, plan := range []string{"change", "destroy"} {
		digests := map[string]string{}
		for _, tool := range []string{"tofu", "terraform"} {
			p, err := reader.Read(load(t, "testdata/"+tool+"-"+plan+".json"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Set.Changes { // each run gave its own identities
				c := &p.Set.Changes[i]
				for j := range c.Fields {
					if f := &c.Fields[j]; f.Path == "id" {
						f.From = ""
					}
				}
			}
			digests[tool] = p.Set.Digest()
		}
		if digests["tofu"] != digests["terraform"] {
			t.Errorf("%s: %v", plan, digests)
		}
	}
}

// one is a plan with one change.
func one(change string) []byte {
	return []byte(`{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"a","name":"b","change":` + change + `}]}`)
}

func TestFields(t *testing.T) {
	mask := reader.Digester.Mask
	for name, tt := range map[string]struct {
		why    string
		change string
		want   []change.Field
	}{
		"InPlace": {
			"Only what differs is a field; null is nothing.",
			`{"actions":["update"],"before":{"a":1,"b":"x","c":null},"after":{"a":2,"b":"x"}}`,
			[]change.Field{{Path: "a", From: "1", To: "2"}},
		},
		"Unknown": {
			"What is known after apply has no value.",
			`{"actions":["update"],"before":{"id":"i"},"after":{},"after_unknown":{"id":true}}`,
			[]change.Field{{Path: "id", From: `"i"`, Unknown: true}},
		},
		"UnknownInside": {
			"A list of which one element is not known yet.",
			`{"actions":["create"],"before":null,"after":{"l":["x",null]},"after_unknown":{"l":[false,true]}}`,
			[]change.Field{{Path: "l[0]", To: `"x"`}, {Path: "l[1]", Unknown: true}},
		},
		"Sensitive": {
			"A mask differs when the value does.",
			`{"actions":["update"],"before":{"p":"one"},"after":{"p":"two"},"before_sensitive":{"p":true},"after_sensitive":{"p":true}}`,
			[]change.Field{{Path: "p", From: mask("one"), To: mask("two"), Sensitive: true}},
		},
		"SensitiveSame": {
			"A secret that stays is no change, and not even its presence is said.",
			`{"actions":["update"],"before":{"p":"one","a":1},"after":{"p":"one","a":2},"before_sensitive":{"p":true},"after_sensitive":{"p":true}}`,
			[]change.Field{{Path: "a", From: "1", To: "2"}},
		},
		"SensitiveUnknown": {
			"A password that the provider makes up.",
			`{"actions":["create"],"before":null,"after":{},"after_unknown":{"p":true},"after_sensitive":{"p":true}}`,
			[]change.Field{{Path: "p", Unknown: true, Sensitive: true}},
		},
		"SensitiveMap": {
			"A map that is sensitive as a whole does not show its keys.",
			`{"actions":["update"],"before":{"m":{"k":"v1"}},"after":{"m":{"k":"v2"}},"before_sensitive":{"m":true},"after_sensitive":{"m":true}}`,
			[]change.Field{{Path: "m", From: mask(map[string]any{"k": "v1"}), To: mask(map[string]any{"k": "v2"}), Sensitive: true}},
		},
		"BecomesSensitive": {
			"Marked on one side only: the other side is the same secret.",
			`{"actions":["update"],"before":{"p":"one"},"after":{"p":"two"},"after_sensitive":{"p":true}}`,
			[]change.Field{{Path: "p", From: mask("one"), To: mask("two"), Sensitive: true}},
		},
		"SecretElsewhere": {
			"The mark is lost on the way through a computed attribute; the value is the same.",
			`{"actions":["update"],"before":{"p":"longsecret","out":"a"},"after":{"p":"longsecret","out":"x longsecret y"},"before_sensitive":{"p":true},"after_sensitive":{"p":true}}`,
			[]change.Field{{Path: "out", From: mask("a"), To: mask("x longsecret y"), Sensitive: true}},
		},
		"Replace": {
			"The fields that force it say so, also as parts of a block.",
			`{"actions":["delete","create"],"before":{"n":"a","b":[{"p":1,"q":1}],"c":1},"after":{"n":"b","b":[{"p":2,"q":2}],"c":2},"replace_paths":[["n"],["b",0,"p"]]}`,
			[]change.Field{{Path: "b[0].p", From: "1", To: "2", Forces: true}, {Path: "b[0].q", From: "1", To: "2"}, {Path: "c", From: "1", To: "2"}, {Path: "n", From: `"a"`, To: `"b"`, Forces: true}},
		},
		"OtherKind": {
			"A value that becomes a map is compared as a whole.",
			`{"actions":["update"],"before":{"v":"x"},"after":{"v":{"k":1}}}`,
			[]change.Field{{Path: "v", From: `"x"`, To: `{"k":1}`}},
		},
		"OddKeys": {
			"A key with a dot is not a path.",
			`{"actions":["update"],"before":{"l":{"a/b.c":"1"}},"after":{"l":{"a/b.c":"2"}}}`,
			[]change.Field{{Path: `l["a/b.c"]`, From: `"1"`, To: `"2"`}},
		},
		"Empty": {
			"From nothing to an empty list is what the tool calls a change.",
			`{"actions":["update"],"before":{"l":null},"after":{"l":[]}}`,
			[]change.Field{{Path: "l", To: "[]"}},
		},
		"BigNumbers": {
			"A number that no float holds is not rounded.",
			`{"actions":["update"],"before":{"n":9007199254740993},"after":{"n":9007199254740994.5}}`,
			[]change.Field{{Path: "n", From: "9007199254740993", To: "9007199254740994.5"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := reader.Read(one(tt.change))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, p.Set.Changes[0].Fields); d != "" {
				t.Errorf("%s\n-want +got:\n%s", tt.why, d)
			}
		})
	}
}

func TestLongValues(t *testing.T) {
	read := func(end string) change.Field {
		long := strings.Repeat("x", 1<<20) + end
		p, err := reader.Read(one(`{"actions":["create"],"before":null,"after":{"v":"` + long + `"}}`))
		if err != nil {
			t.Fatal(err)
		}
		return p.Set.Changes[0].Fields[0]
	}
	a, b := read("a"), read("b")
	if len(a.To) > 3000 {
		t.Errorf("%d bytes are shown", len(a.To))
	}
	if a.To == b.To {
		t.Error("two values that differ beyond what is shown look the same, so one could be approved for the other")
	}
}

func TestActions(t *testing.T) {
	type got struct {
		Action  change.Action
		First   bool
		Deposed string
	}
	for name, tt := range map[string]struct {
		why    string
		change string
		want   []got
	}{
		"Stays":       {"It is not in the set.", `{"actions":["no-op"]}`, nil},
		"Adopted":     {"An import that changes nothing is something to read.", `{"actions":["no-op"],"importing":{"id":"i-1"}}`, []got{{}}},
		"CreateFirst": {"The order decides whether there is an outage.", `{"actions":["create","delete"]}`, []got{{change.Replace, true, ""}}},
		"DeleteFirst": {"The order decides whether there is an outage.", `{"actions":["delete","create"]}`, []got{{change.Replace, false, ""}}},
		"ForgetFirst": {"OpenTofu leaves the old one alone and makes another: two things happen.", `{"actions":["forget","create"],"before":{"id":"i"},"after":{}}`, []got{{change.Create, false, ""}, {change.Forget, false, "former"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := reader.Read(one(tt.change))
			if err != nil {
				t.Fatal(err)
			}
			var out []got
			for _, c := range p.Set.Changes {
				out = append(out, got{c.Action, c.CreateFirst, c.Deposed})
			}
			if d := cmp.Diff(tt.want, out); d != "" {
				t.Errorf("%s\n%s", tt.why, d)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		why, plan string
		kind      fault.Kind
	}{
		"Version":  {"A format that we do not know may mean something else by the same words.", `{"format_version":"2.0"}`, fault.KindInvalid},
		"Action":   {"What is not understood is not approved.", string(one(`{"actions":["explode"]}`)), fault.KindInvalid},
		"NotJSON":  {"Half a plan is none.", `{"format_version":"1.2"`, fault.KindInternal},
		"NotAPlan": {"The text of an error is no plan.", `Error: no`, fault.KindInternal},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := reader.Read([]byte(tt.plan)); err == nil || fault.KindOf(err) != tt.kind {
				t.Errorf("%s: %v", tt.why, err)
			}
		})
	}
}

func TestRedactor(t *testing.T) {
	pem := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END KEY-----\n"
	r := NewRedactor([]string{`se"cr<et\value`, "eu", pem, "abcd"}).With("later-one")
	for name, tt := range map[string]struct{ why, in, want string }{
		"Plain":   {"As it is.", `got se"cr<et\value back`, "got ••• back"},
		"JSON":    {"In a request body that an error quotes.", `{"p":"se\"cr<et\\value"}`, `{"p":"•••"}`},
		"GoJSON":  {"As Go escapes it for HTML.", `{"p":"se\"cr\u003cet\\value"}`, `{"p":"•••"}`},
		"URL":     {"In a connection string.", `postgres://u:se%22cr%3Cet%5Cvalue@h`, "postgres://u:•••@h"},
		"Base64":  {"In a header.", "c2UiY3I8ZXRcdmFsdWU=", "•••"},
		"Line":    {"A key of which the tool prints each line with a bar before it.", "│ MIIEvQIBADANBgkqhkiG9w0", "│ •••"},
		"Short":   {"A region would blot half of every sentence.", "neutral eu", "neutral eu"},
		"Later":   {"What is learned on the way is known too.", "x later-one", "x •••"},
		"Nothing": {"A text without secrets stays as it is.", "all is well", "all is well"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := r.Text(tt.in); got != tt.want {
				t.Errorf("%s\ngot %q, want %q", tt.why, got, tt.want)
			}
		})
	}
	if (*Redactor)(nil).Text("x") != "x" {
		t.Error("nil redacts")
	}
}

func TestParseLine(t *testing.T) {
	for _, tool := range []string{"tofu", "terraform"} {
		ended := 0
		for line := range strings.Lines(string(load(t, "testdata/"+tool+"-destroy.stream"))) {
			l, ok := ParseLine([]byte(line))
			if !ok {
				t.Errorf("not understood: %s", line)
			}
			if l.Type == "apply_complete" && l.Action == change.Delete && l.Address != "" {
				ended++
			}
		}
		if ended != 8 {
			t.Errorf("%s: %d resources were destroyed, want 8", tool, ended)
		}
		var notes []change.Note
		for line := range strings.Lines(string(load(t, "testdata/"+tool+"-change.stream"))) {
			if l, _ := ParseLine([]byte(line)); l.Diagnostic != nil {
				notes = append(notes, l.Diagnostic.Note("infra/net", nil))
			}
		}
		found := false
		for _, n := range notes {
			found = found || n.File == "infra/net/main.tf" && n.Line > 0 && strings.Contains(n.Detail, "kept should be other")
		}
		if !found {
			t.Errorf("%s: no note of the check with its place: %+v", tool, notes)
		}
	}
}

func TestPlace(t *testing.T) {
	for in, want := range map[string]string{"main.tf": "infra/net/main.tf", "../modules/db/x.tf": "infra/modules/db/x.tf", "../../../out": "../../../out", "/abs/x": "/abs/x", "": ""} {
		if got := Place("infra/net", in); got != want {
			t.Errorf("Place(%q) = %q, want %q", in, got, want)
		}
	}
}

// many is a plan of n resources that each change one of twenty fields and have a
// password.
func many(n int, action string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"format_version":"1.2","resource_changes":[`)
	var state bytes.Buffer
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
			state.WriteByte(',')
		}
		before := fmt.Sprintf(`{"id":"i-%d","size":1,"password":"secret-of-%d","tags":{"team":"payments","env":"prod","n":"%d"},"subnets":["subnet-a","subnet-b","subnet-c"],"arn":"arn:aws:rds:eu-west-1:123456789012:db:db-%d","engine":"postgres","version":"16.3","zone":"eu-west-1a","storage":100,"iops":3000,"encrypted":true,"public":false,"window":"sun:03:00-sun:04:00","port":5432,"class":"db.r6g.large"}`, i, i, i, i)
		after := strings.Replace(before, `"size":1`, `"size":2`, 1)
		if action == "no-op" {
			after = before
		}
		fmt.Fprintf(&b, `{"address":"module.db.aws_db_instance.this[%d]","module_address":"module.db","mode":"managed","type":"aws_db_instance","name":"this","index":%d,"provider_name":"registry.opentofu.org/hashicorp/aws","change":{"actions":[%q],"before":%s,"after":%s,"after_unknown":{"tags":{},"subnets":[false,false,false]},"before_sensitive":{"password":true,"tags":{},"subnets":[false,false,false]},"after_sensitive":{"password":true,"tags":{},"subnets":[false,false,false]}}}`, i, i, action, before, after)
		fmt.Fprintf(&state, `{"address":"module.db.aws_db_instance.this[%d]","mode":"managed","type":"aws_db_instance","name":"this","values":%s,"sensitive_values":{"password":true,"tags":{}}}`, i, before)
	}
	fmt.Fprintf(&b, `],"prior_state":{"values":{"root_module":{"child_modules":[{"resources":[%s]}]}}},"planned_values":{"root_module":{"child_modules":[{"resources":[%s]}]}}}`, &state, &state)
	return b.Bytes()
}

// TestTenThousand is the promise of a plan that is too long to be read by anybody and
// has to be shown all the same.
func TestTenThousand(t *testing.T) {
	plan := many(10_000, "update")
	began := time.Now()
	p, err := reader.Read(plan)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("%d bytes in %s", len(plan), took)
	if len(p.Set.Changes) != 10_000 || p.Resources != 10_000 {
		t.Errorf("%d changes of %d resources", len(p.Set.Changes), p.Resources)
	}
	if took > 10*time.Second { // the benchmark has the figure; this is a machine that does other things
		t.Errorf("it took %s", took)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, action := range []string{"update", "no-op"} {
		plan := many(10_000, action)
		b.Run(action, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(plan)))
			for b.Loop() {
				if _, err := reader.Read(plan); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		f.Add(load(f, file))
	}
	f.Add(one(`{"actions":["update"],"before":{"a":[{}]},"after":{"a":{"b":1}},"after_unknown":[true],"before_sensitive":{"a":[true]},"replace_paths":[[1.5,null,"a"]]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := reader.Read(in)
		if err != nil {
			return
		}
		if d := p.Set.Digest(); d == "" {
			t.Error("no digest")
		}
		if g := p.Set.Grew(p.Set); !p.Set.Errored && len(g) > 0 && !duplicated(p.Set) {
			t.Errorf("a set grew beyond itself: %v", g)
		}
		again, err := reader.Read(in)
		if err != nil || again.Set.Digest() != p.Set.Digest() {
			t.Error("read twice, it is two different sets")
		}
	})
}

// duplicated says whether a plan names a resource twice, as no tool does.
func duplicated(s change.Set) bool {
	for i := 1; i < len(s.Changes); i++ {
		if change.Compare(s.Changes[i-1], s.Changes[i]) == 0 {
			return true
		}
	}
	for i := range s.Changes {
		seen := map[string]bool{}
		for _, f := range s.Changes[i].Fields {
			if seen[f.Path] {
				return true
			}
			seen[f.Path] = true
		}
	}
	return false
}

func FuzzParseLine(f *testing.F) {
	for _, file := range []string{"testdata/tofu-change.stream", "testdata/terraform-destroy.stream"} {
		for line := range strings.Lines(string(load(f, file))) {
			f.Add([]byte(line))
		}
	}
	red := NewRedactor([]string{"planted"})
	f.Fuzz(func(t *testing.T, in []byte) {
		l, ok := ParseLine(in)
		if !ok || l.Diagnostic == nil {
			return
		}
		if n := l.Diagnostic.Note("d", red); strings.Contains(n.Summary+n.Detail, "planted") {
			t.Errorf("%+v", n)
		}
	})
}

// FuzzTree holds our decoder against the one of the standard library.
func FuzzTree(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5,1e400,true,false,null,"x\u00e9\n","\ud800"],"b":{"":{}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := tree(in)
		var want any
		if json.Unmarshal(in, &want) != nil {
			return // what is no JSON never gets here; it must only end
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again any
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, again); d != "" {
			t.Error(d)
		}
	})
}

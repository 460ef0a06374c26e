package health

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/lockstep-dev/lockstep/internal/fault"
	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

func noon() time.Time { return time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC) }

func TestRules(t *testing.T) {
	widget := func(kinds ...string) Entry { return Entry{Group: "example.com", Kinds: kinds, Place: "spec.health[0]"} }
	cel := func(e Entry, rules ...Rule) Entry { e.CEL = rules; return e }
	lua := func(e Entry, source string) Entry { e.Lua = source; return e }
	ignore := func(e Entry) Entry { e.Ignore = true; return e }
	const object = `
apiVersion: example.com/v1
kind: Widget
metadata: {name: a, namespace: shop, generation: 1}
status: {phase: Broken, message: wheel came off, conditions: [{type: Ready, status: "True"}]}`

	for name, tc := range map[string]struct {
		why     string
		entries []Entry
		object  string
		want    string
	}{
		"None":    {why: "Without rules the condition speaks.", object: object, want: "Healthy"},
		"First":   {why: "The first rule that is true decides.", entries: []Entry{cel(widget("Widget"), Rule{When: `status.phase == "Fine"`, Status: "Healthy"}, Rule{When: `status.phase == "Broken"`, Status: "Degraded", Message: `"phase " + status.phase`}, Rule{When: "true", Status: "Suspended"})}, object: object, want: "Degraded: phase Broken"},
		"Own":     {why: "A rule without words uses the object's.", entries: []Entry{cel(widget("Widget"), Rule{When: "true", Status: "Degraded"})}, object: object, want: "Degraded: wheel came off"},
		"NoRule":  {why: "When no rule is true what comes with Lockstep speaks.", entries: []Entry{cel(widget("Widget"), Rule{When: "false", Status: "Degraded"})}, object: object, want: "Healthy"},
		"Missing": {why: "A missing key is no error, and does not apply.", entries: []Entry{cel(widget("Widget"), Rule{When: `status.absent.more == "x"`, Status: "Degraded"})}, object: object, want: "Healthy"},
		"Broken":  {why: "A rule that cannot be evaluated is never Healthy by accident.", entries: []Entry{cel(widget("Widget"), Rule{When: `status.phase + 1 == 2`, Status: "Degraded"})}, object: object, want: "Progressing: its health rule spec.health[0].cel[0] fails: no such overload"},
		"Costly": {why: "An expression may not take for ever.", entries: []Entry{cel(widget("Widget"), Rule{When: `[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6,7,8,9,10].all(f, f > 0))))))`, Status: "Healthy"})},
			object: object, want: "Progressing: its health rule spec.health[0].cel[0] fails: operation cancelled: actual cost limit exceeded"},
		"BadWords":   {why: "Nor is one whose message fails.", entries: []Entry{cel(widget("Widget"), Rule{When: "true", Status: "Healthy", Message: "string(1/0)"})}, object: object, want: "Progressing: its health rule spec.health[0].cel[0] fails: division by zero"},
		"NoWords":    {why: "A missing key in a message leaves the object's own words.", entries: []Entry{cel(widget("Widget"), Rule{When: "true", Status: "Degraded", Message: "status.absent"})}, object: object, want: "Degraded: wheel came off"},
		"OtherKind":  {why: "Rules are for their kind.", entries: []Entry{cel(widget("Gadget"), Rule{When: "true", Status: "Degraded"})}, object: object, want: "Healthy"},
		"AnyKind":    {why: "A star is every kind.", entries: []Entry{cel(widget("*"), Rule{When: "true", Status: "Suspended"})}, object: object, want: "Suspended: wheel came off"},
		"Glob":       {why: "Groups may be globs.", entries: []Entry{cel(Entry{Group: "*.com", Kinds: []string{"Widget"}}, Rule{When: "true", Status: "Suspended"})}, object: object, want: "Suspended: wheel came off"},
		"BuiltIn":    {why: "Built-in kinds can be judged by other rules too.", entries: []Entry{cel(Entry{Group: "apps", Kinds: []string{"Deployment"}}, Rule{When: "!has(status.replicas)", Status: "Healthy"})}, object: apps + "kind: Deployment\nmetadata: {name: a}\nspec: {replicas: 2}", want: "Healthy"},
		"Unobserved": {why: "A stale status is not asked.", entries: []Entry{cel(widget("Widget"), Rule{When: "true", Status: "Healthy"})}, object: strings.Replace(object, "status: {", "status: {observedGeneration: 0, ", 1), want: "Progressing: its controller has not seen the newest change yet"},
		"Deleted":    {why: "Nor an object that goes.", entries: []Entry{ignore(widget("Widget"))}, object: strings.Replace(object, "name: a,", "name: a, deletionTimestamp: now,", 1), want: "Terminating: is being deleted"},
		"Ignore":     {why: "An ignored object is never in the way, whatever it says.", entries: []Entry{cel(widget("Widget"), Rule{When: "true", Status: "Degraded"}), ignore(Entry{Group: "example.com", Kinds: []string{"Widget"}, Name: "a", Place: "spec.health[1]"})}, object: object, want: "Healthy: is not judged: spec.health[1]"},
		"IgnoreName": {why: "Only that of the name.", entries: []Entry{ignore(Entry{Group: "example.com", Kinds: []string{"Widget"}, Name: "b"})}, object: object, want: "Healthy"},
		"IgnoreElsewhere": {why: "Only that of the namespace.", entries: []Entry{ignore(Entry{Group: "example.com", Kinds: []string{"*"}, Namespace: "other"}), cel(widget("Widget"), Rule{When: "true", Status: "Degraded", Message: "'x'"})},
			object: object, want: "Degraded: x"},
		"Annotation":     {why: "The object may say so itself.", object: apps + "kind: Deployment\nmetadata: {annotations: {lockstep.dev/health: ignore}}\nspec: {replicas: 2}", want: "Healthy: is not judged: lockstep.dev/health: ignore"},
		"ArgoAnnotation": {why: "In Argo CD's words too.", object: apps + "kind: Deployment\nmetadata: {annotations: {argocd.argoproj.io/ignore-healthcheck: \"true\"}}\nspec: {replicas: 2}", want: `Healthy: is not judged: argocd.argoproj.io/ignore-healthcheck: "true"`},
		"Lua":            {why: "Scripts of Argo CD run.", entries: []Entry{lua(widget("Widget"), "hs = {}\nhs.status = 'Degraded'\nhs.message = obj.status.message\nreturn hs")}, object: object, want: "Degraded: wheel came off"},
		"LuaUnknown":     {why: "Unknown is on its way, as far as anybody can tell.", entries: []Entry{lua(widget("Widget"), "return {status = 'Unknown', message = 'hm'}")}, object: object, want: "Progressing: hm"},
		"LuaMissing":     {why: "One of Argo CD's words.", entries: []Entry{lua(widget("Widget"), "return {status = 'Missing'}")}, object: object, want: "Missing"},
		"LuaNoVerdict":   {why: "A script that says nothing leaves it to the others.", entries: []Entry{lua(widget("Widget"), "return {}")}, object: object, want: "Healthy"},
		"LuaNoStatus":    {why: "A word that is none is no verdict.", entries: []Entry{lua(widget("Widget"), "return {status = 'Fine'}")}, object: object, want: `Progressing: its health script spec.health[0].lua returned "Fine", which is no status`},
		"LuaFails":       {why: "A script that fails is never Healthy.", entries: []Entry{lua(widget("Widget"), "return {status = 'Healthy', message = obj.a.b}")}, object: object, want: "Progressing: its health script spec.health[0].lua fails: health:1: attempt to index a non-table object(nil) with key 'b'"},
		"LuaLoops":       {why: "Nor one that loops.", entries: []Entry{lua(widget("Widget"), "while true do end")}, object: object, want: "Progressing: its health script spec.health[0].lua fails: it does more than 100,000 steps"},
		"NextEntry":      {why: "The next entry is asked when one has no verdict.", entries: []Entry{lua(widget("Widget"), "return nil"), cel(widget("Widget"), Rule{When: "true", Status: "Degraded", Message: "'second'"})}, object: object, want: "Degraded: second"},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := Compile(tc.entries, noon)
			if err != nil {
				t.Fatal(err)
			}
			h := rules.Of(parse(t, tc.object))
			got := h.Status.String()
			if h.Message != "" {
				got += ": " + h.Message
			}
			if got != tc.want {
				t.Errorf("%s\n got %s\nwant %s", tc.why, got, tc.want)
			}
		})
	}
}

// TestRuleMistakes: each is said with its place, all at once.
func TestRuleMistakes(t *testing.T) {
	_, err := Compile([]Entry{
		{Kinds: []string{"A"}, Place: "spec.health[0]", CEL: []Rule{
			{When: `status.phase == `, Status: "Healthy"},
			{When: `true`, Status: "Good", Message: `nothing`},
		}},
		{Kinds: []string{"A"}, Place: "spec.health[1]", Lua: "return {\n"},
	}, noon)
	var got []string
	for _, f := range fault.All(err) {
		got = append(got, f.Error())
	}
	want := []string{
		"spec.health[0].cel[0].when: column 17: ",
		"spec.health[0].cel[1].message: column 1: undeclared reference to 'nothing'",
		`spec.health[0].cel[1].status: "Good" is no status`,
		"spec.health[1].lua: line 1: syntax error at the end",
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("got %s, want %s", got[i], want[i])
		}
	}
}

func TestDigestAndConcern(t *testing.T) {
	one, _ := Compile([]Entry{{Group: "a.b", Kinds: []string{"X"}, CEL: []Rule{{When: "true", Status: "Healthy"}}}}, noon)
	same, _ := Compile([]Entry{{Group: "a.b", Kinds: []string{"X"}, CEL: []Rule{{When: "true", Status: "Healthy"}}}}, noon)
	other, _ := Compile([]Entry{{Group: "a.b", Kinds: []string{"X"}, CEL: []Rule{{When: "true", Status: "Degraded"}}}}, noon)
	var none *Rules
	if one.Digest() != same.Digest() || one.Digest() == other.Digest() || one.Digest() == none.Digest() {
		t.Error(one.Digest(), same.Digest(), other.Digest(), none.Digest())
	}
	if !one.Concern(lockstep.Key{Group: "a.b", Kind: "X"}) || one.Concern(lockstep.Key{Group: "a.b", Kind: "Y"}) || none.Concern(lockstep.Key{}) {
		t.Error("concerns the wrong objects")
	}
}

func TestParseFileMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "f.yaml: the file is empty",
		"- a":                              `f.yaml:1: here fields are needed (group, kinds, rules), not a list`,
		"group: a.b\nkinds: []\nrules: []": "f.yaml:2: here a list with something in it is needed, not an empty list\nf.yaml:3: here a list with something in it is needed, not an empty list",
		"group: a.b\nkinds: [A]\nrule: x":  "f.yaml:3: unknown field \"rule\", known are group, kinds, doc, rules\nf.yaml:1: field \"rules\" is missing",
		"group: a.b\nkinds: [A]\nrules:\n- when: 'true'":                 `f.yaml:4: field "status" is missing`,
		"group: a.b\n\tkinds: [A]":                                       "f.yaml:2: not valid YAML: found a tab character that violates indentation",
		"group: a\nkinds: [A]\nrules: [{when: x, status: y}]\n---\na: b": "f.yaml:4: a rule file is one document, and this one has more",
	} {
		_, err := ParseFile("f.yaml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzRuleFile: any bytes give a file that compiles, or faults; and what compiles
// judges any object.
func FuzzRuleFile(f *testing.F) {
	f.Add("group: a.b\nkinds: [A]\nrules:\n- {when: 'status.a == 1', status: Healthy, message: 'status.b'}", `{"status":{"a":1}}`)
	f.Add("group: a.b\nkinds: [A]\nrules:\n- {when: 'conditions.exists(c, c.type == \"x\")', status: Degraded}", `{"status":{"conditions":[1]}}`)
	f.Add("a: &a [*a]", `{}`)
	f.Fuzz(func(t *testing.T, text, object string) {
		file, err := ParseFile("f.yaml", []byte(text))
		if err != nil {
			return
		}
		rules, err := Compile([]Entry{{Group: "*", Kinds: []string{"*"}, CEL: file.Rules, Place: "f.yaml", Lines: true}}, noon)
		if err != nil {
			return
		}
		rules.Of(parseAny(object))
	})
}

func parseAny(s string) map[string]any {
	var m map[string]any
	if yaml.Unmarshal([]byte(s), &m) != nil {
		return nil
	}
	return m
}

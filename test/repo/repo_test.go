package repo

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// root is where the tests find the repository: go test runs in the package's
// folder.
var root = flag.String("root", "../..", "root of the repository")

var here = sync.OnceValues(func() (*Tree, error) { return Load(os.DirFS(*root)) })

// rules are all rules over a Tree, by the name that a failure is found under.
var rules = map[string]func(*Tree) []Problem{
	"Imports":      Imports,
	"Purity":       Purity,
	"PackageDocs":  PackageDocs,
	"Names":        Names,
	"Lengths":      Lengths,
	"ExportedDocs": ExportedDocs,
	"MachinePaths": MachinePaths,
	"ErrorText":    ErrorText,
	"Links":        Links,
	"Decisions":    Decisions,
	"ExitCodes":    ExitCodes,
	"Specs":        Specs,
	"Metrics":      Metrics,
	"Dashboards":   Dashboards,
	"Alerts":       Alerts,
	"Security":     Security,
}

func TestThisRepository(t *testing.T) {
	tree, err := here()
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Go) < 10 || len(tree.Text) <= len(tree.Go) {
		t.Fatalf("found %d Go files of %d in %s: not the repository", len(tree.Go), len(tree.Text), *root)
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			for _, p := range rule(tree) {
				t.Error(p)
			}
		})
	}
}

// TestRulesComplain gives each rule a tree with the mistake that it is there for.
func TestRulesComplain(t *testing.T) {
	cases := map[string]struct {
		why  string
		rule func(*Tree) []Problem
		tree map[string]string
		want []string // "where: what"
	}{
		"CoreImportsADriver": {
			why:  "The middle must not know who acts.",
			rule: Imports,
			tree: map[string]string{"internal/core/plan/a.go": `package plan; import _ "` + Module + `/internal/driver"`},
			want: []string{"internal/core/plan/a.go: imports internal/driver, which internal/core may not"},
		},
		"SecurityNamesNoTest": {
			why:  "A promise that nothing holds is worse than none.",
			rule: Security,
			tree: map[string]string{
				"docs/security.md":       "| 1.1.1 a | b | nobody |\n| 1.1.2 a | b | `a.TestGone` |\n| 1.1.3 a | b | `a.TestHere`, `x.spec.ts: held`, `x.spec.ts: gone` |\n",
				"a/a_test.go":            "package a\n\nfunc TestHere(t *testing.T) {}\n",
				"test/browser/x.spec.ts": "test('held', async () => {});\n",
			},
			want: []string{
				"docs/security.md: requirement 1.1.1 names no test",
				`docs/security.md: names the test "TestGone" of a, which does not exist`,
				`docs/security.md: names the test "gone" of x.spec.ts, which does not exist`,
			},
		},
		"DriverImportsASource": {
			why:  "Siblings are introduced by a controller.",
			rule: Imports,
			tree: map[string]string{"internal/driver/k/a.go": `package k; import _ "` + Module + `/internal/source"`},
			want: []string{"internal/driver/k/a.go: imports internal/source, which internal/driver may not"},
		},
		"ContractImportsItsImplementation": {
			why:  "Whoever imports the contract would link every implementation.",
			rule: Imports,
			tree: map[string]string{"internal/driver/a.go": `package driver; import _ "` + Module + `/internal/driver/memory"`},
			want: []string{"internal/driver/a.go: imports internal/driver/memory"},
		},
		"VocabularyImportsAnything": {
			why:  "Everything imports the vocabulary.",
			rule: Imports,
			tree: map[string]string{"internal/lockstep/a.go": `package lockstep; import (_ "strings"; _ "sigs.k8s.io/yaml")`},
			want: []string{"internal/lockstep/a.go: imports sigs.k8s.io/yaml, and internal/lockstep takes the standard library only"},
		},
		"RendererTalksToACluster": {
			why:  "A chart must not be able to see a cluster.",
			rule: Imports,
			tree: map[string]string{"internal/render/helm/a.go": `package helm; import _ "k8s.io/client-go/rest"`},
			want: []string{"internal/render/helm/a.go: imports k8s.io/client-go/rest"},
		},
		"ProductLinksASuite": {
			why:  "A conformance suite registers test flags in whatever links it.",
			rule: Imports,
			tree: map[string]string{
				"internal/cli/a.go":                  `package cli; import _ "` + Module + `/internal/driver/drivertest"`,
				"internal/cli/b.go":                  `package cli; import _ "testing"`,
				"internal/driver/drivertest/a.go":    `package drivertest; import _ "testing"`,
				"internal/driver/memory/m_test.go":   `package memory; import _ "` + Module + `/internal/driver/drivertest"`,
				"test/e2e/world/needs_everything.go": `package world; import _ "` + Module + `/internal/driver/drivertest"`,
			},
			want: []string{
				"internal/cli/a.go: imports internal/driver/drivertest",
				"internal/cli/b.go: imports testing",
			},
		},
		"FolderWithoutALayer": {
			why:  "A new folder has to be placed before it is filled.",
			rule: Imports,
			tree: map[string]string{"internal/stuff/a.go": `package stuff`},
			want: []string{"internal/stuff/a.go: package internal/stuff is in no layer; place it in the table of test/repo/layers.go"},
		},
		"CoreReachesOut": {
			why:  "Each of these makes equal facts give unequal answers.",
			rule: Purity,
			tree: map[string]string{"internal/core/plan/a.go": "package plan\nimport (\n\"os\"\n\"net/http\"\n\"net/url\"\nclock \"time\"\n)\n" +
				"var _ = clock.Now\nvar _ clock.Duration\nfunc f() { go f() }\n",
				"internal/core/plan/a_test.go": `package plan; import _ "os"`,
			},
			want: []string{
				"internal/core/plan/a.go: imports net/http",
				"internal/core/plan/a.go: imports os",
				"internal/core/plan/a.go:8: uses time.Now",
				"internal/core/plan/a.go:10: starts a goroutine",
			},
		},
		"NoDocAndTwoDocs": {
			why:  "Both leave the reader without one true comment.",
			rule: PackageDocs,
			tree: map[string]string{
				"a/a.go": "package a", "b/a.go": "// Package b.\npackage b", "b/b.go": "// Package b too.\npackage b",
				"c/c.go": "// Package c is fine.\npackage c", "c/c_test.go": "package c_test",
			},
			want: []string{"a: has no package comment", "b: has 2 package comments: a.go, b.go"},
		},
		"NamedForNothing": {
			why:  "Folders count as much as package clauses.",
			rule: Names,
			tree: map[string]string{"internal/util/text/a.go": "package text", "internal/x/a.go": "package helpers", "internal/utility/a.go": "package utility"},
			want: []string{`internal/util/text: is named "util"`, `internal/x: is named "helpers"`},
		},
		"TooLong": {
			why:  "Generated files may be as long as they like.",
			rule: Lengths,
			tree: map[string]string{
				"a/a.go":   "package a\n" + strings.Repeat("\n", 800),
				"a/gen.go": "// Code generated by x. DO NOT EDIT.\n\npackage a\n" + strings.Repeat("\n", 800),
			},
			want: []string{"a/a.go: has 801 lines, more than 800"},
		},
		"ExportedWithoutAComment": {
			why:  "The methods of an interface are what it promises.",
			rule: ExportedDocs,
			tree: map[string]string{
				"api/v1alpha1/a.go":        "package v1alpha1\n// T is.\ntype T struct {\nField int\n}\ntype Bare int\n",
				"internal/source/a.go":     "package source\n// I is.\ntype I interface {\nBare()\n}\nfunc (t hidden) Fine() {}\ntype hidden int\n",
				"internal/lockstep/a.go":   "package lockstep\nconst A = 1\n// Both are.\nconst (\nB = 1\nC = 2\n)\nfunc D() {}\n",
				"internal/controller/a.go": "package controller\nfunc NobodysBusiness() {}\n",
			},
			want: []string{
				"api/v1alpha1/a.go:6: Bare has no comment",
				"internal/lockstep/a.go:2: A has no comment",
				"internal/lockstep/a.go:8: D has no comment",
				"internal/source/a.go:4: Bare has no comment",
			},
		},
		"MachinePath": {
			why:  "Only paths count, not what merely contains the words.",
			rule: MachinePaths,
			tree: map[string]string{
				"docs/a.md": "see /" + "home/ada/src and /" + "work/main\n",
				"docs/b.md": "https://example.com/work/it, team/work/it, /homework, ./root/x and /home\n",
			},
			want: []string{`docs/a.md:1: names "/` + `home/ada/"`, `docs/a.md:1: names "/` + `work/main"`},
		},
		"DecisionByText": {
			why:  "Texts change under us; asking for a kind does not.",
			rule: func(t *Tree) []Problem { return errorText(t, nil) },
			tree: map[string]string{"a/a.go": "package a\nimport s \"strings\"\nfunc f(err error) bool {\n" +
				"if s.Contains(err.Error(), \"x\") { return true }\n" +
				"if s.HasPrefix(s.ToLower(err.Error()), \"x\") { return true }\n" +
				"switch err.Error() { case \"x\": return true }\n" +
				"_ = s.ToUpper(err.Error()); _ = err.Error() == other.Error()\n" +
				"return \"x\" == err.Error() }\n"},
			want: []string{
				"a/a.go:4: decides by the text of an error",
				"a/a.go:5: decides by the text of an error",
				"a/a.go:6: decides by the text of an error",
				"a/a.go:8: decides by the text of an error",
			},
		},
		"ExceptionThatNobodyNeeds": {
			why: "It would hide the next decision in that file.",
			rule: func(t *Tree) []Problem {
				return errorText(t, map[string]string{"a/a.go": "nothing better", "a/b.go": "once upon a time"})
			},
			tree: map[string]string{
				"a/a.go": "package a\nfunc f(err error) bool { return err.Error() == \"x\" }\n",
				"a/b.go": "package a\n",
			},
			want: []string{"a/b.go: is listed in test/repo/errortext.go and does not need to be"},
		},
		"BrokenLinks": {
			why:  "A fragment has to exist as well; blocks of code are not read.",
			rule: Links,
			tree: map[string]string{
				"README.md":   "[a](docs/a.md) [b](docs/b.md) [c](docs/a.md#the-way-of-it) [d](docs/a.md#other) [e](https://example.com) [f](docs)\n```\n[g](nowhere)\n```\n[h]: docs/h.md\n",
				"docs/a.md":   "# A\n## The way, of it\n[up](../README.md) [self](#a)\n",
				"testdata.md": "",
			},
			want: []string{
				`README.md: links to "docs/b.md", which does not exist`,
				"README.md: links to \"docs/a.md#other\", and docs/a.md has no such heading",
				`README.md: links to "docs/h.md", which does not exist`,
			},
		},
		"RecordWithoutAStatus": {
			why:  "A reader must see whether a decision holds.",
			rule: Decisions,
			tree: map[string]string{
				"docs/adr/README.md":     "(0001-a.md) (0002-b.md)",
				"docs/adr/0001-a.md":     "# A\n\nStatus: superseded by 0003\n",
				"docs/adr/0002-b.md":     "# B\n\nStatus: maybe\n",
				"docs/adr/0003-c.md":     "Status: accepted\n",
				"docs/adr/an-opinion.md": "Status: accepted\n",
			},
			want: []string{
				`docs/adr/0002-b.md: has no line "Status: proposed | accepted | withdrawn | superseded by NNNN"`,
				"docs/adr/0003-c.md: is not in the table of docs/adr/README.md",
				"docs/adr/an-opinion.md: is not named NNNN-some-words.md",
				"docs/adr/an-opinion.md: is not in the table of docs/adr/README.md",
			},
		},
		"ExitCodesDiffer": {
			why: "Scripts are written from the table.",
			rule: func(t *Tree) []Problem {
				return exitCodes("cli.md", t.Text["cli.md"], map[string]int{"Denied": 4, "NotFound": 5, "Timeout": 3})
			},
			tree: map[string]string{"cli.md": "| code | means | kinds |\n|---|---|---|\n| 0 | done | – |\n| **4** | no | `Denied`, `NotFound`, `Odd` |\n"},
			want: []string{
				"cli.md: does not say that Timeout exits with 3",
				`cli.md: exit code 4 names "Odd", which is no kind of fault`,
				"cli.md: says that NotFound exits with 4; it is 5",
			},
		},
		"DashboardAsksInVain": {
			why:  "A panel that can never show anything says that all is well.",
			rule: Dashboards,
			tree: map[string]string{
				"internal/a/a.go": "package a\nvar _ = \"lockstep_a_total\"\n",
				"deploy/monitoring/dashboards/a.json": `{"uid": "a", "title": "A", "schemaVersion": 39, "templating": {"list": [{"name": "datasource", "type": "datasource"}]},
					"panels": [{"id": 1, "type": "graph", "title": "p", "description": "d", "datasource": {"uid": "${datasource}"},
						"targets": [{"expr": "rate(lockstep_a_total[5m]) / rate(lockstep_b_total[5m])", "datasource": {"uid": "${datasource}"}}]}]}`,
			},
			want: []string{
				`deploy/monitoring/dashboards/a.json: panel "p" is a graph, which Grafana has no more`,
				"deploy/monitoring/dashboards/a.json: asks for the metric lockstep_b_total, which nobody registers",
			},
		},
		"AlertLeadsNowhere": {
			why:  "Who is woken must find what to do.",
			rule: Alerts,
			tree: map[string]string{
				"internal/a/a.go":                       "package a\nvar _ = \"lockstep_a_total\"\n",
				"docs/guides/troubleshooting.md":        "# T\n",
				"deploy/monitoring/rules.yaml":          "groups: [{name: g, rules: [{alert: A, expr: lockstep_a_total > 0, for: 1m, labels: {severity: info}, annotations: {summary: s, description: d, runbook_url: x/docs/guides/troubleshooting.md#a}}]}]",
				"deploy/monitoring/prometheusrule.yaml": "spec: {groups: []}",
			},
			want: []string{
				`deploy/monitoring/rules.yaml: alert A leads to "x/docs/guides/troubleshooting.md#a", and docs/guides/troubleshooting.md has no such heading`,
				`deploy/monitoring/rules.yaml: alert A is not tested in rules_test.yaml`,
				`deploy/monitoring/rules.yaml: prometheusrule.yaml does not have the groups of rules.yaml`,
			},
		},
		"MetricThatIsNotExplained": {
			why:  "It is found by whoever is woken by it.",
			rule: Metrics,
			tree: map[string]string{
				"internal/a/a.go":              "package a\nvar _ = \"lockstep_a_total\"\nvar _ = \"lockstep_b_seconds\"\nvar _ = \"other_total\"\n",
				"docs/guides/observability.md": "| `lockstep_a_total` | |\n",
			},
			want: []string{"internal/a/a.go:3: names the metric lockstep_b_seconds, which docs/guides/observability.md does not have"},
		},
		"SpecPageThatLags": {
			why:  "A page is read instead of the code; what is true of one kind may not be of another.",
			rule: func(t *Tree) []Problem { return specs(t, []string{"Denied", "Invalid"}) },
			tree: map[string]string{
				"api/v1alpha1/conditions.go": "package v1alpha1\nconst (\nReasonReady = \"Ready\"\nReasonHeld = \"Held\"\n)\n",
				"deploy/crds/a.yaml":         crdOf("stack", `{interval: {type: string, default: "10m"}, sync: {type: object, default: {}, properties: {prune: {type: boolean, default: true}}}, dependsOn: {type: array, items: {type: object, properties: {name: {type: string}}}}}`),
				"deploy/crds/b.yaml":         crdOf("target", "{}"),
				"docs/spec/stack.md": "| field | |\n|---|---|\n| `spec.interval` | `5m` |\n| `spec.sync`, `spec.dependsOn` | |\n| `spec.sync.prune` | `true` |\n| `spec.gone` | |\n" +
					"## Conditions\n| `Ready` | |\n| `Invalid`, `Odd` | |\n## Next\n| `Held` | |\n",
			},
			want: []string{
				"docs/spec/stack.md: has no row for the field spec.dependsOn[].name",
				"docs/spec/stack.md: does not say that the default of spec.interval is 10m",
				"docs/spec/stack.md: has a row for spec.gone, which does not exist",
				"docs/spec/stack.md: does not explain the reason Denied",
				"docs/spec/stack.md: explains the reason Odd, which does not exist",
				"docs/spec/target.md: does not exist",
				"api/v1alpha1/conditions.go: has the reason Held, which no page under docs/spec explains",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{}
			for p, content := range tc.tree {
				files[p] = &fstest.MapFile{Data: []byte(content)}
			}
			tree, err := Load(files)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range tc.rule(tree) {
				if p.Why == "" {
					t.Errorf("%s: %s: gives no reason", p.Where, p.What)
				}
				got = append(got, p.Where+": "+p.What)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nproblems (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// crdOf is a definition with only these properties in its spec.
func crdOf(singular, properties string) string {
	return "spec: {names: {singular: " + singular + "}, versions: [{name: v1, schema: {openAPIV3Schema: {properties: {spec: {type: object, properties: " + properties + "}}}}}]}\n"
}

func TestKindsAreAllFound(t *testing.T) {
	// One that is known to be the last, so that a loop which ends early is seen.
	if got := kinds(); got["Usage"] != 64 || len(got) < 10 {
		t.Errorf("kinds() = %v, want all of fault's table", got)
	}
}

func TestNestedModulesAreTheirOwn(t *testing.T) {
	tree, err := Load(fstest.MapFS{
		"devcluster/go.mod":        {Data: []byte("module x\n")},
		"devcluster/sub/a.go":      {Data: []byte("package sub")},
		"devcluster2/a.go":         {Data: []byte("package a")},
		"internal/a/testdata/b.go": {Data: []byte("not Go at all")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range tree.Go {
		got[f.Path] = f.Nested
	}
	want := map[string]string{"devcluster/sub/a.go": "devcluster", "devcluster2/a.go": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files and their modules (-want +got):\n%s", diff)
	}
}

func TestLicences(t *testing.T) {
	found, problems, err := Licences(*root)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	if len(found) < 10 {
		t.Fatalf("found only %d modules: %v", len(found), slices.Sorted(maps.Keys(found)))
	}
	count := map[string]int{}
	for _, family := range found {
		count[family]++
	}
	t.Logf("%d modules linked: %v", len(found), count)
}

func TestLicenceFamilies(t *testing.T) {
	ours, err := fs.ReadFile(os.DirFS(*root), "LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why, text, want string
	}{
		"Ours": {
			why:  "What we ask of others we do ourselves.",
			text: string(ours), want: "Apache-2.0",
		},
		"WrappedMIT": {
			why:  "Texts are wrapped where their authors liked.",
			text: "Permission is hereby granted,\n free of charge, to any person\nobtaining a copy", want: "MIT",
		},
		"Copyleft": {
			why:  "It may not be linked, whatever else its text quotes.",
			text: "GNU AFFERO GENERAL PUBLIC LICENSE\n  Version 3 ... Apache License, Version 2.0", want: "",
		},
		"SourceAvailable": {
			why:  "It forbids what our users may want to do.",
			text: "Business Source License 1.1", want: "",
		},
		"Unknown": {
			why:  "A licence that nobody has read is not accepted.",
			text: "Do what you like on Tuesdays.", want: "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, problem := Licence(tc.text)
			if got != tc.want || (got == "") != (problem != "") {
				t.Errorf("%s\nLicence = %q, %q; want %q", tc.why, got, problem, tc.want)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	tree, err := Load(fstest.MapFS{
		"a/a.go": {Data: []byte("// Package a.\npackage a\nfunc f(a, b bool, c int) {\n\tif a {\n\t} else {\n\t}\n}\nfunc g() {}\n")},
		"b/z.go": {Data: []byte("// Code generated by x. DO NOT EDIT.\n\npackage b\n\n")},
		"c/c.go": {Data: []byte("package util\nfunc Reconcile() {\n}\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := Measure(tree)
	if got.Longest.N != 5 || got.LongestReconcile.N != 2 || got.Widest.N != 3 || got.Median != 2 || got.Nameless != 1 {
		t.Errorf("Measure = %+v", got)
	}
	if got.BoolPer100 < 66 || got.BoolPer100 > 67 || got.ElsePerKLOC == 0 || got.GeneratedPerWritten == 0 {
		t.Errorf("Measure = %+v", got)
	}
}

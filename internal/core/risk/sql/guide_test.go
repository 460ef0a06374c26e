package sql

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/risk"
)

var update = flag.Bool("update", false, "write the table of the guide anew")

const (
	guide      = "../../../../docs/guides/data-loss.md"
	tableBegin = "<!-- table: go test ./internal/core/risk/sql -run TestGuide -update -->\n"
	tableEnd   = "<!-- end of table -->\n"
)

// TestGuide: the guide lists the rules that there are, no more and no less. It stands
// here, since this package knows those of package risk as well.
func TestGuide(t *testing.T) {
	page, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := bytes.Cut(page, []byte(tableBegin))
	got, after, ended := bytes.Cut(rest, []byte(tableEnd))
	if !begun || !ended {
		t.Fatalf("%s has lost the marks of its table", guide)
	}
	want := table()
	if *update {
		all := slices.Concat(before, []byte(tableBegin), []byte(want), []byte(tableEnd), after)
		if err := os.WriteFile(guide, all, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the table is not that of the rules; write it anew with -update (-rules +guide):\n%s", diff)
	}
}

// titles of the families of rules.
var titles = map[string]string{
	"kubernetes": "Kubernetes", "aws": "AWS", "google": "Google Cloud", "azure": "Azure", "others": "Other providers",
	"fakecloud": "The fixture of the tests and the demonstration", "general": "Resources of every type",
}

func table() string {
	var b strings.Builder
	family := ""
	for _, r := range risk.Rules() {
		if r.Family != family {
			family = r.Family
			fmt.Fprintf(&b, "\n### %s\n\n| rule | types | on | level |\n|---|---|---|---|\n", titles[family])
		}
		fmt.Fprintf(&b, "| %s `%s` | %s | %s | %s |\n", r.ID, r.Slug, typesCell(r.Types), strings.Join(r.Actions, ", "), levelCell(r))
	}
	b.WriteString("\n### SQL\n\n| rule | level | what it finds |\n|---|---|---|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| %s `%s` | %s | %s |\n", r.ID, r.Slug, r.Level, strings.ReplaceAll(r.Why, "{what}", "what the statement is about"))
	}
	return b.String() + "\n"
}

func typesCell(types []string) string {
	if slices.Equal(types, []string{"*"}) {
		return "every type"
	}
	return "`" + strings.Join(types, "`, `") + "`"
}

// levelCell says what the rule says, and what changes its mind.
func levelCell(r risk.Rule) string {
	cell := r.Level.String() + ": " + strings.ReplaceAll(r.Why, "{what}", "…")
	if any := r.Conditions(); len(any) > 0 {
		cell += fmt.Sprintf("<br>where `%s`", strings.Join(any, "`, or `"))
	}
	for _, e := range r.Exceptions() {
		cell += fmt.Sprintf("<br>%s where `%s`", e.Level, strings.Join(e.If, "` and `"))
	}
	return cell
}

package health

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockstep-dev/lockstep/internal/core/health/rules"
)

var update = flag.Bool("update", false, "write the table of the guide anew")

const (
	guide      = "../../../docs/guides/health-library.md"
	tableBegin = "<!-- table: go test ./internal/core/health -run TestGuide -update -->\n"
	tableEnd   = "<!-- end of table -->\n"
)

// TestGuide: the page of the library lists what is in it, no more and no less.
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
	want := guideTable(t)
	if *update {
		all := slices.Concat(before, []byte(tableBegin), []byte(want), []byte(tableEnd), after)
		if err := os.WriteFile(guide, all, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the table is not that of the rule files; write it anew with -update (-files +guide):\n%s", diff)
	}
}

// TestLibrarySize: rules for at least 130 kinds by name. A file for every kind of
// a group counts as one.
func TestLibrarySize(t *testing.T) {
	kinds := 0
	for _, f := range allFiles(t) {
		kinds += len(f.Kinds)
	}
	if kinds < 130 {
		t.Errorf("the library knows %d kinds", kinds)
	}
}

func allFiles(t *testing.T) []File {
	t.Helper()
	var out []File
	for _, name := range ruleFiles(rules.Files) {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ParseFile(name, data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

func guideTable(t *testing.T) string {
	var rows []string
	for _, f := range allFiles(t) {
		rows = append(rows, fmt.Sprintf("| `%s` | %s | [API](%s) |\n", f.Group, kindCell(f.Kinds), f.Doc))
	}
	slices.Sort(rows)
	return "\n| group | kinds | written from |\n|---|---|---|\n" + strings.Join(rows, "") + "\n"
}

func kindCell(kinds []string) string {
	if slices.Equal(kinds, []string{"*"}) {
		return "every other kind"
	}
	sorted := slices.Sorted(slices.Values(kinds))
	return strings.Join(sorted, ", ")
}

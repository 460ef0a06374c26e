package repo

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

const (
	securityPage = "docs/security.md"
	whyHeld      = "a promise of that page is worth what the test behind it is"
)

var (
	// heldBy are the tests that a row names: of Go as `package.TestName`, of a browser
	// as `file.spec.ts: name`.
	goTest     = regexp.MustCompile("`([\\w/.-]+)\\.((?:Test|Fuzz)\\w+)`")
	specTest   = regexp.MustCompile("`([\\w/.-]+\\.spec\\.ts): ([^`]+)`")
	asvsNumber = regexp.MustCompile(`^\| (\d+\.\d+\.\d+)`)
)

// Security wants each test that docs/security.md names to exist, and each of its rows
// about a requirement to name one.
func Security(t *Tree) []Problem {
	text, ok := t.Text[securityPage]
	if !ok {
		return nil // a tree of another test
	}
	var out []Problem
	for line := range strings.Lines(string(text)) {
		named := append(goTest.FindAllStringSubmatch(line, -1), specTest.FindAllStringSubmatch(line, -1)...)
		if m := asvsNumber.FindStringSubmatch(line); m != nil && len(named) == 0 {
			out = append(out, Problem{securityPage, fmt.Sprintf("requirement %s names no test", m[1]), whyHeld})
		}
		for _, m := range named {
			if !t.tested(m[1], m[2]) {
				out = append(out, Problem{securityPage, fmt.Sprintf("names the test %q of %s, which does not exist", m[2], m[1]), whyHeld})
			}
		}
	}
	return out
}

// tested says whether there is a test of that name, in a package or in a file of
// test/browser.
func (t *Tree) tested(where, name string) bool {
	if strings.HasSuffix(where, ".spec.ts") {
		return strings.Contains(string(t.Text["test/browser/"+where]), "'"+name+"'")
	}
	declared := "\nfunc " + name + "("
	for p, text := range t.Text {
		if path.Dir(p) == where && strings.HasSuffix(p, "_test.go") && strings.Contains(string(text), declared) {
			return true
		}
	}
	return false
}

package repo

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

var (
	inlineLink    = regexp.MustCompile(`\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)`)
	referenceLink = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s+(\S+)`)
	heading       = regexp.MustCompile(`(?m)^#{1,6}\s+(.+?)\s*#*$`)
	notInSlug     = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
	status        = regexp.MustCompile(`(?m)^Status: (proposed|accepted|withdrawn|superseded by \d{4})$`)
	record        = regexp.MustCompile(`^docs/adr/\d{4}-[a-z0-9-]+\.md$`)
)

// Links wants every link of a page to lead to a file of the tree, and its
// fragment to a heading. Addresses elsewhere are not followed: a test must not
// fail because somebody's server is down.
func Links(t *Tree) []Problem {
	var out []Problem
	for _, page := range t.Paths(".md") {
		if inTestdata(page) {
			continue
		}
		text := prose(t.Text[page])
		found := append(inlineLink.FindAllSubmatch(text, -1), referenceLink.FindAllSubmatch(text, -1)...)
		for _, m := range found {
			if what := t.broken(page, string(m[1])); what != "" {
				out = append(out, Problem{page, what, "a page that leads nowhere is not read twice"})
			}
		}
	}
	return out
}

func (t *Tree) broken(page, link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return fmt.Sprintf("links to %q, which cannot be parsed", link)
	}
	if u.Scheme != "" || u.Host != "" {
		return ""
	}
	to := page
	if u.Path != "" {
		to = path.Join(path.Dir(page), u.Path)
	}
	if !t.exists(to) {
		return fmt.Sprintf("links to %q, which does not exist", link)
	}
	if u.Fragment != "" && path.Ext(to) == ".md" && !slices.Contains(slugs(t.Text[to]), u.Fragment) {
		return fmt.Sprintf("links to %q, and %s has no such heading", link, to)
	}
	return ""
}

// exists says whether a path names a file with text in it or a folder above one.
func (t *Tree) exists(name string) bool {
	if _, ok := t.Text[name]; ok || name == "." {
		return true
	}
	for p := range t.Text {
		if within(p, name) {
			return true
		}
	}
	return false
}

func slugs(page []byte) []string {
	var out []string
	for _, m := range heading.FindAllSubmatch(prose(page), -1) {
		s := notInSlug.ReplaceAllString(strings.ToLower(string(m[1])), "")
		out = append(out, strings.ReplaceAll(s, " ", "-"))
	}
	return out
}

// prose is a page without its fenced blocks.
func prose(page []byte) []byte {
	var out [][]byte
	fenced := false
	for line := range bytes.Lines(page) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("```")) {
			fenced = !fenced
			continue
		}
		if !fenced {
			out = append(out, line)
		}
	}
	return bytes.Join(out, nil)
}

// Decisions wants a status line in each decision record, and a line for each in
// the list of them.
func Decisions(t *Tree) []Problem {
	var out []Problem
	for _, p := range t.Paths(".md") {
		if path.Dir(p) != "docs/adr" || path.Base(p) == "README.md" || path.Base(p) == "template.md" {
			continue
		}
		if !record.MatchString(p) {
			out = append(out, Problem{p, "is not named NNNN-some-words.md", "records are cited by number"})
		}
		if !status.Match(t.Text[p]) {
			out = append(out, Problem{p, "has no line \"Status: proposed | accepted | withdrawn | superseded by NNNN\"",
				"a reader must see at once whether a decision still holds"})
		}
		if !bytes.Contains(t.Text["docs/adr/README.md"], []byte("("+path.Base(p)+")")) {
			out = append(out, Problem{p, "is not in the table of docs/adr/README.md", "a record that cannot be found is decided again"})
		}
	}
	return out
}

// exitRow is a row of the table of exit codes: code, meaning, kinds.
var exitRow = regexp.MustCompile(`(?m)^\|\s*\**(\d+)\**\s*\|([^|]*)\|([^|]*)\|`)

// ExitCodes wants the table in docs/guides/cli.md to say of every kind of fault
// what fault's own table does.
func ExitCodes(t *Tree) []Problem {
	const page = "docs/guides/cli.md"
	return exitCodes(page, t.Text[page], kinds())
}

func exitCodes(page string, text []byte, want map[string]int) []Problem {
	const why = "scripts are written from this table, and internal/fault is what the program does"
	documented := map[string]int{}
	var out []Problem
	for _, m := range exitRow.FindAllSubmatch(text, -1) {
		code, _ := strconv.Atoi(string(m[1]))
		for reason := range strings.SplitSeq(string(m[3]), ",") {
			reason = strings.Trim(reason, " `")
			if reason == "" || reason == "–" {
				continue
			}
			if _, known := want[reason]; !known {
				out = append(out, Problem{page, fmt.Sprintf("exit code %d names %q, which is no kind of fault", code, reason), why})
			}
			documented[reason] = code
		}
	}
	for reason, code := range want {
		got, said := documented[reason]
		if !said {
			out = append(out, Problem{page, fmt.Sprintf("does not say that %s exits with %d", reason, code), why})
			continue
		}
		if got != code {
			out = append(out, Problem{page, fmt.Sprintf("says that %s exits with %d; it is %d", reason, got, code), why})
		}
	}
	slices.SortFunc(out, func(a, b Problem) int { return strings.Compare(a.What, b.What) })
	return out
}

// kinds maps the reason of each kind of fault to its exit code. A number beyond
// the last kind answers as an internal error, which is how the end is found.
func kinds() map[string]int {
	out := map[string]int{}
	for k := fault.KindInternal; ; k++ {
		c := k.Consequence()
		if k != fault.KindInternal && c.Reason == fault.KindInternal.String() {
			return out
		}
		out[c.Reason] = c.Exit
	}
}

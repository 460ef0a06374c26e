package git

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dev/lockstep/internal/lockstep"
)

// parseTree reads a tree object. width is the length of a hash in bytes.
//
// Names and hashes are cut out of two strings, not copied one by one: a
// directory of 10,000 entries costs three allocations.
func parseTree(data []byte, width int) ([]lockstep.Entry, error) {
	text := string(data)
	hashes := make([]byte, 0, len(data))
	type cut struct{ mode, name string }
	var cuts []cut
	for rest := text; rest != ""; {
		mode, after, ok := strings.Cut(rest, " ")
		if !ok {
			return nil, fmt.Errorf("tree entry without a mode")
		}
		name, after, ok := strings.Cut(after, "\x00")
		if !ok || len(after) < width {
			return nil, fmt.Errorf("tree entry without a hash")
		}
		if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			return nil, fmt.Errorf("tree entry named %q", name)
		}
		cuts = append(cuts, cut{mode, name})
		hashes = hex.AppendEncode(hashes, []byte(after[:width]))
		rest = after[width:]
	}
	all := string(hashes)
	out := make([]lockstep.Entry, len(cuts))
	for i, c := range cuts {
		out[i] = lockstep.Entry{Name: c.name, Type: entryType(c.mode), Hash: all[i*2*width : (i+1)*2*width], Size: -1}
	}
	// git sorts a directory as if its name ended in a slash; callers want names.
	slices.SortFunc(out, func(a, b lockstep.Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func entryType(mode string) lockstep.EntryType {
	switch mode {
	case "40000", "040000":
		return lockstep.Directory
	case "120000":
		return lockstep.Symlink
	case "160000":
		return lockstep.Submodule
	}
	return lockstep.File
}

// commit is what a commit object says, as far as we care.
type commit struct {
	hash, tree, author, subject string
	committed                   time.Time
}

func parseCommit(o object) (commit, error) {
	c := commit{hash: o.hash}
	head, body, _ := bytes.Cut(o.data, []byte("\n\n"))
	for line := range strings.Lines(string(head)) {
		line = strings.TrimSuffix(line, "\n")
		if tree, ok := strings.CutPrefix(line, "tree "); ok && c.tree == "" {
			c.tree = tree
		}
		if author, ok := strings.CutPrefix(line, "author "); ok && c.author == "" {
			c.author = printable(author[:strings.LastIndexByte(author, '>')+1])
		}
		if committer, ok := strings.CutPrefix(line, "committer "); ok {
			c.committed = committed(committer)
		}
	}
	subject, _, _ := strings.Cut(strings.TrimLeft(string(body), "\n"), "\n")
	c.subject = printable(subject)
	if c.tree == "" {
		return commit{}, fmt.Errorf("commit %s names no tree", o.hash)
	}
	return c, nil
}

// committed reads the time at the end of "Name <mail> 1700000000 +0100". What is not
// one, or lies where no clock can have been, is unknown.
func committed(line string) time.Time {
	seconds, _, _ := strings.Cut(strings.TrimSpace(line[strings.LastIndexByte(line, '>')+1:]), " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n <= 0 || n > 1<<33 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// printable makes a stranger's text safe for a status, a log line and a
// terminal.
func printable(s string) string {
	const most = 256
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
	if r := []rune(s); len(r) > most {
		s = string(r[:most])
	}
	return strings.TrimSpace(s)
}

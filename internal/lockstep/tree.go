package lockstep

import (
	"errors"
	"path"
	"strings"
	"time"
)

// ErrNotExist is returned (wrapped) by a Tree for a path that it does not hold.
var ErrNotExist = errors.New("does not exist")

// ErrOutside is returned (wrapped) for a path that leaves the tree, by dots or
// through a symbolic link.
var ErrOutside = errors.New("leads out of the source")

// Revision is what a Source was at: a commit and the name it was found under.
type Revision struct {
	Commit  string // full hash
	Ref     string // "refs/heads/main", "refs/tags/v1.2.3", or "" for a pinned commit
	Subject string // first line of the commit message
	Author  string // "Name <mail>"
	// Committed is when the commit was made, by its own word; zero where unknown.
	Committed time.Time
}

// Short returns the first seven digits of the commit, with the branch or tag.
func (r Revision) Short() string {
	c := r.Commit
	if len(c) > 7 {
		c = c[:7]
	}
	name := strings.TrimPrefix(strings.TrimPrefix(r.Ref, "refs/heads/"), "refs/tags/")
	if name == "" {
		return c
	}
	return name + "@" + c
}

// EntryType says what a path in a Tree is.
type EntryType uint8

// The types of tree entry that Lockstep tells apart.
const (
	File EntryType = iota + 1
	Directory
	Symlink
	Submodule
)

// Entry is one name in a directory of a Tree.
type Entry struct {
	Name string // last element of the path
	Type EntryType
	Hash string // content hash: equal hashes mean equal content, whole subtree for a directory
	Size int64  // bytes of a file; -1 where not known without reading it
}

// Tree is a Snapshot's content: immutable, read-only, slash-separated paths from
// the root, "." the root itself. Implementations are safe for concurrent use.
//
// A path is followed through symbolic links inside the tree only; one that
// leaves it is ErrOutside. Paths are cleaned by CleanPath first.
type Tree interface {
	// Stat returns the entry at path, following links.
	Stat(path string) (Entry, error)
	// ReadDir lists a directory, ordered by name. Entries are not followed.
	ReadDir(path string) ([]Entry, error)
	// ReadFile returns a file's bytes. The caller must not change them.
	ReadFile(path string) ([]byte, error)
}

// CleanPath turns what a user wrote ("./apps/web/", "", "/") into the form that
// Trees take ("apps/web", ".", "."). A path that climbs above the root is
// ErrOutside.
func CleanPath(p string) (string, error) {
	c := path.Clean("/" + p)
	if hasDotDotEscape(p) {
		return "", ErrOutside
	}
	if c == "/" {
		return ".", nil
	}
	return c[1:], nil
}

// hasDotDotEscape says whether p climbs above where it starts at any point, so
// that "a/../../b" is refused even though Clean would hide it.
func hasDotDotEscape(p string) bool {
	depth := 0
	for _, e := range strings.Split(p, "/") {
		switch e {
		case "", ".":
		case "..":
			depth--
			if depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}

package tree

import "strings"

// Files are the whole content of a tree, by path: the text of a file, or what
// [Symlink] returns. It is how tests and the demo write down a commit.
type Files map[string]string

const linkMark = "\x00symlink:"

// Symlink returns a value for Files that stands for a symbolic link.
func Symlink(target string) string { return linkMark + target }

// AsSymlink returns the target of a value made by Symlink.
func AsSymlink(value string) (target string, ok bool) { return strings.CutPrefix(value, linkMark) }

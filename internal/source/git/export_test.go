package git

import "errors"

// StderrOf returns what git printed for a fault, for messages of tests.
func StderrOf(err error) string {
	var f *failed
	if errors.As(err, &f) {
		return f.stderr
	}
	return ""
}

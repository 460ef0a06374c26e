package db

import "net/url"

// FileURL is how the driver is told of a file.
func FileURL(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// Package ui holds the built web UI, and says whether there is one.
//
// `make` builds it into dist, which is committed with a placeholder only: without
// Node everything else builds and is tested just the same, and a server says that
// it has no UI. internal/server/ui serves it.
package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Index is the file that makes a directory a UI.
const Index = "index.html"

// Built returns the UI that is part of this binary; false without one.
func Built() (fs.FS, bool) {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(sub, Index); err != nil {
		return nil, false
	}
	return sub, true
}

// Hash names what was built: six letters that change with any file of it, since
// the index names all others by their content; "" without a UI.
func Hash() string {
	built, ok := Built()
	if !ok {
		return ""
	}
	index, err := fs.ReadFile(built, Index)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(index)
	return hex.EncodeToString(sum[:])[:6]
}

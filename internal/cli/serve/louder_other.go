//go:build !unix

package serve

import "log/slog"

// louder needs a signal that is free, which not every system has.
func louder(*slog.LevelVar, *slog.Logger) (stop func()) { return func() {} }

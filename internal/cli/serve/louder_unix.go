//go:build unix

package serve

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// louder makes SIGUSR1 switch to debug and back, until stop is called: for a
// server that does right now what it must not be restarted for.
func louder(level *slog.LevelVar, log *slog.Logger) (stop func()) {
	asked, usual := make(chan os.Signal, 1), level.Level()
	signal.Notify(asked, syscall.SIGUSR1)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-asked:
			}
			next := slog.LevelDebug
			if level.Level() == slog.LevelDebug {
				next = usual
			}
			level.Set(next)
			log.Info("log level changed", "level", next.String())
		}
	}()
	return func() {
		signal.Stop(asked)
		close(done)
	}
}

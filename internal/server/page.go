package server

import (
	"net/http"

	"github.com/lockstep-dev/lockstep/internal/server/ui"
)

// openUI makes the handler of the web UI, so that a wrong flag ends the server
// before it does anything.
func (s *server) openUI() (http.Handler, error) {
	if s.opts.Listen == "" {
		return http.NotFoundHandler(), nil
	}
	if s.opts.UI == (ui.Options{}) && ui.Missing() {
		s.opts.Log.Warn("this binary was built without its web UI; the API and the command line work",
			"hint", "build it with make build, or name one with --ui-dir")
	}
	return ui.New(s.opts.UI)
}

package ui

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"

	assets "github.com/lockstep-dev/lockstep/ui"

	"github.com/lockstep-dev/lockstep/internal/fault"
)

// fromDir serves a directory, read anew for each page: it is for a UI that is
// being built again and again.
func fromDir(o Options) (http.Handler, error) {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fault.Invalid("--ui-dir %q cannot be read", o.Dir).Because(err)
	}
	if _, err := root.Stat(assets.Index); err != nil {
		return nil, fault.Invalid("--ui-dir %q has no %s", o.Dir, assets.Index).
			WithHint("name the directory that vite build writes: ui/dist")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, err := load(root.FS(), o.Path)
		if err != nil {
			missing(w, r) // as while it is being built
			return
		}
		h.ServeHTTP(w, r)
	}), nil
}

// proxy passes everything on to Vite, which needs scripts of its own in the page;
// so there is no policy, and it is for this machine only.
func proxy(to string) (http.Handler, error) {
	if strings.HasPrefix(to, ":") {
		to = "localhost" + to
	}
	if !strings.Contains(to, "://") {
		to = "http://" + to
	}
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		return nil, fault.Usage("--ui-dev is %q", to).WithHint("the address of a Vite server: :5173")
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fault.Usage("--ui-dev is %q", to).WithHint("it has to be on this machine: :5173")
	}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "no Vite server answers at "+u.Host+": run npm run dev in ui/", http.StatusBadGateway)
		},
	}
	return p, nil
}
